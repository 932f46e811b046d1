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
"""What takes what is staged into the last commit, and keeps that where nothing is left of it."""


class FreezeCommit(NamedTuple):
    """The commit at which snapshots are judged, as far as the rules look at it (spec.md, *Words*).

    Attributes:
        id: its full id, or None where it is the commit being made.
        tag: the tag that names it, or None where that tag does not exist yet.
        pins: the commit that it records for each tool.
        registered: the tools of its registry, or None where that cannot be read, which is told by itself.
        files: what it holds below `snapshots/<tag>/` of each tool, by path.
        fresh: nobody else has it yet, so that it can be mended.
    """

    id: str | None
    tag: str | None
    pins: Mapping[str, str]
    registered: frozenset[str] | None
    files: Mapping[str, Entry]
    fresh: bool = False

    @property
    def title(self) -> str:
        """What messages call it."""
        if self.tag is not None:
            return f"snapshot/{self.tag}"
        return "the commit being made" if self.id is None else self.id[:SHORT]

    @property
    def rev(self) -> str:
        """What git calls it here: in a push, the tag of that name may be another one on this side."""
        return f"snapshot/{self.tag}" if self.tag is not None and not self.fresh else (self.id or "HEAD")[:SHORT]

    @property
    def is_open(self) -> bool:
        """Whether it can still be mended: it has no tag, and nobody else has it yet."""
        return self.tag is None and (self.fresh or self.id is None)


class RecordedCommit(NamedTuple):
    """A commit that a snapshot records.

    Attributes:
        where: what findings call the place of the snapshot.
        tool: the tool.
        commit: its commit as it is recorded, perhaps abbreviated.
        freeze: the full id of the freeze commit, or None where it is the commit being made.
    """

    where: str
    tool: str
    commit: str
    freeze: str | None


class Publication(NamedTuple):
    """What is known of a recorded commit at the remote of its tool.

    Attributes:
        remote: the URL of the remote as it may be shown, or an empty text where the tool has none.
        there: whether a branch or a tag of the remote has the commit, or None where nobody can say.
        why: why the remote gave no answer, or an empty text where it was not asked; with `there` False, why it is no
            repository.
        push: the arguments of git that push the commit from this machine, where it is, and on no branch that was seen.
    """

    remote: str
    there: bool | None
    why: str = ""
    push: tuple[str, ...] = ()


def pin_problems(name: SnapshotName, snapshot: Snapshot, freeze: FreezeCommit) -> list[Problem]:
    """Judge the rule `pin`: each recorded commit is the pin of its tool there, and the tool is registered there.

    A recorded commit that is none is left to the rule `header`.
    """
    found = []
    for tool, recorded in snapshot.pins(name.tool).items():
        if not is_commit(recorded):
            continue
        pin = freeze.pins.get(tool)
        if pin is None:
            what = f"it records {tool} at {recorded[:SHORT]}, and {freeze.title} has no pin at {tool_path(tool)}"
            found.append(Problem(name.path, "pin", what, f"experimentstash add-tool {quote(tool)} URL"))
        elif not same_commit(recorded, pin):
            what = f"it records {tool} at {recorded[:SHORT]}, and {freeze.title} pins {pin[:SHORT]}"
            found.append(Problem(name.path, "pin", what, _pin_fix(name, tool, recorded, freeze)))
        if freeze.registered is not None and tool not in freeze.registered:
            what = f"the registry of {freeze.title} has no tool {tool!r}"
            found.append(Problem(name.path, "pin", what, f"experimentstash add-tool {quote(tool)} URL"))
    for place in snapshot.places:
        folder, tool, *_ = (*place.split("/"), "", "")
        if folder == "tools" and tool not in freeze.pins:
            what = f"its environment was built from {place}, and {freeze.title} has no pin at {tool_path(tool)}"
            found.append(Problem(name.path, "pin", what, refreeze(name, freeze)))
    return found


def recorded(where: str, name: SnapshotName, snapshot: Snapshot, freeze: FreezeCommit) -> list[RecordedCommit]:
    """Return the commits that a snapshot records; what is none is left to the rule `header`."""
    pins = snapshot.pins(name.tool).items()
    return [RecordedCommit(where, tool, commit, freeze.id) for tool, commit in pins if is_commit(commit)]


def _pin_fix(name: SnapshotName, tool: str, recorded: str, freeze: FreezeCommit) -> str:
    if not freeze.is_open:
        return refreeze(name, freeze)  # what others may have stays as it is
    path = quote(tool_path(tool))
    return f"git -C {path} checkout {quote(recorded)} && git add {path}"


def in_commit(fix: str, commit: str, *, is_root: bool) -> str:
    """Return the command that mends a commit that is not the last one, and puts the later ones on top of it again.

    Args:
        fix: the command that mends it where it is checked out.
        commit: its id.
        is_root: whether it is a first commit.
    """
    mend, comment, hint = fix.partition("  # ")
    stop = """git -c sequence.editor="sed -i.bak '1s/^pick/edit/'" rebase --interactive"""
    onto = "--root" if is_root else f"{commit[:SHORT]}~"
    return f"{stop} {onto} && {mend} && {AMEND} && git rebase --continue{comment}{hint}"


def refreeze(name: SnapshotName, freeze: FreezeCommit) -> str:
    """Return the command that freezes the experiment under another tag: others may have what is committed."""
    again, remove = freeze_command(name, NEW_TAG), command("git", "rm", "--force", name.path)
    if freeze.tag is None:
        return f"{remove} && {again}"
    return f"{again}  # and, if nobody else has the tag: {_delete(name.tag)} && {remove}"


def published_problems(one: RecordedCommit, known: Publication) -> list[Problem]:
    """Judge the rule `published`: the recorded commit can be fetched from the tool's remote.

    Of what nobody can say, and nobody was asked, there is nothing to find.
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
    """Judge the rule `frozen`: byte for byte that of the freeze commit, and not added to a tag after it was made.

    Args:
        path: a file below `snapshots/<tag>/`, a snapshot or what lies beside one.
        entry: what the judged tree records there.
        freeze: the freeze commit of that tag.
    """
    name = SnapshotName.from_path(path)
    if name is None and _OTHER_ENDING.search(path):
        what = "a snapshot file must end with .yaml: Hydra and the checks ignore this one"
        return [Problem(path, "frozen", what, f"git rm --cached {quote(path)}")]
    if name is not None and not entry.is_file:
        # its own bytes are a path: what it leads to can change, and this repository would not know
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
    """Judge the rule `frozen` of what a tree has where a directory on the way to a snapshot must be.

    What a link or a submodule leads to can change without a change of the stash.

    Args:
        misplaced: links and submodules, by path; `configs/NAME` leads to snapshots only where NAME is a tool.
        tools: the tools of the tree.
    """
    parts = {path: path.split("/") for path in misplaced}
    return [_misplaced(path, misplaced[path]) for path, at in parts.items() if len(at) != 2 or at[1] in tools]


def _misplaced(path: str, entry: Entry) -> Problem:
    kind = "a link" if entry.mode == LINK else "a submodule"
    what = f"{kind} where a directory of snapshots must be: its target is not frozen"
    return Problem(path, "frozen", what, command("git", "rm", "-r", "--cached", path))


def body_problems(name: SnapshotName, snapshot: Snapshot, freeze: FreezeCommit) -> list[Problem]:
    """Judge the rule `frozen` of a snapshot that its freeze commit holds as it is: it says what was frozen.

    A formatter or another hook that rewrites it between freezing and commit changes what was frozen.
    """
    if not snapshot.rewritten:
        return []
    return [rewritten_problem(name, again_command(name) if freeze.is_open else refreeze(name, freeze))]


def beside_problems(path: str, named: str, digest: str, held: str | None, freeze: FreezeCommit) -> list[Problem]:
    """Judge the rule `frozen` of a file that a snapshot names: its lock, or the results that were recorded with it.

    Args:
        path: the snapshot.
        named: the file, which lies beside it.
        digest: its SHA-256 as the snapshot records it, in hex.
        held: that of what the freeze commit holds there, or None where it holds no file.
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
    """Judge the rule `frozen` of a lock that the tool ships: the recorded commit holds it, with the recorded digest.

    Args:
        name: the snapshot.
        named: the lock's path from the stash's root.
        digest: its SHA-256 as the snapshot records it, in hex.
        held: that of what the tool's commit holds there, in hex; empty where it holds no file.
        commit: the tool's commit as it is recorded.
        freeze: the freeze commit.
    """
    if held == digest:
        return []
    what = f"it was frozen with {named}, which the recorded commit {commit[:SHORT]} does not hold"
    if held:
        what = f"it was frozen with another {named} than the recorded commit {commit[:SHORT]} holds"
    return [Problem(name.path, "frozen", what, refreeze(name, freeze))]


def tag_problems(freeze: FreezeCommit) -> list[Problem]:
    """Judge the rule `tag` of one tag as it stands: its commit holds snapshots of that tag."""
    tag = freeze.tag or ""
    if any(name and name.tag == tag for name in map(SnapshotName.from_path, freeze.files)):
        return []
    what = f"it names {(freeze.id or '')[:SHORT]}, which contains no {snapshot_directory('*', tag)}/*.yaml"
    return [Problem(tag_ref(tag), "tag", what, _delete(tag))]


def broken_tag(tag: str, why: str, remote: str) -> Problem:
    """Return the finding for a tag that leads to no commit: nothing can be judged by it."""
    again = _fetch(tag, remote) if remote else "experimentstash tag"
    away = _delete(tag) if why == NO_COMMIT else _unbreak(tag)
    return Problem(tag_ref(tag), "tag", why, f"{away} && {again}")


def _unbreak(tag: str) -> str:
    """Return the command that deletes a tag which git cannot read: it deletes none by its id, but any link."""
    ref = quote(tag_ref(tag))
    return f"git symbolic-ref {ref} refs/tags/broken && git symbolic-ref -d {ref}"


def in_the_way(ref: str) -> Problem:
    """Return the finding for a tag with the name of the folder that git keeps the snapshot tags in."""
    what = "it occupies the directory of the snapshot tags, so that no such tag can exist"
    return Problem(ref, "tag", what, f"git tag -d {ref.removeprefix('refs/tags/')}")


def tag_update_problems(tag: str, old: str | None, new: str | None, *, published: bool, remote: str) -> list[Problem]:
    """Judge the rule `tag` of an update: never moved, and never deleted where others have it.

    Args:
        tag: the tag.
        old: what it named (the id of the ref's object, not a peeled one), or None where it is new.
        new: what it is to name, or None where it is deleted.
        published: whether others have it.
        remote: what git here calls the repository of theirs.
    """
    if not published or old is None or old == new:
        return []
    if new is None:
        return [Problem(tag_ref(tag), "tag", "it is published: it is not deleted", _fetch(tag, remote))]
    what = f"it is published at {old[:SHORT]}: it is not moved to {new[:SHORT]}"
    return [Problem(tag_ref(tag), "tag", what, _fetch(tag, remote))]


def wrong_tag(tag: str, why: str) -> Problem:
    """Return the finding for a tag that must not come to others as it is."""
    return Problem(tag_ref(tag), "tag", why, f"{_delete(tag)} && experimentstash tag")


def _fetch(tag: str, remote: str) -> str:
    return f"git fetch --force {quote(remote)} {quote(f'{tag_ref(tag)}:{tag_ref(tag)}')}"


def _delete(tag: str) -> str:
    return f"git tag -d {quote(f'snapshot/{tag}')}"
