"""How an experiment is chosen: the registry says it, or its source shows it, or the program itself is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, quote
from experimentstash.core.names import REGISTRY, check_experiment, experiment_path
from experimentstash.hydra import command_line, experiment_text
from experimentstash.hydra.launch import Wish
from experimentstash.hydra.query import NotComposed, describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.hydra.resolved_tool import ResolvedTool


def wish(tool: ResolvedTool, experiment: str, arguments: Sequence[str] = ()) -> Wish:
    """Return what to run for an experiment and what the user typed after it.

    Raises:
        StashError: the tool is not checked out, there is no such experiment, or nothing tells how it is chosen.
    """
    check_experiment(experiment)
    tool.check_there()
    flags, overrides = command_line.split(arguments)
    wanted = Wish(tool, experiment, tuple(flags), tuple(overrides))
    text = experiment_text.find(tool, experiment)
    return selected(wanted, text) if text is not None else _in_python(wanted)


def selected(wanted: Wish, text: str) -> Wish:
    """Return a wish with the way that its experiment is chosen.

    Args:
        wanted: what is to be run.
        text: the experiment's YAML.

    Raises:
        StashError: nothing tells it, or the program cannot be asked.
    """
    select = wanted.tool.select or wanted.resolved.guess_select(text)
    if select is None:
        answer = describe(wanted)
        if isinstance(answer, NotComposed):
            raise answer.error
        select = "compose" if answer.uses_compose else answer.select
    if not select:
        raise _undecided(wanted)
    return replace(wanted, select=select)


def as_part_of_the_whole(path: str) -> str:
    """Return the command that writes on top of a config that its keys are those of the whole config."""
    shown, new = quote(path), quote(f"{path}.new")
    return f"{{ echo '# @package _global_'; cat {shown}; }} >{new} && mv {new} {shown}"


def _undecided(wanted: Wish) -> StashError:
    return StashError(
        f"{wanted.tool.name}/{wanted.experiment}: nothing tells how it is chosen: it does not say"
        f" '# @package _global_', and the group {wanted.tool.group!r} is not in the tool's defaults list;"
        f" if it is a whole config, write `select: primary` for {wanted.tool.name} in {REGISTRY}",
        as_part_of_the_whole(experiment_path(wanted.tool.name, wanted.experiment)),
    )


def _in_python(wanted: Wish) -> Wish:
    """Return the wish for an experiment that no file holds: the program's ConfigStore may.

    Raises:
        StashError: it does not.
    """
    answer = describe(wanted)
    if isinstance(answer, NotComposed):
        raise experiment_text.unknown(wanted.resolved, wanted.experiment)
    known = answer.groups.get(wanted.tool.group, [])
    if wanted.experiment not in known:
        raise experiment_text.unknown(wanted.resolved, wanted.experiment, known)
    select = wanted.tool.select or ("compose" if answer.uses_compose else answer.select)
    return replace(wanted, select=select or "append")
