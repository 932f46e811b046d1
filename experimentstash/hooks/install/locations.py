"""The directories of hooks in a repository: the one that git uses, its default, and ours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from experimentstash.core.errors import StashError
from experimentstash.git.user_git import ask_git, git
from experimentstash.hooks.install import hook_scripts
from experimentstash.stash.stash import find_stash

HOOKS_PATH = "core.hooksPath"
FORMER = "experimentstash.hooksPath"
"""The setting with the former value of `core.hooksPath`, which now names our directory; empty if it was not set."""


@dataclass(frozen=True)
class HookLocations:
    """A repository and its directories of hooks.

    Attributes:
        root: the top of the working tree, or the directory of a bare repository.
        common: git's common directory, which linked worktrees share.
        bare: whether the repository is bare: a server that others push to.
        paths: the scope and the value of each `core.hooksPath` setting; the last one applies.
    """

    root: Path
    common: Path
    bare: bool
    paths: tuple[tuple[str, str], ...]

    @property
    def types(self) -> tuple[str, ...]:
        """The hook types that this repository needs."""
        return hook_scripts.SERVER if self.bare else hook_scripts.CLONE

    @property
    def default(self) -> Path:
        """Git's default directory of hooks."""
        return self.common / "hooks"

    @property
    def ours(self) -> Path:
        """Our directory of hooks, for a repository whose `core.hooksPath` names a directory that we must not change."""
        return self.common / "experimentstash" / "hooks"

    @property
    def active(self) -> Path:
        """The directory that git uses now."""
        return self._directory(self.paths[-1][1]) if self.paths else self.default

    @property
    def former(self) -> Path:
        """The directory that git used before the installation, if git uses ours now; else the one that it uses now."""
        if not self.uses_ours and not self.was_moved:
            return self.active
        recorded = git_value(self, FORMER)
        outer = [value for _, value in self.paths if not self.is_like_ours(self._directory(value))]
        return self._directory(recorded or outer[-1]) if recorded or outer else self.default

    @property
    def scope(self) -> str:
        """The `git config` option for the scope in which this repository must set `core.hooksPath`."""
        return "--worktree" if any(scope == "worktree" for scope, _ in self.paths) else "--local"

    @property
    def configs(self) -> tuple[Path, ...]:
        """The repository's config files: the common one, and that of each worktree that has one."""
        each = [self.common / "config.worktree", *sorted(self.common.glob("worktrees/*/config.worktree"))]
        return (self.common / "config", *(path for path in each if path.exists()))

    @property
    def uses_default(self) -> bool:
        """Whether git uses its default directory, and that directory is not a symlink."""
        return not self.default.is_symlink() and is_same(self.active, self.default)

    @property
    def uses_ours(self) -> bool:
        """Whether git uses our directory."""
        return is_same(self.active, self.ours)

    @property
    def was_moved(self) -> bool:
        """Whether `core.hooksPath` names our directory at a former path of this repository, or of the one copied."""
        return not self.uses_ours and self.is_like_ours(self.active) and git_value(self, FORMER) is not None

    def is_like_ours(self, directory: Path) -> bool:
        """Return whether a path ends like that of our directory, in this or a former path of the repository."""
        return directory.parts[-2:] == self.ours.parts[-2:]

    @property
    def uses_shipped(self) -> bool:
        """Whether `core.hooksPath` names the shipped hook scripts, or a copy of them."""
        if self.uses_default or self.uses_ours or self.was_moved:
            return False
        return all(hook_scripts.is_ours(self.active / kind) for kind in self.types)

    def _directory(self, value: str) -> Path:
        return Path(os.path.normpath(self.root / value))


def find_locations() -> HookLocations:
    """Return the stash, or the bare repository, that contains the working directory.

    Raises:
        StashError: there is none, or git fails.
    """
    process = ask_git("rev-parse", "--is-bare-repository", "--absolute-git-dir", cwd=Path.cwd())
    is_bare, _, git_dir = os.fsdecode(process.stdout).removesuffix("\n").partition("\n")
    bare = process.returncode == 0 and is_bare == "true"
    return locations_of(Path(git_dir) if bare else find_stash().root, bare=bare)


def locations_of(root: Path, *, bare: bool = False) -> HookLocations:
    """Return the repository with its working tree, or its bare directory, at `root`.

    Raises:
        StashError: git fails.
    """
    root = root.resolve()
    common = (root / git("rev-parse", "--git-common-dir", cwd=root)).resolve()
    process = ask_git("config", "-z", "--show-scope", "--type=path", "--get-all", HOOKS_PATH, cwd=root)
    if process.returncode not in (0, 1):  # 1: the setting is absent
        raise StashError(f"{root}: {os.fsdecode(process.stderr).strip().removeprefix('fatal: ')}")
    words = os.fsdecode(process.stdout).split("\0")[:-1]
    return HookLocations(root, common, bare, tuple(zip(words[::2], words[1::2], strict=True)))


def git_value(locations: HookLocations, key: str, *options: str) -> str | None:
    """Return the effective value of a setting, or None.

    Args:
        locations: the repository.
        key: the setting.
        options: options of `git config`; by default the value is read from all scopes, as a path.
    """
    process = ask_git("config", *(options or ("--type=path",)), "--get", key, cwd=locations.root)
    return os.fsdecode(process.stdout.removesuffix(b"\n")) if process.returncode == 0 else None


def is_same(one: Path, other: Path) -> bool:
    """Return whether two paths resolve to the same directory, which need not exist."""
    return os.path.realpath(one) == os.path.realpath(other)
