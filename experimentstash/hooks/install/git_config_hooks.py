"""Hooks in git's configuration: `hook.<name>.event` and `.command` (git-hook(1), since git 2.54).

Git runs them before the hook file of the same type, whatever `core.hooksPath` is.
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
class ConfiguredHook:
    """A hook in git's configuration.

    Attributes:
        name: its name.
        command: the shell command; empty if none is configured.
        events: the hook types at which it runs.
        enabled: whether git runs it.
    """

    name: str
    command: str = ""
    events: tuple[str, ...] = ()
    enabled: bool = True

    def runner(self, kind: str) -> str | None:
        """Return the program that runs our hooks of a type: `experimentstash-hook`, `pre-commit`, `prek`, or None."""
        try:
            words = shlex.split(self.command)
        except ValueError:
            return None
        program = PurePath(words[0]).name if words else ""
        if program == _OWN:
            return _OWN if words[1:2] == [kind] else None
        return program if program in frameworks.CONFIGS and "hook-impl" in words else None


def git_version(root: Path) -> tuple[int, int] | None:
    """Return the major and minor version of git, or None if its output has no version."""
    output = os.fsdecode(ask_git("version", cwd=root).stdout)
    version = re.search(r"(\d+)\.(\d+)", output)
    return (int(version[1]), int(version[2])) if version else None


def configured_hooks(root: Path) -> dict[str, ConfiguredHook]:
    """Return the hooks in git's configuration of a repository, by name; none if this git is too old to run them."""
    output = ask_git("config", "-z", "--get-regexp", r"^hook\..*\.(event|command|enabled)$", cwd=root).stdout
    hooks: dict[str, ConfiguredHook] = {}
    for line in filter(None, os.fsdecode(output).split("\0")):
        key, _, value = line.partition("\n")
        name, _, attribute = key.removeprefix("hook.").rpartition(".")
        hook = hooks.setdefault(name, ConfiguredHook(name))
        if attribute == "event":  # an empty value clears the earlier ones
            hook.events = (*hook.events, value) if value else ()
        elif attribute == "command":
            hook.command = value
        else:
            hook.enabled = value.lower() not in _FALSE
    return hooks if hooks and (git_version(root) or (0, 0)) >= _FIRST_GIT else {}


def runner_of(root: Path, kind: str) -> str | None:
    """Return the program in git's configuration that runs all of our hooks of a type, or None.

    A framework does not replace the native pre-push hook: it passes on only the first ref of a push.
    """
    hooks = configured_hooks(root)
    if kind in hooks and not hooks[kind].enabled:  # since git 2.55, `hook.<event>.enabled` disables the hook type
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
    """Return the names of the configured hooks that git runs before the hook files of some types."""
    return [hook.name for hook in configured_hooks(root).values() if hook.enabled and set(hook.events) & set(kinds)]


def faults(root: Path, kinds: tuple[str, ...]) -> Iterator[Problem]:
    """Yield the settings that keep hooks of some types from running."""
    for hook in configured_hooks(root).values():
        where = f"hook.{hook.name}"
        if hook.name in kinds and not hook.enabled:
            what = "it disables every hook of that type"
            yield Problem(f"{where}.enabled", "hooks", what, command("git", "config", f"{where}.enabled", "true"))
        if hook.enabled and not hook.command and set(hook.events) & set(kinds):
            what = f"it has no command, so git fails at {', '.join(hook.events)}"
            yield Problem(where, "hooks", what, command("git", "config", f"{where}.enabled", "false"))
