"""Commits, trees, tags and blobs, made of what a reader gives; the same for every reader."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

from experimentstash.entries import EXECUTABLE, FILE, FOLDER, LINK, PIN, Entry
from experimentstash.problems import StashError
from experimentstash.repository.choice import choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from experimentstash.repository.plumbing import Place
    from experimentstash.repository.reader import Object, Reader

_AT_ONCE = 256  # commits; their top trees are read together, and may be large
_LARGEST = 256 * 1024 * 1024  # bytes; a tree of a million entries has 50 MB
_LARGEST_TAG = 16 * 1024 * 1024  # bytes; longer than any text that somebody wrote
_DEEPEST = 1000  # tags of tags; with `git replace` a tag can name itself
_KINDS = {stat.S_IFLNK: LINK, stat.S_IFDIR: FOLDER, stat.S_IFLNK | stat.S_IFDIR: PIN}
_TREE = re.compile(rb"tree ([0-9a-f]{40}(?:[0-9a-f]{24})?)\n")
_TARGET = re.compile(rb"object ([0-9a-f]{40}(?:[0-9a-f]{24})?)\n")


class Objects:
    """The objects of a repository."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._reader: Reader | None = None
        self._trees: dict[str, Mapping[str, Entry]] = {}
        self._tops: dict[str, Mapping[str, Entry]] = {}

    @property
    def reader(self) -> Reader:
        """Who reads them; chosen when the first is wanted."""
        if self._reader is None:
            self._reader = choose(self._place)
        return self._reader

    def find(self, ids: Sequence[str], limit: int = _LARGEST) -> list[Object | None]:
        """Return the objects of these ids, and None for each that is not here; see `Reader.find`."""
        return self.reader.find(ids, limit) if ids else []

    def read(self, blob: str, limit: int) -> Object:
        """Return a blob; its bytes are None where it is larger than `limit`.

        Raises:
            StashError: it is not here, or is none.
        """
        (found,) = self.find([blob], limit)
        if found is None or found.kind != "blob":
            raise self.missing(blob)
        return found

    def tree(self, tree: str) -> Mapping[str, Entry]:
        """Return the entries of a tree by name. A tree is read once.

        Raises:
            StashError: it is not here, or is none that git would have written.
        """
        self.load([tree])
        return self._trees[tree]

    def load(self, trees: Iterable[str]) -> None:
        """Read many trees at once, those that have not been read yet.

        Raises:
            StashError: one is not here, or is none that git would have written.
        """
        unread = [tree for tree in dict.fromkeys(trees) if tree not in self._trees]
        for tree, found in zip(unread, self.find(unread), strict=True):
            self._trees[tree] = dict(self._entries(tree, found))

    def tops(self, commits: Iterable[str], names: frozenset[str]) -> list[Mapping[str, Entry]]:
        """Return the entries of these names at the top of each commit, as far as they are there.

        What else lies there is not kept: the top of somebody's repository may be wide.

        Raises:
            StashError: a commit or its tree is not here, or is none that git would have written.
        """
        wanted = list(commits)
        unread = [commit for commit in dict.fromkeys(wanted) if commit not in self._tops]
        for at in range(0, len(unread), _AT_ONCE):
            some = unread[at : at + _AT_ONCE]
            trees = [self._tree_of(commit, found) for commit, found in zip(some, self.find(some), strict=True)]
            for commit, tree, found in zip(some, trees, self.find(trees), strict=True):
                self._tops[commit] = {name: entry for name, entry in self._entries(tree, found) if name in names}
        return [self._tops[commit] for commit in wanted]

    def peel(self, ids: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the commit that each object leads to, through any tags, and why the others lead to none.

        Raises:
            StashError: an object cannot be read.
        """
        commits: dict[str, str] = {}
        broken: dict[str, str] = {}
        waiting = {one: one for one in ids}
        for _ in range(_DEEPEST):
            asked, waiting = waiting, {}
            for (start, at), found in zip(asked.items(), self.find(list(asked.values()), _LARGEST_TAG), strict=True):
                if found is None:
                    broken[start] = f"the object {at} is not here"
                elif found.kind == "commit":
                    commits[start] = at
                elif found.kind == "tag" and (named := _TARGET.match(found.data or b"")):
                    waiting[start] = named[1].decode()
                else:
                    broken[start] = "it leads to no commit"
            if not waiting:
                break
        return commits, {**broken, **dict.fromkeys(waiting, "it leads to no commit")}

    def missing(self, name: str) -> StashError:
        """Return the error that says that an object is not here. Silence would read as no drift."""
        return StashError(f"{self._place.root}: the object {name} is not here", "git fetch --refetch")

    def close(self) -> None:
        """Close what is open; a later question opens it again."""
        if self._reader is not None:
            self._reader.close()

    def _tree_of(self, commit: str, found: Object | None) -> str:
        if found is None or found.kind != "commit":
            raise self.missing(commit)
        if (named := _TREE.match(found.data or b"")) is None:
            raise StashError(f"{self._place.root}: the commit {commit} is damaged", "git fsck")
        return named[1].decode()

    def _entries(self, tree: str, found: Object | None) -> Iterator[tuple[str, Entry]]:
        if found is None or found.kind != "tree":
            raise self.missing(tree)
        if found.data is None:  # which must not read as an empty one
            raise StashError(f"{self._place.root}: the tree {tree} has {found.size} bytes, of at most {_LARGEST}")
        try:
            yield from _parse_tree(found.data, len(found.id) // 2)
        except (ValueError, KeyError):
            raise StashError(f"{self._place.root}: the tree {tree} is damaged", "git fsck") from None


def _parse_tree(data: bytes, width: int) -> Iterator[tuple[str, Entry]]:
    """Parse a tree as git writes it; duplicate names, `..` and `a/b` are what `git fsck` refuses too."""
    seen: set[bytes] = set()
    at = 0
    while at < len(data):
        end = data.index(0, at)
        mode, _, name = data[at:end].partition(b" ")
        at = end + 1 + width
        if at > len(data) or name in seen or name in (b"", b".", b"..") or b"/" in name:
            raise ValueError(name)
        seen.add(name)
        yield name.decode("utf-8", "surrogateescape"), Entry(_mode(int(mode, 8)), data[end + 1 : at].hex())


def _mode(mode: int) -> str:
    if stat.S_ISREG(mode):
        return EXECUTABLE if mode & stat.S_IXUSR else FILE  # old git wrote 100664 as well
    return _KINDS[stat.S_IFMT(mode)]
