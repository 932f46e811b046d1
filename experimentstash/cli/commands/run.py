"""`run TOOL EXPERIMENT [ANYTHING…]`: runs an experiment, or the frozen one of a snapshot."""

from __future__ import annotations

import glob
import sys

import click

from experimentstash.core import process
from experimentstash.core.errors import FINE, ToolExit, UsageError
from experimentstash.core.errors import command as command_text
from experimentstash.core.names import SnapshotName, plain_tag
from experimentstash.git.user_git import answer, git
from experimentstash.hooks.install.diagnosis import warn_missing_hooks
from experimentstash.hydra import compose, launch
from experimentstash.hydra.frozen_run import run_frozen
from experimentstash.hydra.replay import checked_request
from experimentstash.hydra.resolved_tool import ResolvedTool
from experimentstash.hydra.run_record import with_record
from experimentstash.hydra.selection import run_request
from experimentstash.stash.stash import find_stash

_FLAGS = frozenset({"--any-commit", "--validate-only"})


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

    All arguments after EXPERIMENT go to Hydra unchanged: overrides and flags (--multirun, --cfg job,
    --info searchpath). Three options belong to this program:

    \b
    --snapshot TAG    run the config that is frozen under TAG, in this checkout
    --any-commit      with --snapshot: allow a tool that is changed or at another commit
    --validate-only   compose the config and stop

    Example: experimentstash run mytool figure1/pca data.n_samples=500
    """  # noqa: D301  (click's \b keeps the list)
    arguments, tag, flags = _own_options(command_text("experimentstash", "run", tool, experiment), anything)
    stash = find_stash()
    warn_missing_hooks(stash.root)
    chosen = ResolvedTool(stash, stash.tool(tool))
    if tag is not None:
        tag = plain_tag(tag)
        request = checked_request(chosen, experiment, tag, arguments, any_commit="--any-commit" in flags)
    else:
        _hint_at_frozen(chosen, experiment)
        request = run_request(chosen, experiment, arguments)
    launch.keep_clean(request)
    if "--validate-only" in flags:
        compose.compose(request, mode="validate")
        click.echo(f"{tool}/{experiment} composes")
        return FINE
    if tag is not None:
        raise ToolExit(run_frozen(request, tag))
    start = with_record(launch.running(request), request, None)
    raise ToolExit(process.run_through(start.command, cwd=start.cwd, env=start.env))


def _hint_at_frozen(tool: ResolvedTool, experiment: str) -> None:
    """Say, on the checkout of a snapshot's tag, which option runs the frozen config."""
    root = tool.stash.root
    if not any(root.glob(f"configs/{glob.escape(tool.name)}/snapshots/*/{glob.escape(experiment)}.yaml")):
        return
    if answer("symbolic-ref", "--quiet", "HEAD", cwd=root) is None:
        names = git("tag", "--points-at", "HEAD", "--list", "snapshot/*", cwd=root).split()
        tags = [name.removeprefix("snapshot/") for name in names]
        frozen = [tag for tag in tags if (root / SnapshotName(tool.name, tag, experiment).path).is_file()]
        for tag in frozen:
            option = f"--snapshot {tag} runs the config that is frozen there"
            print(f"experimentstash: this is the checkout of snapshot/{tag}; {option}", file=sys.stderr, flush=True)


def _own_options(run: str, anything: tuple[str, ...]) -> tuple[list[str], str | None, frozenset[str]]:
    """Return the arguments for Hydra, the tag of `--snapshot`, and the flags of this program.

    Args:
        run: the command without any options, for messages.
        anything: the arguments after the experiment.

    Raises:
        UsageError: a tag is missing.
    """
    rest: list[str] = []
    tag: str | None = None
    arguments = iter(anything)
    for argument in arguments:
        if argument == "--snapshot":
            tag = next(arguments, "")
        elif argument.startswith("--snapshot="):
            tag = argument.partition("=")[2]
        elif argument not in _FLAGS:
            rest.append(argument)
    if tag == "":
        raise UsageError("--snapshot needs a tag", f"{run} --snapshot TAG")
    flags = _FLAGS.intersection(anything)
    if "--any-commit" in flags and tag is None:
        raise UsageError("--any-commit needs --snapshot TAG", f"{run} --snapshot TAG --any-commit")
    return rest, tag, flags
