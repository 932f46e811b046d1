"""Parses commits, trees, tags and blobs from the bytes of any reader."""

from __future__ import annotations

import functools
import re
import stat
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.git.entries import EXECUTABLE, FILE, FOLDER, LINK, NO_COMMIT, PIN, Entry
from experimentstash.git.reader_choice import choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from experimentstash.git.location import GitLocation
    from experimentstash.git.object_reader import Object, ObjectReader

    _Parsed: TypeAlias = Mapping[bytes, tuple[str, bytes]]  # mode and id, by name

_AT_ONCE = 256  # objects that are held in memory together
_LARGEST = 256 * 1024 * 1024  # bytes; a tree of a million entries has 50 MB
_LARGEST_TAG = 16 * 1024 * 1024  # bytes; larger than any real tag
_DEEPEST = 1000  # tags of tags; with `git replace` a tag can name itself
_KINDS = {stat.S_IFLNK: LINK, stat.S_IFDIR: FOLDER, stat.S_IFLNK | stat.S_IFDIR: PIN}
_LINES = {width: re.compile(rb"(?s)([0-7]{1,6}) ([^\0/]+)\0(.{%d})" % width) for width in (20, 32)}
_TREE = re.compile(rb"tree ([0-9a-f]{40}(?:[0-9a-f]{24})?)\n")
_TARGET = re.compile(rb"object ([0-9a-f]{40}(?:[0-9a-f]{24})?)\ntype ([a-z]+)\n")


class Objects:
    """The objects of a repository."""

    def __init__(self, place: GitLocation) -> None:
        self._place = place
        self._reader: ObjectReader | None = None
        self._trees: dict[tuple[str, str | None], Mapping[str, Entry]] = {}
        self._tops: dict[str, str] = {}
        self._commits: dict[str, str] = {}

    @property
    def reader(self) -> ObjectReader:
        """The reader, chosen on first use."""
        if self._reader is None:
            self._reader = choose(self._place)
        return self._reader

    def find(self, names: Sequence[str], limit: int = _LARGEST) -> list[Object | None]:
        """Return the objects of these ids, and None for each that is not here; see `ObjectReader.find`."""
        return self.reader.find(names, limit) if names else []

    def read(self, blob: str, limit: int) -> Object:
        """Return a blob; its bytes are None if it is larger than `limit`.

        Raises:
            StashError: it is missing, or of another type.
        """
        (found,) = self.find([blob], limit)
        if found is None or found.kind != "blob":
            raise self.missing(blob)
        return found

    def tree(self, tree: str, name: str | None = None) -> Mapping[str, Entry]:
        """Return the entries of a tree by name, or only that of one name. Neither is read twice.

        Raises:
            StashError: it is missing, or invalid.
        """
        self.load([(tree, name)])
        return self._trees[tree, name]

    def load(self, wanted: Iterable[tuple[str, str | None]]) -> None:
        """Read all objects that `tree` will need, at once.

        Of a tree whose entries are not all wanted no others are kept: it may be wide, and another at each commit.

        Raises:
            StashError: one is missing, or invalid.
        """
        asked: dict[str, set[str | None]] = {}
        for tree, name in wanted:
            if (tree, name) not in self._trees:
                asked.setdefault(tree, set()).add(name)
        for some in _chunks(list(asked)):
            for tree, found in zip(some, self.find(some), strict=True):
                entries = self._parsed(tree, found)
                for name in asked[tree]:
                    self._trees[tree, name] = _entries(entries, name)

    def tops(self, commits: Sequence[str]) -> list[str]:
        """Return the tree of each commit.

        Raises:
            StashError: a commit is missing, or invalid.
        """
        for some in _chunks([commit for commit in dict.fromkeys(commits) if commit not in self._tops]):
            for commit, found in zip(some, self.find(some), strict=True):
                self._tops[commit] = self._tree_of(commit, found)
        return [self._tops[commit] for commit in commits]

    def peel(self, ids: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the commit that each object leads to, through any tags, and why the others lead to none.

        Raises:
            StashError: an object cannot be read.
        """
        ids = list(ids)
        commits = {one: self._commits[one] for one in ids if one in self._commits}
        broken: dict[str, str] = {}
        waiting = {one: (one, "") for one in ids if one not in commits}  # with the type of the next object, from a tag
        for _ in range(_DEEPEST):
            asked, waiting = waiting, {}
            objects = self.find([at for at, _ in asked.values()], _LARGEST_TAG)
            for (start, (at, kind)), found in zip(asked.items(), objects, strict=True):
                if found is None:
                    broken[start] = f"the object {at} is missing"
                elif kind and kind != found.kind:  # git reads it neither as the one nor as the other
                    broken[start] = NO_COMMIT
                elif found.kind == "commit":
                    commits[start] = at
                elif found.kind == "tag" and (named := _TARGET.match(found.data or b"")):
                    waiting[start] = named[1].decode(), named[2].decode()
                else:
                    broken[start] = NO_COMMIT
            if not waiting:
                break
        self._commits |= commits
        return commits, {**broken, **dict.fromkeys(waiting, NO_COMMIT)}

    def messages(self, commits: Sequence[str]) -> dict[str, str]:
        """Return the message of each commit that is here; of one that is not, an empty text."""
        texts: dict[str, str] = {}
        for some in _chunks(list(dict.fromkeys(commits))):
            for commit, found in zip(some, self.find(some, _LARGEST_TAG), strict=True):
                data = (found.data or b"") if found and found.kind == "commit" else b""
                texts[commit] = data.partition(b"\n\n")[2].decode("utf-8", "replace")
        return texts

    def missing(self, name: str) -> StashError:
        """Return the error that says that an object is not here. Silence would read as no drift."""
        return StashError(f"{self._place.root}: the object {name} is missing", "git fetch --refetch")

    def close(self) -> None:
        """Close open files and processes; a later read opens them again."""
        if self._reader is not None:
            self._reader.close()

    def _tree_of(self, commit: str, found: Object | None) -> str:
        if found is None or found.kind != "commit":
            raise self.missing(commit)
        if (named := _TREE.match(found.data or b"")) is None:
            raise StashError(f"{self._place.root}: the commit {commit} is damaged")
        return named[1].decode()

    def _parsed(self, tree: str, found: Object | None) -> _Parsed:
        if found is None or found.kind != "tree":
            raise self.missing(tree)
        if found.data is None:  # which must not read as an empty one
            raise StashError(f"{self._place.root}: the tree {tree} has {found.size} bytes, of at most {_LARGEST}")
        try:
            return _parse_tree(found.data, len(found.id) // 2)
        except ValueError:
            raise StashError(f"{self._place.root}: the tree {tree} is damaged") from None


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE))


def _parse_tree(data: bytes, width: int) -> _Parsed:
    """Parse a tree; refuses duplicate names, `..` and `a/b`, as `git fsck` does."""
    lines = _LINES[width].findall(data)
    entries = {name: (_mode(mode), raw) for mode, name, raw in lines}
    between = _LINES[width].sub(b"", data)
    if between or len(entries) != len(lines) or not entries.keys().isdisjoint((b".", b"..")):
        raise ValueError(data)
    return entries


def _entries(parsed: _Parsed, name: str | None) -> dict[str, Entry]:
    """Return the entries of a parsed tree, or only that of one name, as far as it is there."""
    if name is None:
        return {one.decode("utf-8", "surrogateescape"): Entry(mode, raw.hex()) for one, (mode, raw) in parsed.items()}
    found = parsed.get(name.encode("utf-8", "surrogateescape"))
    return {} if found is None else {name: Entry(found[0], found[1].hex())}


@functools.cache
def _mode(digits: bytes) -> str:
    mode = int(digits, 8)
    if stat.S_ISREG(mode):
        return EXECUTABLE if mode & stat.S_IXUSR else FILE  # old git wrote 100664 as well
    if (kind := _KINDS.get(stat.S_IFMT(mode))) is None:
        raise ValueError(digits)
    return kind
