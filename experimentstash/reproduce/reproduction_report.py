"""The outcome of a reproduction, for the terminal and as a report for a review."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from experimentstash import __version__
from experimentstash.core.errors import FINDING, FINE, StashError, first_lines, printable
from experimentstash.core.files import write_text
from experimentstash.core.names import SHORT
from experimentstash.core.secrets import for_others, for_others_in
from experimentstash.stash.results.comparison_report import terminal
from experimentstash.stash.results.markdown import code, escaped, listed, markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from experimentstash.core.names import SnapshotName
    from experimentstash.reproduce.experiment_environments import Within
    from experimentstash.stash.results.comparison_report import Report

_MOST = 20  # lines of each list other than the results


@dataclass(frozen=True)
class Outcome:
    """How one experiment went.

    Attributes:
        name: its snapshot.
        exit_code: the tool's own.
        folder: its run directory.
        within: what it ran in.
        beside: the files that it wrote outside of its run directory, a line each.
        report: how its results compare with the recorded ones; None if that was not asked, or could not be.
        lacking: why they were not compared though that was asked; empty if they were.
        fix: what mends that, where something does.
        overdue: its time limit in seconds, if it was stopped at the limit; else 0.
        foreign: what it ran that is not of the tag, one sentence each: its results say nothing about the snapshot.
    """

    name: SnapshotName
    exit_code: int
    folder: Path
    within: Within
    beside: tuple[str, ...]
    report: Report | None = None
    lacking: str = ""
    fix: str = ""
    overdue: float = 0.0
    foreign: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The whole in one line."""
        if self.overdue:
            return f"it did not end within {self.overdue:g} seconds, and was ended"
        if self.exit_code:
            return _failure(self.exit_code)
        if self.foreign:
            more = f" (and {len(self.foreign) - 1} more)" if len(self.foreign) > 1 else ""
            return f"it {self.foreign[0]}{more}: its results say nothing about the snapshot"
        if self.lacking:
            return self.lacking
        return self.report.verdict if self.report else "it ran, and its results were not compared"

    @property
    def code(self) -> int:
        """The tool's own exit code; where that is 0, whether the results hold."""
        held = not self.foreign and not self.lacking and (self.report is None or self.report.holds)
        return self.exit_code or (FINE if held else FINDING)


@dataclass(frozen=True)
class Account:
    """How a reproduction went.

    Attributes:
        tag: the tag.
        commit: the commit that it names.
        url: the source of the stash, without secrets.
        tools: path and commit of each tool.
        notes: further notes, one sentence each.
        outcomes: of each experiment.
    """

    tag: str
    commit: str
    url: str
    tools: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    outcomes: Sequence[Outcome] = field(default=())

    @property
    def exit_code(self) -> int:
        """That of the first tool that failed; else whether all results hold."""
        return next((one.exit_code for one in self.outcomes if one.exit_code), 0) or max(
            (one.code for one in self.outcomes), default=FINE
        )

    @property
    def verdict(self) -> str:
        """The whole in one line."""
        if any(one.foreign for one in self.outcomes):
            other = sum(bool(one.foreign) for one in self.outcomes)
            return f"{other} of {len(self.outcomes)} experiments ran other code than the tag's"
        good = sum(one.code == FINE for one in self.outcomes)
        if any(one.report or one.lacking for one in self.outcomes):
            lacking = sum(bool(one.lacking) for one in self.outcomes)
            without = f", and {lacking} had nothing to be compared with" if lacking else ""
            return f"{good} of {len(self.outcomes)} experiments hold{without}"
        return f"{good} of {len(self.outcomes)} experiments ran"

    def write_badge(self, path: Path) -> None:
        """Write the verdict as a badge; see `write_badge`.

        Raises:
            StashError: the file cannot be written.
        """
        write_badge(path, self.tag, self.verdict, holds=self.exit_code == FINE)

    def lines(self) -> Iterator[str]:
        """Yield the lines for the terminal."""
        for one in self.outcomes:
            verdict = printable(one.verdict) if not one.report or one.exit_code or one.foreign else terminal(one.report)
            yield f"{one.name.title}: {verdict}"
            yield from [f"    fix: {printable(one.fix)}"] if one.fix else []
            yield f"  in {one.folder}"
            yield from _some("environment", one.within.told)
            yield from _some("beside the run directory", one.beside)
        yield from map(printable, self.notes)
        yield f"snapshot/{self.tag} at {self.commit[:SHORT]}: {self.verdict}"

    def as_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "tag": self.tag,
            "commit": self.commit,
            "from": self.url,
            "tools": dict(self.tools),
            "machine": _machine(),
            "when": _now(),
            "experimentstash": __version__,
            "exit_code": self.exit_code,
            "verdict": self.verdict,
            "notes": list(self.notes),
            "experiments": [
                {
                    "experiment": one.name.title,
                    "exit_code": one.exit_code,
                    "verdict": one.verdict,
                    "python": one.within.version,
                    "lock": one.within.lock.name if one.within.lock else None,
                    "lock_sha256": one.within.lock.sha256 if one.within.lock else None,
                    "environment": list(one.within.told),
                    "beside": list(one.beside),
                    "foreign": list(one.foreign),
                    "results": one.report.as_json() if one.report else None,
                }
                for one in self.outcomes
            ],
        }

    def as_markdown(self) -> str:
        """Return it as Markdown."""
        parts = [
            f"# Reproduction of {escaped(self.tag)}",
            f"**{escaped(self.verdict)}**",
            "\n".join(
                f"- {escaped(what)}: {code(value)}"
                for what, value in (
                    ("snapshot", f"snapshot/{self.tag}"),
                    ("commit", self.commit),
                    ("from", self.url),
                    *self.tools,
                    ("machine", _machine()),
                    ("when", _now()),
                    ("experimentstash", __version__),
                )
            ),
        ]
        parts += ["\n".join(f"- {escaped(note)}" for note in self.notes)] if self.notes else []
        for one in self.outcomes:
            if one.report and not one.exit_code and not one.foreign:
                parts.append(markdown(one.report, one.name.title).rstrip())
            else:
                parts += [f"## {escaped(one.name.title)}", f"**{escaped(one.verdict)}**"]
            parts += [f"Ran in {escaped(str(one.within))}.", *listed("Of its environment:", one.within.told)]
            parts += listed("Written beside the run directory:", one.beside)
        return "\n\n".join(parts) + "\n"

    def write(self, target: Path) -> tuple[Path, Path]:
        """Write the report as Markdown and as JSON, without secrets and names of this machine, and return where.

        Args:
            target: one of the two, or their name without an ending.

        Raises:
            StashError: the directory does not take them.
        """
        base = target.with_suffix("") if target.suffix in (".md", ".json") else target
        text, data = (base.with_name(f"{base.name}{ending}") for ending in (".md", ".json"))
        write_text(text, for_others(self.as_markdown()))
        write_text(data, json.dumps(for_others_in(self.as_json()), indent=1) + "\n")
        return text, data


def write_badge(path: Path, tag: str, message: str, *, holds: bool) -> None:
    """Write a badge for a web page, in the format of https://shields.io/badges/endpoint-badge.

    Args:
        path: the file.
        tag: the tag that was reproduced.
        message: the verdict.
        holds: whether everything ran and all results hold.

    Raises:
        StashError: the file cannot be written.
    """
    colour = "brightgreen" if holds else "red"
    badge = {"schemaVersion": 1, "label": f"snapshot/{tag}", "message": for_others(message), "color": colour}
    write_text(path, json.dumps(badge, indent=1) + "\n")


def _failure(exit_code: int) -> str:
    """Describe how a run failed: 128 + N means signal N, and the system sends SIGKILL when memory runs out."""
    with contextlib.suppress(ValueError):
        ended = signal.Signals(exit_code - 128)
        perhaps = ": perhaps there was no memory left" if ended == signal.SIGKILL else ""
        return f"it was ended by {ended.name} (exit code {exit_code}){perhaps}"
    return f"it failed with exit code {exit_code}"


def check_report(target: Path) -> None:
    """Check before the work that a report can be written there: the runs may take days.

    Raises:
        StashError: a directory or a device is there, or no file can be.
    """
    if not target.name or target.name == ".." or (target.exists() and not target.is_file()):
        raise StashError(f"--report {str(target)!r}: not a path that can be written", "name another file")
    folder = next(place for place in target.absolute().parents if os.path.lexists(place))
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise StashError(f"{target}: {folder} is not writable", "name another file")


def _some(what: str, told: Sequence[str]) -> list[str]:
    lines = [f"  {what}: {printable(line)}" for line in told]
    return first_lines(lines, _MOST, "  and {} more of that kind")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}"
