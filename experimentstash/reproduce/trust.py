"""Whose code is about to run, from where and at which commit; and the question whether it may."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from experimentstash.core.errors import StashError, command, listed, printable
from experimentstash.core.invocation import rerun
from experimentstash.core.names import SHORT
from experimentstash.core.urls import without_secrets
from experimentstash.reproduce.safe_git import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_LONGEST = 1000  # characters of a line


def check_can_ask(*, yes: bool) -> None:
    """Raise `StashError` if the question has no answer yet and there is no terminal to ask it."""
    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):  # the question goes to stderr
        raise StashError(
            "reproducing runs other people's code, and there is no terminal to ask for permission",
            f"{rerun('--yes')}  # if you trust its authors; at a terminal, the program asks",
        )


def who(root: Path, commit: str) -> str:
    """Return a commit with its author and date, for people."""
    said = inert(
        "log", "--max-count=1", "--no-patch", "--no-show-signature", "--format=%an <%ae>, %as", commit, cwd=root
    )
    return f"{commit[:SHORT]} by {said.strip()}"


def lines(
    stash: str, tools: Iterable[tuple[str, str, str]], locks: Iterable[str], places: Sequence[str], runs: Sequence[str]
) -> list[str]:
    """Return the lines to show before anything runs.

    Args:
        stash: the tag, its source, and its commit with the author.
        tools: path, URL, and commit with the author, of each fetched repository.
        locks: what is built.
        places: where packages come from.
        runs: the experiments.
    """
    told = ["This runs the code of others on this machine, with your rights:", f"  {stash}"]
    told += [
        f"  {path} from {without_secrets(url) or 'a clone of this machine'}, {commit}" for path, url, commit in tools
    ]
    named = ", ".join(locks)
    told += [f"  the packages of {named}, from {' and '.join(places)}"] if named else []
    told += [f"  runs {listed(runs, 10)}"]
    return [_cut(printable(line)) for line in told]


def _cut(line: str) -> str:
    """Return a line that leaves the others on the screen: a stranger's may have millions of characters."""
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} … and {len(line) - _LONGEST:,} characters more"


def lfs_lines(folder: Path, pointers: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the lines about files of Git LFS that are missing: fetching them runs a program.

    Args:
        folder: that of the reproduction.
        pointers: their paths, by the path of the checkout.
    """
    told = []
    for place, paths in pointers.items():
        if paths:
            named = listed(paths, 5)
            fix = command("git", "-C", str(folder / place), "lfs", "pull")
            where = "the stash" if place == "." else place
            told.append(printable(f"{where}: of Git LFS, and not brought: {named}; {fix} brings them"))
    return told


def ask(told: Sequence[str], *, yes: bool) -> None:
    """Tell it, and ask whether it may run, unless that is answered.

    Raises:
        StashError: it may not.
    """
    for line in told:
        click.echo(line, err=True)
    if not yes and not _agreed():
        raise StashError("nothing has run; the same command continues with what was fetched")


def _agreed() -> bool:
    try:
        return click.confirm("Go on?", err=True)
    except click.Abort as abort:
        if isinstance(abort.__cause__ or abort.__context__, EOFError):  # ^D: no answer is no
            click.echo(err=True)
            return False
        raise
