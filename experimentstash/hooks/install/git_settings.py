"""Reads, sets and unsets settings in a repository's git configuration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from experimentstash.environments.tool_python import SETTING as TOOL_PYTHON
from experimentstash.git.user_git import ask_git, git

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.hooks.install.locations import HookLocations

PYTHON = "experimentstash.python"
"""The path of the Python that runs the native hooks."""
HOOKS = "experimentstash.hooks"
"""`none` after `init --hooks none`: `run` and `snapshot` do not warn about missing hooks."""
FORMER_TOOL_PYTHON = "experimentstash.formerToolPython"
"""The value of `experimentstash.toolPython` before `install` replaced it; empty if it was not set."""


def values(locations: HookLocations, scope: str, key: str) -> list[str]:
    """Return the raw values of a setting in one scope.

    Args:
        locations: the repository.
        scope: an option of `git config`: `--local`, `--worktree`, `--file=…`.
        key: the setting.
    """
    process = ask_git("config", scope, "-z", "--get-all", key, cwd=locations.root)
    return os.fsdecode(process.stdout).split("\0")[:-1] if process.returncode == 0 else []


def set_setting(locations: HookLocations, scope: str, key: str, value: str) -> bool:
    """Set a setting, and return whether its value changed.

    Raises:
        StashError: git cannot write it.
    """
    if values(locations, scope, key) == [value]:
        return False
    git("config", scope, "--replace-all", key, value, cwd=locations.root)
    return True


def unset_everywhere(locations: HookLocations, key: str) -> bool:
    """Unset a setting in all config files of the repository, and return whether it was set.

    Raises:
        StashError: git cannot write it.
    """
    scopes = [scope for scope in map(file_scope, locations.configs) if values(locations, scope, key)]
    for scope in scopes:
        unset(locations, scope, key)
    return bool(scopes)


def unset(locations: HookLocations, scope: str, key: str) -> None:
    """Unset a setting in one scope.

    Raises:
        StashError: git cannot write it.
    """
    git("config", scope, "--unset-all", key, cwd=locations.root)


def file_scope(config: Path) -> str:
    """Return the scope for one config file."""
    return f"--file={config}"


def set_tool_python(locations: HookLocations, python: str) -> bool:
    """Set the tools' Python, remember the former value, and return whether the value changed."""
    before = values(locations, "--local", TOOL_PYTHON)
    changed = set_setting(locations, "--local", TOOL_PYTHON, python)
    if changed and not values(locations, "--local", FORMER_TOOL_PYTHON):
        set_setting(locations, "--local", FORMER_TOOL_PYTHON, "".join(before))
    return changed


def restore_tool_python(locations: HookLocations) -> None:
    """Restore the tools' Python that was set before `install`."""
    former = values(locations, "--local", FORMER_TOOL_PYTHON)
    if not former:
        return
    if former[0]:
        set_setting(locations, "--local", TOOL_PYTHON, former[0])
    else:
        unset_everywhere(locations, TOOL_PYTHON)
    unset_everywhere(locations, FORMER_TOOL_PYTHON)
