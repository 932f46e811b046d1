"""Puts our hooks to work beside whatever is there: all or nothing, and nobody's hook is lost."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.files import write_text
from experimentstash.core.signals import held_signals
from experimentstash.hooks.install import git_config_hooks, hook_scripts
from experimentstash.hooks.install.file_transaction import all_or_nothing
from experimentstash.hooks.install.git_settings import (
    HOOKS,
    PYTHON,
    drop,
    in_file,
    put,
    put_tool_python,
    take_out,
    values,
)
from experimentstash.hooks.install.hook_files import spots
from experimentstash.hooks.install.locations import FORMER, HOOKS_PATH, git_value, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from experimentstash.hooks.install.hook_files import Spot
    from experimentstash.hooks.install.locations import HookLocations

_RUN, _READ = 0o755, 0o644  # whatever the umask: a hook that another user of the repository cannot run is none to git


def install(place: HookLocations) -> list[str]:
    """Put the hooks in place, as far as they are not yet, and return what was done, a line each.

    Raises:
        StashError: something stands in the way, or cannot be written; nothing has changed then.
    """
    wanted = spots(place)
    _check_way(place, wanted)
    folder = _folder(place)
    with held_signals(), all_or_nothing(touched(place)):
        settings = _record_pythons(place)
        kept: list[Path] = []
        written: list[Spot] = []
        shared = bool(wanted) and _share(folder)
        for spot in wanted:
            if not spot.holds:
                kept += _put(spot)
                written.append(spot)
        turned = _turn(place)
        drop(place, HOOKS)
    lines = [f"the hook that was there runs first: {before.name}" for before in kept]
    if turned:
        lines.append(f"{place.former}: its hooks run first, and those of all other types as before")
    if others := git_config_hooks.others(place.root, place.types):
        lines.append(f"hooks of git's configuration run first: {', '.join(others)}")
    if not wanted:
        first = f"{folder}: hooks of ours, which {HOOKS_PATH} leads to: nothing to put in place"
        return [first, *settings]
    if not (written or shared or turned):
        return [f"{folder}: hooks installed{'' if settings else ' already'}", *settings]
    types = _tell_types([spot for spot in wanted if spot.kind in place.types])
    return [f"{folder}: hooks installed", *types, *lines, *settings]


def touched(place: HookLocations) -> set[Path]:
    """Return every file that an installation here, or a framework's, may write."""
    endings = ("", hook_scripts.LEGACY, hook_scripts.BEFORE, hook_scripts.OLD)
    files = {
        folder / f"{kind}{ending}"
        for folder in (place.own, place.aside)
        for kind in hook_scripts.KNOWN
        for ending in endings
    }
    return {*place.configs, *files, place.own / hook_scripts.SHARED, place.aside / hook_scripts.SHARED}


def _folder(place: HookLocations) -> Path:
    if place.is_shipped:
        return place.used
    return place.own if place.is_plain else place.aside


def _check_way(place: HookLocations, wanted: Iterable[Spot]) -> None:
    if place.paths and place.paths[-1][0] == "command":
        raise StashError(
            f"{HOOKS_PATH} is set for this one command",
            f"env -u GIT_CONFIG_COUNT -u GIT_CONFIG_PARAMETERS {hook_scripts.INSTALL}",
        )
    for spot in wanted:
        if spot.text is None or not os.path.lexists(spot.path) or hook_scripts.is_ours(spot.path):
            continue
        if (other := hook_scripts.framework_of(spot.path)) and spot.framework:
            what = f"{spot.path}: {spot.framework} and {other} would run each other there, without an end"
            raise StashError(what, f"rm {shlex.quote(str(spot.path))} && {hook_scripts.INSTALL}")
        if os.path.lexists(spot.before) and not _are_alike(spot.path, spot.before):
            before = shlex.quote(str(spot.before))
            what = f"{spot.path}: a hook of somebody else's, and only one can run before ours: {spot.before} is there"
            raise StashError(what, f"mv {before} {before}.old && {hook_scripts.INSTALL}")


def _make(folder: Path) -> None:
    for place in (folder.parent, folder):
        if not place.exists():
            place.mkdir()
            place.chmod(_RUN)


def _put(spot: Spot) -> list[Path]:
    """Make a spot what it has to be, and return the hook of somebody else's that was put aside for it."""
    if spot.text is None:
        give_back(spot.path, spot.before)
        return []
    is_foreign = os.path.lexists(spot.path) and not hook_scripts.is_ours(spot.path)
    if is_foreign:
        try:
            # there is a hook at the spot at every moment; if we are killed in the next one, the file has two names
            os.link(spot.path, spot.before, follow_symlinks=False)
        except (OSError, NotImplementedError):
            spot.path.rename(spot.before)  # no such links here; where it has two names already, this does nothing
    write_text(spot.path, spot.text.decode(), mode=_RUN)
    drop_old(spot.path)
    return [spot.before] if is_foreign else []


def give_back(path: Path, before: Path) -> None:
    """Take our hook away, and let the one that was put aside for it stand there again."""
    if os.path.lexists(before):
        before.replace(path)
    else:
        path.unlink(missing_ok=True)


def drop_old(path: Path) -> None:
    """Take a hook of ours away that lefthook put aside, beside the spot of its type."""
    old = path.with_suffix(hook_scripts.OLD)
    if hook_scripts.is_ours(old):
        old.unlink()


def _are_alike(one: Path, other: Path) -> bool:
    """Tell whether two hooks are the same; lefthook puts its own in our place again whenever its config changes."""
    return is_one(one, other) or bool(
        hook_scripts.content(one) and hook_scripts.content(one) == hook_scripts.content(other)
    )


def is_one(one: Path, other: Path) -> bool:
    """Tell whether two names are of one file; an interruption between the two steps of `_put` leaves that."""
    return os.path.lexists(other) and os.path.samestat(one.lstat(), other.lstat())


def _share(folder: Path) -> bool:
    """Write the file that the hooks source, before there is one of them, and return whether it was another."""
    _make(folder)
    path = folder / hook_scripts.SHARED
    text = hook_scripts.judging(hook_scripts.SHARED)
    if hook_scripts.content(path) == text:
        return False
    write_text(path, text.decode(), mode=_READ)
    return True


def _record_pythons(place: HookLocations) -> list[str]:
    """Write down which Python runs the hooks, and which one the tools; a GUI client has no active environment."""
    lines = []
    if put(place, "--local", PYTHON, sys.executable):
        lines.append(f"they run with {sys.executable}")
    active = (os.environ.get(name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX"))
    pythons = (Path(folder, "bin", "python") for folder in active if folder and not _is_own(folder))
    if (python := next(filter(Path.is_file, pythons), None)) and put_tool_python(place, str(python)):
        lines.append(f"the tools run with {python}, where nothing else is said")
    return lines


def _is_own(folder: str) -> bool:
    return os.path.realpath(folder) == os.path.realpath(sys.prefix)


def _turn(place: HookLocations) -> bool:
    """Let `core.hooksPath` lead to our folder, where it leads to somebody else's; return whether that was to do.

    Raises:
        StashError: it has several values, or is set once more where we are not heard.
    """
    if place.is_plain or place.is_shipped or place.is_aside:
        _forget_former(place)
        return False
    found = values(place, place.scope, HOOKS_PATH)
    if len(found) > 1:
        fix = f"git config {place.scope} --replace-all {HOOKS_PATH} {shlex.quote(found[-1])}"
        raise StashError(f"{HOOKS_PATH} has {len(found)} values in this repository, and git heeds the last", fix)
    if not place.was_moved:
        put(place, place.scope, FORMER, "".join(found))
    put(place, place.scope, HOOKS_PATH, str(place.aside))
    if not place_of(place.root, bare=place.bare).is_aside:
        raise StashError(f"{HOOKS_PATH} is set once more, by a file that the repository's config includes")
    return True


def _forget_former(place: HookLocations) -> None:
    """Take the setting away where `core.hooksPath` does not lead to our folder any more, so that nothing follows it."""
    for scope in map(in_file, place.configs):
        if values(place, scope, FORMER) and not any(map(place.is_of_ours, map(Path, values(place, scope, HOOKS_PATH)))):
            take_out(place, scope, FORMER)
    if place.is_aside and git_value(place, FORMER) is None:
        put(place, place.scope, FORMER, "")


def _tell_types(judging: list[Spot]) -> list[str]:
    lines = [", ".join(spot.kind for spot in judging if not spot.framework)]
    for framework in sorted({spot.framework for spot in judging if spot.framework}):
        of_it = [spot for spot in judging if spot.framework == framework]
        if beside := ", ".join(spot.path.name for spot in of_it if not spot.left_out):
            lines.append(f"run by {framework}: {beside}")
        if left := ", ".join(spot.kind for spot in of_it if spot.left_out):
            lines.append(f"left to {framework}, whose config names our hooks: {left}")
    return [line for line in lines if line]
