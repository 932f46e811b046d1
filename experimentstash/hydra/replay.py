"""What to run for a frozen experiment."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, printable
from experimentstash.core.names import SHORT, SnapshotName, check_experiment, near, snapshot_directory, tool_path
from experimentstash.core.secrets import for_others
from experimentstash.git.checkouts.checked_out import update_submodule
from experimentstash.git.checkouts.tool_commit import check_unchanged, checked_out
from experimentstash.git.user_git import answer
from experimentstash.hydra import command_line
from experimentstash.hydra.fixed_values import check_overrides
from experimentstash.hydra.run_request import RunRequest
from experimentstash.stash import snapshot_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from experimentstash.hydra.resolved_tool import ResolvedTool
    from experimentstash.stash.stash import Stash


def checked_request(
    tool: ResolvedTool, experiment: str, tag: str, arguments: Sequence[str] = (), *, any_commit: bool = False
) -> RunRequest:
    """Return what to run, as `frozen_request`, where the tools are what the snapshot was frozen with.

    Args:
        tool: the tool.
        experiment: the experiment's name.
        tag: the tag.
        arguments: what the user typed for Hydra.
        any_commit: run whatever the tools are at; what differs is told, and noted in the run directory.

    Raises:
        StashError: there is no such snapshot here; or a tool is not checked out, is at another commit than the
            snapshot records, or holds changes.
    """
    request = frozen_request(tool, experiment, tag, arguments)
    stash, name = tool.stash, SnapshotName(tool.name, tag, experiment)
    found = list(_differences(stash, name, snapshot_file.parse((stash.root / name.path).read_bytes(), name.path)))
    if found and not any_commit:
        allow = "  # or, to run it all the same, add --any-commit"
        raise StashError(str(found[0].args[0]), f"{found[0].fix}{allow}")
    return replace(request, note=_noted(found)) if found else request


def frozen_request(tool: ResolvedTool, experiment: str, tag: str, arguments: Sequence[str] = ()) -> RunRequest:
    """Return what to run for an experiment that was frozen under a tag, in this checkout.

    Raises:
        StashError: there is no such snapshot here, the tool is not checked out, or a value of the snapshot cannot
            follow what is overridden.
    """
    check_experiment(experiment)
    stash, name = tool.stash, SnapshotName(tool.name, tag, experiment)
    path = stash.unlinked(name.path)
    if not path.is_file():
        raise _no_snapshot(stash, name)
    tool.check_there()
    frozen = snapshot_file.parse(path.read_bytes(), name.path)
    flags, overrides = command_line.split(arguments)
    check_overrides(frozen, name, overrides)
    if frozen.jobs_apart:
        _check_jobs(stash, name, frozen, overrides)
    select = tool.tool.select or frozen.one("SELECT") or "primary"
    settings = (*frozen.all("HYDRA"), *frozen.all("SWEEP"))
    return RunRequest(
        tool,
        experiment,
        tuple(flags),
        tuple(overrides),
        select,
        path,
        settings,
        frozen_with=frozen.all("OVERRIDE"),
    )


def _check_jobs(stash: Stash, name: SnapshotName, frozen: snapshot_file.Snapshot, overrides: Sequence[str]) -> None:
    """Check that the jobs that are snapshots of their own are here, and that nobody sweeps over something else.

    Raises:
        StashError: one is missing, or an override is for a key that the sweep goes through.
    """
    for number in range(frozen.jobs_apart):
        if not stash.unlinked(name.job(number).path).is_file():
            what = f"{name.job(number).path}: job {number} of {name.title} is missing"
            raise StashError(what, command("git", "checkout", f"snapshot/{name.tag}", "--", name.job(number).path))
    swept = {command_line.key(line) for line in frozen.all("SWEEP")}
    for key in map(command_line.key, overrides):
        if key in swept:
            raise StashError(
                f"{name.title}: it sweeps over {key}, and each of its jobs is a separate snapshot",
                f"experimentstash run {name.tool} {name.experiment}/0 --snapshot {name.tag}  # one job of it",
            )


def _differences(stash: Stash, name: SnapshotName, frozen: snapshot_file.Snapshot) -> Iterator[StashError]:
    """Yield why the tools are not what the snapshot was frozen with: another commit, or changes on top of it."""
    for tool, recorded in frozen.pins(name.tool).items():
        try:
            here = checked_out(stash, tool)
            if not snapshot_file.same_commit(recorded, here):
                frozen_at = printable(recorded[:SHORT])
                what = f"{tool_path(tool)} is at {here[:SHORT]}, but {name.path} was frozen at {frozen_at}"
                yield StashError(what, _move_to(stash, tool, recorded))
            check_unchanged(stash, tool)
        except StashError as error:
            yield error


def _move_to(stash: Stash, tool: str, commit: str) -> str:
    """Return the commands that check a commit of a tool out, fetched first where the clone does not have it."""
    place = ("git", "-C", tool_path(tool))
    words = []
    if answer("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", cwd=stash.checkout(tool)) is None:
        words.append(command(*place, "fetch", "--quiet", "--tags", "origin"))
    words.append(command(*place, "checkout", "--quiet", commit))
    if (stash.checkout(tool) / ".gitmodules").exists():
        words.append(command(*place, "submodule", "update", "--init", "--recursive"))
    return " && ".join(words)


def _noted(found: Sequence[StashError]) -> str:
    """Return the text of the note for a run that goes on all the same, and tell the user the same."""
    lines = [f"{printable(str(error.args[0]))}: the result may differ" for error in found]
    for line in lines:
        print(f"experimentstash: {line}", file=sys.stderr)
    return for_others("".join(f"{line}\n" for line in lines))


def _no_snapshot(stash: Stash, name: SnapshotName) -> StashError:
    here = stash.root / "configs" / name.tool / "snapshots"
    folder = stash.root / snapshot_directory(name.tool, name.tag)
    if folder.is_dir():
        known = [path.relative_to(folder).as_posix().removesuffix(".yaml") for path in folder.rglob("*.yaml")]
        return StashError(f"no experiment {name.experiment!r} under the tag {name.tag!r}{near(name.experiment, known)}")
    tags = [path.name for path in here.iterdir()] if here.is_dir() else []
    fix = f"{command('git', 'checkout', f'snapshot/{name.tag}')} && {update_submodule(stash, name.tool)}"
    if answer("rev-parse", "--verify", "--quiet", f"refs/tags/snapshot/{name.tag}", cwd=stash.root) is None:
        fix = "git fetch --tags  # if others have it"
    return StashError(
        f"no snapshot of {name.tool!r} under the tag {name.tag!r} in this checkout{near(name.tag, tags)}", fix
    )
