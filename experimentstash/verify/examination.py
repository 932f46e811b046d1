"""Judges snapshots: reads facts from the index or from commits, applies the rules and collects the findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from experimentstash.core.counter import counted
from experimentstash.core.errors import Problem, StashError, command
from experimentstash.core.names import SHORT, SnapshotName, tag_of
from experimentstash.verify import rules
from experimentstash.verify.facts import Facts
from experimentstash.verify.file_rules import file_problems, place, placed, registry_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from experimentstash.git.entries import Entry, Tree
    from experimentstash.git.repository import CommitChange, Repository, Tags
    from experimentstash.verify.rules import FreezeCommit, RecordedCommit


class Verdict(NamedTuple):
    """The result of a judgement.

    Attributes:
        snapshots: the number of snapshots judged; the same file in two commits counts once.
        problems: the findings, each reported once, at the first place where it occurs.
        recorded: the commits that the snapshots record, for the rule `published`.
    """

    snapshots: int
    problems: tuple[Problem, ...]
    recorded: tuple[RecordedCommit, ...] = ()


def judge_index(repository: Repository, *, strict: bool = False) -> Verdict:
    """Judge the snapshots of the index, which the next commit will contain (spec.md, *When a snapshot holds*).

    A snapshot whose tag exists is judged at that tag. Without a tag, it is judged at the commit that added it. If no
    parent of the next commit has it, it is judged against the pins and the registry of the index.

    Args:
        repository: the repository.
        strict: whether each snapshot must also match the pins of the index.

    Raises:
        StashError: judging is impossible: a conflict, a missing object, or the boundary of a shallow clone.
    """
    examination = Examination(repository)
    examination.index(strict=strict)
    return examination.verdict()


def judge_staged(repository: Repository, staged: Mapping[str, Entry]) -> Verdict:
    """Judge what the next commit adds or changes, by the rules of `judge_index`.

    A snapshot without a tag that HEAD added and that is staged with a change is judged as part of the next commit:
    the commit may amend HEAD, and git does not tell a hook. If it is not an amend, `tag-snapshots` and `guard-push`
    report the snapshot later.

    Args:
        repository: the repository.
        staged: the staged files, from `Repository.staged`.

    Raises:
        StashError: judging is impossible: a conflict, a missing object, or the boundary of a shallow clone.
    """
    examination = Examination(repository, repository.tags({tag_of(path) for path in staged}))
    examination.staged(staged)
    if examination.problems and (upstream := _merged_unchanged(repository, staged)):
        examination = Examination(repository, examination.tags)
        examination.staged({path: entry for path, entry in staged.items() if path not in upstream})
    return examination.verdict()


def _merged_unchanged(repository: Repository, staged: Mapping[str, Entry]) -> set[str]:
    """Return the paths that a merge takes unchanged from a branch of a remote: the user who pulls did not cause them.

    Asks the remotes, because a remote-tracking ref may be a pull request or a deleted branch.
    """
    parents = repository.parents_to_be()
    if len(parents) < 2:
        return set()
    ours = repository.changes(repository.reachable(parents[1:], [parents[0], *repository.held_by_remotes()]))
    changed = {change.path for changes in ours.values() for change in changes}
    merged = [repository.tree(parent).files for parent in parents[1:]]
    return {path for path in staged.keys() - changed if any(files.get(path) == staged[path] for files in merged)}


def judge_commit(repository: Repository, commit: str, *, strict: bool = False) -> Verdict:
    """Judge the snapshots of a commit, each at its freeze commit.

    Args:
        repository: the repository.
        commit: the full id of the commit.
        strict: whether each snapshot must also match the pins of this commit.

    Raises:
        StashError: judging is impossible: a missing object, or the boundary of a shallow clone.
    """
    examination = Examination(repository)
    examination.commit(commit, commit[:SHORT], strict=strict)
    return examination.verdict()


def judge_head(repository: Repository, head: str, *, strict: bool = False) -> Verdict:
    """Judge the commit that is checked out, each of its snapshots at its freeze commit, and each snapshot tag.

    Args:
        repository: the repository.
        head: the full id of the commit.
        strict: whether each snapshot must also match the pins of HEAD.

    Raises:
        StashError: judging is impossible: a missing object, or the boundary of a shallow clone.
    """
    examination = Examination(repository)
    examination.commit(head, "HEAD", strict=strict)
    examination.tags_themselves()
    return examination.verdict()


def judge_range(repository: Repository, commits: Sequence[str], *, strict: bool = False) -> Verdict:
    """Judge what each commit of a range adds or changes, and the snapshot tags that name one of these commits.

    Snapshots that an earlier commit added are not judged.

    Args:
        repository: the repository.
        commits: the full ids of the commits, newest first, from `Repository.range`.
        strict: whether every snapshot of each commit must match the pins of that commit.

    Raises:
        StashError: judging is impossible: a missing object, or the boundary of a shallow clone.
    """
    examination = Examination(repository)
    examination.changes(list(reversed(commits)), repository.changes(commits))
    inside = set(commits)
    for tag, commit in examination.tags.commits.items():
        if commit in inside:
            examination.tag(tag, commit)
    for commit in reversed(commits) if strict else ():
        examination.commit(commit, commit[:SHORT], strict=True)
    return examination.verdict()


def judge_all(repository: Repository, *, strict: bool = False) -> Verdict:
    """Judge the index, HEAD, the head of each branch, and the snapshots of each snapshot tag.

    Args:
        repository: the repository; a bare repository has no index.
        strict: whether each snapshot of the index and of a head must also match the pins of the same tree.

    Raises:
        StashError: judging is impossible: a conflict, a missing object, or the boundary of a shallow clone.
    """
    examination = Examination(repository)
    if not repository.bare:
        examination.index(strict=strict)
    head = repository.head()
    for title, commit in {**({"HEAD": head} if head else {}), **repository.heads()}.items():
        examination.commit(commit, title, strict=strict)
    examination.tags_themselves()
    return examination.verdict()


class Examination:
    """One judgement: assigns each file to its freeze commit, and judges each pair of them once.

    Args:
        repository: the repository.
        tags: the tags to judge by; by default those of the repository.
        fresh: whether the commits are still private, so that a fix may rewrite them.
    """

    def __init__(self, repository: Repository, tags: Tags | None = None, *, fresh: bool = False) -> None:
        self._repository = repository
        self.tags = repository.tags() if tags is None else tags
        self.facts = Facts(repository, self.tags, fresh=fresh)
        self.problems: list[Problem] = []
        self._recorded: list[RecordedCommit] = []
        self._judged: set[tuple[str, Entry, str | None, str | None]] = set()
        self._registries: set[str] = set()

    def verdict(self) -> Verdict:
        """Return the findings so far."""
        return Verdict(self.facts.count, tuple(dict.fromkeys(self.problems)), tuple(self._recorded))

    def index(self, *, strict: bool = False) -> None:
        """Judge the index; see `judge_index`."""
        tree = self.facts.index
        brought = self.facts.brought_by(self._repository.parents_to_be(), self.facts.untagged(tree.files))
        own = self.facts.freeze_of(tree, None)
        self._tree(tree, "")
        self._judge(tree.files, brought, "", own, own if strict else None)
        self._named(tree.files, tree.files, own, "")

    def staged(self, files: Mapping[str, Entry]) -> None:
        """Judge what the next commit adds or changes; see `judge_staged`."""
        tree = self._repository.index_pins()
        parents = self._repository.parents_to_be()
        brought = self.facts.brought_by(parents, self.facts.untagged(files))
        brought = {path: None if commit in parents[:1] else commit for path, commit in brought.items()}
        own = self.facts.freeze_of(tree, None, files=files)
        self._tree(tree._replace(misplaced=self._repository.staged_misplaced()), "")
        self._judge(files, brought, "", own, None)
        if any(SnapshotName.from_path(path) is None for path in files):
            self._named(files, self.facts.index.files, own, "")

    def commit(self, commit: str, title: str, *, strict: bool = False) -> None:
        """Judge all snapshots of a commit; `title` names the commit in findings."""
        tree = self._repository.tree(commit)
        untagged = self.facts.untagged(tree.files)
        brought = self._repository.bringing(untagged, commit) if untagged else {}
        own = self.facts.freeze_of(tree, commit)
        self._tree(tree, title)
        self._judge(tree.files, brought, title, own, own if strict else None)
        self._named(tree.files, tree.files, own, title)

    def changes(self, commits: Sequence[str], changes: Mapping[str, Sequence[CommitChange]]) -> None:
        """Judge the changes of each commit against its parents, from `Repository.changes`; see `judge_range`."""
        files = {c: {change.path: change.entry for change in changes[c]} for c in commits}
        for commit in commits:
            if misplaced := {path: entry for path, entry in files[commit].items() if not tag_of(path)}:
                tree = self._repository.tree(commit, "")
                self._tree(tree._replace(misplaced=misplaced), commit[:SHORT])
        files = {c: {path: entry for path, entry in files[c].items() if tag_of(path)} for c in commits}
        brought: dict[str, dict[str, str | None]] = {}
        for commit in reversed(commits):  # newest first: its history contains that of the others
            new = {change.path for change in changes[commit] if change.new}
            untagged = self.facts.untagged(files[commit])
            followed = [path for path in untagged if path not in new]
            brought[commit] = dict.fromkeys(untagged, commit)
            brought[commit] |= self._repository.bringing(followed, commit) if followed else {}
        self.facts.read_ahead(files.values(), brought.values())
        for commit in commits:
            title, untagged = commit[:SHORT], self.facts.untagged(files[commit])
            self._judge(files[commit], brought[commit], title, None, None)
            for tag in {tag_of(path) for path in untagged if not SnapshotName.from_path(path)}:
                own = self.freeze(commit, tag, tagged=False)
                self._named(files[commit], own.files, own, title)

    def held(self, tags: Iterable[str], heads: Mapping[str, str]) -> None:
        """Judge the files that branches have under some tags, at those tags.

        Args:
            tags: the tags.
            heads: the full commit id of each branch, by the name of the branch in findings.
        """
        held = [(title, commit, tag) for tag in tags for title, commit in heads.items()]
        trees = self._repository.trees([(commit, tag) for _, commit, tag in held])
        for (title, _, tag), tree in zip(held, trees, strict=True):
            problems = self.at(tree.files, self.freeze(self.tags.commits[tag], tag), title)
            retag = f"merge that branch, then: {command('git', 'tag', '-d', f'snapshot/{tag}')} && experimentstash tag"
            self.problems += [problem._replace(fix=f"{problem.fix}  # or {retag}") for problem in problems]

    def tags_themselves(self) -> None:
        """Judge each snapshot tag: it names a commit, the commit has snapshots of the tag, and they hold."""
        self._repository.trees([(commit, tag) for tag, commit in self.tags.commits.items()])
        self.problems += [rules.broken_tag(tag, why, self.tags.remote) for tag, why in self.tags.broken.items()]
        for tag, commit in counted(self.tags.commits.items(), "checking tags"):
            self.tag(tag, commit)

    def tag(self, tag: str, commit: str) -> None:
        """Judge the snapshots of a tag, at the commit that it names or will name."""
        freeze = self.freeze(commit, tag)
        self.problems += rules.tag_problems(freeze)
        self.problems += self.at(freeze.files, freeze, f"snapshot/{tag}")

    def freeze(self, commit: str, tag: str, *, tagged: bool = True) -> FreezeCommit:
        """Return the facts of a freeze commit, and judge its registry; see `Facts.freeze`."""
        self._registry(self._repository.tree(commit, tag), f"snapshot/{tag}" if tagged else commit[:SHORT])
        return self.facts.freeze(commit, tag, tagged=tagged)

    def at(self, files: Mapping[str, Entry], freeze: FreezeCommit, title: str) -> list[Problem]:
        """Judge files at a freeze commit and return the new findings.

        Args:
            files: the files, by path.
            freeze: the freeze commit of their tag.
            title: the name of the files' tree in findings.
        """
        problems: list[Problem] = []
        for path, entry in files.items():
            if (path, entry, freeze.id, freeze.tag) not in self._judged:
                self._judged.add((path, entry, freeze.id, freeze.tag))
                file = self.facts.file(path, entry, freeze)
                problems += file_problems(file)
                if file.name and file.snapshot:
                    self._recorded += rules.recorded(place(title, path), file.name, file.snapshot, freeze)
        return placed(problems, title)

    def _judge(
        self,
        files: Mapping[str, Entry],
        brought: Mapping[str, str | None],
        title: str,
        own: FreezeCommit | None,
        strict: FreezeCommit | None,
    ) -> None:
        """Judge files of a tree at their freeze commits: their tags, or the commits that added them."""
        self.facts.read_ahead([files], [brought])
        for path, entry in counted(files.items(), "checking files"):
            tag = tag_of(path)
            if tag in self.tags.broken:
                self.problems.append(rules.broken_tag(tag, self.tags.broken[tag], self.tags.remote))
            elif tag in self.tags.commits:
                self.problems += self.at({path: entry}, self.freeze(self.tags.commits[tag], tag), title)
            elif commit := brought.get(path):
                self.problems += self.at({path: entry}, self.freeze(commit, tag, tagged=False), title)
            elif own is not None:
                self.problems += self.at({path: entry}, own, title)
        if strict is None:
            return
        for path, entry in files.items():
            if (name := SnapshotName.from_path(path)) and (snapshot := self.facts.pins_of(name, entry)):
                self.problems += placed(rules.pin_problems(name, snapshot, strict), title)

    def _named(self, files: Mapping[str, Entry], held: Mapping[str, Entry], own: FreezeCommit, title: str) -> None:
        """Judge the locks and results beside snapshots without a tag: they must match what the snapshots record.

        Args:
            files: the files to judge.
            held: all files of the same tree below the tags of these files.
            own: the facts of that tree.
            title: the name of the tree in findings.
        """
        for path, file in self.facts.named_beside(files, held):
            self.problems += placed(rules.beside_problems(path, file.path, file.digest, file.held, own), title)

    def _tree(self, tree: Tree, title: str) -> None:
        """Judge the registry of a tree, and symlinks and submodules among the parent directories of its snapshots."""
        self._registry(tree, title)
        registered = self.facts.registered(tree)
        tools = {*tree.pins, *(() if isinstance(registered, StashError) else registered)}
        self.problems += placed(rules.misplaced_problems(tree.misplaced, tools), title)

    def _registry(self, tree: Tree, title: str) -> None:
        """Check that the registry of a tree can be read; report each unreadable registry once."""
        if tree.registry is None or not tree.registry.is_file or tree.registry.id in self._registries:
            return
        self._registries.add(tree.registry.id)
        registered = self.facts.registered(tree)
        if isinstance(registered, StashError):
            self.problems.append(registry_problem(title, registered))
