"""A few objects read by git, and many by dulwich, which takes as long to load as git to give a hundred of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.git.object_reader import fetched_again

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from experimentstash.git.object_reader import Object, ObjectReader

FEW = 64
"""Objects. A commit that brings in one snapshot is judged by about ten."""


class FewObjects:
    """The objects of a repository that is like others. A `ObjectReader`.

    Each object that git gives is compared with its id, as dulwich's are: git itself does not look, for speed.

    Args:
        root: the repository, for messages.
        store: its directory `objects`, for the command that fetches a damaged one again.
        object_format: `sha1` or `sha256`.
        git: the reader of the first `FEW` objects.
        many: makes the reader of all others, on first use.
    """

    def __init__(
        self, root: Path, store: Path, object_format: str, git: ObjectReader, many: Callable[[], ObjectReader]
    ) -> None:
        self._root = root
        self._store = store
        self._hash = object_format
        self._git = git
        self._make_many = many
        self._many: ObjectReader | None = None
        self._left = FEW

    @property
    def many(self) -> ObjectReader:
        """The reader of all but the first objects."""
        if self._many is None:
            self._many = self._make_many()
        return self._many

    def find(self, ids: Sequence[str], limit: int) -> list[Object | None]:
        """Return the objects of these ids; see `ObjectReader.find`."""
        self._left -= len(ids)
        if self._left < 0:
            return self.many.find(ids, limit)
        found = self._git.find(ids, limit)
        for one in found:
            if one is not None and one.data is not None and self._digest(one.kind, one.data) != one.id:
                file = self._store / one.id[:2] / one.id[2:]
                raise StashError(f"{self._root}: the object {one.id} is damaged", fetched_again(str(file)))
        return found

    def close(self) -> None:
        """Close both readers."""
        self._git.close()
        if self._many is not None:
            self._many.close()

    def _digest(self, kind: str, data: bytes) -> str:
        return hashlib.new(self._hash, f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()
