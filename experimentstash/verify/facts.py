"""Reads the facts that the rules judge from a repository. Reads each file once, and judges nothing."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from experimentstash.core.errors import StashError, command
from experimentstash.core.names import REGISTRY, SnapshotName, tag_of, tool_complaint, tool_path
from experimentstash.git.repository import TooLargeError
from experimentstash.stash import registry
from experimentstash.stash.snapshot_file import LARGEST, Snapshot, is_commit, is_rewritten, parse
from experimentstash.verify.rules import FreezeCommit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from experimentstash.git.entries import Entry, Tree
    from experimentstash.git.repository import Repository, Tags

T = TypeVar("T")


class FrozenBeside(NamedTuple):
    """A file that is frozen beside a snapshot: its lock file or its recorded results.

    Attributes:
        path: the path of the file.
        digest: the SHA-256 that the snapshot records, in hex.
        held: the SHA-256 of the file in the freeze commit, or None if the commit has no file there.
        data: the bytes of the file, if the two digests are equal.
        lists: the package lists in the same directory of the freeze commit, by path.
        too_large: why the bytes were not read; empty if they were.
    """

    path: str
    digest: str
    held: str | None
    data: bytes | None = None
    lists: Mapping[str, bytes] | None = None
    too_large: str = ""


class ShippedLock(NamedTuple):
    """A lock file that a tool ships, on a machine that has the commit of the tool.

    Attributes:
        path: the path relative to the root of the stash.
        digest: the SHA-256 that the snapshot records, in hex.
        held: the SHA-256 of the file in the tool's commit, in hex; empty if the commit has no file there.
        commit: the tool's commit that the snapshot records.
    """

    path: str
    digest: str
    held: str
    commit: str


class FileFacts(NamedTuple):
    """A file below `snapshots/<tag>/`, with all facts that the rules need.

    Attributes:
        path: the path of the file.
        entry: the entry of the judged tree at that path.
        freeze: the freeze commit of the tag.
        name: the tool, tag and experiment; None if the file is not a snapshot.
        text: the snapshot with its body, or why it cannot be read; None if these bytes were read before.
        snapshot: the snapshot without its body; None if it cannot be read.
        beside: the files that are frozen with the snapshot.
        lost_jobs: the paths of jobs of its sweep that are missing from the freeze commit.
        shipped: the lock file that its tool ships; None if there is none, or this machine lacks the tool's commit.
    """

    path: str
    entry: Entry
    freeze: FreezeCommit
    name: SnapshotName | None = None
    text: Snapshot | StashError | None = None
    snapshot: Snapshot | None = None
    beside: tuple[FrozenBeside, ...] = ()
    lost_jobs: tuple[str, ...] = ()
    shipped: ShippedLock | None = None


class Facts:
    """Reads the facts of one judgement, each once.

    Args:
        repository: the repository.
        tags: the tags to judge by.
        fresh: whether the commits are still private, so that a fix may rewrite them.
    """

    def __init__(self, repository: Repository, tags: Tags, *, fresh: bool) -> None:
        self._repository = repository
        self._tags = tags
        self._fresh = fresh
        self._snapshots: dict[tuple[str, str], Snapshot | None] = {}
        self._registries: dict[str, frozenset[str] | StashError] = {}
        self._digests: dict[str, str] = {}
        self._shipped_digests: dict[tuple[str, str], str | None] = {}

    @property
    def count(self) -> int:
        """The number of snapshots read; the same file in two commits counts once."""
        return len(self._snapshots)

    @property
    def headers(self) -> Mapping[tuple[str, str], Snapshot | None]:
        """The snapshots read so far, without bodies, by path and blob id; None for an unreadable one."""
        return self._snapshots

    @cached_property
    def index(self) -> Tree:
        """The stash's files and pins in the index."""
        return self._repository.index()

    def registered(self, tree: Tree) -> frozenset[str] | StashError:
        """Return the registered tools of a tree, or the error if its registry cannot be read."""
        if tree.registry is None or not tree.registry.is_file:
            return frozenset()
        blob = tree.registry.id
        if blob not in self._registries:
            tools = self._parsed(REGISTRY, blob, registry.LARGEST, registry.parse)
            self._registries[blob] = tools if isinstance(tools, StashError) else frozenset(tools)
        return self._registries[blob]

    def freeze(self, commit: str, tag: str, *, tagged: bool = True) -> FreezeCommit:
        """Return the facts of the commit that a tag names, or (unless `tagged`) will name."""
        return self.freeze_of(self._repository.tree(commit, tag), commit, tag if tagged else None, fresh=self._fresh)

    def freeze_of(
        self,
        tree: Tree,
        commit: str | None,
        tag: str | None = None,
        files: Mapping[str, Entry] | None = None,
        *,
        fresh: bool = False,
    ) -> FreezeCommit:
        """Return the facts of a freeze commit.

        Args:
            tree: the tree of the commit.
            commit: the full id of the commit, or None for the commit being made.
            tag: the tag that names the commit, or None.
            files: the files below `snapshots/`; by default all of the tree.
            fresh: whether the commit is still private.
        """
        tools = self.registered(tree)
        registered = None if isinstance(tools, StashError) else tools
        return FreezeCommit(commit, tag, tree.pins, registered, tree.files if files is None else files, fresh)

    def untagged(self, files: Iterable[str]) -> list[str]:
        """Return the files whose tag does not exist: each is judged at the commit that added it."""
        known = self._tags.commits.keys() | self._tags.broken.keys()
        return [path for path in files if tag_of(path) not in known]

    def brought_by(self, parents: Sequence[str], untagged: Sequence[str]) -> dict[str, str | None]:
        """Return the commit that added each path, in the history of the next commit's parents."""
        brought: dict[str, str | None] = dict.fromkeys(untagged)
        for parent in parents if untagged else ():
            tags = {tag_of(path) for path in untagged}
            held = {path for tree in self._repository.trees([(parent, tag) for tag in tags]) for path in tree.files}
            followed = [path for path in untagged if brought[path] is None and path in held]
            brought |= self._repository.bringing(followed, parent) if followed else {}
        return brought

    def read_ahead(self, files: Iterable[Mapping[str, Entry]], brought: Iterable[Mapping[str, str | None]]) -> None:
        """Read the trees of all freeze commits at once."""
        trees = {(commit, tag_of(path)) for paths in brought for path, commit in paths.items() if commit is not None}
        for tag in {tag_of(path) for paths in files for path in paths} & self._tags.commits.keys():
            trees.add((self._tags.commits[tag], tag))
        self._repository.trees(sorted(trees))

    def file(self, path: str, entry: Entry, freeze: FreezeCommit) -> FileFacts:
        """Return the facts of a file at a freeze commit."""
        name = SnapshotName.from_path(path)
        if name is None:
            return FileFacts(path, entry, freeze)
        text = self._text(name, entry)
        snapshot = self.snapshot(path, entry)
        if snapshot is None:
            return FileFacts(path, entry, freeze, name, text)
        beside = tuple(self._beside(path, digest, freeze) for path, digest in snapshot.beside(name).items())
        jobs = (name.job(number).path for number in range(snapshot.jobs_apart))
        lost = tuple(job for job in jobs if self._held(job, freeze) is None)
        shipped = self._shipped(name, snapshot, freeze)
        return FileFacts(path, entry, freeze, name, text, snapshot, beside, lost, shipped)

    def snapshot(self, path: str, entry: Entry) -> Snapshot | None:
        """Return a snapshot that was read before, without its body, or None if it could not be read."""
        return self._snapshots.get((path, entry.id))

    def pins_of(self, name: SnapshotName, entry: Entry) -> Snapshot | None:
        """Read a snapshot unless it was read before; return it without its body, or None if it cannot be read."""
        self._text(name, entry)
        return self.snapshot(name.path, entry)

    def named_beside(self, files: Mapping[str, Entry], held: Mapping[str, Entry]) -> Iterator[tuple[str, FrozenBeside]]:
        """Yield the paths of snapshots without a tag, each with a judged file that the snapshot records.

        Args:
            files: the files to judge.
            held: all files of the same tree below the tags of these files.
        """
        beside = {path for path in self.untagged(files) if SnapshotName.from_path(path) is None}
        tags = {tag_of(path) for path in beside}
        for path, entry in held.items() if beside else ():
            if tag_of(path) not in tags or not entry.is_file or (name := SnapshotName.from_path(path)) is None:
                continue
            snapshot = self._parsed(path, entry.id, LARGEST, parse)
            recorded = {} if isinstance(snapshot, StashError) else snapshot.beside(name)
            for companion, digest in recorded.items():
                if companion in beside:
                    blob = files[companion]
                    yield path, FrozenBeside(companion, digest, self._digest(blob.id) if blob.is_file else None)

    def _text(self, name: SnapshotName, entry: Entry) -> Snapshot | StashError | None:
        """Return a snapshot with its body, or why it cannot be read; None if it was read before or is not a file."""
        key = (name.path, entry.id)
        if key in self._snapshots or not entry.is_file:
            return None
        text = self._parsed(name.path, entry.id, LARGEST, parse)
        if isinstance(text, StashError):
            self._snapshots[key] = None
        else:  # bodies are large: keep only one in memory
            self._snapshots[key] = text._replace(body="", above="", rewritten=is_rewritten(text))
        return text

    def _beside(self, path: str, digest: str, freeze: FreezeCommit) -> FrozenBeside:
        entry = self._held(path, freeze)
        held = self._digest(entry.id) if entry else None
        if entry is None or held != digest:
            return FrozenBeside(path, digest, held)
        directory = path.rpartition("/")[0]
        lists = [file for file in freeze.files if file.endswith(".txt") and file.rpartition("/")[0] == directory]
        entries = {file: blob for file in lists if (blob := self._held(file, freeze))}
        try:
            data = self._repository.read(entry.id, LARGEST)
            texts = {file: self._repository.read(blob.id, LARGEST) for file, blob in entries.items()}
        except TooLargeError as error:
            return FrozenBeside(path, digest, held, too_large=str(error))
        return FrozenBeside(path, digest, held, data, texts)

    def _shipped(self, name: SnapshotName, snapshot: Snapshot, freeze: FreezeCommit) -> ShippedLock | None:
        """Return the lock file that a tool ships, or None if this machine lacks the tool's commit."""
        if not snapshot.shipped_lock:
            return None
        path, digest = snapshot.shipped_lock
        tool, _, inside = path.removeprefix("tools/").partition("/")
        commit = snapshot.pins(name.tool).get(tool, "")
        if not inside or tool_complaint(tool) or not is_commit(commit):
            return None
        if (path, commit) not in self._shipped_digests:
            # few snapshots record a lock file of the tool
            from experimentstash.git.clone import first_answer
            from experimentstash.git.gitmodules import Submodule

            submodules = self._repository.submodules({freeze.id})[freeze.id]
            module = submodules.get(tool_path(tool), Submodule(tool_path(tool)))
            clones = self._repository.clones(tool_path(tool), module.name)[0]
            self._shipped_digests[path, commit] = first_answer(clones, lambda clone: clone.digest(commit, inside))
        held = self._shipped_digests[path, commit]
        return None if held is None else ShippedLock(path, digest, held, commit)

    def _held(self, path: str, freeze: FreezeCommit) -> Entry | None:
        """Return the entry of a file in a freeze commit, at a path below its tag."""
        entry = freeze.files.get(path)
        if entry is None and freeze.id is None:
            entry = self.index.files.get(path)  # staged by an earlier commit and unchanged
        return entry if entry and entry.is_file else None

    def _digest(self, blob: str) -> str:
        """Return the SHA-256 of a file, in hex; for a file that is too large, the message that says so."""
        if blob not in self._digests:
            try:
                self._digests[blob] = hashlib.sha256(self._repository.read(blob, LARGEST)).hexdigest()
            except TooLargeError as error:
                self._digests[blob] = str(error)
        return self._digests[blob]

    def _parsed(self, path: str, blob: str, limit: int, parser: Callable[[bytes, str], T]) -> T | StashError:
        """Return the parsed file, or the error as a value. A missing object is not a finding and is raised."""
        try:
            data = self._repository.read(blob, limit)
        except TooLargeError as error:
            error.fix = command("git", "rm", "--cached", path)
            return error
        try:
            return parser(data, path)
        except StashError as error:
            return error
