"""How a tool is started for an experiment: command line, working folder and environment."""

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
    from experimentstash.stash.stash import Stash
    from experimentstash.stash.tool import Tool

INSIDE = Path(__file__).parent / "inside"
"""The folder that stands on a tool's PYTHONPATH while it runs."""
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
        cwd: the tool's working folder.
        env: the whole environment.
    """

    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Wish:
    """What is to be run.

    Attributes:
        resolved: the tool.
        experiment: the experiment's name; empty for the program as it is by itself.
        flags: Hydra's flags as the user typed them.
        overrides: overrides as the user typed them.
        select: one of `tool.SELECTS`.
        snapshot: the snapshot file to replay, or None for the working config.
        settings: the frozen settings of Hydra that go with it.
        late, keep: keys whose lateness the user decided.
        plain: keys below which the user takes plain values for what cannot be given back as it is.
        configs: a folder of configs that comes before the stash's own.
        stash_configs: the folder of the stash's own, where that is not `configs/<tool>`.
        frozen_with: the overrides that the snapshot was frozen with.
        folder: the run directory of this one run, whatever the config chooses; of a sweep, the folder of its jobs.
        loaded: a directory that takes what each process of the run loaded, for `checkouts.code`.
        imports: the folder that takes the names of what the run imports, or None.
        note: the text of a file in the run directory that says how the run differs from what was frozen.
    """

    resolved: ResolvedTool
    experiment: str
    flags: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    select: str = "primary"
    snapshot: Path | None = None
    settings: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    configs: Path | None = None
    stash_configs: Path | None = None
    frozen_with: tuple[str, ...] = ()
    folder: Path | None = None
    loaded: Path | None = None
    imports: Path | None = None
    note: str = ""

    @property
    def stash(self) -> Stash:
        """The stash."""
        return self.resolved.stash

    @property
    def tool(self) -> Tool:
        """The tool's entry in the registry."""
        return self.resolved.tool

    @property
    def root(self) -> Path:
        """The tool's checkout."""
        return self.resolved.root

    @property
    def work(self) -> Path:
        """The tool's working directory."""
        return self.resolved.work


def running(wanted: Wish, report: Path | None = None) -> Launch:
    """Return the start that runs the wish: the working config, or the frozen one.

    Args:
        wanted: what is to be run.
        report: a file that the tool's process makes once it has loaded the frozen config.
    """
    flags, overrides = _arguments(wanted)
    mode = "run" if wanted.snapshot is None else "replay"
    return _launch(wanted, flags, overrides, {"mode": mode, "report": str(report or "")})


def _arguments(wanted: Wish) -> tuple[list[str], list[str]]:
    """Return the flags and the overrides that the wish is started with."""
    if wanted.snapshot is None:
        flags, chosen = command_line.selection(wanted.select, wanted.experiment, wanted.tool.group)
        return [*flags, *wanted.flags], [*chosen, *wanted.overrides, *_into(wanted)]
    flags = [] if wanted.select == "compose" else [f"--config-name={command_line.FROZEN_CONFIG}"]
    overrides = (*wanted.overrides, *_into(wanted), *([_NOTE] if wanted.note else []))
    settings = command_line.without_replaced(wanted.settings, overrides)
    if command_line.is_multirun(wanted.flags):
        settings = [line for line in settings if line != "--multirun"]
    said_flags, said = command_line.split([*wanted.flags, *settings, *overrides])
    return [*flags, *said_flags], said


def _into(wanted: Wish) -> tuple[str, ...]:
    return _INTO if wanted.folder else ()


def capturing(wanted: Wish, report: Path, *, mode: str = "capture") -> Launch:
    """Return the start that composes the wish, writes what it saw to `report`, and runs no task.

    In the mode `describe` the program is started as it is by itself, and leaves before it composes.
    """
    order = {"mode": mode, "report": str(report), "late": wanted.late, "keep": wanted.keep, "plain": wanted.plain}
    if mode == "describe":
        launch = _launch(wanted, [], [], order)
        return replace(launch, env={**launch.env, "PYTHONDONTWRITEBYTECODE": "1"})
    flags, overrides = _arguments(wanted)
    return _launch(wanted, flags, [_CALLBACK, *overrides], order)


def capturing_each(wishes: Sequence[Wish], reports: Sequence[Path]) -> Launch:
    """Return the start that composes several wishes of one tool, each into its report, and runs no task.

    Args:
        wishes: as `are_alike` takes them.
        reports: the file that takes the answer for each.
    """
    launches = [capturing(wanted, report) for wanted, report in zip(wishes, reports, strict=True)]
    own = launches[0]
    order = {**json.loads(own.env[ORDER]), "more": list(map(_further, wishes[1:], launches[1:]))}
    return replace(own, env={**own.env, ORDER: json.dumps(order)})


def _further(wanted: Wish, launch: Launch) -> dict[str, Any]:
    """Return what a copy of the process has other than the process itself, for `experimentstash_inside.copies`."""
    flags, overrides = _arguments(wanted)
    call: dict[str, Any] = {"overrides": [_CALLBACK, *overrides]}
    if wanted.select == "primary":
        call["config_name"] = flags[0].partition("=")[2]
    env = {name: launch.env[name] for name in (ORDER, _OUTPUTS)}
    return {"arguments": [*flags, *call["overrides"]], "env": env, "call": call}


def are_alike(wishes: Sequence[Wish]) -> bool:
    """Tell whether one process can compose several wishes: they differ in their experiments alone.

    A sweep, and a program that uses the compose API, are left out.
    """
    first = wishes[0]
    alike = all(replace(one, experiment=first.experiment) == first for one in wishes)
    return alike and not first.flags and first.snapshot is None and first.select != "compose"


def _launch(wanted: Wish, flags: Sequence[str], overrides: Sequence[str], order: dict[str, Any]) -> Launch:
    tool, stash = wanted.tool, wanted.stash
    composes = wanted.select == "compose"
    own = wanted.stash_configs or stash.root / "configs" / tool.name
    folders = [folder for folder in (wanted.configs, own) if folder is not None]
    whole = {
        "prepend": [path for folder in folders if folder.is_dir() for path in _search_paths(tool, folder)],
        "append": [*(f"pkg://{package}" for package in tool.search_packages), *_unnamed_configs(wanted)],
        "compose": composes,
        "experiment": wanted.experiment,
        "group": tool.group,
        "given": list(overrides),
        "overrides": list(wanted.overrides),
        "snapshot": str(wanted.snapshot or ""),
        "folder": wanted.folder is not None,
        "frozen_with": list(wanted.frozen_with),
        "stash": str(stash.root),
        "root": str(wanted.root),
        "loaded": str(wanted.loaded or ""),
        "imports": str(wanted.imports or ""),
        "note": wanted.note,
        **order,
    }
    env = tool_environment()
    paths = [str(INSIDE), *_package_roots(wanted.resolved), env.get("PYTHONPATH", "")]
    env["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    env["PWD"] = str(wanted.work)
    env[ORDER] = json.dumps(whole)
    env[_OUTPUTS] = str(outputs(wanted.resolved, wanted.experiment))
    if wanted.folder:
        env[RUN] = str(wanted.folder)
    if tool.search_packages:
        env["HYDRA_SEARCH_PACKAGES"] = ":".join(tool.search_packages)
    program = command_line.program(wanted.resolved.interpreter, tool, wanted.work)
    return Launch((*program, *([] if composes else [*flags, *overrides])), wanted.work, env)


def _search_paths(tool: Tool, folder: Path) -> list[str]:
    """Return the search paths of a folder of the stash's configs."""
    if tool.group == "experiment":
        return [f"file://{folder}"]
    scheme = "file" if tool.group == "." else "experimentstash"  # of experimentstash_inside.sources
    return [f"file://{folder}", f"{scheme}://{folder}/experiment"]


def _unnamed_configs(wanted: Wish) -> list[str]:
    """Return the search path of the tool's configs where neither its program nor the registry names one."""
    if wanted.tool.search_packages:
        return []
    main = wanted.resolved.main
    if main is None or main.config_path is not None or main.uses_compose:
        return []
    folder = wanted.resolved.config_directory
    return [] if folder is None else [f"file://{folder}"]


def outputs(tool: ResolvedTool, experiment: str) -> Path:
    """Return the folder below which Hydra's default puts what a run of the experiment writes."""
    return tool.stash.root / "outputs" / tool.name / experiment


def _package_roots(resolved: ResolvedTool) -> list[str]:
    """Return the folders of the stash's tools from which the search packages can be imported."""
    stash, tool = resolved.stash, resolved.tool
    tops = {package.partition(".")[0] for package in tool.search_packages}
    tools = [resolved.root, *sorted((stash.root / "tools").glob("*"))] if tops else []
    roots = [root for folder in tools for root in (folder / tool.workdir, folder, folder / "src")]
    return list(dict.fromkeys(str(root) for root in roots if any((root / top).is_dir() for top in tops)))


def keep_clean(wanted: Wish) -> None:
    """Let a run leave the stash and the tool as clean as it found them, whatever they ignore themselves.

    What the tool's Python caches beside its modules is excluded in the clone's own `info/exclude`, and the
    folder of outputs ignores itself.
    """
    folder = wanted.stash.root / "outputs"
    wanted.stash.inside(outputs(wanted.resolved, wanted.experiment))
    folder.mkdir(exist_ok=True)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    for root in {wanted.root, *_roots_used(wanted)}:
        _exclude_caches(root)


def _roots_used(wanted: Wish) -> list[Path]:
    """Return the checkouts of the tools whose packages are on the path of the wish."""
    tools = wanted.stash.root / "tools"
    return [tools / Path(root).relative_to(tools).parts[0] for root in _package_roots(wanted.resolved)]


def _exclude_caches(root: Path) -> None:
    if answer("check-ignore", "-q", "__pycache__/probe.pyc", cwd=root) is not None:
        return
    exclude = root / git("rev-parse", "--git-path", "info/exclude", cwd=root)
    exclude.parent.mkdir(parents=True, exist_ok=True)
    with exclude.open("a", encoding="utf-8") as file:
        file.write("__pycache__/\n")
