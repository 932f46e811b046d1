"""The input of a build, and how its steps are run and reported."""

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
    """Show a line of an installer's output, as progress."""
    print(f"    {printable(line, keep=chr(9))}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Supply:
    """Packages on this machine, for a build without an index.

    Attributes:
        folder: their files.
        lines: the packages of a lock for this platform, each a requirement with a hash.
        digests: of all files, in hex: including those needed only to build others.
        projects: the directories of the checkout to install on top.
    """

    folder: Path
    lines: tuple[str, ...]
    digests: tuple[str, ...]
    projects: tuple[Path, ...]

    def flags(self, *, uv: bool) -> list[str]:
        """Return the arguments that make pip, or uv, install from them only."""
        return ["--no-index", "--find-links", str(self.folder), *(["--offline"] if uv else [])]


@dataclass(frozen=True)
class BuildRequest:
    """A request to build an environment.

    Attributes:
        lock: the lock to build it from.
        title: the snapshot that needs it, for messages.
        cache: the directory of shared environments, one for each lock.
        own: the directory of this reproduction, for environments with the code of its checkout.
        python: the recorded Python, or None.
        projects: directories of the checkout that were installed when the experiment was frozen (`PROJECT` lines), for
            locks that do not record it themselves.
        versions: the versions of packages that the snapshot records, by normal name; given to a build that would take
            its own from git's tags.
        supply: the packages, if they are on this machine; None to fetch them from an index.
        wheels_only: refuse packages that are built from source, which runs their code.
        hear: called with each line of an installer's output.
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
    """Run the steps of a build and return their output.

    Args:
        order: the build request, for messages.
        steps: the commands, in order.
        place: the directory for the log of a failure.

    Raises:
        StashError: one failed; the message names the package, and quotes the installer's output.
    """
    said: list[str] = []

    def on_line(line: str) -> None:
        said.append(line)
        if line and not any(map(is_error, said[begun:])):  # the error is shown once, at the end
            order.hear(line)

    for step in steps:
        begun = len(said)
        env = installing_environment(**step.env)
        if run_streaming([str(word) for word in step.command], cwd=step.cwd, env=env, on_line=on_line) != 0:
            raise fail(order, said, place)
    return said


def fail(order: BuildRequest, said: Sequence[str], place: Path) -> StashError:
    """Return the error for an installer that failed, and write its output to a log."""
    log: Path | None = None
    with contextlib.suppress(StashError):  # perhaps the disk is full
        write_text(place / "build.log", "\n".join(said) + "\n")
        log = place / "build.log"
    return failure(order.title, order.lock.name, order.lock.versions(), said, log)
