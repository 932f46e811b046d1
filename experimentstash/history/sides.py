"""One side of a comparison: a frozen experiment, or the current working config."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError
from experimentstash.core.names import SnapshotName, tool_path
from experimentstash.git.checkouts.changes import changes
from experimentstash.git.checkouts.tool_commit import checked_out
from experimentstash.git.clone import first_answer
from experimentstash.history.config_values import config_values, flattened, late_values
from experimentstash.stash import snapshot_body, snapshot_file
from experimentstash.stash.stash import Stash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experimentstash.git.repository import Repository
    from experimentstash.history.catalog import Catalog, TagRecord
    from experimentstash.stash.results.manifest import Manifest
    from experimentstash.stash.snapshot_file import Snapshot

WORKING = "working config"


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        label: its name in tables: the tag, or `working config`.
        name: the tool, the tag and the experiment.
        commits: the commit of each tool.
        values: each value of the config by its address, without the late ones.
        late: the text that each late value is built from, by its address.
        overrides: its overrides.
        packages: the version of each package in its lock; None if unknown.
        platform: `PYTHON` and `PLATFORM`, if recorded.
        results: its recorded results, or None.
        notes: the parts that could not be read, one sentence each.
    """

    label: str
    name: SnapshotName
    commits: Mapping[str, str]
    values: Mapping[str, Any]
    late: Mapping[str, str]
    overrides: tuple[str, ...] = ()
    packages: Mapping[str, str] | None = None
    platform: Mapping[str, str] = field(default_factory=dict)
    results: Manifest | None = None
    notes: tuple[str, ...] = ()


def frozen_side(repository: Repository, catalog: Catalog, record: TagRecord, name: SnapshotName) -> Side:
    """Return a frozen experiment as one side.

    Raises:
        StashError: the snapshot cannot be read.
    """
    snapshot = catalog.snapshot(record, name)
    notes: list[str] = []
    try:
        results = catalog.results(record, name)
    except StashError as error:
        results = None
        notes.append(str(error.args[0]))
    try:
        packages = _packages(repository, catalog, record, name, snapshot)
    except StashError as error:
        packages = None
        notes.append(f"snapshot/{record.tag}: its packages are not compared: {error.args[0]}")
    named = {key: snapshot.one(key) for key in ("PYTHON", "PLATFORM") if snapshot.one(key)}
    return Side(
        record.tag,
        name,
        snapshot.pins(name.tool),
        config_values(snapshot, name.path),
        late_values(snapshot),
        snapshot.all("OVERRIDE"),
        packages,
        named,
        results,
        tuple(notes),
    )


def _packages(
    repository: Repository, catalog: Catalog, record: TagRecord, name: SnapshotName, snapshot: Snapshot
) -> dict[str, str] | None:
    """Return the version of each package: from the lock of the snapshot, else from its header."""
    from experimentstash.environments.header_lines import read_header  # slow to load
    from experimentstash.environments.lock_file import open_lock

    header = read_header(snapshot, name.path)
    named = dict(header.packages)
    if header.lock is None:
        return named or None
    data = _lock_text(repository, catalog, record, name, snapshot, header.lock.name)
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        path = Path(folder, header.lock.name)
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        known = open_lock(Path(folder), header.lock.name, header.lock.sha256).versions()
    return {**named, **{package: " or ".join(sorted(found)) for package, found in known.items()}}


def _lock_text(
    repository: Repository, catalog: Catalog, record: TagRecord, name: SnapshotName, snapshot: Snapshot, path: str
) -> bytes:
    if path.startswith("tools/"):
        _, tool, inside = path.split("/", 2)
        commit = snapshot.pins(name.tool).get(tool, "")
        clones = repository.clones(tool_path(tool), tool_path(tool))[0]
        data = first_answer(clones, lambda clone: clone.file(commit, inside)) if commit else None
    else:
        data = catalog.text(record, path)
    if data is None:
        raise StashError(f"{path} is not on this machine")
    return data


def working_side(repository: Repository, name: SnapshotName, overrides: tuple[str, ...], *, is_sweep: bool) -> Side:
    """Compose the current experiment in the tool's process, and return it as one side.

    Args:
        repository: the stash.
        name: the tool and the experiment.
        overrides: the frozen overrides.
        is_sweep: whether it was frozen as a sweep.

    Raises:
        StashError: the tool is not registered or not checked out, or the experiment does not compose.
    """
    from experimentstash.freeze.redaction import Redaction  # not needed by other sides
    from experimentstash.freeze.sweep import parts
    from experimentstash.hydra.compose import compose
    from experimentstash.hydra.launch import keep_clean
    from experimentstash.hydra.resolved_tool import ResolvedTool
    from experimentstash.hydra.selection import run_request

    stash = Stash(repository.root)
    tool = stash.tool(name.tool)
    request = run_request(
        ResolvedTool(stash, tool), name.experiment, [*(["--multirun"] if is_sweep else []), *overrides]
    )
    keep_clean(request)
    request, answer = compose(request)
    redaction = Redaction(request, answer["secrets"], "")
    whole = redaction.parts(parts(request.overrides, answer, answer)).whole
    header = tuple(line for line in whole.lines if line[0] in ("LATE", "LATE_AT"))
    snapshot = snapshot_file.Snapshot(header, snapshot_body.render(whole.body))
    values = flattened(snapshot.body, name.title)
    changed = changes(stash.checkout(tool.name))
    notes = ["the packages of the working environment are not compared: nothing records them"]
    notes += [f"{tool.path} has uncommitted changes: {', '.join(map(str, changed[:3]))}"] if changed else []
    return Side(
        WORKING,
        name,
        {name.tool: checked_out(stash, name.tool)},
        {key: value for key, value in values.items() if value != snapshot_body.MISSING},
        late_values(snapshot),
        whole.overrides,
        notes=tuple(notes),
    )
