"""Results that a tool writes beside its run directory: those that the registry names are brought into it."""

from __future__ import annotations

import contextlib
import os
import posixpath
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.git.checkouts.restore import move
from experimentstash.git.user_git import answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from experimentstash.stash.results.stray_files import Written
    from experimentstash.stash.stash import Stash
    from experimentstash.stash.tool import Tool

TOOL, STASH = "@tool", "@stash"
"""Directories below a run directory: for files written in the tool's checkout, and elsewhere in the stash."""


@contextlib.contextmanager
def without_earlier(stash: Stash, tool: Tool, before: Sequence[str], aside: Path) -> Iterator[None]:
    """Take the results of earlier runs out of the way while a run is under way: nothing is to be appended to them.

    Args:
        stash: the stash.
        tool: the tool; its registry entry names the places.
        before: the files that are there, as absolute paths.
        aside: a directory that holds them meanwhile.
    """
    earlier = [file for file in before if tool.results.paths and _place(stash, tool, file) and _is_unknown(file)]
    for number, file in enumerate(earlier):
        move(Path(file), aside / str(number))
    try:
        yield
    finally:
        for number, file in enumerate(earlier):
            move(aside / str(number), Path(file))
        with contextlib.suppress(OSError):
            aside.rmdir()


def collect_stray(stash: Stash, tool: Tool, written: Sequence[Written], folder: Path) -> tuple[Written, ...]:
    """Copy the results that the registry names into the run directory, and return the other files outside of it.

    New files are moved; a file that git knows is copied, and stays.

    Args:
        stash: the stash.
        tool: the tool.
        written: the files that the run wrote outside of its run directory.
        folder: the run directory.
    """
    rest = []
    for one in written:
        place = _place(stash, tool, one.path) if one.change != "gone" else None
        if place is None:
            rest.append(one)
            continue
        target = folder / place
        if one.change == "new":
            move(Path(one.path), target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(one.path, target, follow_symlinks=False)
            rest.append(one)
    return tuple(rest)


def path_of(stash: Stash, tool: Tool, file: str) -> str | None:
    """Return a file's path from the top of the tool's checkout, as `results: paths:` names it; None outside."""
    top, root = os.path.realpath(stash.root), os.path.realpath(stash.checkout(tool.name))
    return os.path.relpath(file, root).replace(os.sep, "/") if file.startswith(top + os.sep) else None


def _place(stash: Stash, tool: Tool, file: str) -> str | None:
    """Return the path of a file below the run directory, or None if it is not a result."""
    path = path_of(stash, tool, file)
    if path is None or not tool.results.names(path):
        return None
    if not path.startswith("../"):
        return f"{TOOL}/{path}"
    return f"{STASH}/{posixpath.normpath(f'{tool.path}/{path}')}"


def _is_unknown(file: str) -> bool:
    """Return whether a file is untracked; tracked files are kept."""
    return answer("ls-files", "--error-unmatch", "--", file, cwd=Path(file).parent) is None
