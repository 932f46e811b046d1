"""The repository's own git settings: read as they are written, set, and taken out again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from experimentstash.environments.tool_python import SETTING as TOOL_PYTHON
from experimentstash.git.user_git import ask_git, git

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.hooks.install.locations import HookLocations

PYTHON = "experimentstash.python"
"""Names the Python of the native hooks."""
HOOKS = "experimentstash.hooks"
"""`none` where somebody wants no hooks: who runs and freezes there is not reminded of them."""
FORMER_TOOL_PYTHON = "experimentstash.formerToolPython"
"""Keeps what `experimentstash.toolPython` was before `install` named another; empty: nothing."""


def values(place: HookLocations, scope: str, key: str) -> list[str]:
    """Return the values of a setting in one scope, as they are written there.

    Args:
        place: the repository.
        scope: an option of `git config`: `--local`, `--worktree`, `--file=…`.
        key: the setting.
    """
    asked = ask_git("config", scope, "-z", "--get-all", key, cwd=place.root)
    return os.fsdecode(asked.stdout).split("\0")[:-1] if asked.returncode == 0 else []


def put(place: HookLocations, scope: str, key: str, value: str) -> bool:
    """Set a setting, and return whether it was another.

    Raises:
        StashError: git cannot write it.
    """
    if values(place, scope, key) == [value]:
        return False
    git("config", scope, "--replace-all", key, value, cwd=place.root)
    return True


def drop(place: HookLocations, key: str) -> bool:
    """Take a setting out of all of the repository's own configuration, and return whether it was there.

    Raises:
        StashError: git cannot write it.
    """
    scopes = [scope for scope in map(in_file, place.configs) if values(place, scope, key)]
    for scope in scopes:
        take_out(place, scope, key)
    return bool(scopes)


def take_out(place: HookLocations, scope: str, key: str) -> None:
    """Take a setting out of one scope.

    Raises:
        StashError: git cannot write it.
    """
    git("config", scope, "--unset-all", key, cwd=place.root)


def in_file(config: Path) -> str:
    """Return the scope that is one file of configuration."""
    return f"--file={config}"


def put_tool_python(place: HookLocations, python: str) -> bool:
    """Name the tools' Python, keep what was named before, and return whether it was another."""
    before = values(place, "--local", TOOL_PYTHON)
    changed = put(place, "--local", TOOL_PYTHON, python)
    if changed and not values(place, "--local", FORMER_TOOL_PYTHON):
        put(place, "--local", FORMER_TOOL_PYTHON, "".join(before))
    return changed


def give_back_tool_python(place: HookLocations) -> None:
    """Let the tools' Python be what it was before `install` named another."""
    kept = values(place, "--local", FORMER_TOOL_PYTHON)
    if not kept:
        return
    if kept[0]:
        put(place, "--local", TOOL_PYTHON, kept[0])
    else:
        drop(place, TOOL_PYTHON)
    drop(place, FORMER_TOOL_PYTHON)
