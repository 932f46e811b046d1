"""Removes our hooks and restores the former hooks, also if a framework was installed later."""

from __future__ import annotations

import contextlib
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.signals import held_signals
from experimentstash.hooks.install import git_settings, hook_scripts
from experimentstash.hooks.install.file_transaction import all_or_nothing
from experimentstash.hooks.install.installation import is_same_file, remove_old, restore_hook, touched_files
from experimentstash.hooks.install.locations import FORMER, HOOKS_PATH, is_same

if TYPE_CHECKING:
    from experimentstash.hooks.install.locations import HookLocations


def uninstall(locations: HookLocations) -> list[str]:
    """Remove the hooks, if any, and return the lines that report what changed.

    Raises:
        StashError: a hook of the user would be lost, or a file cannot be written. Nothing has changed.
    """
    _check_foreign_hooks(locations)
    with held_signals(), all_or_nothing(touched_files(locations)):
        lines = _restore_hooks_path(locations)
        for directory in (locations.default, locations.ours):
            lines += _remove_hooks(directory)
        git_settings.restore_tool_python(locations)
        dropped = [key for key in (git_settings.PYTHON, FORMER) if git_settings.unset_everywhere(locations, key)]
    for directory in (locations.ours, locations.ours.parent):
        with contextlib.suppress(OSError):  # the directory is absent or not empty
            directory.rmdir()
    return lines or [f"{locations.common}: {'hook settings removed' if dropped else 'no hooks are installed'}"]


def _check_foreign_hooks(locations: HookLocations) -> None:
    """Check that our directory has no other hooks: git would no longer run them."""
    if not locations.uses_ours:
        return
    for path in (locations.ours / kind for kind in hook_scripts.KNOWN):
        if os.path.lexists(path) and not hook_scripts.is_ours(path):
            raise StashError(
                f"{path}: not a hook of experimentstash, but in its directory",
                f"{_move_out(path, locations)} && experimentstash uninstall",
            )


def _move_out(path: Path, locations: HookLocations) -> str:
    """Return the command that moves another program's hook out of our directory without overwriting a file."""
    if hook_scripts.framework_of(path) == "prek":
        return "prek uninstall --all"
    former = locations.former / path.name
    to = path.with_name(f"{path.name}.old") if os.path.lexists(former) or not former.parent.is_dir() else former
    return f"mv {shlex.quote(str(path))} {shlex.quote(str(to))}"


def _restore_hooks_path(locations: HookLocations) -> list[str]:
    """Restore the former value of `core.hooksPath`, in each worktree that has its own value."""
    lines = []
    for scope in map(git_settings.file_scope, locations.configs):
        paths, recorded = (git_settings.values(locations, scope, key) for key in (HOOKS_PATH, FORMER))
        if not paths or not (
            (recorded and locations.is_like_ours(Path(paths[-1]))) or is_same(Path(paths[-1]), locations.ours)
        ):
            continue
        former = "".join(recorded)
        if former:
            git_settings.set_setting(locations, scope, HOOKS_PATH, former)
        else:
            git_settings.unset(locations, scope, HOOKS_PATH)
        lines.append(f"{HOOKS_PATH}: {f'restored to {former}' if former else 'unset'}")
    return lines


def _remove_hooks(directory: Path) -> list[str]:
    removed, restored, kept = [], [], []
    for kind in hook_scripts.KNOWN:
        top, before = directory / kind, directory / f"{kind}{hook_scripts.BEFORE}"
        if os.path.lexists(top) and is_same_file(top, before):
            before.unlink()  # an installation was killed before it wrote our hook
        paths = [path for path in (top, directory / f"{kind}{hook_scripts.LEGACY}") if hook_scripts.is_ours(path)]
        if not paths and os.path.lexists(before) and not os.path.lexists(top):
            paths = [top]  # our hook was deleted
        for path in paths:
            if os.path.lexists(before):
                restored.append(path.name)
            restore_hook(path, before)
            removed.append(path.name)
        if os.path.lexists(before):
            kept.append(before.name)
        remove_old(top)
    if removed:
        (directory / hook_scripts.SHARED).unlink(missing_ok=True)
    return [
        *([f"{directory}: hooks removed"] if removed else []),
        *(f"your former hook is restored: {name}" for name in restored),
        *(f"{directory / name}: kept, because another hook now has its place" for name in kept),
    ]
