"""What to run for a frozen experiment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from experimentstash import snapshot
from experimentstash.files import check_inside
from experimentstash.git import ask_git
from experimentstash.hydra import commandline
from experimentstash.hydra.launch import Wish, check_tool_there
from experimentstash.names import SnapshotName, check_experiment, near, snapshot_folder, tool_path
from experimentstash.problems import StashError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from experimentstash.tool import Tool


def frozen_wish(stash: Path, tool: Tool, experiment: str, tag: str, arguments: Sequence[str] = ()) -> Wish:
    """Return what to run for an experiment that was frozen under a tag, in this checkout.

    Raises:
        StashError: there is no such snapshot here, or the tool is not checked out.
    """
    check_experiment(experiment)
    name = SnapshotName(tool.name, tag, experiment)
    path = stash / name.path
    check_inside(stash, path)
    if not path.is_file():
        raise _no_snapshot(stash, name)
    check_tool_there(stash, tool)
    frozen = snapshot.parse(path.read_bytes(), name.path)
    _tell_other_commit(stash, name, frozen)
    flags, overrides = commandline.split(arguments)
    if frozen.jobs_apart:
        _check_jobs(stash, name, frozen, overrides)
    select = tool.select or frozen.one("SELECT") or "primary"
    settings = (*frozen.all("HYDRA"), *frozen.all("SWEEP"))
    return Wish(stash, tool, experiment, tuple(flags), tuple(overrides), select, path, settings)


def _check_jobs(stash: Path, name: SnapshotName, frozen: snapshot.Snapshot, overrides: Sequence[str]) -> None:
    """Check that the jobs that are snapshots of their own are here, and that nobody sweeps over something else.

    Raises:
        StashError: one is missing, or an override is for a key that the sweep goes through.
    """
    for number in range(frozen.jobs_apart):
        check_inside(stash, stash / name.job(number).path)
        if not (stash / name.job(number).path).is_file():
            what = f"{name.job(number).path}: job {number} of {name.title} is not there"
            raise StashError(what, f"git checkout snapshot/{name.tag}")
    swept = {commandline.key(line) for line in frozen.all("SWEEP")}
    for key in map(commandline.key, overrides):
        if key in swept:
            raise StashError(
                f"{name.title}: it sweeps over {key}, and each of its jobs is frozen by itself",
                f"experimentstash run {name.tool} {name.experiment}/0 --snapshot {name.tag}  # one job of it",
            )


def _tell_other_commit(stash: Path, name: SnapshotName, frozen: snapshot.Snapshot) -> None:
    """Tell, without stopping anybody, that a tool is not at the commit that the snapshot records."""
    for tool, recorded in frozen.pins(name.tool).items():
        here = ask_git("rev-parse", "HEAD", cwd=stash / tool_path(tool)).stdout.decode("ascii", "replace").strip()
        if not snapshot.same_commit(recorded, here):
            print(
                f"experimentstash: {tool_path(tool)} is at {here[:12]}, and {name.path} was frozen at"
                f" {printable(recorded[:12])}: the result may differ\n"
                f"    fix: git checkout snapshot/{name.tag} && git submodule update --init --recursive",
                file=sys.stderr,
            )


def _no_snapshot(stash: Path, name: SnapshotName) -> StashError:
    here = stash / "configs" / name.tool / "snapshots"
    folder = stash / snapshot_folder(name.tool, name.tag)
    if folder.is_dir():
        known = [path.relative_to(folder).as_posix().removesuffix(".yaml") for path in folder.rglob("*.yaml")]
        return StashError(f"no experiment {name.experiment!r} under the tag {name.tag!r}{near(name.experiment, known)}")
    tags = [path.name for path in here.iterdir()] if here.is_dir() else []
    return StashError(
        f"no snapshot of {name.tool!r} under the tag {name.tag!r} in this checkout{near(name.tag, tags)}",
        f"git checkout snapshot/{name.tag}",
    )
