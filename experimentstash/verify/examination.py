"""From a repository to findings: facts out of the index or of commits, to the rules, and on to whoever asked."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from experimentstash.core.errors import Problem, StashError, command
from experimentstash.core.names import REGISTRY, SnapshotName, tag_of, tool_complaint, tool_path
from experimentstash.git.repository import TooLargeError
from experimentstash.stash import registry
from experimentstash.stash.snapshot_file import LARGEST, Snapshot, header_problems, is_commit, is_rewritten, parse
from experimentstash.verify import rules
from experimentstash.verify.flat import flat_problems
from experimentstash.verify.header_values import beside_complaint, value_problems
from experimentstash.verify.rules import SHORT, FreezeCommit, Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from experimentstash.git.entries import Entry, Tree
    from experimentstash.git.repository import Change, Repository, Tags

T = TypeVar("T")


class Verdict(NamedTuple):
    """What was found.

    Attributes:
        snapshots: how many were judged; the same file in two commits is one.
        problems: what does not hold, told once, where it was first met.
        recorded: the commits that they record, for the rule `published`.
    """

    snapshots: int
    problems: tuple[Problem, ...]
    recorded: tuple[Recorded, ...] = ()


def judge_index(repository: Repository, *, strict: bool = False) -> Verdict:
    """Judge the snapshots of the index, which are those of the next commit (spec.md, *When a snapshot holds*).

    A snapshot whose tag exists is judged at that tag, another one at the commit that brought it in, and one
    that no parent of the next commit has, at that commit: against the pins and the registry of the index.

    Args:
        repository: the repository.
        strict: each must match the pins of the index too.

    Raises:
        StashError: it cannot be judged: a conflict, a missing object, the edge of a shallow clone.
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
        StashError: it cannot be judged: a conflict, a missing object, the edge of a shallow clone.
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
        StashError: it cannot be judged: a missing object, the edge of a shallow clone.
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
        StashError: it cannot be judged: a missing object, the edge of a shallow clone.
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
        StashError: it cannot be judged: a missing object, the edge of a shallow clone.
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
        StashError: it cannot be judged: a conflict, a missing object, the edge of a shallow clone.
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
    """One run of the judgement: what was read and judged once is not read or judged again.

    Args:
        repository: the repository.
        tags: the tags to judge by; by default those of the repository.
        fresh: nobody else has the commits yet, so that they can be mended.
    """

    def __init__(self, repository: Repository, tags: Tags | None = None, *, fresh: bool = False) -> None:
        self._repository = repository
        self._fresh = fresh
        self.tags = repository.tags() if tags is None else tags
        self.problems: list[Problem] = []
        self._recorded: list[Recorded] = []
        self._judged: set[tuple[str, Entry, str | None, str | None]] = set()
        self._snapshots: dict[tuple[str, str], Snapshot | None] = {}
        self._registries: dict[str, frozenset[str] | None] = {}
        self._digests: dict[str, str] = {}
        self._shipped_digests: dict[tuple[str, str], str | None] = {}

    def verdict(self) -> Verdict:
        """Return what was found so far."""
        return Verdict(len(self._snapshots), tuple(dict.fromkeys(self.problems)), tuple(self._recorded))

    def index(self, *, strict: bool = False) -> None:
        """Judge the index; see `judge_index`."""
        tree = self._repository.index()
        brought = self._brought_by(self._repository.parents_to_be(), self._untagged(tree.files))
        own = FreezeCommit(None, None, tree.pins, self._registered(tree, ""), tree.files)
        self._misplaced(tree, "")
        self._judge(tree.files, brought, "", own, own if strict else None)
        self._named(tree.files, tree.files, own, "")

    def staged(self, files: Mapping[str, Entry]) -> None:
        """Judge what the next commit brings in or changes; see `judge_staged`."""
        tree = self._repository.index_pins()
        parents = self._repository.parents_to_be()
        brought = self._brought_by(parents, self._untagged(files))
        brought = {path: None if commit in parents[:1] else commit for path, commit in brought.items()}
        own = FreezeCommit(None, None, tree.pins, self._registered(tree, ""), files)
        self._misplaced(tree._replace(misplaced=self._repository.staged_misplaced()), "")
        self._judge(files, brought, "", own, None)
        if any(SnapshotName.from_path(path) is None for path in files):
            self._named(files, self._index.files, own, "")

    def _brought_by(self, parents: Sequence[str], untagged: Sequence[str]) -> dict[str, str | None]:
        """Return the commit that brought each path in, seen from the parents of the next commit."""
        brought: dict[str, str | None] = dict.fromkeys(untagged)
        for parent in parents if untagged else ():
            tags = {tag_of(path) for path in untagged}
            held = {path for tree in self._repository.trees([(parent, tag) for tag in tags]) for path in tree.files}
            there = [path for path in untagged if brought[path] is None and path in held]
            brought |= self._repository.bringing(there, parent) if there else {}
        return brought

    def commit(self, commit: str, title: str, *, strict: bool = False) -> None:
        """Judge all snapshots of a commit; `title` is what the findings call it."""
        tree = self._repository.tree(commit)
        untagged = self._untagged(tree.files)
        brought = self._repository.bringing(untagged, commit) if untagged else {}
        own = FreezeCommit(commit, None, tree.pins, self._registered(tree, title), tree.files)
        self._misplaced(tree, title)
        self._judge(tree.files, brought, title, own, own if strict else None)
        self._named(tree.files, tree.files, own, title)

    def _named(self, files: Mapping[str, Entry], held: Mapping[str, Entry], own: FreezeCommit, title: str) -> None:
        """Judge what lies beside snapshots without a tag: it is what they record, whichever commit brought it in.

        Args:
            files: what is judged.
            held: all that the same tree holds below the tags of these files.
            own: that tree.
            title: what the findings call it.
        """
        beside = {path for path in self._untagged(files) if SnapshotName.from_path(path) is None}
        tags = {tag_of(path) for path in beside}
        for path, entry in held.items() if beside else ():
            if tag_of(path) not in tags or not entry.is_file or (name := SnapshotName.from_path(path)) is None:
                continue
            for named, digest in self._names(name, entry).items():
                if named in beside:
                    other = self._digest(files[named].id) if files[named].is_file else None
                    found = rules.beside_problems(path, named, digest, other, own)
                    self.problems += [one._replace(where=_place(title, one.where)) for one in found]

    def _names(self, name: SnapshotName, entry: Entry) -> Mapping[str, str]:
        """Return the files beside a snapshot that it names, with their digests; one that cannot be read names none."""
        told = self._parsed(name.path, entry.id, LARGEST, parse)
        return {} if isinstance(told, StashError) else told.beside(name)

    def _misplaced(self, tree: Tree, title: str) -> None:
        """Tell of links and submodules on the way to snapshots; `configs/NAME` is on no way where NAME is no tool."""
        tools = {*tree.pins, *(self._registered(tree, title) or ())} if tree.misplaced else set()
        for path, entry in tree.misplaced.items():
            parts = path.split("/")
            if len(parts) != 2 or parts[1] in tools:
                problem = rules.misplaced_problem(path, entry)
                self.problems.append(problem._replace(where=_place(title, path)))

    def changes(self, commits: Sequence[str], changes: Mapping[str, Sequence[Change]]) -> None:
        """Judge what each commit has and none of its parents, as `Repository.changes` tells; see `judge_range`."""
        files = {c: {change.path: change.entry for change in changes[c]} for c in commits}
        for commit in commits:
            if misplaced := {path: entry for path, entry in files[commit].items() if not tag_of(path)}:
                tree = self._repository.tree(commit, "")
                self._misplaced(tree._replace(misplaced=misplaced), commit[:SHORT])
        files = {c: {path: entry for path, entry in files[c].items() if tag_of(path)} for c in commits}
        brought: dict[str, dict[str, str | None]] = {}
        for commit in reversed(commits):  # so that what comes before the newest one has been read for the others
            new = {change.path for change in changes[commit] if change.new}
            untagged = self._untagged(files[commit])
            followed = [path for path in untagged if path not in new]
            brought[commit] = dict.fromkeys(untagged, commit)
            brought[commit] |= self._repository.bringing(followed, commit) if followed else {}
        self._read_ahead(files.values(), brought.values())
        for commit in commits:
            self._judge(files[commit], brought[commit], commit[:SHORT], None, None)
            for tag in {tag_of(path) for path in self._untagged(files[commit]) if not SnapshotName.from_path(path)}:
                own = self.freeze(commit, tag, tagged=False)
                self._named(files[commit], own.files, own, commit[:SHORT])

    def held(self, tags: Iterable[str], heads: Mapping[str, str]) -> None:
        """Judge what branches hold under some tags, at those tags.

        Args:
            tags: the tags.
            heads: the full id of the commit of each branch, by what findings call it.
        """
        wanted = [(title, commit, tag) for tag in tags for title, commit in heads.items()]
        trees = self._repository.trees([(commit, tag) for _, commit, tag in wanted])
        for (title, _, tag), tree in zip(wanted, trees, strict=True):
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
        """Return the facts of a freeze commit, as the tag of that name or as what it will name."""
        tree = self._repository.tree(commit, tag)
        title = f"snapshot/{tag}" if tagged else commit[:SHORT]
        registered = self._registered(tree, title)
        return FreezeCommit(commit, tag if tagged else None, tree.pins, registered, tree.files, self._fresh)

    def snapshot(self, path: str, entry: Entry) -> Snapshot | None:
        """Return a snapshot that was judged, without its body, or None where it could not be read."""
        return self._snapshots.get((path, entry.id))

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
                found += (changed := rules.frozen_problems(path, entry, freeze))
                if (name := SnapshotName.from_path(path)) and (snapshot := self._opened(name, entry, found, freeze)):
                    found += rules.pin_problems(name, snapshot, freeze)
                    found += [] if changed else rules.body_problems(name, snapshot, freeze)
                    found += self._beside(name, snapshot, freeze)
                    self._recorded += rules.recorded(_place(title, path), name, snapshot, freeze)
        return [problem._replace(where=_place(title, problem.where)) for problem in found]

    def _beside(self, name: SnapshotName, snapshot: Snapshot, freeze: FreezeCommit) -> Iterator[Problem]:
        """Yield what is wrong with the files that are frozen with a snapshot: lock, recorded results, jobs."""
        for path, digest in snapshot.beside(name).items():
            entry = self._held(path, freeze)
            held = self._digest(entry.id) if entry else None
            yield from rules.beside_problems(name.path, path, digest, held, freeze)
            if entry and held == digest:
                yield from self._unreadable(name, path, entry, freeze)
        for number in range(snapshot.jobs_apart):
            job = name.job(number).path
            if self._held(job, freeze) is None:
                yield from rules.beside_problems(name.path, job, "", None, freeze)
        if shipped := snapshot.shipped_lock:
            yield from self._shipped(name, snapshot, freeze, *shipped)

    def _shipped(
        self, name: SnapshotName, snapshot: Snapshot, freeze: FreezeCommit, path: str, digest: str
    ) -> Iterator[Problem]:
        """Yield what is wrong with the lock that a tool ships, where this machine has the tool's objects."""
        tool, _, inside = path.removeprefix("tools/").partition("/")
        commit = snapshot.pins(name.tool).get(tool, "")
        if not inside or tool_complaint(tool) or not is_commit(commit):
            return
        if (path, commit) not in self._shipped_digests:
            from experimentstash.git.gitmodules import Submodule  # few snapshots record a lock of the tool's own

            submodules = self._repository.submodules({freeze.id})[freeze.id]
            module = submodules.get(tool_path(tool), Submodule(tool_path(tool)))
            clones = self._repository.clones(tool_path(tool), module.name)[0]
            told = (clone.digest(commit, inside) for clone in clones)
            self._shipped_digests[path, commit] = next((one for one in told if one is not None), None)
        held = self._shipped_digests[path, commit]
        if held is not None:
            yield from rules.shipped_problems(name, path, digest, held, commit, freeze)

    def _held(self, path: str, freeze: FreezeCommit) -> Entry | None:
        """Return the file that a freeze commit holds at a path below its tag."""
        entry = freeze.files.get(path)
        if entry is None and freeze.id is None:
            entry = self._index.files.get(path)  # staged before, and not changed now
        return entry if entry and entry.is_file else None

    @cached_property
    def _index(self) -> Tree:
        return self._repository.index()

    def _unreadable(self, name: SnapshotName, path: str, entry: Entry, freeze: FreezeCommit) -> Iterator[Problem]:
        folder = path.rpartition("/")[0]
        lists = [one for one in freeze.files if one.endswith(".txt") and one.rpartition("/")[0] == folder]
        try:
            data = self._repository.read(entry.id, LARGEST)
            texts = {one: self._repository.read(held.id, LARGEST) for one in lists if (held := self._held(one, freeze))}
        except TooLargeError as error:
            yield Problem(name.path, "header", f"{path}: {error}", rules.refreeze(name, freeze))
            return
        if complaint := beside_complaint(path, data, texts):
            yield Problem(name.path, "header", complaint, rules.refreeze(name, freeze))

    def _digest(self, blob: str) -> str:
        """Return the SHA-256 of a file, in hex; of one that is too large to be what it should be, its size."""
        if blob not in self._digests:
            try:
                self._digests[blob] = hashlib.sha256(self._repository.read(blob, LARGEST)).hexdigest()
            except TooLargeError as error:
                self._digests[blob] = str(error)
        return self._digests[blob]

    def _judge(
        self,
        files: Mapping[str, Entry],
        brought: Mapping[str, str | None],
        title: str,
        own: FreezeCommit | None,
        strict: FreezeCommit | None,
    ) -> None:
        """Judge files of a tree at their freeze commits: their tags, or the commits that brought them in."""
        self._read_ahead([files], [brought])
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
        if strict is not None:
            self._strictly(files, strict, title)

    def _strictly(self, files: Mapping[str, Entry], own: FreezeCommit, title: str) -> None:
        for path, entry in files.items():
            if (name := SnapshotName.from_path(path)) and (snapshot := self._opened(name, entry, [], own)):
                found = rules.pin_problems(name, snapshot, own)
                self.problems += [problem._replace(where=_place(title, problem.where)) for problem in found]

    def _untagged(self, files: Iterable[str]) -> list[str]:
        """Return the files whose tag does not exist: each is judged at the commit that brought it in."""
        known = self.tags.commits.keys() | self.tags.broken.keys()
        return [path for path in files if tag_of(path) not in known]

    def _read_ahead(self, files: Iterable[Mapping[str, Entry]], brought: Iterable[Mapping[str, str | None]]) -> None:
        """Read the trees of all freeze commits at once."""
        wanted = {(commit, tag_of(path)) for one in brought for path, commit in one.items() if commit is not None}
        for tag in {tag_of(path) for one in files for path in one} & self.tags.commits.keys():
            wanted.add((self.tags.commits[tag], tag))
        self._repository.trees(sorted(wanted))

    def _opened(self, name: SnapshotName, entry: Entry, found: list[Problem], freeze: FreezeCommit) -> Snapshot | None:
        """Return a snapshot, read once; the findings of the rules `flat` and `header` go to `found` then."""
        key = (name.path, entry.id)
        if key not in self._snapshots and entry.is_file:
            self._snapshots[key] = None
            told = self._parsed(name.path, entry.id, LARGEST, parse)
            if isinstance(told, StashError):
                found.append(_unread(name.path, "header", name.path, told))
            else:
                rewritten = is_rewritten(told)
                self._snapshots[key] = told._replace(body="", above="", rewritten=rewritten)  # large, and judged by now
                complaints = header_problems(told, name) + value_problems(told, name) + flat_problems(told, name)
                again = "" if freeze.is_open else rules.refreeze(name, freeze)
                found += [one._replace(fix=again or one.fix) for one in complaints]
        return self._snapshots.get(key)

    def _registered(self, tree: Tree, title: str) -> frozenset[str] | None:
        """Return the registered tools of a tree, or None with a finding where its registry cannot be read."""
        if tree.registry is None or not tree.registry.is_file:
            return frozenset()
        blob = tree.registry.id
        if blob not in self._registries:
            told = self._parsed(REGISTRY, blob, registry.LARGEST, registry.parse)
            self._registries[blob] = None if isinstance(told, StashError) else frozenset(told)
            if isinstance(told, StashError):
                self.problems.append(_unread(_place(title, REGISTRY), "pin", REGISTRY, told))
        return self._registries[blob]

    def _parsed(self, path: str, blob: str, limit: int, parser: Callable[[bytes, str], T]) -> T | StashError:
        """Return what a file says, or why it says nothing. That it is not here is raised: it is no finding."""
        try:
            data = self._repository.read(blob, limit)
        except TooLargeError as error:
            error.fix = command("git", "rm", "--cached", path)
            return error
        try:
            return parser(data, path)
        except StashError as error:
            return error


def _unread(where: str, rule: str, path: str, error: StashError) -> Problem:
    """Return the failure to read a file as a finding: the other files are judged all the same."""
    return Problem(where, rule, str(error.args[0]).removeprefix(f"{path}: "), error.fix)


def _place(title: str, where: str) -> str:
    return f"{title}:{where}" if title else where  # as `git show` takes it
