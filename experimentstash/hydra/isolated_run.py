"""A frozen experiment, run in a directory of its own that was empty before, and what it wrote beside that."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core import process
from experimentstash.core.errors import StashError
from experimentstash.git.checkouts.restore import directories
from experimentstash.git.checkouts.stray_results import collect_stray, without_earlier
from experimentstash.hydra.frozen_run import run_frozen
from experimentstash.hydra.launch import RUN, keep_clean, outputs
from experimentstash.hydra.loaded_code import Loaded
from experimentstash.hydra.replay import frozen_request
from experimentstash.stash.results.stray_files import snapshot_tree, written_beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.core.names import SnapshotName
    from experimentstash.hydra.resolved_tool import ResolvedTool
    from experimentstash.hydra.run_request import RunRequest
    from experimentstash.stash.results.stray_files import Written

OWN = "@run"
"""The name of a directory that no experiment can have: one may lie in the directory of another."""
OVERDUE = 124
"""The exit code of a run that did not end in its time, as timeout(1) has it."""


@dataclass(frozen=True)
class Ran:
    """One run that came to its end.

    Attributes:
        folder: the run directory; of a sweep, the directory of its jobs.
        exit_code: the tool's own; 128 + N after signal N, or where somebody asked us with signal N to end; `OVERDUE`
            where its time was over.
        beside: what it left beside the run directory, in the stash or in the tool.
        stopped: whether somebody asked us to end while it ran. Many tools save what they have and end as if all
            were well (Lightning does): what they wrote is no result.
        overdue: whether its time was over, and it was ended.
        directories: those of the tool and of the stash before it ran.
        loaded: the modules and configs that its processes loaded, those that came to their end by themselves.
    """

    folder: Path
    exit_code: int
    beside: tuple[Written, ...]
    stopped: bool = False
    overdue: bool = False
    directories: frozenset[str] = frozenset()
    loaded: Loaded = field(default_factory=Loaded)


def run_folder(tool: ResolvedTool, name: SnapshotName) -> Path:
    """Return the directory that takes what a run of a snapshot writes, where none is there yet."""
    return outputs(tool, name.experiment) / OWN / name.tag


def free_folder(folder: Path) -> Path:
    """Return the directory, or, where an earlier run has left something there, the next of its name."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free


def check_left_alone(folder: Path) -> None:
    """Raise `StashError` where what an earlier run started still writes into its run directory."""
    if left := process.with_variable(RUN, str(folder)):
        pids = " ".join(map(str, left[:100]))
        raise StashError(f"{folder}: a process of an earlier run is still writing there", f"kill {pids}")


def run_fresh(
    tool: ResolvedTool,
    name: SnapshotName,
    folder: Path,
    limit: float | None = None,
    launcher: Sequence[str] = (),
    imports: Path | None = None,
) -> Ran:
    """Run a snapshot of this checkout, with our standard streams and signals.

    Args:
        tool: the tool.
        name: the snapshot; it is on disk.
        folder: the run directory; it is made, and must not be there.
        limit: its time limit in seconds; None for no limit.
        launcher: the overrides that replace the recorded launcher.
        imports: the directory that takes the names of what it imports, or None.

    Raises:
        StashError: the tool is not checked out, or its program cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as reports:
        request = frozen_request(tool, name.experiment, name.tag, launcher)
        ran = _run(replace(request, folder=folder, loaded=Path(reports), imports=imports), name.tag, folder, limit)
        return replace(ran, loaded=Loaded.read(Path(reports)))


def _run(request: RunRequest, tag: str, folder: Path, limit: float | None) -> Ran:
    keep_clean(request)
    folder.mkdir(parents=True)
    places = (request.stash.root, request.root)
    before = snapshot_tree(places, leave_out=[folder])
    known = frozenset(directories(request.stash.root) | directories(request.root))
    with without_earlier(request.stash, request.tool, sorted(before), folder.with_name(f"{folder.name}-before")):
        if request.tool.results.paths:
            before = snapshot_tree(places, leave_out=[folder])
        code, stopped, overdue = _started(request, tag, limit)
        beside = written_beside(before, snapshot_tree(places, leave_out=[folder]))
        rest = collect_stray(request.stash, request.tool, beside, folder)
    return Ran(folder, code, rest, stopped, overdue, known)


def _started(request: RunRequest, tag: str, limit: float | None) -> tuple[int, bool, bool]:
    """Start the tool, and return its exit code, whether it was asked to end, and whether its time was over."""
    asked: list[int] = []
    overdue = False
    try:
        code = run_frozen(request, tag, ending_signals=asked, limit=limit, bound=True)
    except subprocess.TimeoutExpired:
        code, overdue = OVERDUE, True
    code = 128 + asked[0] if asked else code
    return code, bool(asked), overdue
