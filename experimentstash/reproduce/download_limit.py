"""How much a reproduction may fetch and put on disk before it asks: strangers say how much there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.invocation import rerun
from experimentstash.reproduce.safe_git import inert

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GIGABYTE = 10**9
MOST = 10.0
"""In gigabytes, unless the user gives another number."""


@dataclass
class Limit:
    """What may be fetched in all.

    Attributes:
        most: bytes; None: whatever there is.
        taken: bytes that came already.
    """

    most: int | None = None
    taken: int = 0

    def watch(self, git_dir: Path, title: str) -> Callable[[], None]:
        """Return what is to be called now and then while a repository is filled, and once it is.

        It raises `StashError` where more came than may come.
        """
        before = _size(git_dir)
        earlier = self.taken

        def look() -> None:
            self.taken = earlier + max(0, _size(git_dir) - before)
            self._check(self.taken, f"{title}: stopped")

        return look

    def check_tree(self, root: Path, commit: str, title: str) -> None:
        """Check that the files of a commit take no more room on disk than may be fetched: a pack may be a bomb.

        Raises:
            StashError: they do.
        """
        if self.most is not None:
            listed = inert("ls-tree", "-r", "-l", "-z", commit, cwd=root).split("\0")
            sizes = (line.partition("\t")[0].split()[3] for line in listed if line)
            self._check(sum(int(size) for size in sizes if size != "-"), f"{title}: its files take too much room")

    def _check(self, size: int, what: str) -> None:
        if self.most is not None and size > self.most:
            needed = rerun("--max-download", f"{2 * size / GIGABYTE:.2g}")
            limit = f"{self.most / GIGABYTE:g} GB may be fetched before anybody agreed to it"
            raise StashError(f"{what}: {limit}", f"{needed}  # if you trust its authors")


def _size(git_dir: Path) -> int:
    """Return the bytes of a repository's objects, those that are on their way too."""
    found = 0
    for file in (git_dir / "objects").rglob("*"):
        try:
            found += file.lstat().st_size
        except OSError:  # git has moved it meanwhile
            continue
    return found
