"""What is asked of a builder, and how one step of it is run and told."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, printable
from experimentstash.core.files import write_text
from experimentstash.core.process import run_streaming
from experimentstash.environments.build_errors import failure, is_error
from experimentstash.environments.installers import Step, installing_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from experimentstash.environments.formats.base import Lock
    from experimentstash.environments.interpreters import RecordedPython


def show(line: str) -> None:
    """Show a line of an installer's: the progress of what takes long."""
    print(f"    {printable(line, keep=chr(9))}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Supply:
    """Packages that are here, so that nothing is asked of an index.

    Attributes:
        folder: their files.
        lines: what of them a lock comes to on this platform, each a requirement with a hash.
        digests: those of all files, in hex: what decides what comes out, with those that only build others.
        projects: the directories of the checkout that belong on top.
    """

    folder: Path
    lines: tuple[str, ...]
    digests: tuple[str, ...]
    projects: tuple[Path, ...]

    def flags(self, *, uv: bool) -> list[str]:
        """Return what tells pip, or uv, to take them and nothing else."""
        return ["--no-index", "--find-links", str(self.folder), *(["--offline"] if uv else [])]


@dataclass(frozen=True)
class BuildRequest:
    """An environment that is wanted.

    Attributes:
        lock: the lock to build it from.
        title: the snapshot that wants it, for messages.
        cache: the directory where environments are kept, shared by all that have the same lock.
        own: the directory of this reproduction, for what holds the code of one checkout.
        python: the recorded Python, or None.
        projects: directories of the checkout that were installed when the experiment was frozen (`PROJECT` lines), for
            locks that do not tell it themselves.
        versions: the versions of packages that the snapshot names, by normal name; a build that takes its own from
            git's tags is told them.
        supply: the packages, if they are already here; None if they come from an index.
        wheels_only: refuse packages that are built from source, which runs their code.
        hear: called with each line that an installer says.
    """

    lock: Lock
    title: str
    cache: Path
    own: Path
    python: RecordedPython | None = None
    projects: tuple[Path, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    supply: Supply | None = None
    wheels_only: bool = False
    hear: Callable[[str], object] = field(default=show, repr=False)


def run(order: BuildRequest, steps: Sequence[Step], place: Path) -> list[str]:
    """Run the steps that build something and return what they said.

    Args:
        order: what is wanted, for messages.
        steps: the starts, one after the other.
        place: the directory that takes the log of a failure.

    Raises:
        StashError: one failed; the message names the package, and holds the installer's own words.
    """
    said: list[str] = []

    def on_line(line: str) -> None:
        said.append(line)
        if line and not any(map(is_error, said[begun:])):  # the error is told at the end, once
            order.hear(line)

    for step in steps:
        begun = len(said)
        env = installing_environment(**step.env)
        if run_streaming([str(word) for word in step.command], cwd=step.cwd, env=env, on_line=on_line) != 0:
            raise fail(order, said, place)
    return said


def fail(order: BuildRequest, said: Sequence[str], place: Path) -> StashError:
    """Return the error for an installer that failed, with all that it said kept in a log."""
    log: Path | None = None
    with contextlib.suppress(StashError):  # perhaps the disk is full
        write_text(place / "build.log", "\n".join(said) + "\n")
        log = place / "build.log"
    return failure(order.title, order.lock.name, order.lock.versions(), said, log)
