"""The freeze commit and its tag, made together: whenever it is killed, both are there or neither is.

The commit is the user's git's own (identity, signature, hooks), made in a linked worktree's git directory that
shares everything with the repository but HEAD and the index. No branch moves by that. Then one ref
transaction brings the branch to the commit and makes the tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.invocation import rerun
from experimentstash.core.names import REGISTRY, tag_ref, tool_path
from experimentstash.freeze.hidden_worktree import CommitIndex, hidden_worktree
from experimentstash.git.repository import Repository
from experimentstash.git.user_git import answer, ask_git, clean_environment, git
from experimentstash.stash import registry

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    """Check that nobody has the tag, and that no directory of snapshots is in its way.

    Raises:
        StashError: a ref or a directory has it, perhaps in another case of letters, which some file systems cannot
            tell apart.
    """
    with Repository.open(stash.root) as repository:
        repository.check_tag_free(tag)
    for folder in sorted(stash.root.glob("configs/*/snapshots/*")):
        if folder.name.casefold() == tag.casefold() and folder.name != tag:
            where = folder.relative_to(stash.root)
            raise StashError(f"{where}: {tag!r} differs from it only in letter case", "choose another --tag")


def check_can_commit(stash: Stash, tool: str) -> None:
    """Check, before anything is written, that a freeze commit would hold.

    Raises:
        StashError: there is no commit yet, something else is under way, or the tool is not in the last commit.
    """
    head = answer("rev-parse", "--verify", "--quiet", "HEAD^{commit}", cwd=stash.root)
    add = f"git add {REGISTRY} .gitmodules {tool_path(tool)} && git commit -m 'Add {tool}'"
    if head is None:
        raise StashError("no commit yet: commit the tool and the registry first", add)
    check_nothing_under_way(stash)
    registered = answer("rev-parse", "--verify", "--quiet", f"HEAD:{REGISTRY}", cwd=stash.root)
    if registered is None or tool not in registry.parse(_blob(stash.root, registered), f"HEAD:{REGISTRY}"):
        raise StashError(f"the tool {tool!r} is not registered in the last commit", add)


def check_nothing_under_way(stash: Stash) -> None:
    """Raise `StashError` if a merge, a rebase or the like is in progress."""
    for name, finish in _UNDER_WAY.items():
        if (stash.root / git("rev-parse", "--git-path", name, cwd=stash.root)).exists():
            raise StashError(f"another git operation is in progress ({name})", finish)


def _blob(root: Path, blob: str) -> bytes:
    return git("cat-file", "blob", blob, cwd=root).encode("utf-8", "surrogateescape")


def is_on_no_branch(stash: Stash) -> bool:
    """Return whether HEAD is detached: what is committed there is on no branch."""
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
    with hidden_worktree(stash, head) as worktree:
        worktree.stage(pins, paths)
        if worktree.git("diff-index", "--cached", "--name-only", head):
            worktree.commit(message)
        commit = worktree.git("rev-parse", "HEAD")
        tag_object = worktree.tag_object(tag, commit)
        CommitIndex(stash.root, clean_environment()).stage(pins, paths)
        _move_refs(stash, tag, _Move(head, commit, tag_object), message)
    return commit


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
            f"the branch or the tag has changed in the meantime: {done.stderr.decode('utf-8', 'replace').strip()}",
            rerun(),
        )
