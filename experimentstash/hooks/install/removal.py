"""Takes our hooks away and gives back what was there before, also where a framework came on top since."""

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
from experimentstash.hooks.install.installation import drop_old, give_back, is_one, touched
from experimentstash.hooks.install.locations import FORMER, HOOKS_PATH, is_same

if TYPE_CHECKING:
    from experimentstash.hooks.install.locations import HookLocations


def uninstall(place: HookLocations) -> list[str]:
    """Take the hooks away, if there are any, and return what was done, a line each.

    Raises:
        StashError: a hook of somebody else's would be lost, or something cannot be written; nothing has changed.
    """
    _check_aside(place)
    with held_signals(), all_or_nothing(touched(place)):
        lines = _turn_back(place)
        for folder in (place.own, place.aside):
            lines += _take_away(folder)
        git_settings.give_back_tool_python(place)
        dropped = [key for key in (git_settings.PYTHON, FORMER) if git_settings.drop(place, key)]
    for folder in (place.aside, place.aside.parent):
        with contextlib.suppress(OSError):  # never made, or it holds something else
            folder.rmdir()
    return lines or [f"{place.common}: {'the settings of the hooks are gone' if dropped else 'no hooks are installed'}"]


def _check_aside(place: HookLocations) -> None:
    """Check that nobody else has put hooks into our folder: they would be heard no more."""
    if not place.is_aside:
        return
    for path in (place.aside / kind for kind in hook_scripts.KNOWN):
        if os.path.lexists(path) and not hook_scripts.is_ours(path):
            raise StashError(
                f"{path}: a hook of somebody else's, in our folder", f"{_out(path, place)} && experimentstash uninstall"
            )


def _out(path: Path, place: HookLocations) -> str:
    """Return the command that takes somebody's hook out of our folder, and overwrites no other."""
    if hook_scripts.framework_of(path) == "prek":
        return "prek uninstall --all"
    there = place.former / path.name
    to = path.with_name(f"{path.name}.old") if os.path.lexists(there) or not there.parent.is_dir() else there
    return f"mv {shlex.quote(str(path))} {shlex.quote(str(to))}"


def _turn_back(place: HookLocations) -> list[str]:
    """Let `core.hooksPath` lead where it led before, in each worktree that has a value of its own."""
    lines = []
    for scope in map(git_settings.in_file, place.configs):
        found, kept = (git_settings.values(place, scope, key) for key in (HOOKS_PATH, FORMER))
        if not found or not ((kept and place.is_of_ours(Path(found[-1]))) or is_same(Path(found[-1]), place.aside)):
            continue
        former = "".join(kept)
        if former:
            git_settings.put(place, scope, HOOKS_PATH, former)
        else:
            git_settings.take_out(place, scope, HOOKS_PATH)
        lines.append(f"{HOOKS_PATH} is {f'{former} again' if former else 'not set any more'}")
    return lines


def _take_away(folder: Path) -> list[str]:
    taken, back, left = [], [], []
    for kind in hook_scripts.KNOWN:
        top, before = folder / kind, folder / f"{kind}{hook_scripts.BEFORE}"
        if os.path.lexists(top) and is_one(top, before):
            before.unlink()  # we were killed before ours took its place
        spots = [path for path in (top, folder / f"{kind}{hook_scripts.LEGACY}") if hook_scripts.is_ours(path)]
        if not spots and os.path.lexists(before) and not os.path.lexists(top):
            spots = [top]  # somebody took ours away
        for path in spots:
            if os.path.lexists(before):
                back.append(path.name)
            give_back(path, before)
            taken.append(path.name)
        if os.path.lexists(before):
            left.append(before.name)
        drop_old(top)
    if taken:
        (folder / hook_scripts.SHARED).unlink(missing_ok=True)
    return [
        *([f"{folder}: hooks taken away"] if taken else []),
        *(f"the hook that was there stands there again: {name}" for name in back),
        *(f"{folder / name}: left where it is, another hook has taken its place" for name in left),
    ]
