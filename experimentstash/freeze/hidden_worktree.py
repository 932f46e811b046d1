"""A linked worktree without files: a commit is made there with the user's git and hooks, and no branch moves."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.invocation import rerun
from experimentstash.core.names import tag_ref
from experimentstash.git.repository import Repository, retry, write_tag
from experimentstash.git.user_git import HELD, ask_git, clean_environment, git, show_git
from experimentstash.verify.missing_tags import tag_of_commit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from experimentstash.stash.stash import Stash


@dataclass(frozen=True)
class CommitIndex:
    """An index of the stash, and the HEAD that belongs to it.

    Attributes:
        root: the top of the stash's working tree.
        env: the environment that leads git to them.
    """

    root: Path
    env: Mapping[str, str]

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git in the stash, with this index and HEAD."""
        return git(*arguments, cwd=self.root, env=self.env, stdin=stdin)

    def stage(self, pins: Mapping[str, str], paths: Sequence[str]) -> None:
        """Stage pins, by path, and files as they are on disk."""
        lines = "".join(f"160000 {commit}\t{path}\0" for path, commit in pins.items())
        self.git("update-index", "--add", "-z", "--index-info", stdin=lines.encode())
        self.git("update-index", "--add", "--", *paths)


@dataclass(frozen=True)
class HiddenWorktree(CommitIndex):
    """A linked worktree without files: an index and a HEAD that nobody else sees.

    Attributes:
        folder: its directory, in the git directory of the stash.
    """

    folder: Path

    def commit(self, message: str) -> None:
        """Commit what is staged, with the user's identity, signature and hooks."""
        try:
            show_git("commit", "--quiet", f"--message={message}", cwd=self.root, env=self.env)
        except StashError as error:
            fix = f"{rerun()}  # once what git says above is mended; the snapshot is written, and is taken up as it is"
            raise StashError(f"{error}; there is no commit and no tag", fix) from None

    def tag_object(self, tag: str, commit: str) -> str:
        """Make the tag that `experimentstash tag` would make, in a repository that shares the objects, without refs."""
        with Repository.open(self.root) as repository:
            new = tag_of_commit(repository, tag, commit)
        common = self.folder.parent.parent
        aside = self.folder / "tag.git"
        git("init", "--quiet", "--bare", "--template=", str(aside), cwd=self.folder)
        shutil.copyfile(common / "config", aside / "config")
        env = clean_environment(GIT_DIR=str(aside), GIT_OBJECT_DIRECTORY=str(common / "objects"))
        git("config", "core.bare", "true", cwd=aside, env=env)
        try:
            write_tag(tag, commit, new.message, new.when, aside, env)
        except StashError as error:
            raise StashError(f"{error.args[0]}\nthere is no commit and no tag", retry(error, rerun())) from None
        return git("rev-parse", tag_ref(tag), cwd=aside, env=env)


@contextlib.contextmanager
def hidden_worktree(stash: Stash, head: str) -> Iterator[HiddenWorktree]:
    """Make a worktree whose HEAD and index are those of a commit; it is gone afterwards."""
    root = stash.root
    freezes = (root / git("rev-parse", "--git-common-dir", cwd=root)).resolve() / "experimentstash"
    folder = freezes / f"freeze-{os.getpid()}"
    _clear_up(root, freezes)
    try:
        # No hook of the user's is meant for this: nothing is checked out.
        quiet = ("-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet")
        git(*quiet, "--no-checkout", "--detach", str(folder), head, cwd=root)
        own = git("rev-parse", "--absolute-git-dir", cwd=folder)
        env = clean_environment(GIT_DIR=own, GIT_WORK_TREE=str(root)) | {HELD: "1"}
        worktree = HiddenWorktree(root, env, folder)
        worktree.git("read-tree", head)
        yield worktree
    finally:
        _clear_up(root, freezes)


def _clear_up(root: Path, folder: Path) -> None:
    """Remove what freezes leave, those that were killed too; one that is at work stays."""
    for left in folder.glob("freeze-*"):
        pid = int(left.name.rpartition("-")[2])
        if pid == os.getpid() or not _alive(pid):
            shutil.rmtree(left, ignore_errors=True)
    ask_git("worktree", "prune", cwd=root)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
