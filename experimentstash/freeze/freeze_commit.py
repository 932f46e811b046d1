"""The freeze commit and its tag, made together: whenever it is killed, both are there or neither is.

The commit is the user's git's own (identity, signature, hooks), made in a linked worktree's git folder that
shares everything with the repository but HEAD and the index. No branch moves by that. Then one ref
transaction brings the branch to the commit and makes the tag.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.invocation import rerun
from experimentstash.core.names import REGISTRY, tag_ref, tool_path
from experimentstash.git.repository import Repository, retry, write_tag
from experimentstash.git.user_git import HELD, answer, ask_git, clean_environment, git, show_git
from experimentstash.stash import registry
from experimentstash.verify.missing_tags import tag_of_commit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from experimentstash.freeze.pending_snapshot import PendingSnapshot
    from experimentstash.stash.stash import Stash

_UNDER_WAY = {
    "MERGE_HEAD": "git merge --continue  # or git merge --abort",
    "CHERRY_PICK_HEAD": "git cherry-pick --continue  # or git cherry-pick --abort",
    "REVERT_HEAD": "git revert --continue  # or git revert --abort",
    "rebase-merge": "git rebase --continue  # or git rebase --abort",
    "rebase-apply": "git rebase --continue  # or git rebase --abort",
    "BISECT_LOG": "git bisect reset",
}
"""What git leaves while it does something else, and the command that ends that."""


def check_tag_free(stash: Stash, tag: str) -> None:
    """Check that nobody has the tag, and that no folder of snapshots is in its way.

    Raises:
        StashError: a ref or a folder has it, perhaps in another case of letters, which some file systems cannot
            tell apart.
    """
    with Repository.open(stash.root) as repository:
        repository.check_tag_free(tag)
    for folder in sorted(stash.root.glob("configs/*/snapshots/*")):
        if folder.name.casefold() == tag.casefold() and folder.name != tag:
            where = folder.relative_to(stash.root)
            raise StashError(f"{where}: {tag!r} differs from it in the case of letters only", "choose another --tag")


def check_can_commit(stash: Stash, tool: str) -> None:
    """Check, before anything is written, that a freeze commit would hold.

    Raises:
        StashError: there is no commit yet, something else is under way, or the tool is not in the last commit.
    """
    head = answer("rev-parse", "--verify", "--quiet", "HEAD^{commit}", cwd=stash.root)
    add = f"git add {REGISTRY} .gitmodules {tool_path(tool)} && git commit -m 'Add {tool}'"
    if head is None:
        raise StashError("no commit yet: the tool and the registry come first", add)
    for name, finish in _UNDER_WAY.items():
        if (stash.root / git("rev-parse", "--git-path", name, cwd=stash.root)).exists():
            raise StashError(f"something else is under way ({name})", finish)
    registered = answer("rev-parse", "--verify", "--quiet", f"HEAD:{REGISTRY}", cwd=stash.root)
    if registered is None or tool not in registry.parse(_blob(stash.root, registered), f"HEAD:{REGISTRY}"):
        raise StashError(f"the tool {tool!r} is not registered in the last commit", add)


def _blob(root: Path, blob: str) -> bytes:
    return git("cat-file", "blob", blob, cwd=root).encode("utf-8", "surrogateescape")


def is_on_no_branch(stash: Stash) -> bool:
    """Tell whether HEAD is detached: what is committed there is on no branch."""
    return answer("symbolic-ref", "--quiet", "HEAD", cwd=stash.root) is None


def commit_frozen(stash: Stash, frozen: Sequence[PendingSnapshot], message: str) -> str:
    """Commit the snapshot files and the pins of the tools they name, and tag that commit.

    Nothing else that happens to be staged is committed; it stays staged.

    Returns:
        The id of the freeze commit.

    Raises:
        StashError: git or a hook refused; no branch has moved and there is no tag.
    """
    pins = {tool_path(tool): commit for one in frozen for tool, commit in one.pins.items()}
    paths = [path for one in frozen for path in (one.name.path, *one.files)]
    tag = frozen[0].name.tag
    head = git("rev-parse", "HEAD", cwd=stash.root)
    with _aside(stash, head) as worktree:
        worktree.stage(pins, paths)
        if worktree.git("diff-index", "--cached", "--name-only", head):
            worktree.commit(message)
        commit = worktree.git("rev-parse", "HEAD")
        tag_object = worktree.tag_object(tag, commit)
        _Index(stash.root, clean_environment()).stage(pins, paths)
        _move_refs(stash, tag, _Move(head, commit, tag_object), message)
    return commit


@dataclass(frozen=True)
class _Index:
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
class _Worktree(_Index):
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
def _aside(stash: Stash, head: str) -> Iterator[_Worktree]:
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
        worktree = _Worktree(root, env, folder)
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


@dataclass(frozen=True)
class _Move:
    """The refs that a freeze moves together: HEAD from the old commit to the new one, and the tag that is made."""

    old: str
    new: str
    tag_object: str


def _move_refs(stash: Stash, tag: str, move: _Move, message: str) -> None:
    lines = [
        "start",
        f"update HEAD {move.new} {move.old}",
        f"create {tag_ref(tag)} {move.tag_object}",
        "prepare",
        "commit",
        "",
    ]
    subject = message.partition("\n")[0]
    done = ask_git("update-ref", "-m", f"commit: {subject}", "--stdin", cwd=stash.root, stdin="\n".join(lines).encode())
    if done.returncode != 0:
        raise StashError(
            f"the branch or the tag changed meanwhile: {done.stderr.decode('utf-8', 'replace').strip()}",
            rerun(),
        )
