"""The tools as git's submodules: what `.gitmodules` says of them, and where their remotes are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.entries import Entry
from experimentstash.names import tool_path
from experimentstash.urls import is_path, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from experimentstash.repository.objects import Objects
    from experimentstash.repository.plumbing import Place

_FILE = ".gitmodules"
_LARGEST = 1024 * 1024  # bytes
_KEYS = r"^submodule\..*\.(path|url)$"


@dataclass(frozen=True)
class Submodule:
    """What `.gitmodules` says of a tool.

    Attributes:
        name: what git calls it; its path where nothing else is said.
        url: the URL of its remote, or an empty text where it says none that git would take.
    """

    name: str
    url: str


class Submodules:
    """The `.gitmodules` of a stash; one that many commits have is read once."""

    def __init__(self, place: Place, objects: Objects) -> None:
        self._place = place
        self._objects = objects
        self._read: dict[str, Mapping[str, Submodule]] = {}
        self._base: str | None = None

    def of(self, tool: str, commits: Iterable[str | None]) -> dict[str | None, Submodule]:
        """Return what each commit says of a tool; None is the index.

        Raises:
            StashError: a commit is not here, or is damaged.
        """
        blobs = self._blobs([commit for commit in dict.fromkeys(commits) if commit is not None])
        if None in commits:
            ...
        path = tool_path(tool)
        return {c: self._parsed(blob).get(path, Submodule(path, "")) for c, blob in blobs.items()}
