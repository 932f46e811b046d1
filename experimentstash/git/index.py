"""The index, read by git: another library would miss `GIT_INDEX_FILE`, a split index and a sparse one."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, listed, quote
from experimentstash.core.names import REGISTRY, leads_to_snapshots
from experimentstash.git.entries import LINK, PIN, Entry, Tree
from experimentstash.git.location import ON_THE_WAY, SNAPSHOTS, UNMOVED
from experimentstash.git.refs import head

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from experimentstash.git.location import GitLocation

_JUDGED = ("tools", REGISTRY, SNAPSHOTS, *ON_THE_WAY)
_SUMMED = 1_000_000  # bytes
_WIDTHS = {"sha1": 20, "sha256": 32}  # of a sum; one of zeros is none (`index.skipHash`)
_EMPTY_BLOBS = frozenset(
    {
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
    }
)


def read(place: GitLocation) -> Tree:
    """Return the entries of a stash in the index, which the next commit would have.

    Raises:
        StashError: it holds conflicts, git cannot read it, or the repository is bare and has none.
    """
    return assemble(_recorded(place).items())


def _recorded(place: GitLocation) -> dict[str, Entry]:
    if place.bare:
        raise StashError(f"{place.root}: a bare repository has no index", "experimentstash verify HEAD")
    _check_sum(place)
    entries: dict[str, Entry] = {}
    conflicts = []
    for line in place.fields("ls-files", "-s", "-z", "--", "configs", "tools"):
        told, _, path = line.partition("\t")
        mode, blob, stage = told.split(" ")
        if stage != "0":
            conflicts.append(path)
        entries[path] = Entry(mode, blob)
    _check_merged(conflicts)
    return _kept(place, entries)


def staged(place: GitLocation) -> dict[str, Entry | None]:
    """Return the pins, registry and snapshots of the index that differ from HEAD; None for deleted ones.

    The time depends on the size of the index, not on the number of snapshots.

    Raises:
        StashError: there are conflicts among them, or git cannot read the index.
    """
    _check_sum(place)
    try:
        fields = place.diff("diff-index", "--cached", "--raw", "-z", *UNMOVED, "HEAD", "--", *_JUDGED)
    except StashError:
        if head(place):
            raise
        return dict(_recorded(place))  # before the first commit
    entries: dict[str, Entry] = {}
    gone, conflicts = [], []
    for line, path in zip(fields, fields, strict=True):
        _, mode, _, blob, status = line.split(" ")
        if status == "U":
            conflicts.append(path)
        elif status == "D":
            gone.append(path)
        else:
            entries[path] = Entry(mode, blob)
    _check_merged(conflicts)
    return dict.fromkeys(gone) | _kept(place, entries)


def differs(place: GitLocation) -> bool:
    """Return whether the index differs from HEAD; true if git fails."""
    return place.ask("diff-index", "--cached", "--quiet", "--ignore-submodules=none", "HEAD", "--").returncode != 0


def changed(place: GitLocation, entries: Mapping[str, Entry]) -> set[str]:
    """Return the paths of entries whose file on disk is not what the index records, line endings and filters aside.

    Args:
        place: the repository.
        entries: files of the index; a path that is a link now, or no file, has changed.

    Raises:
        StashError: git cannot read a file.
    """
    there = [path for path in entries if (file := place.root / path).is_file() and not file.is_symlink()]
    ids = place.lines("hash-object", "--stdin-paths", stdin="".join(f"{path}\n" for path in there).encode())
    same = {path for path, id_ in zip(there, ids, strict=True) if entries[path].id == id_}
    return set(entries) - same


def _check_sum(place: GitLocation) -> None:
    """Check that the index is complete: git reads a truncated one without an error, as one with fewer entries.

    If a large index is truncated, git fails with its own message.
    """
    file = place.root / place.env.get("GIT_INDEX_FILE", place.git_dir / "index")
    try:
        if file.stat().st_size > _SUMMED:
            return
        data = file.read_bytes()
    except OSError:  # git reports the reason; or there is no index yet
        return
    width = _WIDTHS.get(place.object_format, len(data))
    said = data[-width:]
    summed = not said.strip(b"\0") or said == hashlib.new(place.object_format, data[:-width]).digest()
    if len(data) <= width or not summed:
        name = quote(os.path.relpath(file, place.root))
        raise StashError(f"{file}: the index is damaged", f"rm {name} && git reset")


def _check_merged(conflicts: list[str]) -> None:
    if conflicts:
        paths = list(dict.fromkeys(conflicts))
        fix = f"{command('git', 'add', *paths)}  # once the conflicts are resolved"
        raise StashError(f"{listed(paths, 1)}: unmerged; resolve the conflict first", fix)


def _kept(place: GitLocation, entries: dict[str, Entry]) -> dict[str, Entry]:
    """Return the entries without those that the index has and the commit will not have."""
    promised = _promised(place) if any(entry.id in _EMPTY_BLOBS for entry in entries.values()) else []
    return {path: entry for path, entry in entries.items() if path not in promised}


def _promised(place: GitLocation) -> list[str]:
    """Return the paths of `git add --intent-to-add`: the index has them, the commit will not."""
    asked = ("diff-files", "--name-only", "-z", "--no-renames", "--diff-filter=A", "--ignore-submodules=all")
    return place.fields(*asked, "--", "configs")


def assemble(entries: Iterable[tuple[str, Entry | None]]) -> Tree:
    """Sort entries below `configs` and `tools` into the parts of a stash; None means a missing entry."""
    pins: dict[str, str] = {}
    files: dict[str, Entry] = {}
    misplaced: dict[str, Entry] = {}
    registry = None
    for path, entry in entries:
        parts = path.split("/", 4)
        if entry is None:
            continue
        if path == REGISTRY:
            registry = entry
        elif parts[0] == "tools" and len(parts) == 2 and entry.mode == PIN:
            pins[parts[1]] = entry.id
        elif parts[0] == "configs" and len(parts) == 5 and parts[2] == "snapshots":
            files[path] = entry
        elif entry.mode in (LINK, PIN) and leads_to_snapshots(path):
            misplaced[path] = entry
    return Tree(pins, registry, files, misplaced)
