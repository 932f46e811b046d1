"""How an experiment is chosen: the registry says it, or its source shows it, or the program itself is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, quote
from experimentstash.core.names import REGISTRY, check_experiment, experiment_path
from experimentstash.hydra import command_line
from experimentstash.hydra.launch import Wish, check_tool_there
from experimentstash.hydra.query import NotComposed, describe
from experimentstash.hydra.source import experiment_text
from experimentstash.hydra.source.layout import guess_select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.stash.stash import Stash
    from experimentstash.stash.tool import Tool


def wish(stash: Stash, tool: Tool, experiment: str, arguments: Sequence[str] = ()) -> Wish:
    """Return what to run for an experiment and what the user typed after it.

    Raises:
        StashError: the tool is not checked out, there is no such experiment, or nothing tells how it is chosen.
    """
    check_experiment(experiment)
    check_tool_there(stash, tool)
    flags, overrides = command_line.split(arguments)
    wanted = Wish(stash, tool, experiment, tuple(flags), tuple(overrides))
    text = experiment_text.find(stash, tool, experiment)
    return selected(wanted, text) if text is not None else _in_python(wanted)


def selected(wanted: Wish, text: str) -> Wish:
    """Return a wish with the way that its experiment is chosen.

    Args:
        wanted: what is to be run.
        text: the experiment's YAML.

    Raises:
        StashError: nothing tells it, or the program cannot be asked.
    """
    tool = wanted.tool
    select = tool.select or guess_select(wanted.root, tool, text)
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
        raise experiment_text.unknown(wanted.stash, wanted.tool, wanted.experiment)
    known = answer.groups.get(wanted.tool.group, [])
    if wanted.experiment not in known:
        raise experiment_text.unknown(wanted.stash, wanted.tool, wanted.experiment, known)
    select = wanted.tool.select or ("compose" if answer.uses_compose else answer.select)
    return replace(wanted, select=select or "append")
