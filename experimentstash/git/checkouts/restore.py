"""A checkout put back as it was before a run: new files are moved aside, files of the commit are checked out again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.git.user_git import answer, git
from experimentstash.stash.results.stray_files import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from experimentstash.stash.results.stray_files import Written


def directories(root: Path) -> set[str]:
    """Return the directories below a checkout; those that a run adds are taken away once they are empty."""
    found = set()
    waiting = [os.path.realpath(root)]
    while waiting:  # not `os.walk`, which before Python 3.12 calls itself for each directory in a directory
        place = waiting.pop()
        found.add(place)
        try:
            with os.scandir(place) as entries:
                folders = [one.path for one in entries if one.is_dir(follow_symlinks=False)]
        except OSError:  # it went, or its path is too long
            continue
        waiting += [folder for folder in folders if os.path.basename(folder) not in LEFT_OUT]  # noqa: PTH119
    return found


def put_back(
    root: Path, written: Iterable[Written], aside: Path, known: Collection[str], leave: Iterable[Path] = ()
) -> list[str]:
    """Restore a directory after a run. Nothing is deleted: new and changed files are kept in `aside`.

    A file that git does not know and that was there before stays as the run left it.

    Args:
        root: the checkout of a tool, or the stash.
        written: the files that the run wrote outside of its run directory.
        aside: the directory that takes the new files and copies of the changed ones, with their paths from `root`.
        known: the directories that were there before (`directories`).
        leave: directories below `root` whose files stay.

    Returns:
        The paths that were moved or put back, from `root`.

    Raises:
        StashError: a file cannot be moved.
    """
    top = Path(os.path.realpath(root))
    kept = [Path(os.path.realpath(place)) for place in leave]
    done = []
    for one in written:
        file = Path(one.path)
        if not file.is_relative_to(top) or any(file.is_relative_to(place) for place in kept):
            continue
        path = file.relative_to(top)
        if one.change == "new":
            move(file, aside / path)
            _remove_empty(file.parent, known)
        elif not _check_out_again(top, file, aside / path):
            continue
        done.append(str(path))
    return done


def move(file: Path, target: Path) -> None:
    """Move a file, to another file system too, and make the directories above the target.

    Raises:
        StashError: it cannot be moved.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, target)
    except OSError as error:
        raise StashError(f"{file}: cannot be moved to {target}: {error.strerror or error}") from None


def _remove_empty(folder: Path, known: Collection[str]) -> None:
    while str(folder) not in known and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _check_out_again(top: Path, file: Path, copy: Path) -> bool:
    """Check out a file of a commit that a run changed or deleted, and tell whether it is one."""
    repository = next(place for place in file.parents if place == top or (place / ".git").exists())
    path = str(file.relative_to(repository))
    if answer("rev-parse", "--verify", "--quiet", f"HEAD:{path}", cwd=repository) is None:
        return False
    if file.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy, follow_symlinks=False)
    git("checkout-index", "--force", "--", path, cwd=repository)  # it runs no hook
    return True
