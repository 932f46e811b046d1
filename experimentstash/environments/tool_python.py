"""Chooses the interpreter of a tool (spec.md, section *Running*), and its environment variables."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command
from experimentstash.core.names import REGISTRY
from experimentstash.git.user_git import answer, clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experimentstash.stash.tool import Tool

_PYTHONPATH = "EXPERIMENTSTASH_PYTHONPATH"
"""The user's PYTHONPATH, if a native hook removed paths into the stash from its own."""
SETTING = "experimentstash.toolPython"
"""The setting of the clone's own git config that names the interpreter of its tools."""


def interpreter(stash: Path, tool: Tool) -> Path:
    """Return the Python that runs a tool.

    `python:` of the registry; else `.venv` in the tool's directory; else the active virtual or conda
    environment; else the one that the stash's git config names; else the Python that runs this program.
    An environment activated by a hook framework does not count.

    Raises:
        StashError: the registry or git's config names a Python that is not there, or there is none but the
            hook's own.
    """
    env = tool_environment()
    if tool.python is not None:
        return _chosen(stash, tool, tool.python, env)
    own = str(stash / tool.path / ".venv")
    for folder in (own, *(env[name] for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if env.get(name))):
        if (active := Path(folder, "bin", "python")).is_file():
            return active
    if named := _named(stash):
        return named
    if _in_hook_environment():
        raise StashError(
            f"{tool.path}: no Python is known for the tool {tool.name!r}; the Python of the hook has no Hydra",
            f"git config {SETTING} PATH  # or `python:` in {REGISTRY}, or {tool.path}/.venv",
        )
    return Path(sys.executable)


def tool_environment() -> dict[str, str]:
    """Return the variables for a tool: the user's, as before git and a hook framework added theirs.

    A framework puts the hook's environment before the user's on the PATH and over VIRTUAL_ENV (traps.md,
    *pre-commit and prek*). The one that was active before is still found: by its Python on the PATH.
    """
    env = clean_environment()
    if _PYTHONPATH in env:
        env["PYTHONPATH"] = env.pop(_PYTHONPATH)
    if not _in_hook_environment():
        return env
    places = env.get("PATH", "").split(os.pathsep)
    env["PATH"] = os.pathsep.join(place for place in places if not _is_same(place, Path(sys.prefix, "bin")))
    del env["VIRTUAL_ENV"]
    python = shutil.which("python", path=env["PATH"])
    if python and Path(python).parents[1].joinpath("pyvenv.cfg").is_file():
        env["VIRTUAL_ENV"] = str(Path(python).parents[1])
    return env


def _in_hook_environment() -> bool:
    """Return whether a hook framework made the environment of this process. One with Hydra can run a tool."""
    active = os.environ.get("VIRTUAL_ENV", "")
    return "PRE_COMMIT" in os.environ and _is_same(active, Path(sys.prefix)) and find_spec("hydra") is None


def _is_same(place: str, folder: Path) -> bool:
    return bool(place) and os.path.realpath(place) == os.path.realpath(folder)


def _provide(stash: Path, tool: Tool, python: str) -> str:
    """Return the fix for a missing interpreter of the registry: create an environment, if the path looks like one."""
    path = stash / Path(python).expanduser()
    if path.parent.name == "bin" and not path.parent.exists():
        return f"{command('python3', '-m', 'venv', str(path.parents[1]))}  # and install the packages of the tool there"
    return f"name another `python:` of {tool.name} in {REGISTRY}"


def _named(stash: Path) -> Path | None:
    """Return the interpreter set in this clone's git config: a GUI has no active environment."""
    named = answer("config", "--local", "--type=path", "--get", SETTING, cwd=stash)
    if not named:
        return None
    if not os.access(path := stash / named, os.X_OK) or not path.is_file():
        raise StashError(f"git config {SETTING}: {named}: not a program on this machine", f"git config {SETTING} PATH")
    return path


def _chosen(stash: Path, tool: Tool, python: str, env: Mapping[str, str]) -> Path:
    if "/" in python:
        path = stash / Path(python).expanduser()
        # Not resolved: Python finds its virtual environment from the path of the symlink.
        found = Path(os.path.abspath(path)) if path.is_file() else None  # noqa: PTH100  (resolve follows links)
    else:
        on_path = shutil.which(python, path=env.get("PATH"))
        found = Path(on_path) if on_path else None
    if found is None or not os.access(found, os.X_OK):
        raise StashError(
            f"{REGISTRY}: the tool {tool.name!r} has python: {python!r}, which is not a program on this machine",
            _provide(stash, tool, python),
        )
    return found
