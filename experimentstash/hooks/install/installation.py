"""Installs our hooks, and keeps existing hooks and frameworks working. A failed install changes nothing."""

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
    file_scope,
    set_setting,
    set_tool_python,
    unset,
    unset_everywhere,
    values,
)
from experimentstash.hooks.install.hook_files import required_files
from experimentstash.hooks.install.locations import FORMER, HOOKS_PATH, git_value, locations_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from experimentstash.hooks.install.hook_files import HookFile
    from experimentstash.hooks.install.locations import HookLocations

_RUN, _READ = 0o755, 0o644  # whatever the umask: git skips a hook that the current user cannot run


def install(locations: HookLocations) -> list[str]:
    """Install the hooks that are missing, and return the lines that report what changed.

    Raises:
        StashError: another hook or setting is in the way, or a file cannot be written. Nothing has changed.
    """
    files = required_files(locations)
    _check_obstacles(locations, files)
    directory = _directory(locations)
    with held_signals(), all_or_nothing(touched_files(locations)):
        settings = _record_pythons(locations)
        kept: list[Path] = []
        written: list[HookFile] = []
        shared = bool(files) and _write_shared_script(directory)
        for file in files:
            if not file.holds:
                kept += _write(file)
                written.append(file)
        redirected = _redirect(locations)
        unset_everywhere(locations, HOOKS)
    lines = [f"your existing hook runs first: {before.name}" for before in kept]
    if redirected:
        lines.append(f"{locations.former}: hooks of these types run first, hooks of other types run as before")
    if others := git_config_hooks.others(locations.root, locations.types):
        lines.append(f"hooks in git's configuration run first: {', '.join(others)}")
    if not files:
        first = f"{directory}: {HOOKS_PATH} already names the hooks of experimentstash; nothing to install"
        return [first, *settings]
    if not (written or shared or redirected):
        return [f"{directory}: hooks {'installed' if settings else 'already installed'}", *settings]
    types = _type_lines([file for file in files if file.kind in locations.types])
    return [f"{directory}: hooks installed", *types, *lines, *settings]


def touched_files(locations: HookLocations) -> set[Path]:
    """Return every file that our installation, or that of a framework, may write."""
    suffixes = ("", hook_scripts.LEGACY, hook_scripts.BEFORE, hook_scripts.OLD)
    files = {
        directory / f"{kind}{suffix}"
        for directory in (locations.default, locations.ours)
        for kind in hook_scripts.KNOWN
        for suffix in suffixes
    }
    return {*locations.configs, *files, locations.default / hook_scripts.SHARED, locations.ours / hook_scripts.SHARED}


def _directory(locations: HookLocations) -> Path:
    if locations.uses_shipped:
        return locations.active
    return locations.default if locations.uses_default else locations.ours


def _check_obstacles(locations: HookLocations, files: Iterable[HookFile]) -> None:
    if locations.paths and locations.paths[-1][0] == "command":
        raise StashError(
            f"{HOOKS_PATH} is set only for this command",
            f"env -u GIT_CONFIG_COUNT -u GIT_CONFIG_PARAMETERS {hook_scripts.INSTALL}",
        )
    for file in files:
        if file.text is None or not os.path.lexists(file.path) or hook_scripts.is_ours(file.path):
            continue
        if (other := hook_scripts.framework_of(file.path)) and file.framework:
            what = f"{file.path}: {file.framework} and {other} would run each other in an endless loop"
            raise StashError(what, f"rm {shlex.quote(str(file.path))} && {hook_scripts.INSTALL}")
        if os.path.lexists(file.before) and not _are_equal(file.path, file.before):
            before = shlex.quote(str(file.before))
            what = f"{file.path}: only one existing hook can run before ours, and {file.before} exists already"
            raise StashError(what, f"mv {before} {before}.old && {hook_scripts.INSTALL}")


def _make(directory: Path) -> None:
    for path in (directory.parent, directory):
        if not path.exists():
            path.mkdir()
            path.chmod(_RUN)


def _write(file: HookFile) -> list[Path]:
    """Write a hook file as required, and return the path of the user's hook that it replaces, if any."""
    if file.text is None:
        restore_hook(file.path, file.before)
        return []
    is_foreign = os.path.lexists(file.path) and not hook_scripts.is_ours(file.path)
    if is_foreign:
        try:
            # With a hard link, a hook exists at every moment. A kill right after this line leaves one file, two names.
            os.link(file.path, file.before, follow_symlinks=False)
        except (OSError, NotImplementedError):
            file.path.rename(file.before)  # no hard links here; if both names are one file, this does nothing
    write_text(file.path, file.text.decode(), mode=_RUN)
    remove_old(file.path)
    return [file.before] if is_foreign else []


def restore_hook(path: Path, before: Path) -> None:
    """Remove our hook, and restore the hook that it replaced, if any."""
    if os.path.lexists(before):
        before.replace(path)
    else:
        path.unlink(missing_ok=True)


def remove_old(path: Path) -> None:
    """Remove a copy of our hook that lefthook has renamed to `<type>.old`."""
    old = path.with_suffix(hook_scripts.OLD)
    if hook_scripts.is_ours(old):
        old.unlink()


def _are_equal(one: Path, other: Path) -> bool:
    """Return whether two hooks have the same text: lefthook writes its hook again whenever its config changes."""
    return is_same_file(one, other) or bool(
        hook_scripts.content(one) and hook_scripts.content(one) == hook_scripts.content(other)
    )


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether two names refer to one file: an interruption between the two steps of `_write` leaves that."""
    return os.path.lexists(other) and os.path.samestat(one.lstat(), other.lstat())


def _write_shared_script(directory: Path) -> bool:
    """Write the file that the hooks source, before any hook, and return whether it changed."""
    _make(directory)
    path = directory / hook_scripts.SHARED
    text = hook_scripts.shipped_text(hook_scripts.SHARED)
    if hook_scripts.content(path) == text:
        return False
    write_text(path, text.decode(), mode=_READ)
    return True


def _record_pythons(locations: HookLocations) -> list[str]:
    """Record the Python of the hooks and that of the tools: a GUI client has no active environment."""
    lines = []
    if set_setting(locations, "--local", PYTHON, sys.executable):
        lines.append(f"Python of the hooks: {sys.executable}")
    active = (os.environ.get(name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX"))
    pythons = (Path(directory, "bin", "python") for directory in active if directory and not _is_own(directory))
    if (python := next(filter(Path.is_file, pythons), None)) and set_tool_python(locations, str(python)):
        lines.append(f"default Python of the tools: {python}")
    return lines


def _is_own(directory: str) -> bool:
    return os.path.realpath(directory) == os.path.realpath(sys.prefix)


def _redirect(locations: HookLocations) -> bool:
    """Set `core.hooksPath` to our directory if it names another one; return whether it changed.

    Raises:
        StashError: the setting has several values, or an included file overrides it.
    """
    if locations.uses_default or locations.uses_shipped or locations.uses_ours:
        _forget_former(locations)
        return False
    paths = values(locations, locations.scope, HOOKS_PATH)
    if len(paths) > 1:
        fix = f"git config {locations.scope} --replace-all {HOOKS_PATH} {shlex.quote(paths[-1])}"
        raise StashError(f"{HOOKS_PATH} has {len(paths)} values in this repository; git uses the last one", fix)
    if not locations.was_moved:
        set_setting(locations, locations.scope, FORMER, "".join(paths))
    set_setting(locations, locations.scope, HOOKS_PATH, str(locations.ours))
    if not locations_of(locations.root, bare=locations.bare).uses_ours:
        raise StashError(f"{HOOKS_PATH} is also set in a file that the repository's config includes")
    return True


def _forget_former(locations: HookLocations) -> None:
    """Unset the former directory if `core.hooksPath` no longer names our directory."""
    for scope in map(file_scope, locations.configs):
        if values(locations, scope, FORMER) and not any(
            map(locations.is_like_ours, map(Path, values(locations, scope, HOOKS_PATH)))
        ):
            unset(locations, scope, FORMER)
    if locations.uses_ours and git_value(locations, FORMER) is None:
        set_setting(locations, locations.scope, FORMER, "")


def _type_lines(files: list[HookFile]) -> list[str]:
    lines = [", ".join(file.kind for file in files if not file.framework)]
    for framework in sorted({file.framework for file in files if file.framework}):
        of_framework = [file for file in files if file.framework == framework]
        if names := ", ".join(file.path.name for file in of_framework if not file.is_configured):
            lines.append(f"run by {framework}: {names}")
        if kinds := ", ".join(file.kind for file in of_framework if file.is_configured):
            lines.append(f"configured in {framework}: {kinds}")
    return [line for line in lines if line]
