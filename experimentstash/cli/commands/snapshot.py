"""`snapshot TOOL EXPERIMENT… --tag TAG`: freeze experiments as flat config + tool commit + git tag."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from experimentstash.core.errors import FINE, UsageError
from experimentstash.core.errors import command as command_text
from experimentstash.core.files import check_shared
from experimentstash.core.names import plain_tag
from experimentstash.core.progress import show_steps
from experimentstash.freeze.freeze_commit import check_can_commit, check_tag_free, commit_frozen, is_on_no_branch
from experimentstash.freeze.freezer import Freezer
from experimentstash.freeze.pending_snapshot import PendingSnapshot, waiting
from experimentstash.freeze.snapshot_files import taken_up, written
from experimentstash.git.checkouts.pins import check_moves, pin_moves
from experimentstash.hooks.install.diagnosis import warn_missing_hooks
from experimentstash.hydra import command_line
from experimentstash.hydra.selection import run_request
from experimentstash.stash.stash import find_stash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.hydra.run_request import RunRequest


@click.command("snapshot", context_settings={"ignore_unknown_options": True})
@click.argument("tool")
@click.argument("arguments", metavar="EXPERIMENT… [OVERRIDE…]", nargs=-1, type=click.UNPROCESSED)
@click.option("--tag", required=True, help="The tag to freeze under; the git tag is snapshot/TAG.")
@click.option("--late", multiple=True, metavar="KEY", help="Leave KEY to the machine and moment that runs it.")
@click.option("--keep", multiple=True, metavar="KEY", help="Freeze KEY as it is here.")
@click.option("--plain", multiple=True, metavar="KEY", help="Take a plain value where KEY holds an object.")
@click.option("--multirun", is_flag=True, help="Freeze a sweep: Hydra's own flag.")
@click.option("--run", "is_run", is_flag=True, help="Run what was frozen first, and freeze its results with it.")
@click.option("--allow-back", is_flag=True, help="Let the pin of a tool move back or sideways.")
@click.option("--commit", is_flag=True, help="Make the commit and the tag too, all or nothing.")
@click.option("-m", "--message", help="The commit's message.")
def command(
    tool: str,
    arguments: tuple[str, ...],
    tag: str,
    late: tuple[str, ...],
    keep: tuple[str, ...],
    plain: tuple[str, ...],
    multirun: bool,
    is_run: bool,
    allow_back: bool,
    commit: bool,
    message: str | None,
) -> int:
    """Freeze one or more experiments of a tool.

    An argument with = or that begins with + or ~ is a Hydra override, and is frozen with them.
    """
    experiments, overrides = _split(tool, tag, arguments)
    if message is not None and not commit:
        raise UsageError("-m is the message of a commit: say --commit too")
    tag = plain_tag(tag)
    check_shared("-m", message or "")
    stash = find_stash()
    warn_missing_hooks(stash.root)
    freezer = Freezer(stash)
    chosen = freezer.tool(tool)
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
    pins = {pinned: pin for one in frozen for pinned, pin in one.pins.items()}
    moves = pin_moves(stash, pins)
    check_moves(stash, [] if allow_back else moves)
    frozen = [taken_up(stash, one) for one in frozen]
    with written(stash, frozen):
        if is_run:
            from experimentstash.freeze.recorded_run import record_run  # 30 ms, and only this needs it

            frozen = [record_run(chosen, one, is_last=one is frozen[-1]) for one in frozen]
    click.echo("\n".join(freezer.lines(frozen, moves)))
    if commit:
        others = waiting(stash, tag, [path for one in frozen for path in (one.name.path, *one.files)])
        for other in others:
            click.echo(f"with {other.name.path}, frozen before")
        for move in pin_moves(
            stash, {tool: pin for one in others for tool, pin in one.pins.items() if tool not in pins}
        ):
            click.echo(str(move))
        frozen = [*frozen, *others]
        made = commit_frozen(stash, frozen, message or _message(frozen))
        click.echo(f"committed {made[:12]} and tagged it snapshot/{tag}")
        if is_on_no_branch(stash):
            click.echo(f"HEAD is detached: the commit is on no branch\nnext: git branch snapshot-{tag} {made[:12]}")
    else:
        paths = " ".join(
            dict.fromkeys(
                [
                    *(f"tools/{pinned}" for one in frozen for pinned in one.pins),
                    *(path for one in frozen for path in (one.name.path, *one.files)),
                ]
            )
        )
        click.echo(f"next: git add {paths} && git commit && experimentstash tag")
    return FINE


def _split(tool: str, tag: str, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    flags = [argument for argument in arguments if argument.startswith("-")]
    if flags:
        raise UsageError(f"no such option of snapshot: {flags[0]}", "experimentstash snapshot --help")
    experiments = [argument for argument in arguments if not command_line.is_override(argument)]
    if not experiments:
        fix = command_text("experimentstash", "snapshot", tool, "EXPERIMENT", "--tag", tag)
        raise UsageError("snapshot needs an experiment", fix)
    return list(dict.fromkeys(experiments)), [argument for argument in arguments if command_line.is_override(argument)]


def _decided(request: RunRequest, late: tuple[str, ...], keep: tuple[str, ...], plain: tuple[str, ...]) -> RunRequest:
    # What is said now counts more than what the registry says for good.
    standing = request.tool
    return replace(
        request,
        late=(*late, *(key for key in standing.late if key not in keep)),
        keep=(*keep, *(key for key in standing.keep if key not in late)),
        plain=(*plain, *standing.plain),
    )


def _message(frozen: Sequence[PendingSnapshot]) -> str:
    titles = [one.name.title for one in frozen]
    return f"Freeze {', '.join(titles[:3])}{' and more' if len(titles) > 3 else ''} as {frozen[0].name.tag}"
