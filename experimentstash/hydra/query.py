"""A tool's process, started with a question instead of a task, and its answer."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash.core import process
from experimentstash.core.errors import StashError, printable
from experimentstash.hydra.launch import capturing, capturing_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.hydra.run_request import RunRequest


@dataclass(frozen=True)
class Description:
    """What a program tells of its configs, before it composes one.

    Attributes:
        config_name: the primary config that the program names, or None.
        has_primary: whether that config can be loaded.
        uses_compose: whether it composes with Hydra's compose API, and so ignores its arguments.
        folders: the directories of its own configs; the first is that of its primary config.
        select: how the experiment that was asked for is chosen; empty if nothing tells.
        groups: the configs of each of its groups, by their paths from it; the stash's own are among them.
        global_groups: the groups with options for the root of the config, where it has not the group asked for.
        primaries: the configs beside the primary config that no other one brings in.
    """

    config_name: str | None
    has_primary: bool
    uses_compose: bool
    folders: list[str]
    select: str
    groups: dict[str, list[str]] = field(default_factory=dict)
    global_groups: list[str] = field(default_factory=list)
    primaries: list[str] = field(default_factory=list)


def describe(request: RunRequest) -> Description | NotComposed:
    """Ask a program what Hydra is told when it starts, and what it finds; nothing is composed."""
    answer = ask(request, "describe")
    return Description(**answer) if isinstance(answer, dict) else answer


@dataclass(frozen=True)
class NotComposed:
    """Why a tool's process gave no answer.

    Attributes:
        text: the message: Hydra's own, whole, or what the program said.
        ended_well: whether the program ended with 0 and never came to Hydra.
        fix: the command that mends it, where one is known.
    """

    text: str
    ended_well: bool = False
    fix: str = ""

    @property
    def error(self) -> StashError:
        """The error that tells it."""
        return StashError(self.text, self.fix)


def ask(request: RunRequest, mode: str) -> dict[str, Any] | NotComposed:
    """Return what the tool's process answered, or why it did not.

    Args:
        request: what is asked for.
        mode: of `experimentstash_inside.order.Order`: `capture`, `validate` or `describe`.

    Raises:
        RuntimeError: what runs inside the tool's process failed.
    """
    name = _name(request)
    does_not = "cannot be asked" if mode == "describe" else "does not compose"
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        report = Path(folder) / "report.json"
        launch = capturing(request, report, mode=mode)
        code, said = process.run_captured(launch.command, cwd=launch.cwd, env=launch.env)
        if report.exists():
            answer: dict[str, Any] = json.loads(report.read_text("ascii"))
            if "fault" in answer:
                raise RuntimeError(f"{name}: what runs inside the tool failed:\n{answer['fault']}")
            if "failed" in answer:
                why = printable(answer["failed"], keep="\n\t")
                return NotComposed(f"{name} does not compose: {why}", fix=answer.get("fix", ""))
            return answer
    shown = printable(said, keep="\n\t").strip() or "it said nothing"
    if code == 0:
        return NotComposed(
            f"{name}: {request.tool.entrypoint!r} ended well and composed no config; it said:\n{shown}", ended_well=True
        )
    return NotComposed(f"{name} {does_not} (exit code {code}):\n{shown}", fix=_fix(request, said))


def ask_each(requests: Sequence[RunRequest]) -> list[dict[str, Any] | None]:
    """Return the configs that one process of the tool composed for several requests (`launch.are_alike`).

    Returns:
        What it answered for each; None if it has no answer, and where the experiment has to be asked for alone.
    """
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        reports = [Path(folder) / f"report-{number}.json" for number in range(len(requests))]
        launch = capturing_each(requests, reports)
        process.run_captured(launch.command, cwd=launch.cwd, env=launch.env)
        answers = [json.loads(report.read_text("ascii")) if report.exists() else None for report in reports]
    return [None if answer is None or {"fault", "failed"} & answer.keys() else answer for answer in answers]


def _name(request: RunRequest) -> str:
    return f"{request.tool.name}/{request.experiment}" if request.experiment else request.tool.name


def _fix(request: RunRequest, said: str) -> str:
    if "ModuleNotFoundError" not in said:
        return ""
    return f"install the tool's packages for {request.resolved.interpreter}  # or name another `python:`"
