"""How a tool is started for an experiment: command line, working directory and environment."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash.environments.tool_python import tool_environment
from experimentstash.git.user_git import answer, git
from experimentstash.hydra import command_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experimentstash.hydra.resolved_tool import ResolvedTool
    from experimentstash.hydra.run_request import RunRequest
    from experimentstash.stash.tool import Tool

INSIDE = Path(__file__).parent / "inside"
"""The directory that stands on a tool's PYTHONPATH while it runs."""
ORDER = "EXPERIMENTSTASH_ORDER"
"""In the environment of a tool's process: what it is to do, as `experimentstash_inside.order` reads it."""
_OUTPUTS = "EXPERIMENTSTASH_OUTPUTS"
RUN = "EXPERIMENTSTASH_RUN"
"""In the environment of a run and of all that it starts: its run directory, where it has one of its own."""
# by a variable: no path of a machine has to be spelled in Hydra's grammar
_INTO = tuple(f"hydra.{key}.dir=${{oc.env:{RUN}}}" for key in ("run", "sweep"))
_NOTE = "+hydra.callbacks.experimentstash_note._target_=experimentstash_inside.note.Note"
_CALLBACK = "+hydra.callbacks.experimentstash._target_=experimentstash_inside.capture.Capture"


@dataclass(frozen=True)
class Launch:
    """One start of a tool's program.

    Attributes:
        command: program and arguments.
        cwd: the tool's working directory.
        env: the whole environment.
    """

    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)


def running(request: RunRequest, report: Path | None = None) -> Launch:
    """Return the start that runs the request: the working config, or the frozen one.

    Args:
        request: what is to be run.
        report: a file that the tool's process makes once it has loaded the frozen config.
    """
    flags, overrides = _arguments(request)
    mode = "run" if request.snapshot is None else "replay"
    return _launch(request, flags, overrides, {"mode": mode, "report": str(report or "")})


def _arguments(request: RunRequest) -> tuple[list[str], list[str]]:
    """Return the flags and the overrides that the request is started with."""
    if request.snapshot is None:
        flags, chosen = command_line.selection(request.select, request.experiment, request.tool.group)
        return [*flags, *request.flags], [*chosen, *request.overrides, *_into(request)]
    flags = [] if request.select == "compose" else [f"--config-name={command_line.FROZEN_CONFIG}"]
    overrides = (*request.overrides, *_into(request), *([_NOTE] if request.note else []))
    settings = command_line.without_replaced(request.settings, overrides)
    if command_line.is_multirun(request.flags):
        settings = [line for line in settings if line != "--multirun"]
    said_flags, said = command_line.split([*request.flags, *settings, *overrides])
    return [*flags, *said_flags], said


def _into(request: RunRequest) -> tuple[str, ...]:
    return _INTO if request.folder else ()


def capturing(request: RunRequest, report: Path, *, mode: str = "capture") -> Launch:
    """Return the start that composes the request, writes what it saw to `report`, and runs no task.

    In the mode `describe` the program is started as it is by itself, and leaves before it composes.
    """
    order = {"mode": mode, "report": str(report), "late": request.late, "keep": request.keep, "plain": request.plain}
    if mode == "describe":
        launch = _launch(request, [], [], order)
        return replace(launch, env={**launch.env, "PYTHONDONTWRITEBYTECODE": "1"})
    flags, overrides = _arguments(request)
    return _launch(request, flags, [_CALLBACK, *overrides], order)


def capturing_each(requests: Sequence[RunRequest], reports: Sequence[Path]) -> Launch:
    """Return the start that composes several requests of one tool, each into its report, and runs no task.

    Args:
        requests: as `are_alike` takes them.
        reports: the file that takes the answer for each.
    """
    launches = [capturing(request, report) for request, report in zip(requests, reports, strict=True)]
    own = launches[0]
    order = {**json.loads(own.env[ORDER]), "more": list(map(_further, requests[1:], launches[1:]))}
    return replace(own, env={**own.env, ORDER: json.dumps(order)})


def _further(request: RunRequest, launch: Launch) -> dict[str, Any]:
    """Return what a copy of the process has other than the process itself, for `experimentstash_inside.copies`."""
    flags, overrides = _arguments(request)
    call: dict[str, Any] = {"overrides": [_CALLBACK, *overrides]}
    if request.select == "primary":
        call["config_name"] = flags[0].partition("=")[2]
    env = {name: launch.env[name] for name in (ORDER, _OUTPUTS)}
    return {"arguments": [*flags, *call["overrides"]], "env": env, "call": call}


def are_alike(requests: Sequence[RunRequest]) -> bool:
    """Return whether one process can compose several requests: they differ in their experiments alone.

    A sweep, and a program that uses the compose API, are left out.
    """
    first = requests[0]
    alike = all(replace(one, experiment=first.experiment) == first for one in requests)
    return alike and not first.flags and first.snapshot is None and first.select != "compose"


def _launch(request: RunRequest, flags: Sequence[str], overrides: Sequence[str], order: dict[str, Any]) -> Launch:
    tool, stash = request.tool, request.stash
    composes = request.select == "compose"
    own = request.stash_configs or stash.root / "configs" / tool.name
    folders = [folder for folder in (request.configs, own) if folder is not None]
    whole = {
        "prepend": [path for folder in folders if folder.is_dir() for path in _search_paths(tool, folder)],
        "append": [*(f"pkg://{package}" for package in tool.search_packages), *_unnamed_configs(request)],
        "compose": composes,
        "experiment": request.experiment,
        "group": tool.group,
        "given": list(overrides),
        "overrides": list(request.overrides),
        "snapshot": str(request.snapshot or ""),
        "folder": request.folder is not None,
        "frozen_with": list(request.frozen_with),
        "stash": str(stash.root),
        "root": str(request.root),
        "loaded": str(request.loaded or ""),
        "imports": str(request.imports or ""),
        "note": request.note,
        **order,
    }
    env = tool_environment()
    paths = [str(INSIDE), *_package_roots(request.resolved), env.get("PYTHONPATH", "")]
    env["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    env["PWD"] = str(request.work)
    env[ORDER] = json.dumps(whole)
    env[_OUTPUTS] = str(outputs(request.resolved, request.experiment))
    if request.folder:
        env[RUN] = str(request.folder)
    if tool.search_packages:
        env["HYDRA_SEARCH_PACKAGES"] = ":".join(tool.search_packages)
    program = command_line.program(request.resolved.interpreter, tool, request.work)
    return Launch((*program, *([] if composes else [*flags, *overrides])), request.work, env)


def _search_paths(tool: Tool, folder: Path) -> list[str]:
    """Return the search paths of a directory of the stash's configs."""
    if tool.group == "experiment":
        return [f"file://{folder}"]
    scheme = "file" if tool.group == "." else "experimentstash"  # of experimentstash_inside.sources
    return [f"file://{folder}", f"{scheme}://{folder}/experiment"]


def _unnamed_configs(request: RunRequest) -> list[str]:
    """Return the search path of the tool's configs where neither its program nor the registry names one."""
    if request.tool.search_packages:
        return []
    main = request.resolved.main
    if main is None or main.config_path is not None or main.uses_compose:
        return []
    folder = request.resolved.config_directory
    return [] if folder is None else [f"file://{folder}"]


def outputs(tool: ResolvedTool, experiment: str) -> Path:
    """Return the directory below which Hydra's default puts what a run of the experiment writes."""
    return tool.stash.root / "outputs" / tool.name / experiment


def _package_roots(resolved: ResolvedTool) -> list[str]:
    """Return the directories of the stash's tools from which the search packages can be imported."""
    stash, tool = resolved.stash, resolved.tool
    tops = {package.partition(".")[0] for package in tool.search_packages}
    tools = [resolved.root, *sorted((stash.root / "tools").glob("*"))] if tops else []
    roots = [root for folder in tools for root in (folder / tool.workdir, folder, folder / "src")]
    return list(dict.fromkeys(str(root) for root in roots if any((root / top).is_dir() for top in tops)))


def keep_clean(request: RunRequest) -> None:
    """Let a run leave the stash and the tool as clean as it found them, whatever they ignore themselves.

    What the tool's Python caches beside its modules is excluded in the clone's own `info/exclude`, and the
    directory of outputs ignores itself.
    """
    folder = request.stash.root / "outputs"
    request.stash.inside(outputs(request.resolved, request.experiment))
    folder.mkdir(exist_ok=True)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    for root in {request.root, *_roots_used(request)}:
        _exclude_caches(root)


def _roots_used(request: RunRequest) -> list[Path]:
    """Return the checkouts of the tools whose packages are on the path of the request."""
    tools = request.stash.root / "tools"
    return [tools / Path(root).relative_to(tools).parts[0] for root in _package_roots(request.resolved)]


def _exclude_caches(root: Path) -> None:
    if answer("check-ignore", "-q", "__pycache__/probe.pyc", cwd=root) is not None:
        return
    exclude = root / git("rev-parse", "--git-path", "info/exclude", cwd=root)
    exclude.parent.mkdir(parents=True, exist_ok=True)
    with exclude.open("a", encoding="utf-8") as file:
        file.write("__pycache__/\n")
