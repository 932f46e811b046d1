"""The index, read by git: another library would miss `GIT_INDEX_FILE`, a split index and a sparse one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.entries import PIN, Entry, Tree
from experimentstash.names import REGISTRY
from experimentstash.problems import StashError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from experimentstash.repository.plumbing import Place

_EMPTY_BLOBS = frozenset(
    {
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
    }
)


def read(place: Place) -> Tree:
    """Return what the index records of a stash, which is what the next commit would hold.

    Raises:
        StashError: it holds conflicts, git cannot read it, or the repository is bare and has none.
    """
    if place.bare:
        raise StashError(f"{place.root}: a bare repository has no index", "experimentstash verify HEAD")
    entries: dict[str, Entry] = {}
    conflicts = []
    for line in place.fields("ls-files", "-s", "-z", "--", "configs", "tools"):
        told, _, path = line.partition("\t")
        mode, blob, stage = told.split(" ")
        if stage != "0":
            conflicts.append(path)
        entries[path] = Entry(mode, blob)
    if conflicts:
        more = f" and {len(set(conflicts)) - 1} more" if len(set(conflicts)) > 1 else ""
        raise StashError(f"{conflicts[0]}{more}: unmerged, so there is nothing to judge yet", "git mergetool")
    if any(entry.id in _EMPTY_BLOBS for entry in entries.values()):
        for path in _promised(place):
            entries.pop(path, None)
    return assemble(entries.items())


def _promised(place: Place) -> list[str]:
    """Return the paths of `git add --intent-to-add`: the index has them, the commit will not."""
    asked = ("diff-files", "--name-only", "-z", "--no-renames", "--diff-filter=A", "--ignore-submodules=all")
    return place.fields(*asked, "--", "configs")


def assemble(entries: Iterable[tuple[str, Entry]]) -> Tree:
    """Sort entries below `configs` and `tools` into what a stash is made of."""
    pins: dict[str, str] = {}
    files: dict[str, Entry] = {}
    registry = None
    for path, entry in entries:
        parts = path.split("/", 4)
        if path == REGISTRY:
            registry = entry
        elif parts[0] == "tools" and len(parts) == 2 and entry.mode == PIN:
            pins[parts[1]] = entry.id
        elif parts[0] == "configs" and len(parts) == 5 and parts[2] == "snapshots":
            files[path] = entry
    return Tree(pins, registry, files)
