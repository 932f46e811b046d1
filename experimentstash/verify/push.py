"""The push gate: judges what a push would bring to a shared repository, from git objects only.

`guard-push` uses it before a push, and `pre-receive` on the server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from experimentstash.core.errors import Problem, StashError, command
from experimentstash.core.names import SHORT, TAG_DIRECTORY, TAG_PREFIX, tag_complaint, tag_of
from experimentstash.git.entries import NO_COMMIT
from experimentstash.git.repository import Tags
from experimentstash.verify.examination import Examination
from experimentstash.verify.published import unpublished
from experimentstash.verify.rules import in_commit, in_the_way, tag_update_problems, wrong_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from experimentstash.git.ref_updates import RefUpdate
    from experimentstash.git.repository import CommitChange, Repository

_HEADS = "refs/heads/"
_REPLACEMENTS = "refs/replace/"


@dataclass(frozen=True)
class Receiver:
    """What is known about the receiving repository.

    Attributes:
        known: the commits that it has: full ids, and options of `git rev-list` (`--branches`).
        remote: the name of the remote in git; None if the receiver is this repository.
        url: the URL at which to ask for its branches and tags, or None.
        gets_more: whether the push may contain further refs that are not in the list of updates.
        refs: the ids that its branches and tags name, if it has answered.
    """

    known: tuple[str, ...]
    remote: str | None
    url: str | None = None
    gets_more: bool = False
    refs: Mapping[str, str] | None = None

    def asked(self, repository: Repository) -> Receiver:
        """Return the receiver with the current refs, after asking it for its branches and tags."""
        if self.remote is None:
            return replace(self, refs={f"refs/heads/{name}": head for name, head in repository.heads().items()})
        refs = repository.refs_at(self.url) if self.url else None
        here = repository.here(dict.fromkeys(refs.values())) if refs else []
        return replace(self, known=(*self.known, *here), refs=refs)

    def tags(self) -> dict[str, str] | None:
        """Return the ids that its snapshot tags name, or None if they are unknown."""
        if self.refs is None:
            return None
        return {ref.removeprefix(TAG_PREFIX): name for ref, name in self.refs.items() if ref.startswith(TAG_PREFIX)}

    def heads_after(self, updates: Sequence[RefUpdate]) -> dict[str, str]:
        """Return the ids that its branches will name after the updates, by branch name without `refs/heads/`."""
        heads = {**(self.refs or {}), **{update.ref: update.new or "" for update in updates}}
        return {ref.removeprefix(_HEADS): head for ref, head in heads.items() if head and ref.startswith(_HEADS)}


def judge_updates(
    repository: Repository,
    updates: Sequence[RefUpdate],
    receiver: Receiver,
    *,
    online: bool | None = False,
    pushed_along: Callable[[], bool] = bool,
) -> list[Problem]:
    """Judge every commit that is new to the receiver, and every snapshot tag that is created, moved or deleted.

    A snapshot is judged at its tag if the push contains the tag or the receiver has it. A tag that is only in this
    repository does not count: its snapshots are judged at the commit that adds them. Asks the receiver for its tags if
    the push adds snapshots without their tag.

    Args:
        repository: the repository that has the objects, read without replacements (`git replace`), like a push.
        updates: the ref updates of the push.
        receiver: what is known about the receiving repository.
        online: whether to ask the tools' remotes for the recorded commits (rule `published`); None skips that rule.
        pushed_along: returns whether git pushes the tools' branches first, and aborts the push if that fails.

    Raises:
        StashError: judging is impossible: a missing object, or the boundary of a shallow clone.
    """
    problems = [problem for update in updates for problem in _moved(update, receiver)]
    commits, none = repository.peel([update.new for update in updates if update.new])
    for update in updates:
        if update.tag is None and update.new and none.get(update.new, NO_COMMIT) != NO_COMMIT:
            raise StashError(f"{update.ref}: {none[update.new]}", "git fetch --refetch")
    named = {one.tag: one.new for one in updates if one.tag and one.new and not tag_complaint(one.tag)}
    problems += [wrong_tag(tag, none[new]) for tag, new in named.items() if new in none]
    pushed = {tag: commits[new] for tag, new in named.items() if new in commits}
    tips = list(dict.fromkeys(commits.values()))
    if asks := any(update.new and (update.old is None or update.tag) for update in updates):
        receiver = receiver.asked(repository)
    changes = _changes(repository, tips, receiver)
    if not asks and any(changes.values()):  # other branches of the receiver may already have these commits
        receiver = receiver.asked(repository)
        changes = _changes(repository, tips, receiver)
    incoming = list(changes)
    repository.check_whole(incoming)
    touched = {tag for commit in changes.values() for change in commit if (tag := tag_of(change.path))}
    there = _tags_there(repository, touched - pushed.keys(), tips, receiver)
    examination = Examination(repository, there._replace(commits={**there.commits, **pushed}), fresh=True)
    examination.changes(incoming, changes)
    for tag, commit in pushed.items():
        examination.tag(tag, commit)
    examination.held(pushed, _heads_here(repository, receiver, updates) if pushed else {})
    verdict = examination.verdict()
    found = list(verdict.problems)
    if online is not None:
        found += unpublished(repository, verdict.recorded, online=online, pushed_along=pushed_along)
    return problems + _with_refs(repository, found, updates, commits, receiver)


def _changes(repository: Repository, tips: Sequence[str], receiver: Receiver) -> Mapping[str, Sequence[CommitChange]]:
    """Return the changes of each commit that is new to the receiver, oldest first."""
    incoming = repository.reachable(tips, receiver.known)[::-1]
    return repository.changes(incoming) if incoming else {}


def _heads_here(repository: Repository, receiver: Receiver, updates: Sequence[RefUpdate]) -> dict[str, str]:
    """Return the commits of the receiver's branches after the push, as far as this repository has them."""
    heads = receiver.heads_after(updates)
    commits, _ = repository.peel(repository.here(dict.fromkeys(heads.values())))
    return {name: commits[head] for name, head in heads.items() if head in commits}


def _moved(update: RefUpdate, receiver: Receiver) -> list[Problem]:
    """Judge the rule `tag` for an update: what the receiver has is published."""
    if update.ref.startswith(_REPLACEMENTS) and update.new:
        what = "it replaces an object that is checked"
        return [Problem(update.ref, "frozen", what, command("git", "replace", "-d", update.ref.rpartition("/")[2]))]
    if update.ref == TAG_DIRECTORY and update.new:
        return [in_the_way(update.ref)]
    if update.tag is None:
        return []
    if update.new and (complaint := tag_complaint(update.tag)):
        return [wrong_tag(update.tag, f"it is no snapshot's tag: {complaint}")]
    return tag_update_problems(update.tag, update.old, update.new, published=True, remote=receiver.remote or "origin")


def _tags_there(repository: Repository, tags: Collection[str], tips: Sequence[str], receiver: Receiver) -> Tags:
    """Return the tags that the receiver has; if that is unknown, also the local tags that it may have."""
    if receiver.remote is None or not tags:
        return repository.tags(tags)
    there = receiver.tags()
    named = {tag: there[tag] for tag in tags if tag in there} if there else {}
    commits, none = repository.peel(dict.fromkeys(named.values()))
    known = Tags(
        {tag: commits[name] for tag, name in named.items() if name in commits},
        {tag: none[name] for tag, name in named.items() if name in none},
        receiver.remote,
    )
    if there is not None and not receiver.gets_more:
        return known
    here = repository.tags([tag for tag in tags if tag not in named])
    beyond = set(repository.reachable(list(here.commits.values()), [*tips, *receiver.known]))
    near = {tag: commit for tag, commit in here.commits.items() if commit not in beyond}
    return known._replace(commits={**near, **known.commits}, broken={**here.broken, **known.broken})


def _with_refs(
    repository: Repository,
    problems: Iterable[Problem],
    updates: Sequence[RefUpdate],
    commits: Mapping[str, str],
    receiver: Receiver,
) -> list[Problem]:
    """Return findings with the first ref that brings their commit in front of their place.

    A later commit does not remove the finding from the range, so the fix rewrites the commit itself.
    """
    findings = list(problems)
    parents = repository.parents_of(list(dict.fromkeys(commits.values())), receiver.known) if findings else {}
    roots = {commit[:SHORT] for commit, before in parents.items() if not before}
    refs: dict[str, str] = {}
    for update in updates:
        waiting = [commits[update.new]] if update.new and update.new in commits else []
        while waiting:  # visit each commit once, even if several refs bring it
            if (commit := waiting.pop()) in parents:
                refs[commit[:SHORT]] = update.ref
                waiting += parents.pop(commit)
    return [_with_ref(problem, refs, roots, problem.where.partition(":")[0]) for problem in findings]


def _with_ref(problem: Problem, refs: Mapping[str, str], roots: Collection[str], commit: str) -> Problem:
    if commit not in refs:
        return problem
    where = f"{refs[commit]} {problem.where}"
    if problem.rule == "published":  # the fix changes the tool's repository, not the commit
        return problem._replace(where=where)
    return problem._replace(where=where, fix=in_commit(problem.fix, commit, is_root=commit in roots))
