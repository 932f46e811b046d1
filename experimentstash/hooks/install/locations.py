"""Where git looks for hooks in a repository, and where ours go."""

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
"""The setting that keeps what `core.hooksPath` of this repository was before it led to our folder; empty: nothing."""


@dataclass(frozen=True)
class HookLocations:
    """A repository as the place of hooks.

    Attributes:
        root: the top of the working tree; of a bare repository its own folder.
        common: git's folder, which linked worktrees share.
        bare: it has no working tree: nobody commits there, others push to it.
        paths: every value of `core.hooksPath` and the scope that it has; the last one counts.
    """

    root: Path
    common: Path
    bare: bool
    paths: tuple[tuple[str, str], ...]

    @property
    def types(self) -> tuple[str, ...]:
        """The types of hook that belong here."""
        return hook_scripts.SERVER if self.bare else hook_scripts.CLONE

    @property
    def own(self) -> Path:
        """The folder of hooks that git has where nothing else is configured."""
        return self.common / "hooks"

    @property
    def aside(self) -> Path:
        """Our folder, for a repository whose hooks are configured to be elsewhere: that folder is not ours to touch."""
        return self.common / "experimentstash" / "hooks"

    @property
    def used(self) -> Path:
        """The folder that git takes its hooks from."""
        return self._folder(self.paths[-1][1]) if self.paths else self.own

    @property
    def former(self) -> Path:
        """The folder that git took its hooks from before it took them from `aside`; else the one that it takes now."""
        if not self.is_aside and not self.was_moved:
            return self.used
        kept = git_value(self, FORMER)
        outer = [value for _, value in self.paths if not self.is_of_ours(self._folder(value))]
        return self._folder(kept or outer[-1]) if kept or outer else self.own

    @property
    def scope(self) -> str:
        """The scope of this repository's own that `core.hooksPath` has to be set in to be heard, as git's option."""
        return "--worktree" if any(scope == "worktree" for scope, _ in self.paths) else "--local"

    @property
    def configs(self) -> tuple[Path, ...]:
        """The repository's own files of configuration: the common one, and that of each worktree which has one."""
        each = [self.common / "config.worktree", *sorted(self.common.glob("worktrees/*/config.worktree"))]
        return (self.common / "config", *(path for path in each if path.exists()))

    @property
    def is_plain(self) -> bool:
        """Whether git takes its hooks from its own folder, and from no link to another one."""
        return not self.own.is_symlink() and is_same(self.used, self.own)

    @property
    def is_aside(self) -> bool:
        """Whether git takes its hooks from our folder."""
        return is_same(self.used, self.aside)

    @property
    def was_moved(self) -> bool:
        """Whether git looks for our folder where this repository, or the one it is a copy of, was before."""
        return not self.is_aside and self.is_of_ours(self.used) and git_value(self, FORMER) is not None

    def is_of_ours(self, folder: Path) -> bool:
        """Whether a folder is called as `aside` is: ours, here or where the repository was before."""
        return folder.parts[-2:] == self.aside.parts[-2:]

    @property
    def is_shipped(self) -> bool:
        """Whether git takes its hooks straight from those that we ship, or from a copy."""
        if self.is_plain or self.is_aside or self.was_moved:
            return False
        return all(hook_scripts.is_ours(self.used / kind) for kind in self.types)

    def _folder(self, value: str) -> Path:
        return Path(os.path.normpath(self.root / value))


def find_place() -> HookLocations:
    """Return the stash, or the bare repository, that holds the working folder.

    Raises:
        StashError: there is none, or git refuses to say.
    """
    here = Path.cwd()
    asked = ask_git("rev-parse", "--is-bare-repository", "--absolute-git-dir", cwd=here)
    is_bare, _, git_dir = os.fsdecode(asked.stdout).removesuffix("\n").partition("\n")
    bare = asked.returncode == 0 and is_bare == "true"
    return place_of(Path(git_dir) if bare else find_stash().root, bare=bare)


def place_of(root: Path, *, bare: bool = False) -> HookLocations:
    """Return the repository whose working tree has its top at `root`; a bare one that is at `root`.

    Raises:
        StashError: git refuses to say.
    """
    root = root.resolve()
    common = (root / git("rev-parse", "--git-common-dir", cwd=root)).resolve()
    asked = ask_git("config", "-z", "--show-scope", "--type=path", "--get-all", HOOKS_PATH, cwd=root)
    if asked.returncode not in (0, 1):  # 1: there is none
        raise StashError(f"{root}: {os.fsdecode(asked.stderr).strip().removeprefix('fatal: ')}")
    words = os.fsdecode(asked.stdout).split("\0")[:-1]
    return HookLocations(root, common, bare, tuple(zip(words[::2], words[1::2], strict=True)))


def git_value(place: HookLocations, key: str, *options: str) -> str | None:
    """Return a setting as git has it here, or None.

    Args:
        place: the repository.
        key: the setting.
        options: how `git config` reads it; by default from everywhere, and as a path.
    """
    asked = ask_git("config", *(options or ("--type=path",)), "--get", key, cwd=place.root)
    return os.fsdecode(asked.stdout.removesuffix(b"\n")) if asked.returncode == 0 else None


def is_same(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one folder, be it there or not."""
    return os.path.realpath(one) == os.path.realpath(other)
