"""The environment of a tool in its own checkout: `.venv`, built from the lock that the tool ships."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command
from experimentstash.core.files import write_text
from experimentstash.core.names import tool_path
from experimentstash.environments.build import build_at
from experimentstash.environments.build_request import BuildRequest
from experimentstash.environments.environment_cache import cache_folder
from experimentstash.environments.lock_file import find_lock

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.environments.formats.base import Lock
    from experimentstash.stash.stash import Stash
    from experimentstash.stash.tool import Tool

_MARKER = "experimentstash-lock.json"


def sync_environment(stash: Stash, tool: Tool) -> str:
    """Build `.venv` of a tool from its lock, unless it is built already; return a line that says what happened.

    Args:
        stash: the stash.
        tool: the tool; it is checked out.

    Raises:
        StashError: the tool ships no lock, `.venv` was made by another program, or the build failed. An
            existing environment is kept.
    """
    path = f"{tool_path(tool.name)}/.venv"
    place = stash.inside(path)
    if tool.python is not None:
        return f"{tool_path(tool.name)}: `python:` in the registry names its environment; nothing is built"
    found = find_lock(stash.root, tool.path, tool.workdir, extras=tool.extras, groups=tool.groups)
    if found.lock is None:
        more = f" ({'; '.join(found.told)})" if found.told else ""
        raise StashError(
            f"{tool_path(tool.name)}: ships no lock file to build an environment from{more}",
            f"{command('python3', '-m', 'venv', path)}  # and install the packages of the tool there",
        )
    if place.exists():
        recorded = _recorded(place)
        if recorded is None:
            raise StashError(f"{path}: exists, and was not built by sync", command("mv", path, f"{path}.old"))
        if recorded == found.lock.sha256 and (place / "bin" / "python").exists():
            return f"{path}: is built from {found.lock.name} already"
    _rebuild(tool, found.lock, place)
    return f"{path}: built from {found.lock.name}"


def _recorded(place: Path) -> str | None:
    """Return the digest of the lock that an environment was built from, or None if it was not built here."""
    try:
        return str(json.loads((place / _MARKER).read_text("utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _rebuild(tool: Tool, lock: Lock, place: Path) -> None:
    """Build the environment in place: it contains its own path, and cannot be moved there."""
    before = place.with_name(f".venv-before-{os.getpid()}")
    order = BuildRequest(lock=lock, title=tool.name, cache=cache_folder(), own=cache_folder() / "sync")
    order.own.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(before)
    try:
        build_at(order, place)
        write_text(place / ".gitignore", "*\n")
        write_text(place / _MARKER, json.dumps({"lock": lock.name, "sha256": lock.sha256}) + "\n")
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        if before.exists():
            before.rename(place)
        raise
    shutil.rmtree(before, ignore_errors=True)
