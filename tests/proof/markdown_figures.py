"""The figures of the proof as Markdown."""

from __future__ import annotations

from faults import ERRORS, Outcome
from mutations import Figures
from two_people import Counts


def mutation_lines(figures: Figures) -> list[str]:
    """Return the figures of the mutations."""
    lines = ["| mutations of | tried | refused | accepted |", "| --- | ---: | ---: | ---: |"]
    for family, tried in sorted(figures.tried.items()):
        lines.append(f"| {family} | {tried} | {figures.refused[family]} | {tried - figures.refused[family]} |")
    tried, refused = figures.tried.total(), figures.refused.total()
    lines += [f"| all | {tried} | {refused} | {tried - refused} |", ""]
    lines.append(f"- accepted, and wrong: {len(figures.wrong)}")
    lines.append(f"- accepted by the gate, and refused by git itself, since objects are missing: {figures.by_git}")
    lines += [f"- also pushed with `git push`, with the same answer: {figures.pushed}", ""]
    lines += ["| accepted, and right | |", "| --- | ---: |"]
    return lines + [f"| {why} | {count} |" for why, count in sorted(figures.survivors.items())]


def history_lines(counts: Counts) -> list[str]:
    """Return the figures of the histories."""
    acts = ", ".join(f"{act} {count}" for act, count in sorted(counts.acts.items()))
    rightly = ", ".join(f"{act} {count}" for act, count in sorted(counts.rightly.items())) or "none"
    return [
        f"- healthy histories, pushed to their end: {counts.healthy}",
        f"- acts in all: {acts}",
        f"- histories that ended where the hooks and the oracle refuse alike, by act: {rightly}",
        f"- false alarms, and drift that came through: {len(counts.wrong)}",
    ]


def fault_lines(outcome: Outcome) -> list[str]:
    """Return the figures of the failing calls: how many held, of how many."""
    if not outcome.calls:
        return ["There is no C compiler here: no call can be made to fail."]
    lines = [f"| command | calls | {' | '.join(ERRORS)} |", f"| --- | ---: |{' ---: |' * len(ERRORS)}"]
    for name, calls in outcome.calls.items():
        held = (f"{outcome.held[name, error]} of {outcome.tried[name, error]}" for error in ERRORS)
        lines.append(f"| `{name}` | {calls} | {' | '.join(held)} |")
    return lines
