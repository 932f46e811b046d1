"""The entries of a commit or the index, as values."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE, EXECUTABLE, LINK, PIN, FOLDER = "100644", "100755", "120000", "160000", "040000"
"""The modes of a tree's entries; a pin is a gitlink in git's terms."""
NO_COMMIT = "it leads to no commit"
"""Why an object that is here is of no use as a tag."""


class Entry(NamedTuple):
    """An entry of a tree or of the index.

    Attributes:
        mode: one of the five modes above.
        id: the id of the blob, of the tree, or of the commit that a pin names.
    """

    mode: str
    id: str

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file; the run bit makes no other file of it."""
        return self.mode in (FILE, EXECUTABLE)

    def same_bytes(self, other: Entry) -> bool:
        """Return whether both are of one kind and hold the same."""
        return self.id == other.id and (self.mode == other.mode or (self.is_file and other.is_file))


class Tree(NamedTuple):
    """The entries of a stash in a commit or the index.

    Attributes:
        pins: the commit at `tools/<tool>`, by tool.
        registry: the entry of `configs/meta.yaml`, or None.
        files: every entry below `configs/<tool>/snapshots/<tag>/` by path, snapshot or not.
        misplaced: the symlinks and submodules in place of a parent directory of snapshots, by path.
    """

    pins: Mapping[str, str]
    registry: Entry | None
    files: Mapping[str, Entry]
    misplaced: Mapping[str, Entry] = MappingProxyType({})
