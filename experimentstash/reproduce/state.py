"""How far a reproduction has come, kept in its own directory: one that was interrupted is run again, and goes on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError
from experimentstash.core.file_lock import take_lock
from experimentstash.core.files import check_inside, write_text
from experimentstash.core.names import SHORT
from experimentstash.reproduce.safe_checkout import OWN
from experimentstash.reproduce.stash_source import into_another

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from experimentstash.reproduce.stash_source import Source

_OWN = f".git/{OWN}"
_MARKER = "reproduction.json"
_LARGEST = 64 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class Done:
    """A run that came to its end.

    Attributes:
        exit_code: the tool's own.
        python: the interpreter that it ran with.
        beside: the files that it wrote outside of its run directory, a line each.
        overdue: its time limit in seconds, if it was stopped at the limit; else 0.
        foreign: what it ran that the commits of the tools do not hold, one sentence each.
    """

    exit_code: int
    python: str
    beside: tuple[str, ...]
    overdue: float = 0.0
    foreign: tuple[str, ...] = ()


@dataclass
class Progress:
    """The state of a reproduction.

    Attributes:
        folder: its path.
        tag: the tag.
        source: the source of the stash, as messages name it.
        commit: the commit that the tag named when it began; empty until that is known.
        done: each run that came to its end, by experiment.
        built: what builds left in the checkouts of the tools, by the checkout's path.
    """

    folder: Path
    tag: str
    source: str
    commit: str = ""
    done: dict[str, Done] = field(default_factory=dict)
    built: dict[str, list[str]] = field(default_factory=dict)

    def keep(self) -> None:
        """Write it down."""
        done = {name: asdict(one) for name, one in self.done.items()}
        said = {"tag": self.tag, "from": self.source, "commit": self.commit, "done": done, "built": self.built}
        write_text(self.folder / _OWN / _MARKER, json.dumps(said, indent=1) + "\n")

    def begin_at(self, commit: str) -> None:
        """Take the commit that the tag names now.

        Raises:
            StashError: it was another when the reproduction began.
        """
        if self.commit not in ("", commit):
            raise StashError(
                f"{self.folder}: snapshot/{self.tag} was {self.commit[:SHORT]} when this reproduction began, and is "
                f"{commit[:SHORT]} now: somebody moved it",
                f"{into_another(self.tag)}  # and ask who moved the tag",
            )
        self.commit = commit
        self.keep()


@contextlib.contextmanager
def claim(folder: Path, tag: str, source: Source) -> Iterator[Progress]:
    """Claim a directory for the reproduction of a tag, new or interrupted, and lock it.

    Args:
        folder: new, empty, or one that an earlier reproduction of the same tag left.
        tag: the tag.
        source: the source of the stash.

    Raises:
        StashError: it contains something else, came from another source, is locked, or cannot be written.
    """
    was_there = folder.exists()
    found = _found(folder, tag, source)
    with _alone(folder, tag):
        try:
            found.keep()
            yield found
        finally:
            if not found.commit:  # nothing came: another tag may have the directory
                shutil.rmtree(folder / ".git", ignore_errors=True)
                if not was_there:
                    with contextlib.suppress(OSError):
                        folder.rmdir()


def _found(folder: Path, tag: str, source: Source) -> Progress:
    marker = folder / _OWN / _MARKER
    if not marker.is_file():
        _check_free(folder, tag)
        return Progress(folder, tag, source.told)
    check_inside(folder, marker)
    found = _read(folder, marker)
    if found is None or found.tag != tag:
        what = "no state of a reproduction" if found is None else f"the reproduction of snapshot/{found.tag}"
        raise StashError(f"{folder}: it holds {what}", into_another(tag))
    if not source.is_told(found.source):
        what = f"what it holds came from {found.source}, and {source.told} is asked for"
        raise StashError(f"{folder}: {what}", into_another(tag))
    return found


def _check_free(folder: Path, tag: str) -> None:
    if os.path.lexists(folder) and not folder.is_dir():
        raise StashError(f"{folder}: not a directory", into_another(tag))
    if folder.exists() and any(folder.iterdir()):
        raise StashError(f"{folder}: not empty", into_another(tag))


@contextlib.contextmanager
def _alone(folder: Path, tag: str) -> Iterator[None]:
    """Keep others out; the system gives the lock back when a process ends, however it does."""
    own = folder / _OWN
    try:
        own.mkdir(parents=True, exist_ok=True)
        lock = (own / "lock").open("ab")
    except OSError as error:
        raise StashError(f"{own}: cannot be written: {error.strerror}", into_another(tag)) from None
    with lock:
        if take_lock(lock) is False:
            fix = "wait until it has ended, and rerun the same command"
            raise StashError(f"{folder}: another reproduction is running there", fix)
        yield


def _read(folder: Path, marker: Path) -> Progress | None:
    """Read the state; what ran may have written there too."""
    try:
        with marker.open("rb") as file:
            said = json.loads(file.read(_LARGEST))
        done = {str(name): _done(one) for name, one in said["done"].items()}
        built = {str(place): [str(path) for path in paths] for place, paths in said["built"].items()}
        return Progress(folder, str(said["tag"]), str(said["from"]), str(said["commit"]), done, built)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _done(said: dict[str, Any]) -> Done:
    beside = tuple(str(line) for line in said["beside"])
    foreign = tuple(str(line) for line in said.get("foreign", ()))
    return Done(int(said["exit_code"]), str(said["python"]), beside, float(said.get("overdue", 0)), foreign)
