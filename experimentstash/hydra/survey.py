"""What a tool's checkout holds: its program, its experiments, and the choices that are the user's."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.names import experiment_path
from experimentstash.hydra.experiment_group import NAMES, Choice, choose_group
from experimentstash.hydra.query import Description, NotComposed, describe
from experimentstash.hydra.resolved_tool import ResolvedTool
from experimentstash.hydra.run_request import RunRequest
from experimentstash.hydra.source.entrypoints import NO_PROGRAM, programs
from experimentstash.hydra.source.experiment_configs import FIRST, Experiments, read_experiments
from experimentstash.hydra.source.hydra_main import entry_file, read_main
from experimentstash.hydra.source.layout import config_folder, find_search_packages
from experimentstash.stash.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Container

    from experimentstash.hydra.source.hydra_main import HydraMain
    from experimentstash.stash.stash import Stash

_TRIED = 4
"""Programs that are started, one after the other, until one comes to Hydra."""


@dataclass(frozen=True)
class SurveyRequest:
    """What the user said of the tool.

    Attributes:
        name: the tool's name.
        url: where it is fetched from, for the commands that are shown.
        entrypoint: the program, or None: it is looked for.
        packages: search packages.
        group: the group of its experiments, or None: it is looked for.
        copy: whether its experiments are copied.
    """

    name: str
    url: str
    entrypoint: str | None = None
    packages: tuple[str, ...] = ()
    group: str | None = None
    copy: bool = True

    @property
    def again(self) -> str:
        """The command that adds it, with nothing else said."""
        return shlex.join(["experimentstash", "add-tool", self.name, self.url])

    def command(self, suffix: str, option: str, value: str) -> str:
        """Return the command that adds the same repository with another choice, as a tool of its own."""
        words = ["experimentstash", "add-tool", f"{self.name}-{suffix}" if suffix else self.name, self.url]
        return shlex.join([*words, option, value])


@dataclass(frozen=True)
class Survey:
    """What looking through a tool's checkout found.

    Attributes:
        tool: its entry for the registry.
        others: the commands that add its further programs.
        choices: what else may be meant by its experiments, and the commands for it.
        experiments: what it brings.
        copied: the experiments to be copied, by name.
        kept: those that the stash has already.
        in_python: those that are in no file.
        failure: why its program cannot be asked, or None.
    """

    tool: Tool
    others: tuple[str, ...]
    choices: tuple[Choice, ...]
    experiments: Experiments
    copied: dict[str, str]
    kept: tuple[str, ...]
    in_python: tuple[str, ...]
    failure: NotComposed | None = None

    @property
    def first(self) -> str | None:
        """The experiment that is tried, or None if there is none."""
        return min((*self.copied, *self.kept, *self.experiments.texts, *self.in_python), default=None)


def survey(stash: Stash, request: SurveyRequest) -> Survey:
    """Look through a tool's checkout, and ask its program.

    Raises:
        StashError: there is no program of Hydra's in it, the program named never comes to Hydra, or there is no
            package of configs where one is needed.
    """
    root = stash.root / Tool(request.name, "").path
    found = programs(root, request.name)
    tool, answer = _first_that_answers(stash, request, _candidates(root, request, found), found)
    main = read_main(root, tool)
    needs_package = not answer.folders if isinstance(answer, Description) else main is not None and not main.config_path
    folder = _config_folder(root, tool, main, answer)
    if not request.packages and (not request.copy or needs_package):
        tool = tool._replace(search_packages=find_search_packages(root, tool, folder))
    if not request.copy and not tool.search_packages and needs_package:
        raise StashError(
            f"{tool.name}: its configs are in no package that Hydra can search",
            f"{request.again}  # or name their package with --search-packages",
        )
    group, choices = choose_group(request, answer, folder)
    tool = tool._replace(group=group)
    experiments = read_experiments(folder, group, answer.primaries if isinstance(answer, Description) else ())
    names_config = answer.config_name if isinstance(answer, Description) else main is None or main.names_config
    copied, kept = _to_copy(stash, tool, experiments, begins=bool(names_config)) if request.copy else ({}, ())
    in_python = _in_python(answer, tool, experiments)
    failure = answer if isinstance(answer, NotComposed) else None
    others = _others(request, tool, found, root)
    return Survey(tool, others, tuple(choices), experiments, copied, kept, in_python, failure)


def _candidates(root: Path, request: SurveyRequest, found: dict[Path, tuple[str, str]]) -> list[Tool]:
    """Return the programs that may be the tool's, as entries of a registry, the best first."""
    if request.entrypoint is None:
        if not found:
            raise StashError(f"{request.name}: {NO_PROGRAM}", request.command("", "--entrypoint", "-m mytool.main"))
        tools = [Tool(request.name, program, request.packages, workdir) for program, workdir in found.values()]
        return sorted(tools, key=lambda tool: _rank(root, tool))
    program, workdir = _as_named(root, request.entrypoint.strip(), found)
    tool = Tool(request.name, program, request.packages, workdir)
    is_word = "/" not in tool.entrypoint and "." not in tool.entrypoint
    if tool.module is None and not is_word and entry_file(root, tool) is None:
        raise StashError(f"{tool.path}/{tool.entrypoint}: the tool has no such program")
    return [tool]


def _rank(root: Path, tool: Tool) -> tuple[bool, bool]:
    """Rank a program: one that tells Hydra nothing comes last, and one whose configs hold experiments first."""
    main = read_main(root, tool)
    if main is None or main.config_path is None:
        return main is not None and not main.names_config, True
    folder = config_folder(root, tool, main)
    return False, folder is None or not any((folder / group).is_dir() for group in NAMES)


def _as_named(root: Path, named: str, found: dict[Path, tuple[str, str]]) -> tuple[str, str]:
    """Return the entrypoint that a user named, with the working directory of that program."""
    if program := next((program for program in found.values() if program[0] == named), None):
        return program
    entrypoint, workdir = found.get(root / named, (named, "."))
    return (entrypoint, workdir) if workdir != "." else (named, ".")


def _first_that_answers(
    stash: Stash, request: SurveyRequest, tools: list[Tool], found: dict[Path, tuple[str, str]]
) -> tuple[Tool, Description | NotComposed]:
    """Return the first program that comes to Hydra, or that cannot be started here.

    Raises:
        StashError: each ends with 0 and does nothing.
    """
    for tool in tools[:_TRIED]:
        answer = describe(RunRequest(ResolvedTool(stash, tool), ""))
        if isinstance(answer, Description) or not answer.ended_well:
            return tool, answer
    first = tools[0]
    own = entry_file(stash.checkout(first.name), first)
    others = [program for file, (program, _) in found.items() if file != own]
    raise StashError(
        f"{first.path}: {first.entrypoint!r} ended with exit code 0 without calling Hydra: not a Hydra program",
        request.command("", "--entrypoint", others[0] if others else "-m mytool.main"),
    )


def _config_folder(root: Path, tool: Tool, main: HydraMain | None, answer: Description | NotComposed) -> Path | None:
    """Return the directory of the tool's own configs: the program's word on it, or else what its source says."""
    if isinstance(answer, Description):
        for folder in map(Path, answer.folders):
            if folder.resolve().is_relative_to(root.resolve()):
                return root / folder.resolve().relative_to(root.resolve())
    return config_folder(root, tool, main)


def _to_copy(
    stash: Stash, tool: Tool, experiments: Experiments, *, begins: bool
) -> tuple[dict[str, str], tuple[str, ...]]:
    texts = experiments.texts
    own = stash.root / "configs" / tool.name / "experiment"
    if not texts and begins and not any(own.rglob("*.yaml")):
        texts = {"default": FIRST.format(tool=tool.name)}
    for name in texts:
        stash.inside(experiment_path(tool.name, name))
    kept = tuple(name for name in texts if (stash.root / experiment_path(tool.name, name)).exists())
    return {name: text for name, text in texts.items() if name not in kept}, kept


def _in_python(answer: Description | NotComposed, tool: Tool, experiments: Experiments) -> tuple[str, ...]:
    if isinstance(answer, NotComposed) or tool.group == ".":
        return ()
    return tuple(name for name in answer.groups.get(tool.group, []) if name not in experiments.texts)


def _others(request: SurveyRequest, tool: Tool, found: dict[Path, tuple[str, str]], root: Path) -> tuple[str, ...]:
    """Return the commands that add the further programs, each under a name of its own."""
    spelled = [program for program, _ in found.values()]
    commands: dict[str, str] = {}
    for file, (program, workdir) in found.items():
        if (program, workdir) == (tool.entrypoint, tool.workdir):
            continue
        place = file.relative_to(root)
        unique = workdir == "." or spelled.count(program) == 1
        suffix = _suffix(place.with_suffix(""), commands)
        commands[suffix] = request.command(suffix, "--entrypoint", program if unique else place.as_posix())
    return tuple(commands.values())


def _suffix(place: Path, taken: Container[str]) -> str:
    """Return what tells a program from the others: the end of its path, as much of it as is needed."""
    parts = [part for part in place.parts if part != "__main__"]
    names = ("-".join(parts[-length:]) for length in range(1, len(parts) + 1))
    return next((name for name in names if name not in taken), "-".join(place.parts))
