"""Hooks of git's own configuration: `hook.<name>.event` and `.command` (git-hook(1), since git 2.54).

Git runs them before the file of the type in the directory of hooks, wherever `core.hooksPath` leads.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from experimentstash.core.errors import Problem, command
from experimentstash.git.user_git import ask_git
from experimentstash.hooks.install import frameworks, hook_scripts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FIRST_GIT = (2, 54)
_OWN = "experimentstash-hook"
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass
class Configured:
    """A hook of the configuration.

    Attributes:
        name: its name.
        command: what git hands to a shell; empty where none is configured.
        events: the types that it runs at.
        enabled: whether it runs at all.
    """

    name: str
    command: str = ""
    events: tuple[str, ...] = ()
    enabled: bool = True

    def runner(self, kind: str) -> str | None:
        """Return what runs our hooks of a type there: our own program, `pre-commit`, `prek`, or None."""
        try:
            words = shlex.split(self.command)
        except ValueError:
            return None
        program = PurePath(words[0]).name if words else ""
        if program == _OWN:
            return _OWN if words[1:2] == [kind] else None
        return program if program in frameworks.CONFIGS and "hook-impl" in words else None


def git_version(root: Path) -> tuple[int, int] | None:
    """Return the first two parts of git's version, or None where it says none."""
    said = os.fsdecode(ask_git("version", cwd=root).stdout)
    found = re.search(r"(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else None


def configured(root: Path) -> dict[str, Configured]:
    """Return the hooks that git's configuration has for a repository, by name; none where this git runs none."""
    asked = ask_git("config", "-z", "--get-regexp", r"^hook\..*\.(event|command|enabled)$", cwd=root)
    found: dict[str, Configured] = {}
    for line in filter(None, os.fsdecode(asked.stdout).split("\0")):
        key, _, value = line.partition("\n")
        name, _, what = key.removeprefix("hook.").rpartition(".")
        hook = found.setdefault(name, Configured(name))
        if what == "event":  # an empty one takes back those before it
            hook.events = (*hook.events, value) if value else ()
        elif what == "command":
            hook.command = value
        else:
            hook.enabled = value.lower() not in _FALSE
    return found if found and (git_version(root) or (0, 0)) >= _FIRST_GIT else {}


def runner_of(root: Path, kind: str) -> str | None:
    """Return what runs all of our hooks of a type out of git's configuration, or None.

    A framework is shown too little of a push to stand in for the gate; our own program is not.
    """
    hooks = configured(root)
    if kind in hooks and not hooks[kind].enabled:  # `hook.<event>.enabled` turns the type off, since git 2.55
        return None
    for hook in hooks.values():
        if not hook.enabled or kind not in hook.events:
            continue
        runner = hook.runner(kind)
        if runner == _OWN:
            return runner
        if runner and kind != hook_scripts.GATE and frameworks.names_ours(root, runner, hook.command.encode(), kind):
            return runner
    return None


def others(root: Path, kinds: tuple[str, ...]) -> list[str]:
    """Return the names of the configured hooks that run at some types before the files there."""
    return [hook.name for hook in configured(root).values() if hook.enabled and set(hook.events) & set(kinds)]


def faults(root: Path, kinds: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what of the configuration keeps hooks of some types from running."""
    for hook in configured(root).values():
        where = f"hook.{hook.name}"
        if hook.name in kinds and not hook.enabled:
            what = "it turns off every hook of that type"
            yield Problem(f"{where}.enabled", "hooks", what, command("git", "config", f"{where}.enabled", "true"))
        if hook.enabled and not hook.command and set(hook.events) & set(kinds):
            what = f"it has no command, and git stops at {', '.join(hook.events)}"
            yield Problem(where, "hooks", what, command("git", "config", f"{where}.enabled", "false"))
