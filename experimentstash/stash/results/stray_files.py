"""Finds files that a tool wrote outside of its run directory: scans directories before and after a run."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LEFT_OUT = frozenset({".git", ".hg", ".svn", "__pycache__", ".venv", ".DS_Store"})
"""Names of files and directories that change without a result being written."""

State: TypeAlias = "dict[str, tuple[int, int, int]]"
"""Size, modification time in nanoseconds and inode of each file and symlink, by absolute path."""


@dataclass(frozen=True, order=True)
class Written:
    """A file that a run changed outside its run directory.

    Attributes:
        path: the absolute path.
        change: `new`, `changed` or `gone`.
    """

    path: str
    change: str

    def __str__(self) -> str:
        """Return the path and the change."""
        return f"{self.path} ({self.change})"


def snapshot_tree(folders: Iterable[Path], leave_out: Iterable[Path] = ()) -> State:
    """Return the state of every file below some directories. Reads only the directories, and follows no symlink.

    Misses a file that is rewritten in place with the same size within the resolution of the clock.

    Args:
        folders: the tool's checkout, the stash, …; a nested one counts once, a missing one is empty.
        leave_out: directories to leave out: the run directory, above all.
    """
    out = {os.path.realpath(path) for path in leave_out}
    state: State = {}
    for folder in folders:
        for path, status in _files(os.path.realpath(folder), out):
            state[path] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return state


def _files(folder: str, out: set[str]) -> Iterator[tuple[str, os.stat_result]]:
    waiting = [folder]
    while waiting:
        below = waiting.pop()
        if below in out:
            continue
        try:
            with os.scandir(below) as entries:
                found = [entry for entry in entries if entry.name not in LEFT_OUT]
        except OSError:  # deleted or unreadable: the run did not write there
            continue
        for entry in found:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(status.st_mode):
                waiting.append(entry.path)
            elif entry.path not in out and not entry.name.endswith(".pyc"):
                yield entry.path, status


def written_beside(before: State, after: State) -> tuple[Written, ...]:
    """Return the new, changed and deleted files, sorted by path."""
    new = [Written(path, "new") for path in after.keys() - before.keys()]
    gone = [Written(path, "gone") for path in before.keys() - after.keys()]
    changed = [Written(path, "changed") for path in after.keys() & before.keys() if after[path] != before[path]]
    return tuple(sorted(new + gone + changed))
