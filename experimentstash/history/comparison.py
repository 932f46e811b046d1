"""Compares two experiments: config, code, packages, platform and results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError
from experimentstash.core.names import SHORT, tool_path
from experimentstash.git.clone import first_answer
from experimentstash.history.config_values import as_json_value, same, shown
from experimentstash.history.figures import figures
from experimentstash.stash.results.compare import compare
from experimentstash.stash.results.comparison_rules import EXACT, Rules
from experimentstash.stash.results.summary import is_number
from experimentstash.stash.results.tolerance import compare_series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from experimentstash.git.clone import Clone
    from experimentstash.git.repository import Repository
    from experimentstash.history.figures import Figure
    from experimentstash.history.sides import Side
    from experimentstash.stash.results.comparison_report import Report

PARTS = ("config", "late", "override", "code", "packages", "platform", "results")


@dataclass(frozen=True)
class Row:
    """One row of a comparison.

    Attributes:
        part: one of `PARTS`.
        key: the address of a value, the name of a tool or a package, `PYTHON`, or a figure as `FILE::KEY`.
        old: the value of the first side, formatted; None if it has none.
        new: the value of the second side.
        is_same: whether both are equal; for a figure, within its tolerance.
        detail: a further note.
    """

    part: str
    key: str
    old: str | None
    new: str | None
    is_same: bool
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as `diff --json` prints it."""
        return {key: value for key, value in vars(self).items() if key != "detail" or value}


@dataclass(frozen=True)
class ToolCommit:
    """A commit of a tool in the history of one side only.

    Attributes:
        tool: the tool.
        commit: its full id.
        subject: the first line of its message.
        is_added: whether the second side has it.
    """

    tool: str
    commit: str
    subject: str
    is_added: bool

    def __str__(self) -> str:
        """Return it as one line of a list."""
        return f"{'+' if self.is_added else '-'} {self.tool} {self.commit[:SHORT]} {self.subject}"


@dataclass(frozen=True)
class Comparison:
    """A comparison of two sides.

    Attributes:
        old, new: the sides.
        rows: all compared values, in the order of `PARTS`.
        commits: the commits of tools in between, newest first.
        report: the comparison of the results of the second with those of the first; None if one has none.
        notes: the parts that could not be compared, one sentence each.
    """

    old: Side
    new: Side
    rows: tuple[Row, ...]
    commits: tuple[ToolCommit, ...]
    report: Report | None
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """The names of both sides."""
        return f"{self.old.label}:{self.old.name.title} → {self.new.label}:{self.new.name.title}"

    def changed(self, part: str) -> list[Row]:
        """Return the rows of a part that differ."""
        return [row for row in self.rows if row.part == part and not row.is_same]

    def as_json(self, *, only_changed: bool) -> dict[str, Any]:
        """Return it as `diff --json` prints it."""
        rows = [row for row in self.rows if not (only_changed and row.is_same)]
        return {
            "old": {"tag": self.old.label, "experiment": self.old.name.title},
            "new": {"tag": self.new.label, "experiment": self.new.name.title},
            **{part: [row.as_json() for row in rows if row.part == part] for part in PARTS},
            "commits": [vars(commit) for commit in self.commits],
            "report": self.report.as_json() if self.report else None,
            "notes": list(self.notes),
        }


def compare_sides(repository: Repository, old: Side, new: Side, rules: Rules | None = None) -> Comparison:
    """Compare two sides.

    Args:
        repository: the stash; its tools' repositories on this machine give the commits in between.
        old: the first side.
        new: the second side.
        rules: the results to leave out, and the tolerances; by default none.
    """
    rules = rules or Rules()
    commits, notes = _commits(repository, old, new)
    report, result_rows = _results(old, new, rules)
    missing = [side.label for side in (old, new) if side.results is None]
    if len(missing) == 1:
        notes.append(f"{missing[0]} has no recorded results to compare")
    rows = (
        *_values("config", old.values, new.values),
        *_texts("late", old.late, new.late),
        *_texts("override", dict.fromkeys(old.overrides, "given"), dict.fromkeys(new.overrides, "given")),
        *_texts("code", old.commits, new.commits),
        *_packages(old, new),
        *(_texts("platform", old.platform, new.platform) if old.platform and new.platform else ()),
        *result_rows,
    )
    return Comparison(old, new, rows, tuple(commits), report, tuple(dict.fromkeys([*old.notes, *new.notes, *notes])))


def _union(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


def _values(part: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Row]:
    for key in _union(old, new):
        texts = [shown(side[key]) if key in side else None for side in (old, new)]
        is_same = key in old and key in new and same(old[key], new[key])
        yield Row(part, key, texts[0], texts[1], is_same)


def _texts(part: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Row]:
    for key in _union(old, new):
        first, second = old.get(key), new.get(key)
        is_same = first == second
        if part == "code" and first and second:  # a recorded commit may be abbreviated
            is_same = first.startswith(second) or second.startswith(first)
        yield Row(part, key, first, second, is_same)


def _packages(old: Side, new: Side) -> Iterator[Row]:
    if old.packages is not None and new.packages is not None:
        yield from _texts("packages", old.packages, new.packages)


def _commits(repository: Repository, old: Side, new: Side) -> tuple[list[ToolCommit], list[str]]:
    found: list[ToolCommit] = []
    notes: list[str] = []
    for row in _texts("code", old.commits, new.commits):
        if row.is_same or not row.old or not row.new:
            continue
        clones = repository.clones(tool_path(row.key), tool_path(row.key))[0]
        between = _between(clones, row.old, row.new)
        if between is None:
            notes.append(f"{tool_path(row.key)}: no repository on this machine has both commits")
        else:
            found += [ToolCommit(row.key, commit, subject, added) for commit, subject, added in between]
    return found, notes


def _between(clones: Iterable[Clone], old: str, new: str) -> list[tuple[str, str, bool]] | None:
    return first_answer(clones, lambda clone: clone.between(old, new))


def _results(old: Side, new: Side, rules: Rules) -> tuple[Report | None, list[Row]]:
    if old.results is None or new.results is None:
        known = [{} if side.results is None else figures(side.results) for side in (old, new)]
        return None, [_figure_row(key, known[0].get(key), known[1].get(key), rules) for key in _union(*known)]
    report = compare(old.results, new.results, rules)
    renamed = {file.now: file.path for file in report.files if file.now}
    first = figures(old.results)
    second = {f"{renamed.get(one.file, one.file)}::{one.key}": one for one in figures(new.results).values()}
    rows = [_figure_row(key, first.get(key), second.get(key), rules) for key in _union(first, second)]
    read = {figure.file for figure in (*first.values(), *second.values())}
    rows += [
        Row("results", file.path, "file", "file", file.verdict.holds, file.verdict.value)
        for file in report.files
        if file.path not in read
    ]
    return report, rows


def _figure_row(key: str, old: Figure | None, new: Figure | None, rules: Rules) -> Row:
    texts = [None if one is None else shown(as_json_value(one.value)) for one in (old, new)]
    basis = next((one.basis for one in (old, new) if one and one.basis), "")
    if old is None or new is None:
        return Row("results", key, texts[0], texts[1], is_same=False, detail=basis)
    if rules.leaves_out(old.file) or rules.leaves_out_key(old.file, old.key):
        return Row("results", key, texts[0], texts[1], is_same=True, detail="not compared")
    allowed = rules.tolerance(old.file, old.key)
    wrong = compare_series(old.series, new.series, allowed).wrong
    tolerance = "" if allowed == EXACT else f"rtol {allowed.rtol:g}, atol {allowed.atol:g}"
    hidden = wrong if texts[0] == texts[1] else ""  # the difference is not in the value shown
    detail = ", ".join(filter(None, [basis, tolerance, _gap(old, new), hidden]))
    return Row("results", key, texts[0], texts[1], not wrong, detail)


def _gap(old: Figure, new: Figure) -> str:
    """Return the difference of two numbers, with a sign."""
    if not (is_number(old.value) and is_number(new.value)) or old.value == new.value:
        return ""
    return f"{new.value - old.value:+.3g}"


def check_comparable(old: Side, new: Side) -> None:
    """Raise `StashError` if two sides are of different tools: their configs cannot be compared."""
    if old.name.tool != new.name.tool:
        what = f"{old.name.title} and {new.name.title} are of different tools"
        raise StashError(what, f"experimentstash show {old.label}:{old.name.title}")
