"""`add-tool NAME URL`: adds a Hydra tool as a submodule, copies its experiments, registers and stages them."""

from __future__ import annotations

import itertools
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experimentstash.core.errors import StashError, first_lines, listed, printable, quote
from experimentstash.core.files import write_shared
from experimentstash.core.names import REGISTRY, SHORT, check_tool, experiment_path
from experimentstash.core.urls import is_local
from experimentstash.git.submodules import new_submodule
from experimentstash.git.submodules.transaction import all_or_nothing, only_add
from experimentstash.git.user_git import git
from experimentstash.hydra import command_line
from experimentstash.hydra.compose import compose
from experimentstash.hydra.launch import keep_clean
from experimentstash.hydra.resolved_tool import ResolvedTool
from experimentstash.hydra.selection import run_request
from experimentstash.hydra.survey import Survey, SurveyRequest, survey
from experimentstash.stash.registry import read, with_key, with_tool
from experimentstash.stash.stash import find_stash
from experimentstash.stash.tool import Tool, entrypoint_complaint, group_complaint, packages_complaint, split_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.git.submodules.transaction import Undo
    from experimentstash.stash.stash import Stash


@click.command("add-tool")
@click.argument("name")
@click.argument("url")
@click.option("--entrypoint", help="The program: '-m mytool.main', src/train.py, or a console script's name.")
@click.option("--branch", help="The branch to check out; by default the remote's default branch.")
@click.option("--search-packages", help="Packages of configs for Hydra's search path, colon-separated.")
@click.option("--group", help="The config group of its experiments; '.' for the directory of the primary config.")
@click.option("--no-copy", is_flag=True, help="Do not copy the experiments: Hydra finds them in the tool's packages.")
def command(
    name: str,
    url: str,
    entrypoint: str | None,
    branch: str | None,
    search_packages: str | None,
    group: str | None,
    no_copy: bool,
) -> None:
    """Add the Hydra tool at URL as the submodule tools/NAME.

    Copies the tool's experiments to configs/NAME/experiment, registers the tool in configs/meta.yaml, and stages the
    changes. Then composes one experiment as a test. URL may also be a path. A failure leaves the stash unchanged.

    Example: experimentstash add-tool mytool https://github.com/lab/mytool.git
    """
    stash = find_stash()
    check_tool(name)
    url = new_submodule.check_url(url, Path.cwd(), name)
    new_submodule.check_not_the_stash(stash, name, url)
    if branch is not None:
        new_submodule.check_branch(branch)
    packages = split_packages(search_packages or "")
    complaints = (
        entrypoint is not None and entrypoint_complaint(entrypoint),
        group is not None and group_complaint(group),
        packages_complaint(packages),
    )
    if complaint := next(filter(None, complaints), None):
        raise StashError(str(complaint))
    request = SurveyRequest(name, url, entrypoint, packages, group, copy=not no_copy)
    with only_add(stash) as record:
        new_submodule.check_free(stash, name)
        with all_or_nothing(stash, record, name) as undo:
            new_submodule.add(stash, name, url, branch)
            print(f"listing the experiments of {name} …", file=sys.stderr, flush=True)
            found = survey(stash, request)
            register(stash, undo, found, f"experimentstash add-tool {name} {quote(url)} --no-copy")
            found, failure = try_first(stash, undo, found)
    tell(stash, found, failure, url)


def register(stash: Stash, undo: Undo, found: Survey, fix: str) -> None:
    """Write the copied experiments and the registry, and stage them.

    Args:
        stash: the stash.
        undo: the record of written files, for a rollback.
        found: the result of the survey of the tool.
        fix: the command that adds the tool without copies, for a copy that contains a secret.
    """
    paths = [experiment_path(found.tool.name, name) for name in found.copied]
    for path in paths:
        undo.will_make(path)
    for path, text in zip(paths, found.copied.values(), strict=True):
        write_shared(stash.root / path, text, fix=fix)
    _write_registry(stash, undo, with_tool(read(stash.root).decode(), found.tool))
    _stage(stash, paths)


def _write_registry(stash: Stash, undo: Undo, text: str) -> None:
    undo.will_write_registry(text)
    write_shared(stash.root / REGISTRY, text)
    _stage(stash, [REGISTRY])


def _stage(stash: Stash, paths: list[str]) -> None:
    if paths:
        named = "\0".join(paths).encode()
        git("add", "--pathspec-from-file=-", "--pathspec-file-nul", cwd=stash.root, stdin=named)


def try_first(stash: Stash, undo: Undo, found: Survey) -> tuple[Survey, str]:
    """Compose one experiment, and record in the registry how Hydra selects experiments.

    Returns:
        The survey, with the way to select experiments; and Hydra's error message, or an empty text on success.
    """
    if found.failure is not None:
        return found, str(found.failure.error)
    if found.first is None:
        return found, ""
    print(f"composing {found.tool.name}/{found.first} …", file=sys.stderr, flush=True)
    for path in ("outputs/.gitignore", "outputs/x"):  # starting a tool creates these
        if not (stash.root / path).exists():
            undo.will_make(path)
    try:
        request = run_request(ResolvedTool(stash, found.tool), found.first)
        keep_clean(request)
        select = compose(request, mode="validate")[0].select
    except StashError as error:
        return found, str(error)
    _write_registry(stash, undo, with_key(read(stash.root).decode(), found.tool.name, "select", select))
    return replace(found, tool=found.tool._replace(select=select)), ""


def tell(stash: Stash, found: Survey, failure: str, url: str) -> None:
    """Print the added files and the next commands on stdout, and problems on stderr."""
    tool = found.tool
    lines = [f"added {tool.name} at {new_submodule.commit_of(stash, tool)[:SHORT]} ({tool.path})", *_about(found)]
    staged = f".gitmodules, {REGISTRY}, {tool.path}" + (f", configs/{tool.name}" if found.copied else "")
    lines.append(f"staged: {staged}")
    if is_local(url) and not url.startswith(("./", "../")):  # relative URLs start at the remote of the stash
        print(printable(f"{tool.path}: {_only_here(url, tool.path)}"), file=sys.stderr)
    if failure:
        shown = printable(failure, keep="\n\t")
        print(f"{shown}\n{_advice(found, failure)}", file=sys.stderr)
    elif found.first is not None:
        lines.append(f"composed {tool.name}/{found.first} successfully")
    lines.append(f"next: git commit -m {shlex.quote(f'Add {tool.name}')}")
    own = found.first or "NAME"
    lines.append(f"      experimentstash run {tool.name} {own}")
    print("\n".join(printable(line) for line in lines))


def _only_here(url: str, path: str) -> str:
    publish = f"git submodule set-url {quote(path)} URL"
    return f"its URL is {url}, a path that exists only on this machine; after you publish the tool, run: {publish}"


def _about(found: Survey) -> Iterator[str]:
    tool = found.tool
    yield f"  entrypoint: {tool.entrypoint}" + (f" (in {tool.workdir})" if tool.workdir != "." else "")
    if tool.search_packages:
        yield f"  search packages: {':'.join(tool.search_packages)}"
    if found.copied:
        yield f"  copied to configs/{tool.name}/experiment: {listed(list(found.copied), 5)}"
    if found.kept:
        yield f"  existing files kept: {listed(list(found.kept), 5)}"
    if found.in_python:
        yield f"  experiments defined in Python: {listed(list(found.in_python), 5)}"
    yield from (f"  skipped: {reason}" for reason in found.experiments.left_out)
    if tool.select:
        yield f"  experiments are selected with: {_selection(tool)}"
    for choice in found.choices:
        yield f"  experiments may also be {choice.what} ({listed(list(choice.names), 5)}):"
        yield f"    {choice.command}"
    if found.others:
        yield "  you can add its other programs as separate tools:"
        yield from (f"    {line}" for line in first_lines(found.others, 5))


def _selection(tool: Tool) -> str:
    if tool.select == "compose":
        return "the compose API, by the program itself"
    return "".join(itertools.chain(*command_line.selection(tool.select or "", "NAME", tool.group)))


def _advice(found: Survey, failure: str) -> str:
    tool = found.tool
    if "ModuleNotFoundError" in failure or found.first is None:
        return (
            f"{tool.name} is added, but the environment that runs it seems to lack its packages\n"
            f"    fix: install {tool.path} into its environment, or set `python:` in {REGISTRY}"
        )
    return (
        f"{tool.name} is added, but it is unknown how its experiments are selected\n"
        f"    fix: experimentstash run {tool.name} {found.first} --validate-only  # once its configs are complete"
    )
