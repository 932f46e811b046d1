"""Finds what keeps the hooks from working, with a fix for each finding."""

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
from experimentstash.hooks.install.hook_files import required_files
from experimentstash.hooks.install.locations import HOOKS_PATH, git_value, locations_of
from experimentstash.verify.exceptions import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from experimentstash.hooks.install.hook_files import HookFile
    from experimentstash.hooks.install.locations import HookLocations

OLDEST_GIT = (2, 30)
"""The oldest git version that this program supports (README, *Install*)."""
_ASK_VERSION = "import experimentstash.hooks.native; print(experimentstash.__version__)"


def diagnose(locations: HookLocations, *, starts_python: bool = True) -> list[Problem]:
    """Return the findings; an empty list if the hooks work.

    Args:
        locations: the repository.
        starts_python: whether to start the Python of the hooks, which takes longer than all other checks.
    """
    slow = (_python, _tool_python) if starts_python else ()
    checks = (_git, _hooks, *slow, _framework_configs, _submodules, _tools, _pushes, _exceptions)
    return [problem for check in checks for problem in check(locations)]


def _git(locations: HookLocations) -> Iterator[Problem]:
    version = git_config_hooks.git_version(locations.root)
    if version is None or version < OLDEST_GIT:
        shown = os.fsdecode(ask_git("version", cwd=locations.root).stdout).strip()
        yield Problem("git", "git", f"{shown}: too old", "install git 2.30 or later, https://git-scm.com")


def warn_missing_hooks(root: Path) -> None:
    """Print one line on stderr if the hooks are not installed in this clone.

    Args:
        root: the root of the stash.
    """
    try:
        locations = locations_of(root)
        fixes = {problem.fix for problem in _hooks(locations)} if git_value(locations, HOOKS) != "none" else set()
    except StashError:  # the command itself reports what is wrong with the repository
        return
    if fixes:
        fix = next(iter(fixes)) if len(fixes) == 1 else "experimentstash doctor"
        what = "the git hooks are not installed in this clone: nothing checks its commits and pushes"
        print(printable(f"experimentstash: {what}; fix: {fix}"), file=sys.stderr, flush=True)


def _hooks(locations: HookLocations) -> Iterator[Problem]:
    yield from git_config_hooks.faults(locations.root, locations.types)
    if locations.uses_shipped:
        skipped = [kind for kind in locations.types if not hook_scripts.is_hook(locations.active / kind)]
        yield from (_not_executable(locations.active / kind) for kind in skipped)
        return
    if not locations.uses_default and not locations.uses_ours:
        scope = locations.paths[-1][0] if locations.paths else "a symlink"
        what = f"git runs the hooks in {locations.active}, not those of experimentstash"
        yield Problem(f"{HOOKS_PATH} ({scope})", "hooks", what, hook_scripts.INSTALL)
        return
    yield from _hook_file_problems(locations, required_files(locations))


def _hook_file_problems(locations: HookLocations, files: list[HookFile]) -> Iterator[Problem]:
    directory = locations.default if locations.uses_default else locations.ours
    # Our file next to a framework that runs the same hooks is no problem: each commit is judged twice.
    wrong = [file for file in files if not file.holds and not (file.is_configured and hook_scripts.is_ours(file.path))]
    yield from (_not_executable(file.path) for file in wrong if _lacks_only_run_bit(file))
    runners = (file.path.with_name(file.kind) for file in files if file.framework and file.path.name != file.kind)
    yield from (_not_executable(path) for path in runners if not hook_scripts.is_hook(path))
    other = [file for file in wrong if not _lacks_only_run_bit(file)]
    missing = [file for file in other if not hook_scripts.is_ours(file.path)]
    gates = [file for file in missing if file.kind == hook_scripts.GATE and file.framework]
    if names := ", ".join(file.kind for file in missing if file not in gates):
        yield Problem(str(directory), "hooks", f"not installed: {names}", hook_scripts.INSTALL)
    for file in gates:
        what = f"{file.framework} passes only the first ref of a push to its hooks, and the native hook is missing"
        yield Problem(str(file.path), "hooks", what, hook_scripts.INSTALL)
    stale = [file.path.name for file in other if file not in missing]
    is_stale = hook_scripts.content(directory / hook_scripts.SHARED) != hook_scripts.shipped_text(hook_scripts.SHARED)
    if is_stale and any(hook_scripts.is_ours(file.path) for file in files):
        stale.append(hook_scripts.SHARED)
    if stale:
        what = f"of another version, or edited: {', '.join(stale)}"
        yield Problem(str(directory), "hooks", what, hook_scripts.INSTALL)


def _lacks_only_run_bit(file: HookFile) -> bool:
    return (
        file.text is not None and hook_scripts.content(file.path) == file.text and not hook_scripts.is_hook(file.path)
    )


def _not_executable(path: Path) -> Problem:
    return Problem(
        str(path), "hooks", "git does not run it: it is not executable", f"chmod +x {shlex.quote(str(path))}"
    )


def _python(locations: HookLocations) -> Iterator[Problem]:
    python = git_value(locations, PYTHON)
    if python is None:
        if shutil.which("experimentstash-hook") is None:
            yield Problem(
                PYTHON, "python", "it is not set, and experimentstash-hook is not on the PATH", hook_scripts.INSTALL
            )
        return
    if not Path(python).is_absolute() or not hook_scripts.is_hook(Path(python)):
        yield Problem(PYTHON, "python", f"{python}: not a program on this machine", hook_scripts.INSTALL)
        return
    version, reason = _version(Path(python), locations)
    if reason:
        yield Problem(PYTHON, "python", f"{python} cannot import experimentstash: {reason}", hook_scripts.INSTALL)
    elif version != __version__:
        what = f"{python} has experimentstash {version}, but this command is {__version__}"
        yield Problem(PYTHON, "python", what, hook_scripts.INSTALL)


def _version(python: Path, locations: HookLocations) -> tuple[str, str]:
    """Return the version of experimentstash that a Python imports, or the reason why the import fails."""
    try:
        # not in the working tree: `python -c` would import modules from there
        process = subprocess.run(
            [python, "-c", _ASK_VERSION],
            cwd=locations.common,
            env=clean_environment(),
            capture_output=True,
            check=False,
        )
    except OSError as error:
        return "", error.strerror or str(error)
    version, errors = (os.fsdecode(text).strip() for text in (process.stdout, process.stderr))
    return version, "" if process.returncode == 0 else (errors.splitlines() or [f"exit code {process.returncode}"])[-1]


def _tool_python(locations: HookLocations) -> Iterator[Problem]:
    python = git_value(locations, TOOL_PYTHON)
    if python and not hook_scripts.is_hook(locations.root / python):
        fix = f"git config --unset {TOOL_PYTHON}  # or set another"
        yield Problem(TOOL_PYTHON, "python", f"{python}: not a program on this machine", fix)


def _framework_configs(locations: HookLocations) -> Iterator[Problem]:
    """Find configs that name our hooks but lack hook types, and configs whose other hooks receive frozen files."""
    paths = {frameworks.config_of(locations.root, name): name for name in reversed(frameworks.CONFIGS)}
    for path, name in paths.items():
        config = frameworks.read_config(path) if path else {}
        if path and frameworks.has_hooks(config) and not frameworks.excludes_snapshots(config):
            what = f"{name} passes frozen files to its other hooks, and a fixer would rewrite them"
            fix = f"experimentstash init {shlex.quote(str(locations.root))} --hooks {name}"
            yield Problem(f"{path}: exclude", "hooks", what, fix)
        missing = ", ".join(frameworks.missing_types(config))
        if path and missing and frameworks.named_ids(config):
            what = f"`{name} install` in a clone does not install these hook types: {missing}"
            fix = f"experimentstash init {shlex.quote(str(locations.root))} --hooks {name}"
            yield Problem(f"{path}: default_install_hook_types", "hooks", what, fix)


def _submodules(locations: HookLocations) -> Iterator[Problem]:
    """Find settings that hide moved pins from `git status` and `git add`. Our hooks see them all the same."""
    modules = locations.root / ".gitmodules"
    for name in _ignored(locations, "-f", str(modules)) if modules.is_file() else ():
        fix = f"git config -f {shlex.quote(str(modules))} --unset-all {shlex.quote(name)}"
        yield Problem(f".gitmodules: {name}", "submodules", "it hides a moved pin from git status and git add", fix)
    for name in _ignored(locations):
        what = "it hides a moved pin from git status and git add"
        yield Problem(name, "submodules", what, f"git config {shlex.quote(name)} none")
    if git_value(locations, "diff.ignoreSubmodules", "--no-type") == "all":
        what = "it hides moved pins from git status and git diff"
        yield Problem("diff.ignoreSubmodules", "submodules", what, "git config diff.ignoreSubmodules none")


def _tools(locations: HookLocations) -> Iterator[Problem]:
    """Find tools whose repositories git refuses to read, such as those of another user."""
    for git_file in sorted(locations.root.glob("tools/*/.git")):
        process = ask_git("rev-parse", "--git-dir", cwd=git_file.parent)
        if process.returncode != 0:
            errors = os.fsdecode(process.stderr).strip()
            what = "; ".join(line.strip() for line in errors.splitlines() if line.strip())
            fix = fix_of(errors, git_file.parent) or f"git -C {shlex.quote(str(git_file.parent))} rev-parse --git-dir"
            yield Problem(git_file.parent.relative_to(locations.root).as_posix(), "tools", what, fix)


def _ignored(locations: HookLocations, *where: str) -> Iterable[str]:
    process = ask_git("config", *where, "-z", "--get-regexp", r"^submodule\..*\.ignore$", cwd=locations.root)
    settings = dict(word.split("\n", 1) for word in os.fsdecode(process.stdout).split("\0") if "\n" in word)
    return [name for name, value in settings.items() if value == "all"]


def _pushes(locations: HookLocations) -> Iterator[Problem]:
    if locations.bare:
        yield from _received_objects(locations)
        return
    # no need to require the value `check`: guard-push checks that pins are published
    if git_value(locations, "push.recurseSubmodules", "--no-type") == "only":
        what = "the value `only` pushes the tools, but not the stash and its snapshots"
        yield Problem("push.recurseSubmodules", "push", what, "git config push.recurseSubmodules check")


def _received_objects(locations: HookLocations) -> Iterator[Problem]:
    """Find a server whose git does not check received objects; the pre-receive hook checks only snapshots."""
    values = (git_value(locations, key, "--type=bool") for key in ("receive.fsckObjects", "transfer.fsckObjects"))
    if next((value for value in values if value), "false") != "true":
        what = "it is not set: git accepts malformed trees, such as one with a directory named .git"
        yield Problem("receive.fsckObjects", "push", what, "git config receive.fsckObjects true")


def _exceptions(locations: HookLocations) -> Iterator[Problem]:  # noqa: ARG001  (every check takes it)
    if allowed := os.environ.get(VARIABLE):
        what = f"it is {allowed} in this shell: every command passes these findings, not just one"
        yield Problem(VARIABLE, "allowed", what, f"unset {VARIABLE}")
