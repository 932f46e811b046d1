"""`experimentstash add-tool`: a Hydra tool as a submodule, its experiments copied, registered and staged."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experimentstash.adding import submodule
from experimentstash.adding.undo import all_or_nothing, only_add
from experimentstash.files import check_inside, write_text
from experimentstash.git import git
from experimentstash.hydra.compose import validate
from experimentstash.hydra.configs import FIRST, Experiments, read_experiments
from experimentstash.hydra.entrypoints import find_entrypoint, find_entrypoints
from experimentstash.hydra.layout import HydraMain, config_folder, find_search_packages, read_main
from experimentstash.hydra.program import entry_file
from experimentstash.names import REGISTRY, check_tool, experiment_path
from experimentstash.problems import StashError, printable
from experimentstash.registry import read, with_key, with_tool
from experimentstash.stash import find_stash
from experimentstash.tool import Tool, entrypoint_complaint, packages_complaint, split_packages

if TYPE_CHECKING:
    from experimentstash.adding.undo import Undo

_SELECTED = {
    "group": "experiment=NAME",
    "append": "+experiment=NAME",
    "primary": "--config-name=experiment/NAME",
    "compose": "by the program itself, through Hydra's compose API",
}


@dataclass(frozen=True)
class Found:
    """What looking through a tool's checkout found.

    Attributes:
        tool: its entry for the registry.
        others: further programs of it, by their entrypoints.
        experiments: what it brings.
        copied: the experiments to be copied, by name.
        kept: those that the stash has already.
    """

    tool: Tool
    others: tuple[str, ...]
    experiments: Experiments
    copied: dict[str, str]
    kept: tuple[str, ...]

    @property
    def first(self) -> str | None:
        """The experiment that is tried, or None where there is none."""
        return min((*self.copied, *self.kept, *self.experiments.texts), default=None)


@click.command("add-tool")
@click.argument("name")
@click.argument("url")
@click.option("--entrypoint", help="The program: '-m mytool.main', src/train.py, or a console script's name.")
@click.option("--branch", help="The branch to take; by default the remote's own.")
@click.option("--search-packages", help="Packages of configs for Hydra's search path, colon-separated.")
@click.option("--no-copy", is_flag=True, help="Copy no experiments: they are found in the tool's packages.")
def command(
    name: str, url: str, entrypoint: str | None, branch: str | None, search_packages: str | None, no_copy: bool
) -> None:
    """Add the Hydra tool at URL as the submodule tools/NAME.

    Its experiments are copied to configs/NAME/experiment, it is registered in configs/meta.yaml, all is
    staged, and a first experiment is composed to see whether it works. URL is whatever git takes, a path too.
    Nothing is committed, and a failure leaves the stash as it was.
    """
    stash = find_stash()
    check_tool(name)
    url = submodule.check_url(url, Path.cwd())
    submodule.check_not_the_stash(stash, name, url)
    if branch is not None:
        submodule.check_branch(branch)
    packages = split_packages(search_packages or "")
    if complaint := (entrypoint is not None and entrypoint_complaint(entrypoint)) or packages_complaint(packages):
        raise StashError(complaint)
    with only_add(stash) as record:
        submodule.check_free(stash, name)
        with all_or_nothing(stash, record, name) as undo:
            submodule.add(stash, name, url, branch)
            found = look(stash, name, entrypoint, packages, copy=not no_copy)
            register(stash, undo, found)
            found, failure = try_first(stash, undo, found)
    tell(stash, found, failure)


def look(stash: Path, name: str, entrypoint: str | None, packages: tuple[str, ...], *, copy: bool) -> Found:
    """Look through a tool's checkout.

    Args:
        stash: the stash's root.
        name: the tool's name.
        entrypoint: the program that the user named, or None: it is looked for.
        packages: the search packages that the user named.
        copy: whether its experiments are to be copied.

    Raises:
        StashError: there is no program of Hydra's in it, or no package of configs where one is needed.
    """
    root = stash / Tool(name, "").path
    program, workdir = (entrypoint.strip(), ".") if entrypoint is not None else find_entrypoint(root, name)
    tool = Tool(name, program, packages, workdir)
    if entrypoint is not None:
        _check_entrypoint(root, tool)
    main = read_main(root, tool)
    folder = config_folder(root, tool, main)
    if not packages and (not copy or _needs_package(main)):
        tool = replace(tool, search_packages=find_search_packages(root, tool, folder))
    if not copy and not tool.search_packages and _needs_package(main):
        raise StashError(
            f"{name}: its configs lie in no package that Hydra could search",
            "leave --no-copy out, or name the package with --search-packages",
        )
    experiments = read_experiments(folder)
    copied, kept = _to_copy(stash, tool, main, experiments) if copy else ({}, ())
    others = tuple(other for other, _ in find_entrypoints(root, name) if other != program)
    return Found(tool, others, experiments, copied, kept)


def _needs_package(main: HydraMain | None) -> bool:
    """Return whether the program itself tells Hydra no place for its configs."""
    return main is not None and main.config_path is None


def _check_entrypoint(root: Path, tool: Tool) -> None:
    is_word = "/" not in tool.entrypoint and "." not in tool.entrypoint
    if tool.module is None and not is_word and entry_file(root, tool) is None:
        raise StashError(f"{tool.path}/{tool.entrypoint}: the tool has no such program")


def _to_copy(
    stash: Path, tool: Tool, main: HydraMain | None, experiments: Experiments
) -> tuple[dict[str, str], tuple[str, ...]]:
    texts = experiments.texts
    own = stash / "configs" / tool.name / "experiment"
    if not texts and not any(own.rglob("*.yaml")) and (main is None or main.config_name or main.uses_compose):
        texts = {"default": FIRST.format(tool=tool.name)}
    for name in texts:
        check_inside(stash, Path(experiment_path(tool.name, name)))
    kept = tuple(name for name in texts if (stash / experiment_path(tool.name, name)).exists())
    return {name: text for name, text in texts.items() if name not in kept}, kept


def register(stash: Path, undo: Undo, found: Found) -> None:
    """Write the copied experiments and the registry, and stage them with what git staged itself."""
    paths = [experiment_path(found.tool.name, name) for name in found.copied]
    for path in paths:
        undo.will_make(path)
    for path, text in zip(paths, found.copied.values(), strict=True):
        write_text(stash / path, text)
    _write_registry(stash, undo, with_tool(read(stash).decode(), found.tool))
    _stage(stash, paths)


def _write_registry(stash: Path, undo: Undo, text: str) -> None:
    undo.will_write_registry(text)
    write_text(stash / REGISTRY, text)
    _stage(stash, [REGISTRY])


def _stage(stash: Path, paths: list[str]) -> None:
    if paths:
        named = "\0".join(paths).encode()
        git("add", "--pathspec-from-file=-", "--pathspec-file-nul", cwd=stash, stdin=named)


def try_first(stash: Path, undo: Undo, found: Found) -> tuple[Found, str]:
    """Compose a first experiment and keep in the registry how it was chosen.

    Returns:
        What was found, with the way of choosing; and Hydra's words where it does not compose, else nothing.
    """
    if found.first is None:
        return found, ""
    print(f"composing {found.tool.name}/{found.first} …", file=sys.stderr, flush=True)
    for path in ("outputs/.gitignore", "outputs/x"):  # what starting a tool leaves
        if not (stash / path).exists():
            undo.will_make(path)
    try:
        select = validate(stash, found.tool, found.first)
    except StashError as error:
        return found, str(error)
    if select is None:
        return found, ""
    _write_registry(stash, undo, with_key(read(stash).decode(), found.tool.name, "select", select))
    return replace(found, tool=replace(found.tool, select=select)), ""


def tell(stash: Path, found: Found, failure: str) -> None:
    """Print what was added, and what to do next; what does not work goes to stderr."""
    tool = found.tool
    lines = [f"added {tool.name} at {submodule.commit_of(stash, tool)[:12]} ({tool.path})"]
    lines.append(f"  entrypoint: {tool.entrypoint}" + (f" (in {tool.workdir})" if tool.workdir != "." else ""))
    if found.others:
        lines.append(f"    others: {', '.join(found.others[:5])} (--entrypoint chooses)")
    if tool.search_packages:
        lines.append(f"  search packages: {':'.join(tool.search_packages)}")
    if found.copied:
        lines.append(f"  copied to configs/{tool.name}/experiment: {_some(found.copied)}")
    if found.kept:
        lines.append(f"  kept as they were: {_some(found.kept)}")
    lines += [f"  left out: {reason}" for reason in found.experiments.left_out]
    if tool.select:
        lines.append(f"  an experiment is chosen with: {_SELECTED[tool.select]}")
    staged = f".gitmodules, {REGISTRY}, {tool.path}" + (f", configs/{tool.name}" if found.copied else "")
    lines.append(f"staged: {staged}")
    if failure:
        print(f"{printable(failure, keep=chr(10))}\n{_advice(tool)}", file=sys.stderr)
    elif found.first is not None:
        lines.append(f"composed {tool.name}/{found.first}: it works")
    lines.append(f"next: git commit -m {shlex.quote(f'Add {tool.name}')}")
    own = found.first or "NAME"
    lines.append(f"      experimentstash run {tool.name} {own}")
    print("\n".join(printable(line) for line in lines))


def _some(names: dict[str, str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(list(names)[:5]) + more


def _advice(tool: Tool) -> str:
    return (
        f"{tool.name} is added all the same; are its packages installed in the environment that runs it?\n"
        f"    fix: install {tool.path} into its environment, or name one with `python:` in {REGISTRY}"
    )
