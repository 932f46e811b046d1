"""What keeps the hooks from working, each with the command that mends it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash import __version__
from experimentstash.core.errors import Problem, StashError, printable
from experimentstash.environments.tool_python import SETTING as TOOL_PYTHON
from experimentstash.git.user_git import ask_git, clean_environment, fix_of
from experimentstash.hooks.install import frameworks, git_config_hooks, hook_scripts
from experimentstash.hooks.install.git_settings import HOOKS, PYTHON
from experimentstash.hooks.install.hook_files import spots
from experimentstash.hooks.install.locations import HOOKS_PATH, git_value, place_of
from experimentstash.verify.exceptions import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from experimentstash.hooks.install.hook_files import Spot
    from experimentstash.hooks.install.locations import HookLocations

OLDEST_GIT = (2, 30)
"""The oldest git that this program is tested with (README, *Install*)."""
_ASK_VERSION = "import experimentstash.hooks.native; print(experimentstash.__version__)"


def check_up(place: HookLocations, *, starts_python: bool = True) -> list[Problem]:
    """Return what is found; nothing where the hooks can do their work.

    Args:
        place: the repository.
        starts_python: whether to start the Python of the hooks, which takes longer than all the rest.
    """
    slow = (_python, _tool_python) if starts_python else ()
    checks = (_git, _hooks, *slow, _framework_configs, _submodules, _tools, _pushes, _exceptions)
    return [problem for check in checks for problem in check(place)]


def _git(place: HookLocations) -> Iterator[Problem]:
    found = git_config_hooks.git_version(place.root)
    if found is None or found < OLDEST_GIT:
        said = os.fsdecode(ask_git("version", cwd=place.root).stdout).strip()
        yield Problem("git", "git", f"{said}: too old", "install git 2.30 or later, https://git-scm.com")


def tell_missing_hooks(root: Path) -> None:
    """Tell whoever works in a clone whose hooks are not in place, in one line on stderr.

    Args:
        root: the stash's root.
    """
    try:
        place = place_of(root)
        fixes = {problem.fix for problem in _hooks(place)} if git_value(place, HOOKS) != "none" else set()
    except StashError:  # what is wrong with the repository, others say
        return
    if fixes:
        fix = next(iter(fixes)) if len(fixes) == 1 else "experimentstash doctor"
        what = "the git hooks of this clone are not in place, and nothing checks its commits and pushes"
        print(printable(f"experimentstash: {what}; fix: {fix}"), file=sys.stderr, flush=True)


def _hooks(place: HookLocations) -> Iterator[Problem]:
    yield from git_config_hooks.faults(place.root, place.types)
    if place.is_shipped:
        dull = [kind for kind in place.types if not hook_scripts.is_hook(place.used / kind)]
        yield from (_without_run_bit(place.used / kind) for kind in dull)
        return
    if not place.is_plain and not place.is_aside:
        scope = place.paths[-1][0] if place.paths else "a link"
        what = f"git runs the hooks of {place.used}, and ours are not among them"
        yield Problem(f"{HOOKS_PATH} ({scope})", "hooks", what, hook_scripts.INSTALL)
        return
    yield from _spots(place, spots(place))


def _spots(place: HookLocations, wanted: list[Spot]) -> Iterator[Problem]:
    folder = place.own if place.is_plain else place.aside
    # ours beside a framework that runs the same hooks: twice, and nothing is let through
    wrong = [spot for spot in wanted if not spot.holds and not (spot.left_out and hook_scripts.is_ours(spot.path))]
    yield from (_without_run_bit(spot.path) for spot in wrong if _is_dull(spot))
    runners = (spot.path.with_name(spot.kind) for spot in wanted if spot.framework and spot.path.name != spot.kind)
    yield from (_without_run_bit(path) for path in runners if not hook_scripts.is_hook(path))
    other = [spot for spot in wrong if not _is_dull(spot)]
    missing = [spot for spot in other if not hook_scripts.is_ours(spot.path)]
    gates = [spot for spot in missing if spot.kind == hook_scripts.GATE and spot.framework]
    if gone := ", ".join(spot.kind for spot in missing if spot not in gates):
        yield Problem(str(folder), "hooks", f"not installed: {gone}", hook_scripts.INSTALL)
    for spot in gates:
        what = f"{spot.framework} shows its hooks only the first ref of a push, and the native gate is not beside it"
        yield Problem(str(spot.path), "hooks", what, hook_scripts.INSTALL)
    stale = [spot.path.name for spot in other if spot not in missing]
    is_stale = hook_scripts.content(folder / hook_scripts.SHARED) != hook_scripts.judging(hook_scripts.SHARED)
    if is_stale and any(hook_scripts.is_ours(spot.path) for spot in wanted):
        stale.append(hook_scripts.SHARED)
    if stale:
        yield Problem(str(folder), "hooks", f"of another version, or changed: {', '.join(stale)}", hook_scripts.INSTALL)


def _is_dull(spot: Spot) -> bool:
    return (
        spot.text is not None and hook_scripts.content(spot.path) == spot.text and not hook_scripts.is_hook(spot.path)
    )


def _without_run_bit(path: Path) -> Problem:
    return Problem(
        str(path), "hooks", "git does not run it, it is not executable", f"chmod +x {shlex.quote(str(path))}"
    )


def _python(place: HookLocations) -> Iterator[Problem]:
    named = git_value(place, PYTHON)
    if named is None:
        if shutil.which("experimentstash-hook") is None:
            yield Problem(
                PYTHON, "python", "it is not set, and experimentstash-hook is not on the PATH", hook_scripts.INSTALL
            )
        return
    if not Path(named).is_absolute() or not hook_scripts.is_hook(Path(named)):
        yield Problem(PYTHON, "python", f"{named}: no program on this machine", hook_scripts.INSTALL)
        return
    said, reason = _version(Path(named), place)
    if reason:
        yield Problem(PYTHON, "python", f"{named} cannot load experimentstash: {reason}", hook_scripts.INSTALL)
    elif said != __version__:
        yield Problem(
            PYTHON, "python", f"{named} has experimentstash {said}, and this one is {__version__}", hook_scripts.INSTALL
        )


def _version(python: Path, place: HookLocations) -> tuple[str, str]:
    """Return the version that a Python loads, or why it loads none."""
    try:
        # not in the stash: `python -c` would find what lies there first
        asked = subprocess.run(
            [python, "-c", _ASK_VERSION], cwd=place.common, env=clean_environment(), capture_output=True, check=False
        )
    except OSError as error:
        return "", error.strerror or str(error)
    said, complaint = (os.fsdecode(text).strip() for text in (asked.stdout, asked.stderr))
    return said, "" if asked.returncode == 0 else (complaint.splitlines() or [f"exit code {asked.returncode}"])[-1]


def _tool_python(place: HookLocations) -> Iterator[Problem]:
    named = git_value(place, TOOL_PYTHON)
    if named and not hook_scripts.is_hook(place.root / named):
        fix = f"git config --unset {TOOL_PYTHON}  # or name another"
        yield Problem(TOOL_PYTHON, "python", f"{named}: no program on this machine", fix)


def _framework_configs(place: HookLocations) -> Iterator[Problem]:
    """Find configs that name our hooks, and leave out types of hook that others need for them."""
    found = {frameworks.config_of(place.root, name): name for name in reversed(frameworks.CONFIGS)}
    for path, name in found.items():
        config = frameworks.read_config(path) if path else {}
        if path and frameworks.has_hooks(config) and not frameworks.excludes_snapshots(config):
            what = f"the other hooks of {name} are given what is frozen, and a fixer would rewrite it"
            fix = f"experimentstash init {shlex.quote(str(place.root))} --hooks {name}"
            yield Problem(f"{path}: exclude", "hooks", what, fix)
        lacking = ", ".join(frameworks.missing_types(config))
        if path and lacking and frameworks.named_ids(config):
            what = f"who clones and says `{name} install` gets no hook of these types: {lacking}"
            fix = f"experimentstash init {shlex.quote(str(place.root))} --hooks {name}"
            yield Problem(f"{path}: default_install_hook_types", "hooks", what, fix)


def _submodules(place: HookLocations) -> Iterator[Problem]:
    """Find what makes git blind for pins that moved; our hooks see them, but whoever commits does not."""
    modules = place.root / ".gitmodules"
    for name in _ignored(place, "-f", str(modules)) if modules.is_file() else ():
        fix = f"git config -f {shlex.quote(str(modules))} --unset-all {shlex.quote(name)}"
        yield Problem(f".gitmodules: {name}", "submodules", "git status and git add do not see this pin move", fix)
    for name in _ignored(place):
        what = "git status and git add do not see this pin move"
        yield Problem(name, "submodules", what, f"git config {shlex.quote(name)} none")
    if git_value(place, "diff.ignoreSubmodules", "--no-type") == "all":
        what = "git status and git diff do not see a pin move"
        yield Problem("diff.ignoreSubmodules", "submodules", what, "git config diff.ignoreSubmodules none")


def _tools(place: HookLocations) -> Iterator[Problem]:
    """Find tools whose repositories git refuses to read, such as those of another user."""
    for git_file in sorted(place.root.glob("tools/*/.git")):
        asked = ask_git("rev-parse", "--git-dir", cwd=git_file.parent)
        if asked.returncode != 0:
            said = os.fsdecode(asked.stderr).strip()
            what = "; ".join(line.strip() for line in said.splitlines() if line.strip())
            fix = fix_of(said, git_file.parent) or f"git -C {shlex.quote(str(git_file.parent))} rev-parse --git-dir"
            yield Problem(git_file.parent.relative_to(place.root).as_posix(), "tools", what, fix)


def _ignored(place: HookLocations, *where: str) -> Iterable[str]:
    asked = ask_git("config", *where, "-z", "--get-regexp", r"^submodule\..*\.ignore$", cwd=place.root)
    settings = dict(word.split("\n", 1) for word in os.fsdecode(asked.stdout).split("\0") if "\n" in word)
    return [name for name, value in settings.items() if value == "all"]


def _pushes(place: HookLocations) -> Iterator[Problem]:
    if place.bare:
        yield from _received_objects(place)
        return
    # what it checks otherwise, the gate does: that a pin is published
    if git_value(place, "push.recurseSubmodules", "--no-type") == "only":
        what = "it is only: git pushes the tools, and neither the stash nor its snapshots"
        yield Problem("push.recurseSubmodules", "push", what, "git config push.recurseSubmodules check")


def _received_objects(place: HookLocations) -> Iterator[Problem]:
    """Find a server whose git does not check what it receives; the gate judges what snapshots consist of."""
    values = (git_value(place, key, "--type=bool") for key in ("receive.fsckObjects", "transfer.fsckObjects"))
    if next((value for value in values if value), "false") != "true":
        what = "it is not set: git takes in trees that it would not make, such as with a directory named .git"
        yield Problem("receive.fsckObjects", "push", what, "git config receive.fsckObjects true")


def _exceptions(place: HookLocations) -> Iterator[Problem]:  # noqa: ARG001  (each check has it)
    if allowed := os.environ.get(VARIABLE):
        what = f"it is {allowed} in this shell: such findings pass at every command, not only where you mean it"
        yield Problem(VARIABLE, "allowed", what, f"unset {VARIABLE}")
