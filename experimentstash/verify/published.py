"""The rule `published`: looks for recorded commits in the clones on this machine, and asks the tools' remotes."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.names import tool_complaint, tool_path
from experimentstash.core.urls import resolve, same, without_secrets
from experimentstash.git.gitmodules import Submodule
from experimentstash.git.remote_commits import PATIENCE, Asked, NoAnswerError, NoRepositoryError, contained
from experimentstash.stash.snapshot_file import is_commit
from experimentstash.verify.rules import Publication, published_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from experimentstash.core.errors import Problem
    from experimentstash.git.clone import Clone
    from experimentstash.git.repository import Repository
    from experimentstash.verify.rules import RecordedCommit


def unpublished(
    repository: Repository,
    recorded: Iterable[RecordedCommit],
    *,
    online: bool,
    pushed_along: Callable[[], bool] = bool,
    patience: float = PATIENCE,
) -> list[Problem]:
    """Judge the rule `published` for recorded commits (spec.md, *When a snapshot holds*).

    The commit must be available at the URL that the freeze commit records. Without `online`, a remote-tracking branch
    of that remote in a local clone of the tool is enough. If no such branch has the commit, asks the remote before
    reporting the commit. Reports nothing if this machine has no clone of the tool, or if it lacks the commit and the
    remote does not answer. Judges the submodules of a tool if its commit is on this machine.

    Args:
        repository: the stash.
        recorded: the commits that its snapshots record; other rules report invalid commit ids and tool names.
        online: whether to ask the remote of each tool, and to report a remote that does not answer.
        pushed_along: returns whether git pushes the branches of the tools' checkouts first, and aborts the push if
            that fails.
        patience: the time limit for each answer of a remote, in seconds.

    Raises:
        StashError: a freeze commit is missing or damaged.
    """
    judged = [one for one in dict.fromkeys(recorded) if is_commit(one.commit) and not tool_complaint(one.tool)]
    submodules = repository.submodules({one.freeze for one in judged})
    groups: dict[tuple[str, Submodule], list[RecordedCommit]] = {}
    for one in judged:
        path = tool_path(one.tool)
        groups.setdefault((one.tool, submodules[one.freeze].get(path, Submodule(path))), []).append(one)
    problems = []
    with ExitStack() as stack:
        remotes = _Remotes(stack, patience)
        for _ in range(_DEEPEST):
            inside: dict[tuple[str, Submodule], list[RecordedCommit]] = {}
            for (tool, submodule), group in groups.items():
                pinned = _PinnedTool(repository, tool, submodule, remotes)
                known = pinned.publications({one.commit for one in group}, online=online)
                excused = pinned.along if pinned.along and pushed_along() else set()
                judged = [one for one in group if one.commit not in excused]
                problems += [problem for one in judged for problem in published_problems(one, known[one.commit])]
                for key, one in pinned.inside(group):
                    inside.setdefault(key, []).append(one)
            groups = inside
    return problems


_DEEPEST = 5
"""Levels of nested submodules."""


class _Remotes:
    """The remotes asked so far, so that each is asked once."""

    def __init__(self, stack: ExitStack, patience: float) -> None:
        self._stack = stack
        self._patience = patience
        self._asked: dict[str, Asked] = {}

    def at(self, url: str, clones: list[Clone]) -> Asked:
        if url not in self._asked:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="experimentstash-"))
            self._asked[url] = Asked(url, Path(folder), clones, self._patience)
        return self._asked[url]


class _PinnedTool:
    """A tool at the URL of one `.gitmodules`, and its clones on this machine."""

    def __init__(self, repository: Repository, tool: str, submodule: Submodule, remotes: _Remotes) -> None:
        self._repository = repository
        self._submodule = submodule
        self._remotes = remotes
        self._tool = tool
        self._clones, self._refused = repository.clones(tool_path(tool), submodule.name)
        self.along: set[str] = set()  # commits on a branch of the checkout, which git may push first

    def inside(self, group: Iterable[RecordedCommit]) -> Iterator[tuple[tuple[str, Submodule], RecordedCommit]]:
        """Yield the submodules of the tool's commits, each as a tool `<tool>/<path>`, with their pinned commits."""
        places: dict[str, list[RecordedCommit]] = {}
        for one in group:
            places.setdefault(one.commit, []).append(one)
        for clone in self._clones:
            ids = {found: name for name, here in clone.commits(places).items() for found in here[:1]}
            for commit, submodules in clone.submodules(ids).items():
                for path, pin, name, url in submodules:
                    module = Submodule(f"{self._submodule.name}/modules/{name}", self._resolved(url))
                    for one in places.get(ids[commit], ()):
                        yield (f"{self._tool}/{path}", module), one._replace(tool=f"{self._tool}/{path}", commit=pin)
                places.pop(ids[commit], None)  # every clone gives the same answer

    def _resolved(self, url: str) -> str:
        try:
            return resolve(url, self._submodule.url)
        except ValueError:
            return ""

    def publications(self, names: Collection[str], *, online: bool) -> dict[str, Publication]:
        """Return what is known about commits, each given by a full or an abbreviated id."""
        if not self._submodule.url:
            return dict.fromkeys(names, Publication("", there=False))
        found = dict.fromkeys(names, Publication("", None))
        if not (online or self._clones or self._refused):
            return found
        left = list(names)
        reasons: dict[str, str] = {}
        for url in self._urls() if left else ():
            if not online:
                seen = self._seen(url, left)
                found |= dict.fromkeys(seen, Publication(without_secrets(url), there=True))
                left = [name for name in left if name not in seen]
            try:
                there = self._remotes.at(url, self._clones).has(left) if left else {}
            except NoRepositoryError as failure:
                lost = Publication(without_secrets(url), there=False, why=str(failure))
                return found | dict.fromkeys(left, lost)
            except NoAnswerError as failure:
                reasons.setdefault(url, str(failure))
                continue
            return found | self._answered(url, there)
        return found | self._unanswered(reasons, left, online=online)

    def _urls(self) -> Iterator[str]:
        """Yield the recorded URL of the tool, and the URLs by which local clones reach the same repository."""
        recorded = self._submodule.url
        remotes = dict.fromkeys(remote for clone in self._clones for remote in clone.remotes)
        others = [remote.url for remote in remotes if remote.url != recorded and same(remote.url, recorded)]
        yield from (recorded, *others)

    def _seen(self, url: str, names: Collection[str]) -> set[str]:
        """Return the commits that are on a remote-tracking branch of the remote with this URL, in any clone."""
        seen: set[str] = set()
        for clone in self._clones:
            remotes = [one for one in clone.remotes if all(same(known, url) for known in (one.url, *one.push_urls))]
            tips = [tip for remote in remotes for tip in remote.tips]
            left = [name for name in names if name not in seen]
            seen |= {name for name, there in contained(clone, left, tips).items() if there}
        return seen

    def _answered(self, url: str, there: Mapping[str, bool]) -> dict[str, Publication]:
        pushes = self._pushes(url, [name for name in there if not there[name]])
        return {name: Publication(without_secrets(url), there[name], push=pushes.get(name, ())) for name in there}

    def _unanswered(
        self, reasons: Mapping[str, str], names: Collection[str], *, online: bool
    ) -> dict[str, Publication]:
        """Return what is known if no remote answered; without `online`, only about commits on this machine."""
        url, why = next(iter(reasons.items()), ("", ""))
        pushes = self._pushes(url, names)
        in_doubt = names if online or self._refused else pushes
        why, shown = "; ".join([why, *self._refused]), without_secrets(url)
        return {name: Publication(shown, None, why, () if online else pushes.get(name, ())) for name in in_doubt}

    def _pushes(self, url: str, names: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the arguments of git that push each commit that is on this machine."""
        pushes: dict[str, tuple[str, ...]] = {}
        for clone in self._clones:
            to = next((one.name for one in clone.remotes if same(one.url, url)), without_secrets(url))
            for name, ids in clone.commits([name for name in names if name not in pushes]).items():
                for commit in ids[:1]:
                    branch = clone.branch_with(commit)
                    if branch and clone.at[:1] == ("-C",):
                        self.along.add(name)
                    what = branch or f"{commit}:refs/heads/NEW-BRANCH"
                    pushes[name] = (*clone.at, "push", to, what)
        return pushes
