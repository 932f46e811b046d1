"""`snapshot TOOL EXPERIMENT… --tag TAG`: freezes experiments as flat config + tool commit + git tag."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from experimentstash.core.errors import FINE, StashError, UsageError, listed
from experimentstash.core.errors import command as command_text
from experimentstash.core.files import check_shared
from experimentstash.core.names import SHORT, nearest, plain_tag
from experimentstash.core.progress import show_steps
from experimentstash.freeze.freeze_commit import check_can_commit, check_tag_free, commit_frozen, is_on_no_branch
from experimentstash.freeze.freezer import Freezer
from experimentstash.freeze.pending_snapshot import PendingSnapshot, uncommitted
from experimentstash.freeze.snapshot_files import existing_or_new, written
from experimentstash.git.checkouts.pins import check_moves, pin_moves
from experimentstash.hooks.install.diagnosis import warn_missing_hooks
from experimentstash.hydra import command_line
from experimentstash.hydra.selection import run_request
from experimentstash.stash.stash import find_stash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from experimentstash.hydra.resolved_tool import ResolvedTool
    from experimentstash.hydra.run_request import RunRequest
    from experimentstash.stash.stash import Stash


@click.command("snapshot", context_settings={"ignore_unknown_options": True})
@click.argument("tool")
@click.argument("arguments", metavar="EXPERIMENT… [OVERRIDE…]", nargs=-1, type=click.UNPROCESSED)
@click.option("--tag", required=True, help="The tag of the snapshot; the git tag is snapshot/TAG.")
@click.option("--late", multiple=True, metavar="KEY", help="Do not freeze KEY: each run computes it.")
@click.option("--keep", multiple=True, metavar="KEY", help="Freeze the current value of KEY.")
@click.option("--plain", multiple=True, metavar="KEY", help="Freeze a plain value if KEY holds an object.")
@click.option("--multirun", is_flag=True, help="Freeze a sweep (Hydra's own flag).")
@click.option("--run", "is_run", is_flag=True, help="Run the frozen config, and record its results in the snapshot.")
@click.option("--replace", "is_replacing", is_flag=True, help="Freeze a tag that is not published anew.")
@click.option("--allow-back", is_flag=True, help="Allow a tool's pin to move to an older or unrelated commit.")
@click.option("--commit", is_flag=True, help="Also make the commit and the tag, or neither.")
@click.option("-m", "--message", help="The message of the commit.")
def command(
    tool: str,
    arguments: tuple[str, ...],
    tag: str,
    late: tuple[str, ...],
    keep: tuple[str, ...],
    plain: tuple[str, ...],
    multirun: bool,
    is_run: bool,
    is_replacing: bool,
    allow_back: bool,
    commit: bool,
    message: str | None,
) -> int:
    """Freeze one or more experiments of a tool.

    An argument that contains = or begins with + or ~ is a Hydra override, and is frozen with the experiments.

    Example: experimentstash snapshot mytool figure1/pca --tag camera-ready --commit
    """
    experiments, overrides = _split(tool, tag, arguments)
    if message is not None and not commit:
        raise UsageError("-m needs --commit")
    tag = plain_tag(tag)
    check_shared("-m", message or "")
    stash = find_stash()
    warn_missing_hooks(stash.root)
    freezer = Freezer(stash)
    chosen = freezer.tool(tool)
    if not is_replacing:
        check_tag_free(stash, tag)
    if commit:
        check_can_commit(stash, tool)
    check_moves(stash, [] if allow_back else pin_moves(stash, {tool: chosen.commit}))
    flags = ["--multirun"] if multirun else []
    requests = [
        _decided(run_request(chosen, experiment, [*flags, *overrides]), late, keep, plain) for experiment in experiments
    ]
    show_steps()
    frozen = freezer.freeze(requests, tag)
    moves = pin_moves(stash, {pinned: pin for one in frozen for pinned, pin in one.pins.items()})
    check_moves(stash, [] if allow_back else moves)
    with _replaced(stash, tag, frozen) if is_replacing else contextlib.nullcontext():
        frozen = _write(chosen, [existing_or_new(stash, one) for one in frozen], is_run=is_run)
        click.echo("\n".join(freezer.lines(frozen, moves)))
        if commit:
            _commit(stash, frozen, message)
    if not commit:
        _tell_next(frozen)
    return FINE


@contextlib.contextmanager
def _replaced(stash: Stash, tag: str, frozen: Sequence[PendingSnapshot]) -> Iterator[None]:
    """Take the old snapshot of a tag back, and restore it if the body of the `with` statement fails.

    Raises:
        StashError: the old snapshot is published, or contains experiments that are not frozen anew.
    """
    from experimentstash.freeze.withdrawal import plan_withdrawal  # only a replacement needs these
    from experimentstash.git.repository import Repository
    from experimentstash.git.stash_change import changed_until_failure

    with Repository.open(stash.root) as repository:
        drop = plan_withdrawal(repository, stash, tag)
    anew = {name for one in frozen for name in (one.name, *(job.name for job in one.jobs()))}
    sweeps = tuple(f"{name.path.removesuffix('.yaml')}/" for name in anew)
    lost = [name for name in drop.names if name not in anew and not name.path.startswith(sweeps)]
    if lost:
        titles = listed([name.title for name in lost], 5)
        what = f"snapshot/{tag} also contains {titles}, which this command does not freeze"
        raise StashError(what, command_text("experimentstash", "drop", tag))
    written_files = [path for one in frozen for path in (one.name.path, one.name.results_path, *one.files)]
    with changed_until_failure(stash, drop.change, written_files):
        yield


def _write(tool: ResolvedTool, frozen: list[PendingSnapshot], *, is_run: bool) -> list[PendingSnapshot]:
    with written(tool.stash, frozen):
        if is_run:
            from experimentstash.freeze.recorded_run import record_run  # 30 ms, and only this needs it

            return [record_run(tool, one, is_last=one is frozen[-1]) for one in frozen]
    return frozen


def _commit(stash: Stash, frozen: list[PendingSnapshot], message: str | None) -> None:
    """Make the freeze commit and its tag, with the snapshots of the tag that were frozen earlier."""
    pins = {pinned for one in frozen for pinned in one.pins}
    tag = frozen[0].name.tag
    others = uncommitted(stash, tag, [path for one in frozen for path in (one.name.path, *one.files)])
    for other in others:
        click.echo(f"also committing {other.name.path}, which was frozen earlier")
    for move in pin_moves(stash, {tool: pin for one in others for tool, pin in one.pins.items() if tool not in pins}):
        click.echo(str(move))
    frozen = [*frozen, *others]
    made = commit_frozen(stash, frozen, message or _message(frozen))
    click.echo(f"committed {made[:SHORT]} and tagged it snapshot/{tag}")
    if is_on_no_branch(stash):
        click.echo(f"HEAD is detached: the commit is on no branch\nnext: git branch snapshot-{tag} {made[:SHORT]}")


def _tell_next(frozen: Sequence[PendingSnapshot]) -> None:
    pins = [f"tools/{pinned}" for one in frozen for pinned in one.pins]
    paths = [path for one in frozen for path in (one.name.path, *one.files)]
    click.echo(f"next: git add {' '.join(dict.fromkeys([*pins, *paths]))} && git commit && experimentstash tag")


def _split(tool: str, tag: str, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    flags = [argument for argument in arguments if argument.startswith("-")]
    if flags:
        options = [name for option in command.params for name in option.opts]
        suggestion = f"; did you mean {close}?" if (close := nearest(flags[0].partition("=")[0], options)) else ""
        raise UsageError(f"no such option of snapshot: {flags[0]}{suggestion}", "experimentstash snapshot --help")
    experiments = [argument for argument in arguments if not command_line.is_override(argument)]
    if not experiments:
        fix = command_text("experimentstash", "snapshot", tool, "EXPERIMENT", "--tag", tag)
        raise UsageError("snapshot needs an experiment", fix)
    return list(dict.fromkeys(experiments)), [argument for argument in arguments if command_line.is_override(argument)]


def _decided(request: RunRequest, late: tuple[str, ...], keep: tuple[str, ...], plain: tuple[str, ...]) -> RunRequest:
    # Options of the command override the registry.
    tool = request.tool
    return replace(
        request,
        late=(*late, *(key for key in tool.late if key not in keep)),
        keep=(*keep, *(key for key in tool.keep if key not in late)),
        plain=(*plain, *tool.plain),
    )


def _message(frozen: Sequence[PendingSnapshot]) -> str:
    titles = [one.name.title for one in frozen]
    return f"Freeze {', '.join(titles[:3])}{' and more' if len(titles) > 3 else ''} as {frozen[0].name.tag}"
