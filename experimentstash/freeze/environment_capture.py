"""What a tool is frozen in: its Python, the packages that give a config its meaning, and the lock of all of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, first_lines, listed
from experimentstash.core.names import REGISTRY
from experimentstash.environments import lock_fixes
from experimentstash.environments.differences import differences, not_as_locked, not_locked
from experimentstash.environments.formats.recorded import RecordedLock
from experimentstash.environments.header_lines import NAMED, LockLine, header_lines, read_header, recorded
from experimentstash.environments.lock_file import Found, find_lock, open_lock
from experimentstash.environments.own_packages import only_ours
from experimentstash.environments.packages import describe
from experimentstash.environments.recorded_lock import (
    lock_path,
    project_versions,
    projects_of,
    record,
    stale_copies,
    with_hashes,
)
from experimentstash.environments.tool_python import tool_environment
from experimentstash.environments.unusable_lock import made_for, unusable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from experimentstash.environments.header_lines import Recorded
    from experimentstash.environments.packages import Described
    from experimentstash.hydra.resolved_tool import ResolvedTool
    from experimentstash.stash.snapshot_file import Snapshot
    from experimentstash.stash.stash import Stash
    from experimentstash.stash.tool import Tool

_MOST_TOLD = 10


@dataclass(frozen=True)
class Surroundings:
    """The environment of a tool, as its snapshots record it.

    Attributes:
        header: the header lines.
        files: the text of the lock that stands beside the snapshots, by its path from the stash's root; empty where
            the tool ships one.
        told: what of it others cannot build, or is not what the lock says, a sentence each.
    """

    header: tuple[tuple[str, str], ...]
    files: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()


def surroundings(resolved: ResolvedTool, tag: str) -> Surroundings:
    """Return what a tool runs in now.

    Args:
        resolved: the tool.
        tag: the tag that is frozen under.

    Raises:
        StashError: the tool's Python does not run, or the lock that the tool ships cannot run it.
    """
    stash, tool, python = resolved.stash, resolved.tool, resolved.interpreter
    described = describe(python, tool_environment())
    projects = projects_of(described, stash.root)
    found = _shipped(stash, tool)
    told = [*found.told, *stale_copies(described, stash.root)]
    if found.lock:
        if why := unusable(found.lock, described):
            raise StashError(
                f"{found.lock.name}: {why}, so nobody can run {tool.name} with it: nothing is frozen",
                lock_fixes.freeze_installed(stash.root, tool.name),
            )
        said = _with_projects(recorded(described, found.lock, projects), described, stash)
        other = differences(said, found.lock, described)
        told += made_for(found.lock, described.python)
        told += _differing(other, not_locked(found.lock, described), found.lock.name)
        return Surroundings(tuple(header_lines(said)), {}, tuple(told))
    checkouts = sorted(path for path in (stash.root / "tools").iterdir() if (path / ".git").exists())
    recording = record(described, stash.root, tool.name, only_ours(described, checkouts))
    text = with_hashes(recording.text, python)
    path = lock_path(tool.name, tag, text)
    line = LockLine(path, hashlib.sha256(text.encode("utf-8")).hexdigest())
    said = replace(_with_projects(recorded(described, None, projects), described, stash), lock=line)
    return Surroundings(tuple(header_lines(said)), {path: text}, (*told, *recording.told))


def _with_projects(said: Recorded, described: Described, stash: Stash) -> Recorded:
    """Name the versions of the packages of the stash, too: a build may take them from git's tags, which move."""
    known = dict(said.packages)
    own = (pair for pair in project_versions(described, stash.root) if pair[0] not in known)
    return replace(said, packages=(*said.packages, *own))


def _shipped(stash: Stash, tool: Tool) -> Found:
    """Return the lock that the tool ships, unless the registry says that it is not what the tool runs with."""
    if tool.lock == "installed":
        return Found(None)
    return find_lock(stash.root, tool.path, tool.workdir, extras=tool.extras, groups=tool.groups, committed=True)


def _differing(other: Sequence[str], more: Sequence[str], lock: str) -> list[str]:
    told = first_lines(other, _MOST_TOLD, "and {} more of that kind")
    if more:
        told.append(f"not in {lock}, so nobody who builds it has them: {listed(more, _MOST_TOLD)}")
    if told:
        told.append(
            f"{lock} is frozen, and what runs here is not built from it; `lock: installed` in the registry freezes that"
        )
    return told


def check_ran_as_locked(tool: ResolvedTool, snapshot: Snapshot, where: str, imports: Path | None = None) -> None:
    """Check that the packages that a run imported are those of the lock that the tool ships and the snapshot names.

    Args:
        tool: the tool.
        snapshot: the snapshot that is run.
        where: what messages call it.
        imports: the folder in which the run wrote what it imported; None before the run: then only the packages that
            every Hydra program imports are compared.

    Raises:
        StashError: one is not; what the run gave belongs to other packages than the lock has.
    """
    line = read_header(snapshot, where).lock
    if line is None or RecordedLock.is_named(line.name.rpartition("/")[2]):
        return  # what is installed was recorded as it is
    lock = open_lock(tool.stash.root, line.name, line.sha256, extras=line.extras, groups=line.groups)
    python = tool.interpreter
    described = describe(python, tool_environment(), imports)
    if imports is None:
        counted = {name: package for name, package in described.packages.items() if name in NAMED}
    else:
        # a program that ends itself (`os._exit`) wrote nothing: then all packages count
        wrote = any(imports.iterdir())
        counted = {name: package for name, package in described.packages.items() if package.imported or not wrote}
    if other := not_as_locked(lock, replace(described, packages=counted)):
        lines = "".join(f"\n    {line}" for line in first_lines(other, _MOST_TOLD))
        what = f"{where}: the installed packages differ from {lock.name}, so others would get different results:{lines}"
        sync = f"{lock.sync_command(python)}  # or freeze what is installed: `lock: installed` in {REGISTRY}"
        raise StashError(what, sync)
