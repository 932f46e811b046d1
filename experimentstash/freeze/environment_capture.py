"""Captures the environment of a tool for its snapshots: Python, packages and lock file."""

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

_MAX_LISTED = 10


@dataclass(frozen=True)
class CapturedEnvironment:
    """The environment of a tool, as its snapshots record it.

    Attributes:
        header: the header lines.
        files: the text of the lock file beside the snapshots, by path relative to the stash's root; empty if the tool
            ships a lock file.
        warnings: parts that others cannot build, and differences from the lock file; one sentence each.
    """

    header: tuple[tuple[str, str], ...]
    files: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def capture_environment(resolved: ResolvedTool, tag: str) -> CapturedEnvironment:
    """Return the current environment of a tool.

    Args:
        resolved: the tool.
        tag: the tag of the snapshots.

    Raises:
        StashError: the tool's Python does not run, or the tool cannot run with the lock file that it ships.
    """
    stash, tool, python = resolved.stash, resolved.tool, resolved.interpreter
    described = describe(python, tool_environment())
    projects = projects_of(described, stash.root)
    found = _shipped(stash, tool)
    warnings = [*found.told, *stale_copies(described, stash.root)]
    if found.lock:
        if why := unusable(found.lock, described):
            raise StashError(
                f"{found.lock.name}: {why}, so nobody can run {tool.name} with it: nothing is frozen",
                lock_fixes.freeze_installed(stash.root, tool.name),
            )
        lines = _with_projects(recorded(described, found.lock, projects), described, stash)
        other = differences(lines, found.lock, described)
        warnings += made_for(found.lock, described.python)
        warnings += _differing(other, not_locked(found.lock, described), found.lock.name)
        return CapturedEnvironment(tuple(header_lines(lines)), {}, tuple(warnings))
    checkouts = sorted(path for path in (stash.root / "tools").iterdir() if (path / ".git").exists())
    recording = record(described, stash.root, tool.name, only_ours(described, checkouts))
    text = with_hashes(recording.text, python)
    path = lock_path(tool.name, tag, text)
    line = LockLine(path, hashlib.sha256(text.encode("utf-8")).hexdigest())
    lines = replace(_with_projects(recorded(described, None, projects), described, stash), lock=line)
    return CapturedEnvironment(tuple(header_lines(lines)), {path: text}, (*warnings, *recording.told))


def _with_projects(lines: Recorded, described: Described, stash: Stash) -> Recorded:
    """Add the versions of the stash's own packages: a build may derive them from git tags, which can move."""
    known = dict(lines.packages)
    own = (pair for pair in project_versions(described, stash.root) if pair[0] not in known)
    return replace(lines, packages=(*lines.packages, *own))


def _shipped(stash: Stash, tool: Tool) -> Found:
    """Return the lock file that the tool ships, unless the registry says to record what is installed."""
    if tool.lock == "installed":
        return Found(None)
    return find_lock(stash.root, tool.path, tool.workdir, extras=tool.extras, groups=tool.groups, committed=True)


def _differing(other: Sequence[str], more: Sequence[str], lock: str) -> list[str]:
    warnings = first_lines(other, _MAX_LISTED, "and {} more of that kind")
    if more:
        warnings.append(f"not in {lock}, so nobody who builds it has them: {listed(more, _MAX_LISTED)}")
    if warnings:
        warnings.append(
            f"{lock} is frozen, and what runs here is not built from it; `lock: installed` in the registry freezes that"
        )
    return warnings


def check_ran_as_locked(tool: ResolvedTool, snapshot: Snapshot, where: str, imports: Path | None = None) -> None:
    """Check the packages that a run imported against the shipped lock file that the snapshot names.

    Args:
        tool: the tool.
        snapshot: the snapshot to run.
        where: the name of the snapshot in messages.
        imports: the directory in which the run recorded its imports; None before the run, to compare only the packages
            that every Hydra program imports.

    Raises:
        StashError: one is not; what the run gave belongs to other packages than the lock has.
    """
    line = read_header(snapshot, where).lock
    if line is None or RecordedLock.is_named(line.name.rpartition("/")[2]):
        return  # the lock file records the installed packages
    lock = open_lock(tool.stash.root, line.name, line.sha256, extras=line.extras, groups=line.groups)
    python = tool.interpreter
    described = describe(python, tool_environment(), imports)
    if imports is None:
        counted = {name: package for name, package in described.packages.items() if name in NAMED}
    else:
        # a program that ends with `os._exit` records no imports: compare all packages
        wrote = any(imports.iterdir())
        counted = {name: package for name, package in described.packages.items() if package.imported or not wrote}
    if other := not_as_locked(lock, replace(described, packages=counted)):
        lines = "".join(f"\n    {line}" for line in first_lines(other, _MAX_LISTED))
        what = f"{where}: the installed packages differ from {lock.name}, so others would get different results:{lines}"
        sync = f"{lock.sync_command(python)}  # or freeze what is installed: `lock: installed` in {REGISTRY}"
        raise StashError(what, sync)
