"""What a run says of where it comes from: the record in its run directory, and two environment variables.

The record is written inside the tool's process, where the run directory is known (`experimentstash_inside.origin`).
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from experimentstash import __version__
from experimentstash.core.names import SnapshotName
from experimentstash.core.secrets import for_others_in
from experimentstash.git.user_git import ask_git
from experimentstash.hydra.launch import ORDER
from experimentstash.stash import snapshot_file

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.hydra.launch import Launch
    from experimentstash.hydra.run_request import RunRequest

TAG = "EXPERIMENTSTASH_TAG"
"""In the environment of a replay: the tag. Any other run has no such variable."""
TOOL_COMMIT = "EXPERIMENTSTASH_TOOL_COMMIT"
"""In the environment of a run: the full id of the commit that its tool is checked out at."""
FORMAT = 1


def with_record(launch: Launch, request: RunRequest, tag: str | None) -> Launch:
    """Return a start that leaves a record in the run directory, and tells loggers the tag and the tool's commit.

    Args:
        launch: how the run is started.
        request: what is run.
        tag: the tag of the snapshot that is replayed, or None.
    """
    record = run_record(request, tag)
    order = {**json.loads(launch.env[ORDER]), "origin": record, "work": str(request.work)}
    env = {key: value for key, value in launch.env.items() if key not in (TAG, TOOL_COMMIT)}
    env |= {ORDER: json.dumps(order), TOOL_COMMIT: record["tool_commits"].get(request.tool.name) or ""}
    return replace(launch, env={**env, TAG: tag} if tag else env)


def run_record(request: RunRequest, tag: str | None) -> dict[str, Any]:
    """Return what is known of a run before it starts; no text of it holds a secret or a name of this machine."""
    stash_commit, stash_changed = _state(request.stash.root)
    snapshot = None
    if tag is not None and request.snapshot is not None:
        name = SnapshotName(request.tool.name, tag, request.experiment)
        snapshot = snapshot_file.parse(request.snapshot.read_bytes(), name.path)
    tools = [request.tool.name, *(tool for tool, _ in (snapshot.depends if snapshot else ()))]
    states = {tool: _state(request.stash.checkout(tool)) for tool in tools}
    record = {
        "format": FORMAT,
        "experimentstash": __version__,
        "stash_commit": stash_commit,
        "tool": request.tool.name,
        "experiment": request.experiment,
        "tag": tag,
        "tool_commits": {tool: commit for tool, (commit, _) in states.items()},
        "dirty": sorted([tool for tool, (_, changed) in states.items() if changed]),
        "stash_dirty": stash_changed,
        "overrides": [*request.frozen_with, *request.overrides],
        "lock": snapshot.one("LOCK") or None if snapshot else None,
        "differs": request.note.splitlines(),
        "platform": sys.platform,
    }
    cleaned: dict[str, Any] = for_others_in(record)
    return cleaned


def _state(root: Path) -> tuple[str | None, bool]:
    """Return the commit that is checked out, and whether files that git knows differ from it."""
    options = ("--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules=dirty")
    told = ask_git("-c", "core.fsmonitor=false", "status", *options, cwd=root)
    if told.returncode != 0:
        return None, False
    lines = told.stdout.decode("utf-8", "replace").splitlines()
    commit = next((line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid ")), "")
    return commit if commit and commit != "(initial)" else None, any(not line.startswith("#") for line in lines)
