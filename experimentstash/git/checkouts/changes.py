"""Finds differences between a checkout and its commit, including those hidden from `git status`.

`git status` trusts flags and settings of the clone: a file that is marked as unchanged or skipped, a file system
monitor, `core.fileMode`, `core.checkStat`, `ignore =` of a submodule, replaced objects. Here none of them counts.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.git.entries import PIN
from experimentstash.git.user_git import answer, clean_environment, git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Files that Python, installers and Hydra leave in a checkout; untracked, they are not changes of the tool.
_LEFT_BEHIND = re.compile(r"(\.venv|outputs|multirun|(.*/)?__pycache__|(.*/)?[^/]*\.egg-info)/")
STRICT = {"core.fsmonitor": "false", "core.trustctime": "true", "core.checkStat": "default", "core.fileMode": "true"}
"""Settings under which `git status` looks at every file itself."""
REPLACED = "git replace"
_LISTED = re.compile(r"(\S) (\d+) [0-9a-f]+ \d\t(.*)", re.DOTALL)


@dataclass(frozen=True)
class Change:
    """A file of a checkout that is not as its commit has it.

    Attributes:
        path: from the top of the tool's checkout.
        is_untracked: whether git does not know it.
        flags: what hides it from `git status`: `assume-unchanged`, `skip-worktree`, a setting such as `core.fileMode`,
            or `REPLACED`.
        is_announced: whether the index only announces it (`git add --intent-to-add`).
        is_submodule: whether it is a submodule at another commit than the tool pins.
        repository: the submodule that it is in, from the top of the tool's checkout; empty for the tool itself.
    """

    path: str
    is_untracked: bool = False
    flags: tuple[str, ...] = ()
    is_announced: bool = False
    is_submodule: bool = False
    repository: str = ""

    def __str__(self) -> str:
        """Return its path, with the causes that hide it."""
        return f"{self.path} (git status does not show it: {', '.join(self.flags)})" if self.flags else self.path


@dataclass(frozen=True)
class _Listed:
    path: str
    flags: tuple[str, ...]
    is_submodule: bool


def changes(root: Path) -> list[Change]:
    """Return the differences from the checked-out commit, in the tool and in its own submodules.

    Ignores the files that Python, installers and Hydra leave in a checkout.

    Args:
        root: the top of the checkout.

    Raises:
        StashError: git failed; the message is git's own.
    """
    listed = list(_listed(root))
    flagged = [one for one in listed if one.flags and os.path.lexists(root / one.path)]
    gone = [one for one in listed if one.flags == ("assume-unchanged",) and not os.path.lexists(root / one.path)]
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        env = _environment()
        if flagged or gone:
            env["GIT_INDEX_FILE"] = str(_index_without_flags(root, Path(folder), [*flagged, *gone]))
        found = _status(root, env, STRICT)
        if found and not _keeps_modes(root):
            found = _status(root, env, {**STRICT, "core.fileMode": "false"})
    flags = {one.path: one.flags for one in listed}
    flags |= _hidden_by_settings(root, [one.path for one in found if not one.is_untracked and not flags.get(one.path)])
    submodules = {one.path for one in listed if one.is_submodule}
    found = [replace(one, flags=flags.get(one.path, ()), is_submodule=one.path in submodules) for one in found]
    return sorted([*found, *_of_submodules(root, listed)], key=lambda one: one.path)


def _environment() -> dict[str, str]:
    """Return the environment for git: it replaces no objects, and does not write the clone's index."""
    return clean_environment(GIT_NO_REPLACE_OBJECTS="1", GIT_OPTIONAL_LOCKS="0")


def _listed(root: Path) -> Iterator[_Listed]:
    """Yield the index entries that `git status` may not report: flagged files and submodules."""
    for line in git("ls-files", "-v", "--stage", "-z", cwd=root).split("\0"):
        if match := _LISTED.fullmatch(line):
            tag, mode, path = match.groups()
            assumed = ("assume-unchanged",) if tag.islower() else ()
            skipped = ("skip-worktree",) if tag in "sS" else ()
            if assumed or skipped or mode == PIN:
                yield _Listed(path, (*assumed, *skipped), mode == PIN)


def _index_without_flags(root: Path, folder: Path, flagged: Sequence[_Listed]) -> Path:
    """Return a copy of the index, in a temporary directory, in which the files have no flags."""
    index = folder / "index"
    # With its time: git looks into each file that changed in the second in which the index was written.
    shutil.copy2(root / git("rev-parse", "--git-path", "index", cwd=root), index)
    env = {**_environment(), "GIT_INDEX_FILE": str(index)}
    for flag in ("assume-unchanged", "skip-worktree"):
        paths = "\0".join(one.path for one in flagged if flag in one.flags)
        if paths:
            stdin = paths.encode("utf-8", "surrogateescape")
            git("update-index", f"--no-{flag}", "-z", "--stdin", cwd=root, env=env, stdin=stdin)
    return index


def _status(root: Path, env: Mapping[str, str], settings: Mapping[str, str]) -> list[Change]:
    options = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty")
    given = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    lines = git(*given, "-c", "core.untrackedCache=false", "status", *options, cwd=root, env=env).split("\0")
    found = [
        Change(line[3:], is_untracked=line.startswith("??"), is_announced=line.startswith(" A"))
        for line in lines
        if line
    ]
    return [one for one in found if not (one.is_untracked and _LEFT_BEHIND.match(one.path))]


def _keeps_modes(root: Path) -> bool:
    """Return whether the file system has execute bits, as git finds out when it creates a repository."""
    if answer("config", "--type=bool", "--get", "core.fileMode", cwd=root) != "false":
        return True
    try:
        with tempfile.NamedTemporaryFile(dir=git("rev-parse", "--absolute-git-dir", cwd=root)) as probe:
            before = os.fstat(probe.fileno()).st_mode
            os.fchmod(probe.fileno(), before ^ stat.S_IXUSR)
            return os.fstat(probe.fileno()).st_mode != before
    except OSError:
        return False


def _hidden_by_settings(root: Path, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the paths that `git status` does not show, each with a possible cause: settings, replaced objects."""
    if not paths:
        return {}
    hiding = [key for key, value in STRICT.items() if (answer("config", "--get", key, cwd=root) or value) != value]
    hiding += [REPLACED] if git("for-each-ref", "--count=1", "refs/replace", cwd=root) else []
    if not hiding:
        return {}
    shown = {one.path for one in _status(root, clean_environment(GIT_OPTIONAL_LOCKS="0"), {})}
    return {path: tuple(hiding) for path in paths if path not in shown}


def _of_submodules(root: Path, listed: Sequence[_Listed]) -> Iterator[Change]:
    for one in listed:
        if one.is_submodule and (root / one.path / ".git").exists():
            for change in changes(root / one.path):
                repository = f"{one.path}/{change.repository}".rstrip("/")
                yield replace(change, path=f"{one.path}/{change.path}", repository=repository)


def is_filtered(root: Path, path: str) -> bool:
    """Return whether a filter of git's (`filter=` of an attribute) changes a file on its way to a commit."""
    return git("check-attr", "-z", "filter", "--", path, cwd=root).split("\0")[2] not in ("unspecified", "unset")
