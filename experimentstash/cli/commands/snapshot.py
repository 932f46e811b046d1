"""`snapshot TOOL EXPERIMENT… --tag TAG`: freeze experiments as flat config + tool commit + git tag."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from experimentstash.core.errors import FINE, StashError, UsageError, printable
from experimentstash.core.errors import command as command_text
from experimentstash.core.files import check_shared, remove_empty, write_shared
from experimentstash.core.names import plain_tag
from experimentstash.core.progress import show_steps
from experimentstash.freeze.freeze import freeze
from experimentstash.freeze.freeze_commit import check_can_commit, check_tag_free, commit_frozen, is_on_no_branch
from experimentstash.freeze.pending_snapshot import Frozen, files_beside, is_committed, problems_of, waiting
from experimentstash.git.checkouts.outward_links import outward_links
from experimentstash.git.checkouts.pins import check_moves, pin_moves
from experimentstash.git.checkouts.tool_commit import checked_out
from experimentstash.hooks.install.diagnosis import tell_missing_hooks
from experimentstash.hydra import command_line, launch
from experimentstash.hydra.compose import Composing
from experimentstash.hydra.resolved_tool import ResolvedTool
from experimentstash.hydra.selection import wish
from experimentstash.stash import snapshot_file
from experimentstash.stash.stash import find_stash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from experimentstash.freeze.environment_capture import Surroundings
    from experimentstash.stash.stash import Stash


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
    tell_missing_hooks(stash.root)
    chosen = ResolvedTool(stash, stash.tool(tool))
    check_tag_free(stash, tag)
    if commit:
        check_can_commit(stash, tool)
    commit_now = checked_out(stash, tool)
    check_moves(stash, [] if allow_back else pin_moves(stash, {tool: commit_now}))
    flags = ["--multirun"] if multirun else []
    wishes = [_decided(wish(chosen, experiment, [*flags, *overrides]), late, keep, plain) for experiment in experiments]
    show_steps()
    composing = Composing(wishes, commit_now)
    with ThreadPoolExecutor(1) as beside:  # a question to the package index takes as long as composing
        within = beside.submit(_surroundings, chosen, tag).result
        frozen = [freeze(wanted, tag, within, composing=composing) for wanted in wishes]
    pins = {pinned: pin for one in frozen for pinned, pin in one.pins.items()}
    moves = pin_moves(stash, pins)
    check_moves(stash, [] if allow_back else moves)
    frozen = [_taken_up(stash, one) for one in frozen]
    with _written(stash, frozen):
        if is_run:
            from experimentstash.freeze.recorded_run import record_run  # 30 ms, and only this needs it

            frozen = [record_run(chosen, one, is_last=one is frozen[-1]) for one in frozen]
    for one in frozen:
        click.echo("\n".join(one.lines()))
    for told in within().told:
        click.echo(f"    environment: {printable(told)}")
    for line in (*map(str, moves), *outward_links(stash, pins)):
        click.echo(line)
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


def _decided(wanted: launch.Wish, late: tuple[str, ...], keep: tuple[str, ...], plain: tuple[str, ...]) -> launch.Wish:
    # What is said now counts more than what the registry says for good.
    standing = wanted.tool
    return replace(
        wanted,
        late=(*late, *(key for key in standing.late if key not in keep)),
        keep=(*keep, *(key for key in standing.keep if key not in late)),
        plain=(*plain, *standing.plain),
    )


def _taken_up(stash: Stash, frozen: Frozen) -> Frozen:
    """Return the snapshot, or the one on disk if that is the same but for its time and what varies.

    So a freeze that was cut off is finished by saying it again.

    Raises:
        StashError: another snapshot is on disk under that name.
    """
    path = stash.inside(frozen.name.path)
    if not path.exists():
        return frozen
    there = path.read_text("utf-8", "replace")
    for problem in problems_of(frozen.name, there):
        raise StashError(f"{frozen.name.path}: {problem.what}", problem.fix)
    _check_same(stash, frozen, there)
    beside = files_beside(stash, frozen.name, snapshot_file.parse(there.encode("utf-8", "replace"), frozen.name.path))
    for job in frozen.jobs():
        _check_same(stash, job, beside[job.name.path])
    return replace(frozen.as_written(there), files={**frozen.files, **beside})


def _check_same(stash: Stash, frozen: Frozen, there: str) -> None:
    if frozen.same_but_for_the_moment(there):
        return
    path = frozen.name.path
    fix = f"rm {path}  # to freeze it anew, or choose another --tag"
    if is_committed(stash, path):  # its tag is lost, and what it froze is not to be changed
        fix = "experimentstash tag  # and choose another --tag"
    raise StashError(f"{path}: there already, with another content, and not tagged yet", fix)


@contextlib.contextmanager
def _written(stash: Stash, frozen: Sequence[Frozen]) -> Iterator[None]:
    """Write what is not there yet; it goes again where what is done with it fails."""
    written: list[Path] = []
    try:
        for one in frozen:
            for name, text in {**one.files, one.name.path: one.text}.items():
                path = stash.inside(name)
                if not path.exists():
                    written.append(path)
                    write_shared(path, text, one.published)
            if not (stash.root / one.name.results_path).exists():
                written.append(stash.root / one.name.results_path)  # should it be run
        yield
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
            remove_empty(path.parent, stash.root)
        raise


def _surroundings(tool: ResolvedTool, tag: str) -> Surroundings:
    from experimentstash.freeze.environment_capture import surroundings  # loaded while the tool composes

    return surroundings(tool, tag)


def _message(frozen: Sequence[Frozen]) -> str:
    titles = [one.name.title for one in frozen]
    return f"Freeze {', '.join(titles[:3])}{' and more' if len(titles) > 3 else ''} as {frozen[0].name.tag}"
