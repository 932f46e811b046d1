"""`init [DIR]`: makes a stash in a new or existing repository."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experimentstash.cli import json_schemas
from experimentstash.core.errors import StashError, printable
from experimentstash.core.errors import command as command_text
from experimentstash.core.files import check_inside, write_text
from experimentstash.core.names import REGISTRY
from experimentstash.git.user_git import ask_git, clean_environment, git
from experimentstash.hooks.install.file_transaction import all_or_nothing
from experimentstash.hooks.install.framework_config import install_framework, program, with_entry
from experimentstash.hooks.install.frameworks import CONFIGS
from experimentstash.hooks.install.git_settings import HOOKS, set_setting
from experimentstash.hooks.install.installation import install, touched_files
from experimentstash.hooks.install.locations import locations_of
from experimentstash.stash.registry import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

IGNORED = "/outputs/"
SCHEMA = "configs/meta.schema.json"
TEMPLATE = """\
# yaml-language-server: $schema=meta.schema.json
# The registry: the tools of this stash. Each tool is a Hydra program, and a git submodule at tools/<tool>.
# `experimentstash add-tool NAME URL` adds a tool. It keeps your comments, order and further keys.
#
# tools:
#   mytool:
#     path: tools/mytool
#     entrypoint: "-m mytool.main"          # or a script: "src/train.py", or a console script's name
#     search_packages: "mytool.configs"     # optional, colon-separated: packages that contain configs
#     python: ~/envs/mytool/bin/python      # optional: the interpreter; by default .venv in the tool's directory
tools: {}
"""


@click.command("init")
@click.argument("directory", metavar="[DIR]", default=".")
@click.option(
    "--hooks",
    type=click.Choice(["native", *CONFIGS, "none"]),
    default="native",
    help="The program that runs the git hooks: git itself (native, the default), or a framework.",
)
def command(directory: str, hooks: str) -> None:
    """Make a stash in DIR (by default the working directory), a new or an existing repository.

    Writes configs/meta.yaml and its schema, adds outputs/ to .gitignore, and installs the git hooks. Commits nothing.
    Safe to run again.

    Example: experimentstash init paper
    """
    folder = Path(os.path.abspath(directory))  # noqa: PTH100  (keeps symlinks as the user wrote them)
    framework = program(hooks) if hooks in CONFIGS else None
    is_new = not _is_repository(folder)
    wanted = _missing(folder, hooks, is_new=is_new)
    with all_or_nothing(folder / path for path in wanted), _no_repository_left(folder, is_new=is_new):
        if is_new:
            folder.mkdir(parents=True, exist_ok=True)
            git("init", "-q", cwd=folder)
        for path, text in wanted.items():
            write_text(folder / path, text)
        installed = _install(folder, framework) if hooks != "none" else []
        if hooks == "none":
            set_setting(locations_of(folder), "--local", HOOKS, hooks)
    _print(folder, wanted, installed, is_new=is_new)


def _is_repository(folder: Path) -> bool:
    """Return whether `folder` is the root of a git working tree; False if it is outside of any repository.

    Raises:
        StashError: it is inside a repository, bare, or not a directory, or git fails.
    """
    existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not existing.is_dir():
        raise StashError(f"{existing}: not a directory", command_text("experimentstash", "init", f"{existing}-stash"))
    process = ask_git(
        "rev-parse", "--is-bare-repository", "--is-inside-git-dir", cwd=existing, env=clean_environment(LC_ALL="C")
    )
    if process.returncode != 0:
        errors = process.stderr.decode("utf-8", "replace").strip()
        if "not a git repository (or any" not in errors:
            raise StashError(f"{folder}: {errors}")
        return False
    is_bare, is_inside = process.stdout.decode().split()
    if is_bare == "true":
        clone = f"{existing}-stash"
        raise StashError(
            f"{existing}: a bare repository has no working tree",
            f"{command_text('git', 'clone', str(existing), clone)} && {command_text('experimentstash', 'init', clone)}",
        )
    if is_inside == "true":
        raise StashError(f"{existing}: inside git's own directory; a stash needs a working tree")
    root = Path(git("rev-parse", "--show-toplevel", cwd=existing))
    if folder.resolve() != root.resolve():
        fix = command_text("experimentstash", "init", str(root))
        raise StashError(f"{folder}: inside the repository {root}", fix)
    return True


def _missing(folder: Path, hooks: str, *, is_new: bool) -> dict[str, str]:
    """Return the texts of the files to write, by path; empty if `folder` is a complete stash already."""
    check_inside(folder, folder / REGISTRY)
    wanted: dict[str, str] = {}
    if os.path.lexists(folder / REGISTRY):
        load(folder)
    else:
        wanted |= {REGISTRY: TEMPLATE, SCHEMA: json_schemas.text("registry")}
        if not is_new and (line := _ignoring_line(folder, REGISTRY)):
            fix = f"delete line {line.split(':')[1]} of .gitignore"
            raise StashError(f"{folder}: git ignores {REGISTRY} ({line})", fix)
    ignoring = _gitignore(folder)
    if not _is_ignored(folder, ignoring, is_new=is_new):
        # an existing file may lack a final line break, or use Windows line breaks
        newline = "\r\n" if "\r\n" in ignoring else "\n"
        gap = newline if ignoring and not ignoring.endswith("\n") else ""
        wanted[".gitignore"] = f"{ignoring}{gap}{IGNORED}{newline}"
    if hooks in CONFIGS and (entry := with_entry(folder, hooks)):
        wanted |= [entry]
    if wanted:
        _check_writable(folder, wanted)
    return wanted


def _gitignore(folder: Path) -> str:
    path = folder / ".gitignore"
    if path.is_symlink():
        raise StashError(f"{path}: git does not follow a symlink here", command_text("rm", str(path)))
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StashError(f"{path}: cannot be read: {error.strerror}") from None


def _is_ignored(folder: Path, ignoring: str, *, is_new: bool) -> bool:
    if is_new:
        return any(line.strip() in {"outputs", "outputs/", "/outputs", IGNORED} for line in ignoring.splitlines())
    return _ignoring_line(folder, "outputs/x") is not None


def _ignoring_line(folder: Path, path: str) -> str | None:
    """Return the position of the committed `.gitignore` line that ignores `path`, and its pattern."""
    # patterns of this machine (info/exclude, core.excludesFile) do not count
    process = ask_git("-c", "core.excludesFile=", "check-ignore", "-v", "--no-index", path, cwd=folder)
    position, _, pattern = process.stdout.decode("utf-8", "replace").partition("\t")[0].rpartition(":")
    return f"{position}: {pattern}" if position.startswith(".gitignore:") and pattern[:1] != "!" else None


def _check_writable(folder: Path, wanted: dict[str, str]) -> None:
    for path in wanted:
        target = folder / path
        place = next(place for place in (target, *target.parents) if os.path.lexists(place))
        if place == target and not place.is_file():
            raise StashError(f"{place}: not a file", command_text("mv", str(place), f"{place}.old"))
        for needed in (place, target.parent) if place == target else (place,):
            if not os.access(needed, os.W_OK):
                raise StashError(f"{needed}: read-only", command_text("chmod", "u+w", str(needed)))


@contextlib.contextmanager
def _no_repository_left(folder: Path, *, is_new: bool) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if is_new:
            shutil.rmtree(folder / ".git", ignore_errors=True)
        raise


def _install(folder: Path, framework: str | None) -> list[str]:
    """Install the hooks of the framework, if any, and the native hooks; return the lines that report what changed."""
    locations = locations_of(folder)
    with all_or_nothing(touched_files(locations)):
        if framework:
            install_framework(folder, framework)
        return install(locations)


def _print(folder: Path, wanted: Mapping[str, str], installed: list[str], *, is_new: bool) -> None:
    is_stash = not {REGISTRY, ".gitignore"} & wanted.keys()
    lines = [f"{folder}: {'already ' if is_stash else ''}a stash{', in a new git repository' if is_new else ''}"]
    notes = {
        REGISTRY: f"wrote {REGISTRY}: the registry, with no tools yet",
        SCHEMA: f"wrote {SCHEMA}: the schema of the registry, for editors",
        ".gitignore": f"added {IGNORED} to .gitignore: the output of runs",
    }
    lines += [f"  {notes.get(path, f'added the hooks to {path}')}" for path in wanted]
    lines += [f"  {'  ' if number else ''}{line}" for number, line in enumerate(installed)]
    if wanted:
        what = "Run the hooks of ExperimentStash" if is_stash else "Make a stash"
        lines.append(f"next: git add {' '.join(wanted)} && git commit -m '{what}'")
    if not is_stash:
        lines.append("      experimentstash add-tool NAME URL")
    print("\n".join(map(printable, lines)))
