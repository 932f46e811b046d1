"""A frozen experiment, run in a folder of its own that was empty before, and what it wrote beside that."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from experimentstash import process
from experimentstash.hydra.frozen_run import run_frozen
from experimentstash.hydra.launch import RUN, keep_clean, outputs
from experimentstash.hydra.replay import frozen_wish
from experimentstash.problems import StashError
from experimentstash.results.beside import snapshot_tree, written_beside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from experimentstash.names import SnapshotName
    from experimentstash.results.beside import Written
    from experimentstash.tool import Tool

OWN = "@run"
"""The name of a folder that no experiment can have: one may lie in the folder of another."""
OVERDUE = 124
"""The exit code of a run that did not end in its time, as timeout(1) has it."""


@dataclass(frozen=True)
class Ran:
    """One run that came to its end.

    Attributes:
        folder: the run folder; of a sweep, the folder of its jobs.
        exit_code: the tool's own; 128 + N after signal N, or where somebody asked us with signal N to end; `OVERDUE`
            where its time was over.
        beside: what it left beside the run folder, in the stash or in the tool.
        stopped: whether somebody asked us to end while it ran. Many tools save what they have and end as if all
            were well (Lightning does): what they wrote is no result.
        overdue: whether its time was over, and it was ended.
    """

    folder: Path
    exit_code: int
    beside: tuple[Written, ...]
    stopped: bool = False
    overdue: bool = False


def run_folder(stash: Path, tool: Tool, name: SnapshotName) -> Path:
    """Return the folder that takes what a run of a snapshot writes, where none is there yet."""
    return outputs(stash, tool, name.experiment) / OWN / name.tag


def check_left_alone(folder: Path) -> None:
    """Raise `StashError` where what an earlier run started still writes into its run folder."""
    if left := process.with_variable(RUN, str(folder)):
        pids = " ".join(map(str, left[:100]))
        raise StashError(f"{folder}: what an earlier run started is still at work there", f"kill {pids}")


def run_fresh(
    stash: Path,
    tool: Tool,
    name: SnapshotName,
    folder: Path,
    limit: float | None = None,
    launcher: Sequence[str] = (),
    imports: Path | None = None,
) -> Ran:
    """Run a snapshot of this checkout, with our standard streams and signals.

    Args:
        stash: the stash's root.
        tool: the tool.
        name: the snapshot; it is on disk.
        folder: the run folder; it is made, and must not be there.
        limit: seconds that it has, or None for as many as it takes.
        launcher: the overrides that replace the recorded launcher.
        imports: the folder that takes the names of what it imports, or None.

    Raises:
        StashError: the tool is not checked out, or its program cannot be started.
    """
    wanted = frozen_wish(stash, tool, name.experiment, name.tag, launcher)
    wanted = replace(wanted, folder=folder, imports=imports)
    keep_clean(wanted)
    folder.mkdir(parents=True)
    places = (stash, wanted.root)
    before = snapshot_tree(places, leave_out=[folder])
    asked: list[int] = []
    overdue = False
    try:
        code = run_frozen(wanted, name.tag, asked_to_end=asked, limit=limit, bound=True)
    except subprocess.TimeoutExpired:
        code, overdue = OVERDUE, True
    code = 128 + asked[0] if asked else code
    beside = written_beside(before, snapshot_tree(places, leave_out=[folder]))
    return Ran(folder, code, beside, bool(asked), overdue)
