"""How an experiment is chosen: the registry says it, or its source shows it, or the program itself is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, quote
from experimentstash.core.names import REGISTRY, check_experiment, experiment_path
from experimentstash.hydra import command_line, experiment_text
from experimentstash.hydra.query import NotComposed, describe
from experimentstash.hydra.run_request import RunRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.hydra.resolved_tool import ResolvedTool


def run_request(tool: ResolvedTool, experiment: str, arguments: Sequence[str] = ()) -> RunRequest:
    """Return what to run for an experiment and what the user typed after it.

    Raises:
        StashError: the tool is not checked out, there is no such experiment, or nothing tells how it is chosen.
    """
    check_experiment(experiment)
    tool.check_there()
    flags, overrides = command_line.split(arguments)
    request = RunRequest(tool, experiment, tuple(flags), tuple(overrides))
    text = experiment_text.find(tool, experiment)
    return selected(request, text) if text is not None else _in_python(request)


def selected(request: RunRequest, text: str) -> RunRequest:
    """Return a request with the way that its experiment is chosen.

    Args:
        request: what is to be run.
        text: the experiment's YAML.

    Raises:
        StashError: nothing tells it, or the program cannot be asked.
    """
    select = request.tool.select or request.resolved.guess_select(text)
    if select is None:
        answer = describe(request)
        if isinstance(answer, NotComposed):
            raise answer.error
        select = "compose" if answer.uses_compose else answer.select
    if not select:
        raise _undecided(request)
    return replace(request, select=select)


def as_part_of_the_whole(path: str) -> str:
    """Return the command that writes on top of a config that its keys are those of the whole config."""
    shown, new = quote(path), quote(f"{path}.new")
    return f"{{ echo '# @package _global_'; cat {shown}; }} >{new} && mv {new} {shown}"


def _undecided(request: RunRequest) -> StashError:
    return StashError(
        f"{request.tool.name}/{request.experiment}: it is unknown how it is selected: it does not contain"
        f" '# @package _global_', and the group {request.tool.group!r} is not in the tool's defaults list;"
        f" if it is a whole config, write `select: primary` for {request.tool.name} in {REGISTRY}",
        as_part_of_the_whole(experiment_path(request.tool.name, request.experiment)),
    )


def _in_python(request: RunRequest) -> RunRequest:
    """Return the request for an experiment that no file holds: the program's ConfigStore may.

    Raises:
        StashError: it does not.
    """
    answer = describe(request)
    if isinstance(answer, NotComposed):
        raise experiment_text.unknown(request.resolved, request.experiment)
    known = answer.groups.get(request.tool.group, [])
    if request.experiment not in known:
        raise experiment_text.unknown(request.resolved, request.experiment, known)
    select = request.tool.select or ("compose" if answer.uses_compose else answer.select)
    return replace(request, select=select or "append")
