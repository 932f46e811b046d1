"""What comparing the results gave, file by file, and whether it holds."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from experimentstash.core.errors import FINDING, FINE, omitted, printable

if TYPE_CHECKING:
    from experimentstash.stash.results.tolerance import Gap


class FileVerdict(str, Enum):
    """The verdict on a file, in the order of reports."""

    DIFFERENT = "different"
    MISSING = "missing"
    NEW = "new"
    WITHIN = "within tolerance"
    LEFT_OUT = "left out"
    IDENTICAL = "identical"

    @property
    def holds(self) -> bool:
        """Whether the results are still the same with such a file."""
        return self not in (FileVerdict.DIFFERENT, FileVerdict.MISSING, FileVerdict.NEW)


_ORDER = {verdict: number for number, verdict in enumerate(FileVerdict)}


@dataclass(frozen=True)
class FileResult:
    """The verdict on one file.

    Attributes:
        path: in the recorded run; of a new file, in the new one.
        verdict: identical means bit by bit.
        now: its path in the new run, if different.
        paired: how it was matched to a file with another name.
        detail: the first difference, or another note.
        gap: the largest differences between numbers that were compared one by one, or None if none were.
        rests: the basis of a comparison by values.
        left_out: keys, columns or arrays that were not compared.
    """

    path: str
    verdict: FileVerdict
    now: str = ""
    paired: str = ""
    detail: str = ""
    gap: Gap | None = None
    rests: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The path, or both if they differ."""
        return f"{self.path} → {self.now}" if self.now else self.path


@dataclass(frozen=True)
class Report:
    """What comparing a run with the recorded one gave.

    Attributes:
        files: the worst first, then by path.
        tolerances: the tolerances in words; empty if there are none.
        notes: files of both runs that are not regular or could not be recorded.
    """

    files: tuple[FileResult, ...]
    tolerances: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every recorded file is there, identical or within tolerance, and no other."""
        return all(file.verdict.holds for file in self.files)

    @property
    def exit_code(self) -> int:
        """0 if the results are the same, else 1."""
        return FINE if self.holds else FINDING

    @property
    def counts(self) -> dict[FileVerdict, int]:
        """How many files each verdict has; those with none are left out."""
        found = Counter(file.verdict for file in self.files)
        return {verdict: found[verdict] for verdict in FileVerdict if found[verdict]}

    @property
    def verdict(self) -> str:
        """The verdict in one line, which distinguishes bit-identical from within tolerance."""
        compared = [file for file in self.files if file.verdict != FileVerdict.LEFT_OUT]
        if not compared:
            return "nothing was compared: no results were recorded, and none are there"
        if not self.holds:
            return "the results do not hold"
        if all(file.verdict == FileVerdict.IDENTICAL for file in compared):
            return "the results hold, bit by bit"
        return "the results hold, within tolerance"

    def as_json(self) -> dict[str, object]:
        """Return it as JSON has it; an infinite difference is `"inf"`."""
        return {
            "holds": self.holds,
            "verdict": self.verdict,
            "counts": {verdict.value: number for verdict, number in self.counts.items()},
            "tolerances": list(self.tolerances),
            "files": [_file(file) for file in self.files],
            "notes": list(self.notes),
        }


def ordered(files: list[FileResult]) -> tuple[FileResult, ...]:
    """Return the files as a report has them."""
    return tuple(sorted(files, key=lambda file: (_ORDER[file.verdict], file.path)))


def _file(file: FileResult) -> dict[str, object]:
    texts = {"now": file.now, "paired": file.paired, "detail": file.detail, "rests": file.rests}
    entry: dict[str, object] = {"path": file.path, "verdict": file.verdict.value}
    entry.update({key: text for key, text in texts.items() if text})
    if file.gap is not None:
        entry["largest"] = {"absolute": _number(file.gap.absolute), "relative": _number(file.gap.relative)}
    if file.left_out:
        entry["left_out"] = list(file.left_out)
    return entry


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else repr(value)


def terminal(report: Report, most: int = 40) -> str:
    """Return the report for a terminal: the verdict, then what is not identical, at most `most` files of it."""
    counts = ", ".join(f"{number:,} {verdict.value}" for verdict, number in report.counts.items())
    lines = [f"{report.verdict}{f': {counts}' if counts else ''}"]
    different = [file for file in report.files if file.verdict not in (FileVerdict.IDENTICAL, FileVerdict.LEFT_OUT)]
    for file in different[:most]:
        lines.append(f"  {file.verdict.value}: {printable(file.name)}")
        lines += [f"      {printable(line)}" for line in _details(file)]
    lines += omitted(different, most, "  and {:,} more; --report FILE has them all")
    lines += [f"  not compared: {printable(note)}" for note in report.notes[:most]]
    return "\n".join(lines)


def _details(file: FileResult) -> list[str]:
    lines = [file.detail] if file.detail else []
    if file.gap is not None and file.gap.absolute:
        lines.append(f"largest difference {figure(file.gap.absolute)}, relative {figure(file.gap.relative)}")
    if file.verdict == FileVerdict.WITHIN:
        lines.append(f"rests on {file.rests}")
    if file.paired:
        lines.append(f"paired: {file.paired}")
    if file.left_out:
        lines.append(f"left out: {', '.join(file.left_out[:10])}{' …' if len(file.left_out) > 10 else ''}")
    return lines


def figure(number: float) -> str:
    """Return a difference as people read it."""
    return f"{number:.3g}"
