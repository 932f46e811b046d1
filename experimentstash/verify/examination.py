"""From a repository to findings: facts out of the index or of commits, to the rules, and on to whoever asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
    """What was found.

    Attributes:
        snapshots: how many were judged; the same file in two commits is one.
        problems: what does not hold, told once, where it was first met.
        recorded: the commits that they record, for the rule `published`.
    """

    snapshots: int
    problems: tuple[Problem, ...]
    recorded: tuple[RecordedCommit, ...] = ()


def judge_index(repository: Repository, *, strict: bool = False) -> Verdict:
    """Judge the snapshots of the index, which are those of the next commit (spec.md, *When a snapshot holds*).

    A snapshot whose tag exists is judged at that tag, another one at the commit that brought it in, and one
    that no parent of the next commit has, at that commit: against the pins and the registry of the index.

    Args:
        repository: the repository.
        strict: each must match the pins of the index too.

    Raises:
        StashError: it cannot be checked: a conflict, a missing object, the edge of a shallow clone.
    """
    examination = Examination(repository)
    examination.index(strict=strict)
    return examination.verdict()


def judge_staged(repository: Repository, staged: Mapping[str, Entry]) -> Verdict:
    """Judge, as `judge_index` does, what the next commit brings in or changes.

    A snapshot that has no tag yet, that HEAD brought in and that is changed now is judged as one of the next
    commit: that may be HEAD amended, and a hook is not told. Where it is not, `tag-snapshots` and `guard-push` say so.

    Args:
        repository: the repository.
        staged: what `Repository.staged` tells.

    Raises:
        StashError: it cannot be checked: a conflict, a missing object, the edge of a shallow clone.
    """
    examination = Examination(repository, repository.tags({tag_of(path) for path in staged}))
    examination.staged(staged)
    if examination.problems and (theirs := _merged_as_it_is(repository, staged)):
        examination = Examination(repository, examination.tags)
        examination.staged({path: entry for path, entry in staged.items() if path not in theirs})
    return examination.verdict()


def _merged_as_it_is(repository: Repository, staged: Mapping[str, Entry]) -> set[str]:
    """Return what a merge takes as a branch of a remote has it: whoever pulls that did nothing wrong.

    The remotes are asked: what this repository remembers of them may be a pull request, or a branch that is gone.
    """
    parents = repository.parents_to_be()
    if len(parents) < 2:
        return set()
    ours = repository.changes(repository.reachable(parents[1:], [parents[0], *repository.held_by_remotes()]))
    touched = {change.path for told in ours.values() for change in told}
    held = [repository.tree(parent).files for parent in parents[1:]]
    return {path for path in staged.keys() - touched if any(tree.get(path) == staged[path] for tree in held)}


def judge_commit(repository: Repository, commit: str, *, strict: bool = False) -> Verdict:
    """Judge the snapshots of a commit, each at its freeze commit.

    Args:
        repository: the repository.
        commit: its full id.
        strict: each must match the pins of this commit too.

    Raises:
        StashError: it cannot be checked: a missing object, the edge of a shallow clone.
    """
    examination = Examination(repository)
    examination.commit(commit, commit[:SHORT], strict=strict)
    return examination.verdict()


def judge_head(repository: Repository, head: str, *, strict: bool = False) -> Verdict:
    """Judge the commit that is checked out, each of its snapshots at its freeze commit, and each snapshot tag.

    Args:
        repository: the repository.
        head: the full id of the commit.
        strict: each snapshot must match the pins of HEAD too.

    Raises:
        StashError: it cannot be checked: a missing object, the edge of a shallow clone.
    """
    examination = Examination(repository)
    examination.commit(head, "HEAD", strict=strict)
    examination.tags_themselves()
    return examination.verdict()


def judge_range(repository: Repository, commits: Sequence[str], *, strict: bool = False) -> Verdict:
    """Judge what each commit of a range brought in or changed, and the snapshot tags that name one of them.

    What was there before is not the range's doing.

    Args:
        repository: the repository.
        commits: their full ids, newest first, as `Repository.range` gives them.
        strict: every snapshot of each commit must match the pins of that commit.

    Raises:
        StashError: it cannot be checked: a missing object, the edge of a shallow clone.
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
    """Judge the index, HEAD, the head of each branch, and each snapshot tag by its own snapshots.

    Args:
        repository: the repository; a bare one has no index.
        strict: each snapshot of the index and of a head must match the pins of that tree too.

    Raises:
        StashError: it cannot be checked: a conflict, a missing object, the edge of a shallow clone.
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
    """One run of the judgement: which file is judged at which freeze commit. What was judged once is not judged again.

    Args:
        repository: the repository.
        tags: the tags to judge by; by default those of the repository.
        fresh: nobody else has the commits yet, so that they can be mended.
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
        """Return what was found so far."""
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
        """Judge what the next commit brings in or changes; see `judge_staged`."""
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
        """Judge all snapshots of a commit; `title` is what the findings call it."""
        tree = self._repository.tree(commit)
        untagged = self.facts.untagged(tree.files)
        brought = self._repository.bringing(untagged, commit) if untagged else {}
        own = self.facts.freeze_of(tree, commit)
        self._tree(tree, title)
        self._judge(tree.files, brought, title, own, own if strict else None)
        self._named(tree.files, tree.files, own, title)

    def changes(self, commits: Sequence[str], changes: Mapping[str, Sequence[CommitChange]]) -> None:
        """Judge what each commit has and none of its parents, as `Repository.changes` tells; see `judge_range`."""
        files = {c: {change.path: change.entry for change in changes[c]} for c in commits}
        for commit in commits:
            if misplaced := {path: entry for path, entry in files[commit].items() if not tag_of(path)}:
                tree = self._repository.tree(commit, "")
                self._tree(tree._replace(misplaced=misplaced), commit[:SHORT])
        files = {c: {path: entry for path, entry in files[c].items() if tag_of(path)} for c in commits}
        brought: dict[str, dict[str, str | None]] = {}
        for commit in reversed(commits):  # so that what comes before the newest one has been read for the others
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
        """Judge what branches hold under some tags, at those tags.

        Args:
            tags: the tags.
            heads: the full id of the commit of each branch, by what findings call it.
        """
        held = [(title, commit, tag) for tag in tags for title, commit in heads.items()]
        trees = self._repository.trees([(commit, tag) for _, commit, tag in held])
        for (title, _, tag), tree in zip(held, trees, strict=True):
            found = self.at(tree.files, self.freeze(self.tags.commits[tag], tag), title)
            again = f"merge that branch, then: {command('git', 'tag', '-d', f'snapshot/{tag}')} && experimentstash tag"
            self.problems += [one._replace(fix=f"{one.fix}  # or {again}") for one in found]

    def tags_themselves(self) -> None:
        """Judge each snapshot tag: it leads to a commit, which holds snapshots of it, which hold."""
        self._repository.trees([(commit, tag) for tag, commit in self.tags.commits.items()])
        self.problems += [rules.broken_tag(tag, why, self.tags.remote) for tag, why in self.tags.broken.items()]
        for tag, commit in self.tags.commits.items():
            self.tag(tag, commit)

    def tag(self, tag: str, commit: str) -> None:
        """Judge a tag by its own snapshots, at the commit that it names or is to name."""
        freeze = self.freeze(commit, tag)
        self.problems += rules.tag_problems(freeze)
        self.problems += self.at(freeze.files, freeze, f"snapshot/{tag}")

    def freeze(self, commit: str, tag: str, *, tagged: bool = True) -> FreezeCommit:
        """Return the facts of a freeze commit, and judge its registry; see `Facts.freeze`."""
        self._registry(self._repository.tree(commit, tag), f"snapshot/{tag}" if tagged else commit[:SHORT])
        return self.facts.freeze(commit, tag, tagged=tagged)

    def at(self, files: Mapping[str, Entry], freeze: FreezeCommit, title: str) -> list[Problem]:
        """Judge files at a freeze commit and return what was not found before.

        Args:
            files: the files, by path.
            freeze: the freeze commit of their tag.
            title: what the findings call the tree that the files are of.
        """
        found: list[Problem] = []
        for path, entry in files.items():
            if (path, entry, freeze.id, freeze.tag) not in self._judged:
                self._judged.add((path, entry, freeze.id, freeze.tag))
                file = self.facts.file(path, entry, freeze)
                found += file_problems(file)
                if file.name and file.snapshot:
                    self._recorded += rules.recorded(place(title, path), file.name, file.snapshot, freeze)
        return placed(found, title)

    def _judge(
        self,
        files: Mapping[str, Entry],
        brought: Mapping[str, str | None],
        title: str,
        own: FreezeCommit | None,
        strict: FreezeCommit | None,
    ) -> None:
        """Judge files of a tree at their freeze commits: their tags, or the commits that brought them in."""
        self.facts.read_ahead([files], [brought])
        for path, entry in files.items():
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
        """Judge what is beside snapshots without a tag: it is what they record, whichever commit brought it in.

        Args:
            files: what is judged.
            held: all that the same tree holds below the tags of these files.
            own: that tree.
            title: what the findings call it.
        """
        for path, one in self.facts.named_beside(files, held):
            self.problems += placed(rules.beside_problems(path, one.path, one.digest, one.held, own), title)

    def _tree(self, tree: Tree, title: str) -> None:
        """Judge the registry of a tree, and links and submodules on the way to its snapshots."""
        self._registry(tree, title)
        registered = self.facts.registered(tree)
        tools = {*tree.pins, *(() if isinstance(registered, StashError) else registered)}
        self.problems += placed(rules.misplaced_problems(tree.misplaced, tools), title)

    def _registry(self, tree: Tree, title: str) -> None:
        """Judge the registry of a tree: it can be read. It is told once, where it was first met."""
        if tree.registry is None or not tree.registry.is_file or tree.registry.id in self._registries:
            return
        self._registries.add(tree.registry.id)
        registered = self.facts.registered(tree)
        if isinstance(registered, StashError):
            self.problems.append(registry_problem(title, registered))
