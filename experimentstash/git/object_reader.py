"""The interface of a reader of git objects, implemented with dulwich and with git."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from experimentstash.core.errors import command

if TYPE_CHECKING:
    from collections.abc import Sequence


class Object(NamedTuple):
    """An object: its id, its kind, its size, and its bytes, or None if it is larger than was asked for."""

    id: str
    kind: str
    size: int
    data: bytes | None


class ObjectReader(Protocol):
    """Reads objects by their full ids."""

    def find(self, ids: Sequence[str], limit: int) -> list[Object | None]:
        """Return the objects of these ids, in order, and None for each that is not here.

        Args:
            ids: full ids; no text from a repository goes in here.
            limit: in bytes; of a larger object, only the size is returned.

        Raises:
            StashError: an object is here and is damaged, or a partial clone cannot fetch it.
        """

    def close(self) -> None:
        """Let go of files and processes; the next question opens them again."""


def fetched_again(file: str) -> str:
    """Return the command that fetches what a damaged file holds: git fetches nothing that it has a file of.

    Args:
        file: the file of one object.
    """
    return f"{command('rm', '-f', file)} && git fetch --refetch"
