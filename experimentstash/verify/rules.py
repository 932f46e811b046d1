"""The rules `pin`, `frozen`, `tag` and `published` of spec.md: facts in, problems out; no disk, no git."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from experimentstash.core.errors import Problem, command, quote
from experimentstash.core.names import SHORT, SnapshotName, snapshot_directory, tag_ref, tool_path
from experimentstash.git.entries import LINK, NO_COMMIT
from experimentstash.stash.snapshot_file import again_command, freeze_command, is_commit, rewritten_problem, same_commit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from experimentstash.git.entries import Entry
    from experimentstash.stash.snapshot_file import Snapshot

_OTHER_ENDING = re.compile(r"(?i)\.ya?ml$")
NEW_TAG = "NEW-TAG"
AMEND = "git commit --amend --no-edit --allow-empty"
"""The command that amends the last commit with the index, and keeps the commit even if it becomes empty."""


class FreezeCommit(NamedTuple):
    """The facts of a freeze commit that the rules need (spec.md, *Terms*).

    Attributes:
        id: the full id, or None for the commit being made.
        tag: the tag that names the commit, or None if the tag does not exist yet.
        pins: the pinned commit of each tool.
        registered: the registered tools, or None if the registry cannot be read (another finding reports that).
        files: the files below `snapshots/<tag>/` of each tool, by path.
        fresh: whether the commit is still private, so that a fix may rewrite it.
    """

    id: str | None
    tag: str | None
    pins: Mapping[str, str]
    registered: frozenset[str] | None
    files: Mapping[str, Entry]
    fresh: bool = False

    @property
    def title(self) -> str:
        """The name of the commit in messages."""
        if self.tag is not None:
            return f"snapshot/{self.tag}"
        return "the commit being made" if self.id is None else self.id[:SHORT]

    @property
    def rev(self) -> str:
        """The revision to use in a git command. In a push, the local tag may name another commit."""
        return f"snapshot/{self.tag}" if self.tag is not None and not self.fresh else (self.id or "HEAD")[:SHORT]

    @property
    def is_open(self) -> bool:
        """Whether a fix may rewrite the commit: it has no tag, and nobody else has it."""
        return self.tag is None and (self.fresh or self.id is None)


class RecordedCommit(NamedTuple):
    """A commit that a snapshot records.

    Attributes:
        where: the place of the snapshot in findings.
        tool: the name of the tool.
        commit: the recorded commit id, possibly abbreviated.
        freeze: the full id of the freeze commit, or None for the commit being made.
    """

    where: str
    tool: str
    commit: str
    freeze: str | None


class Publication(NamedTuple):
    """What is known about a recorded commit at the remote of its tool.

    Attributes:
        remote: the URL of the remote without secrets, or an empty text if the tool has none.
        there: whether a branch or a tag of the remote has the commit, or None if that is unknown.
        why: why the remote did not answer; empty if it was not asked. If `there` is False: why the URL is not a
            repository.
        push: the arguments of git that push the commit from this machine, if it is here and not known to be published.
    """

    remote: str
    there: bool | None
    why: str = ""
    push: tuple[str, ...] = ()


def pin_problems(name: SnapshotName, snapshot: Snapshot, freeze: FreezeCommit) -> list[Problem]:
    """Judge the rule `pin`: each recorded commit is the pin of its tool, and the tool is registered.

    The rule `header` reports recorded commits that are not commit ids.
    """
    problems = []
    for tool, recorded in snapshot.pins(name.tool).items():
        if not is_commit(recorded):
            continue
        pin = freeze.pins.get(tool)
        if pin is None:
            what = f"it records {tool} at {recorded[:SHORT]}, and {freeze.title} has no pin at {tool_path(tool)}"
            problems.append(Problem(name.path, "pin", what, f"experimentstash add-tool {quote(tool)} URL"))
        elif not same_commit(recorded, pin):
            what = f"it records {tool} at {recorded[:SHORT]}, and {freeze.title} pins {pin[:SHORT]}"
            problems.append(Problem(name.path, "pin", what, _pin_fix(name, tool, recorded, freeze)))
        if freeze.registered is not None and tool not in freeze.registered:
            what = f"the registry of {freeze.title} has no tool {tool!r}"
            problems.append(Problem(name.path, "pin", what, f"experimentstash add-tool {quote(tool)} URL"))
    for place in snapshot.places:
        top, tool, *_ = (*place.split("/"), "", "")
        if top == "tools" and tool not in freeze.pins:
            what = f"its environment was built from {place}, and {freeze.title} has no pin at {tool_path(tool)}"
            problems.append(Problem(name.path, "pin", what, refreeze(name, freeze)))
    return problems


def recorded(where: str, name: SnapshotName, snapshot: Snapshot, freeze: FreezeCommit) -> list[RecordedCommit]:
    """Return the commits that a snapshot records, without those that are not commit ids (rule `header`)."""
    pins = snapshot.pins(name.tool).items()
    return [RecordedCommit(where, tool, commit, freeze.id) for tool, commit in pins if is_commit(commit)]


def _pin_fix(name: SnapshotName, tool: str, recorded: str, freeze: FreezeCommit) -> str:
    if not freeze.is_open:
        return refreeze(name, freeze)  # others may have the commit: do not rewrite it
    path = quote(tool_path(tool))
    return f"git -C {path} checkout {quote(recorded)} && git add {path}"


def in_commit(fix: str, commit: str, *, is_root: bool) -> str:
    """Return the command that applies a fix to an earlier commit, and rebases the later commits onto it.

    Args:
        fix: the command that fixes the commit while it is checked out.
        commit: the id of the commit.
        is_root: whether it is a root commit.
    """
    step, comment, hint = fix.partition("  # ")
    stop = """git -c sequence.editor="sed -i.bak '1s/^pick/edit/'" rebase --interactive"""
    onto = "--root" if is_root else f"{commit[:SHORT]}~"
    return f"{stop} {onto} && {step} && {AMEND} && git rebase --continue{comment}{hint}"


def refreeze(name: SnapshotName, freeze: FreezeCommit) -> str:
    """Return the command that freezes the experiment under another tag, because others may have the commit."""
    again, remove = freeze_command(name, NEW_TAG), command("git", "rm", "--force", name.path)
    if freeze.tag is None:
        return f"{remove} && {again}"
    return f"{again}  # and, if nobody else has the tag: {_delete(name.tag)} && {remove}"


def published_problems(one: RecordedCommit, known: Publication) -> list[Problem]:
    """Judge the rule `published`: the recorded commit can be fetched from the tool's remote.

    Reports nothing if the state is unknown and no remote was asked.
    """
    if known.there or (known.there is None and not known.why):
        return []
    commit = f"{one.tool} at {one.commit[:SHORT]}"
    path = quote(tool_path(one.tool))
    if not known.remote:
        what = f"{commit} cannot be fetched: .gitmodules names no URL for {tool_path(one.tool)}"
        return [Problem(one.where, "published", what, f"touch .gitmodules && git submodule add --force -- URL {path}")]
    if known.there is False and known.why:
        what = f"{commit} cannot be fetched from {known.remote}: {known.why}"
        return [Problem(one.where, "published", what, f"git submodule set-url -- {path} URL && git add .gitmodules")]
    push = known.push or ("push", known.remote, f"{one.commit}:refs/heads/NEW-BRANCH")
    fix = command("git", *push) + ("" if known.push else f"  # in a clone of {one.tool} that has the commit")
    if known.there is False:
        what = f"no branch or tag of {known.remote} has {commit}"
    elif known.push:
        what = f"{commit} was seen on no branch of {known.remote}, which does not answer: {known.why}"
    else:
        what = f"{known.remote} does not say whether it has {commit}: {known.why}"
        fix = command("git", "ls-remote", "--", known.remote)
    return [Problem(one.where, "published", what, fix)]


def frozen_problems(path: str, entry: Entry, freeze: FreezeCommit) -> list[Problem]:
    """Judge the rule `frozen`: the file is byte for byte that of the freeze commit, and was not added to it later.

    Args:
        path: the path of a file below `snapshots/<tag>/`: a snapshot or a file beside one.
        entry: the entry of the judged tree at that path.
        freeze: the freeze commit of that tag.
    """
    name = SnapshotName.from_path(path)
    if name is None and _OTHER_ENDING.search(path):
        what = "a snapshot file must end with .yaml: Hydra and the checks ignore this one"
        return [Problem(path, "frozen", what, f"git rm --cached {quote(path)}")]
    if name is not None and not entry.is_file:
        # git stores only the path: the target can change without a commit
        fix = f"git rm --cached {quote(path)}"
        return [Problem(path, "frozen", "a snapshot must be a regular file, not a symlink or a repository", fix)]
    held = freeze.files.get(path)
    if freeze.id is None or (held is not None and held.same_bytes(entry)):
        return []
    if held is None:
        what = f"it was added to {freeze.title} after that was made"
        fix = f"git rm --cached {quote(path)}"
        if name:
            fix = f"{command('git', 'rm', '--force', path)} && {freeze_command(name, NEW_TAG)}"
        return [Problem(path, "frozen", what, fix)]
    fix = f"git checkout {quote(freeze.rev)} -- {quote(path)}"
    return [Problem(path, "frozen", f"it differs from what {freeze.title} froze", fix)]


def misplaced_problems(misplaced: Mapping[str, Entry], tools: Collection[str]) -> list[Problem]:
    """Judge the rule `frozen` for symlinks and submodules among the parent directories of snapshots.

    The target of a symlink or a submodule can change without a change of the stash.

    Args:
        misplaced: symlinks and submodules, by path; `configs/NAME` is a parent of snapshots only if NAME is a tool.
        tools: the tools of the tree.
    """
    parts = {path: path.split("/") for path in misplaced}
    return [_misplaced(path, misplaced[path]) for path, at in parts.items() if len(at) != 2 or at[1] in tools]


def _misplaced(path: str, entry: Entry) -> Problem:
    kind = "a link" if entry.mode == LINK else "a submodule"
    what = f"{kind} where a directory of snapshots must be: its target is not frozen"
    return Problem(path, "frozen", what, command("git", "rm", "-r", "--cached", path))


def body_problems(name: SnapshotName, snapshot: Snapshot, freeze: FreezeCommit) -> list[Problem]:
    """Judge the rule `frozen` for the body of a snapshot: it has the digest that the freeze recorded.

    A formatter or another hook may have rewritten the file between freeze and commit.
    """
    if not snapshot.rewritten:
        return []
    return [rewritten_problem(name, again_command(name) if freeze.is_open else refreeze(name, freeze))]


def beside_problems(path: str, named: str, digest: str, held: str | None, freeze: FreezeCommit) -> list[Problem]:
    """Judge the rule `frozen` for a file that a snapshot names: its lock file or its recorded results.

    Args:
        path: the path of the snapshot.
        named: the path of the file beside it.
        digest: the SHA-256 that the snapshot records, in hex.
        held: the SHA-256 of the file in the freeze commit, or None if the commit has no file there.
        freeze: the freeze commit.
    """
    if held == digest:
        return []
    if held is None:
        what = f"it was frozen with {named}, which {freeze.title} does not hold"
    else:
        what = f"it was frozen with another {named} than {freeze.title} holds"
    name = SnapshotName.from_path(path)
    if name and not freeze.is_open:
        return [Problem(path, "frozen", what, refreeze(name, freeze))]
    fix = f"git add {quote(named)}"
    if held is not None and name:
        fix = again_command(name, named)
    return [Problem(path, "frozen", what, fix)]


def shipped_problems(
    name: SnapshotName, named: str, digest: str, held: str, commit: str, freeze: FreezeCommit
) -> list[Problem]:
    """Judge the rule `frozen` for a lock file that the tool ships: the recorded commit has it, with the same digest.

    Args:
        name: the name of the snapshot.
        named: the path of the lock file, relative to the stash's root.
        digest: the SHA-256 that the snapshot records, in hex.
        held: the SHA-256 of the file in the tool's commit, in hex; empty if the commit has no file there.
        commit: the recorded commit of the tool.
        freeze: the freeze commit.
    """
    if held == digest:
        return []
    what = f"it was frozen with {named}, which the recorded commit {commit[:SHORT]} does not hold"
    if held:
        what = f"it was frozen with another {named} than the recorded commit {commit[:SHORT]} holds"
    return [Problem(name.path, "frozen", what, refreeze(name, freeze))]


def tag_problems(freeze: FreezeCommit) -> list[Problem]:
    """Judge the rule `tag` for one tag: its commit has snapshots of that tag."""
    tag = freeze.tag or ""
    if any(name and name.tag == tag for name in map(SnapshotName.from_path, freeze.files)):
        return []
    what = f"it names {(freeze.id or '')[:SHORT]}, which contains no {snapshot_directory('*', tag)}/*.yaml"
    return [Problem(tag_ref(tag), "tag", what, _delete(tag))]


def broken_tag(tag: str, why: str, remote: str) -> Problem:
    """Return the finding for a tag that names no commit, so that its snapshots cannot be judged."""
    again = _fetch(tag, remote) if remote else "experimentstash tag"
    away = _delete(tag) if why == NO_COMMIT else _unbreak(tag)
    return Problem(tag_ref(tag), "tag", why, f"{away} && {again}")


def _unbreak(tag: str) -> str:
    """Return the command that deletes a tag that git cannot read. Git deletes such a ref only as a symbolic ref."""
    ref = quote(tag_ref(tag))
    return f"git symbolic-ref {ref} refs/tags/broken && git symbolic-ref -d {ref}"


def in_the_way(ref: str) -> Problem:
    """Return the finding for a tag with the name of the directory of the snapshot tags."""
    what = "it occupies the directory of the snapshot tags, so that no such tag can exist"
    return Problem(ref, "tag", what, f"git tag -d {ref.removeprefix('refs/tags/')}")


def tag_update_problems(tag: str, old: str | None, new: str | None, *, published: bool, remote: str) -> list[Problem]:
    """Judge the rule `tag` for an update: a published tag is never moved or deleted.

    Args:
        tag: the name of the tag.
        old: the old id of the ref (not peeled), or None for a new tag.
        new: the new id of the ref, or None for a deletion.
        published: whether others have the tag.
        remote: the name of the remote in git.
    """
    if not published or old is None or old == new:
        return []
    if new is None:
        return [Problem(tag_ref(tag), "tag", "it is published: it is not deleted", _fetch(tag, remote))]
    what = f"it is published at {old[:SHORT]}: it is not moved to {new[:SHORT]}"
    return [Problem(tag_ref(tag), "tag", what, _fetch(tag, remote))]


def wrong_tag(tag: str, why: str) -> Problem:
    """Return the finding for a tag that must not be pushed."""
    return Problem(tag_ref(tag), "tag", why, f"{_delete(tag)} && experimentstash tag")


def _fetch(tag: str, remote: str) -> str:
    return f"git fetch --force {quote(remote)} {quote(f'{tag_ref(tag)}:{tag_ref(tag)}')}"


def _delete(tag: str) -> str:
    return f"git tag -d {quote(f'snapshot/{tag}')}"
