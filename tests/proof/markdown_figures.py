"""The figures of the proof: kept in `figures.json` with what was asked for, and shown in docs/proof.md."""

from __future__ import annotations

import datetime
import json
import platform
import re
from pathlib import Path
from typing import Any

from conftest import git
from faults import ERRORS
from mutations import REASONS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/proof.md"
FIGURES = Path(__file__).with_name("figures.json")
_SECTION = re.compile(r"(<!-- figures,.*?-->\n).*?(<!-- end of the figures -->)", re.DOTALL)
Record = dict[str, Any]


def code_and_versions() -> str:
    """Return what figures hold for: the day, the commit that is checked out, the versions of Python and git."""
    day = datetime.datetime.now(tz=datetime.timezone.utc).date()
    versions = f"Python {platform.python_version()}, {git('--version', cwd=ROOT).replace(' version', '')}"
    return f"{day}, commit {git('rev-parse', '--short=12', 'HEAD', cwd=ROOT)}, {versions}"


def record(part: str, arguments: str, on: str, figures: Record) -> None:
    """Keep the figures of a part in place of the earlier ones, and show them in the page.

    Args:
        part: `mutations`, `histories`, or a command whose calls failed.
        arguments: what the proof was asked for.
        on: what `code_and_versions` returned as it began.
        figures: what came of it.
    """
    kept = json.loads(FIGURES.read_text(encoding="utf-8"))
    kept[part] = {"arguments": arguments, "on": on, "figures": figures}
    FIGURES.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_figures(page: str) -> str:
    """Return the page with the figures that are kept."""
    kept = json.loads(FIGURES.read_text(encoding="utf-8"))
    commands = {name: kept[name]["figures"] for name in sorted(kept.keys() - {"mutations", "histories"})}
    lines = []
    for title, part, shown in (
        ("Mutations", "mutations", mutation_lines),
        ("Histories", "histories", history_lines),
    ):
        if part not in kept:
            continue
        lines += [f"### {title}", "", _asked(kept[part]), "", *shown(kept[part]["figures"]), ""]
    lines += ["### Failing calls", "", "Held, of those tried:", "", *fault_lines(commands), ""]
    lines += [f"- `{name}`: {_asked(kept[name])}" for name in commands]
    return _SECTION.sub(lambda match: match[1] + "\n".join(["", *lines, "", ""]) + match[2], page)


def _asked(kept: Record) -> str:
    return f"`{kept['arguments']}`, {kept['on']}."


def mutation_lines(figures: Record) -> list[str]:
    """Return the figures of the mutations."""
    tried, refused = figures["tried"], figures["refused"]
    lines = ["| mutations of | tried | refused | accepted |", "| --- | ---: | ---: | ---: |"]
    for family, count in sorted(tried.items()):
        lines.append(_row(family, count, refused.get(family, 0)))
    lines += [_row("all", sum(tried.values()), sum(refused.values())), ""]
    lines.append(f"- accepted, and wrong: {len(figures['wrong'])}")
    lines.append(f"- accepted by the gate, and refused by git itself, since objects are missing: {figures['by_git']}")
    lines += [f"- also pushed with `git push`, with the same answer: {figures['pushed']}", ""]
    lines += ["| accepted, and right | |", "| --- | ---: |"]
    survivors = figures["survivors"]
    return lines + [f"| {REASONS[why]} | {survivors[why]} |" for why in REASONS if why in survivors]


def _row(name: str, tried: int, refused: int) -> str:
    return f"| {name} | {tried} | {refused} | {tried - refused} |"


def history_lines(figures: Record) -> list[str]:
    """Return the figures of the histories."""
    acts, rightly = (figures[name] for name in ("acts", "rightly"))
    shown = ", ".join(f"{act.replace('_', ' ')} {count}" for act, count in sorted(acts.items()))
    refused = ", ".join(f"{act.replace('_', ' ')} {count}" for act, count in sorted(rightly.items())) or "none"
    return [
        f"- healthy histories, pushed to their end: {figures['healthy']}",
        f"- acts in all: {shown}",
        f"- histories that ended where the hooks and the oracle refuse alike, by act: {refused}",
        f"- false alarms, and drift that came through: {len(figures['wrong'])}",
    ]


def fault_lines(commands: dict[str, Record]) -> list[str]:
    """Return the figures of the failing calls by command: how many held, of how many."""
    lines = [f"| command | calls | {' | '.join(ERRORS)} |", f"| --- | ---: |{' ---: |' * len(ERRORS)}"]
    for name, figures in commands.items():
        held = (f"{figures['held'].get(error, 0)} of {figures['tried'].get(error, 0)}" for error in ERRORS)
        lines.append(f"| `{name}` | {figures['calls']} | {' | '.join(held)} |")
    return lines
