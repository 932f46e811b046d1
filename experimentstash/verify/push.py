"""The gate: what a push would bring to a repository that others share, judged from objects alone.

The same judgement stands before a push (`guard-push`) and at the receiving end (`pre-receive`).
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
    """What is known of the repository that receives.

    Attributes:
        known: what it has already: full ids of commits, and options of `git rev-list` (`--branches`).
        remote: what git here calls it; None where it is this very repository.
        url: where it is asked which branches and tags it has, or None.
        gets_more: whether refs may come along that nobody told of.
        refs: what its branches and tags name, where it was asked and has answered.
    """

    known: tuple[str, ...]
    remote: str | None
    url: str | None = None
    gets_more: bool = False
    refs: Mapping[str, str] | None = None

    def asked(self, repository: Repository) -> Receiver:
        """Return what is known once it was asked: only it knows what its branches and tags hold now."""
        if self.remote is None:
            return replace(self, refs={f"refs/heads/{name}": head for name, head in repository.heads().items()})
        refs = repository.refs_at(self.url) if self.url else None
        here = repository.here(dict.fromkeys(refs.values())) if refs else []
        return replace(self, known=(*self.known, *here), refs=refs)

    def tags(self) -> dict[str, str] | None:
        """Return what its snapshot tags name, or None where that is not known."""
        if self.refs is None:
            return None
        return {ref.removeprefix(TAG_PREFIX): name for ref, name in self.refs.items() if ref.startswith(TAG_PREFIX)}

    def heads_after(self, updates: Sequence[RefUpdate]) -> dict[str, str]:
        """Return what its branches will name after some updates, by their names without `refs/heads/`."""
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
    """Judge every commit that the receiver has not yet, and every snapshot tag that is made, moved or deleted.

    A snapshot is judged at its tag as the receiver will know it: one that comes along, or one that is there. A tag
    that is only here is none, and what it froze is judged at the commit that brings it in. The receiver is asked
    where the push brings snapshots without their tag.

    Args:
        repository: the repository that has the objects; what it replaces (`git replace`) is not what is pushed.
        updates: what is to change.
        receiver: what is known of the receiving repository.
        online: whether the tools' remotes are asked for the recorded commits (rule `published`); None leaves
            that rule out.
        pushed_along: tells whether git pushes the tools' branches first, and nothing else where that fails.

    Raises:
        StashError: it cannot be checked: a missing object, the edge of a shallow clone.
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
    if not asks and any(changes.values()):  # what only seems to come along may be on another branch there
        receiver = receiver.asked(repository)
        changes = _changes(repository, tips, receiver)
    incoming = list(changes)
    repository.check_whole(incoming)
    touched = {tag for told in changes.values() for change in told if (tag := tag_of(change.path))}
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
    """Return what each commit brings that the receiver has not yet, the oldest commit first."""
    incoming = repository.reachable(tips, receiver.known)[::-1]
    return repository.changes(incoming) if incoming else {}


def _heads_here(repository: Repository, receiver: Receiver, updates: Sequence[RefUpdate]) -> dict[str, str]:
    """Return the commits of the receiver's branches after a push, those that are here: it judges the others itself."""
    heads = receiver.heads_after(updates)
    commits, _ = repository.peel(repository.here(dict.fromkeys(heads.values())))
    return {name: commits[head] for name, head in heads.items() if head in commits}


def _moved(update: RefUpdate, receiver: Receiver) -> list[Problem]:
    """Judge the rule `tag` of an update: the receiver is where others have it."""
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
    """Return those of the tags that the receiver has, and those that it could have where that cannot be known."""
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
    """Return findings whose place, a commit, has in front of it the first ref that brings that commit along.

    What was committed stays in the range whatever is committed on top of it: the repair has to be made there.
    """
    told = list(problems)
    parents = repository.parents_of(list(dict.fromkeys(commits.values())), receiver.known) if told else {}
    roots = {commit[:SHORT] for commit, before in parents.items() if not before}
    refs: dict[str, str] = {}
    for update in updates:
        waiting = [commits[update.new]] if update.new and update.new in commits else []
        while waiting:  # each commit is met once, however many refs bring it along
            if (commit := waiting.pop()) in parents:
                refs[commit[:SHORT]] = update.ref
                waiting += parents.pop(commit)
    return [_with_ref(one, refs, roots, one.where.partition(":")[0]) for one in told]


def _with_ref(problem: Problem, refs: Mapping[str, str], roots: Collection[str], commit: str) -> Problem:
    if commit not in refs:
        return problem
    where = f"{refs[commit]} {problem.where}"
    if problem.rule == "published":  # what mends that is done to the tool
        return problem._replace(where=where)
    return problem._replace(where=where, fix=in_commit(problem.fix, commit, is_root=commit in roots))
