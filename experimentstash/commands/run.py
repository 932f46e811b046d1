"""`run TOOL EXPERIMENT [ANYTHING…]`: run an experiment, or the frozen one of a snapshot."""

from __future__ import annotations

import click

from experimentstash import process, registry
from experimentstash.hydra import compose, launch
from experimentstash.hydra.replay import frozen_wish
from experimentstash.hydra.selection import wish
from experimentstash.names import check_tag
from experimentstash.problems import FINE, ToolExit, UsageError
from experimentstash.stash import find_stash


@click.command(
    "run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    options_metavar="",
)
@click.argument("tool")
@click.argument("experiment")
@click.argument("anything", nargs=-1, type=click.UNPROCESSED)
def command(tool: str, experiment: str, anything: tuple[str, ...]) -> int:
    """Run an experiment.

    All that follows EXPERIMENT goes to the tool's Hydra unchanged, overrides and flags (--multirun,
    --cfg job, --info searchpath), but for two options of this program:

    \b
    --snapshot TAG    run what was frozen under TAG, in this checkout
    --validate-only   compose the config and stop
    """  # noqa: D301  (click's \b keeps the list)
    arguments, tag, validate_only = _own_options(anything)
    stash = find_stash()
    chosen = registry.find(registry.load(stash), tool)
    if tag is not None:
        check_tag(tag)
        wanted = frozen_wish(stash, chosen, experiment, tag, arguments)
    else:
        wanted = wish(stash, chosen, experiment, arguments)
    launch.keep_clean(wanted)
    if validate_only:
        compose.compose(wanted, mode="validate")
        click.echo(f"{tool}/{experiment} composes")
        return FINE
    start = launch.running(wanted)
    raise ToolExit(process.run_through(start.command, cwd=start.cwd, env=start.env))


def _own_options(anything: tuple[str, ...]) -> tuple[list[str], str | None, bool]:
    rest: list[str] = []
    tag: str | None = None
    waiting = iter(anything)
    for argument in waiting:
        if argument == "--snapshot":
            tag = next(waiting, "")
        elif argument.startswith("--snapshot="):
            tag = argument.partition("=")[2]
        elif argument != "--validate-only":
            rest.append(argument)
    if tag == "":
        raise UsageError("--snapshot wants a tag", "experimentstash run TOOL EXPERIMENT --snapshot TAG")
    return rest, tag, "--validate-only" in anything
