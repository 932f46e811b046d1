"""The tags of a stash and their snapshots; reads each file once."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from experimentstash.core.errors import StashError
from experimentstash.core.names import SnapshotName, near, plain_tag, tag_of
from experimentstash.stash import snapshot_file
from experimentstash.stash.results import manifest as manifests
from experimentstash.stash.results.manifest_parser import parse as parse_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from experimentstash.git.entries import Entry
    from experimentstash.git.repository import Repository
    from experimentstash.stash.results.manifest import Manifest
    from experimentstash.stash.snapshot_file import Snapshot

T = TypeVar("T")

_NEVER = dt.datetime.min.replace(tzinfo=dt.timezone.utc)


@dataclass(frozen=True)
class TagRecord:
    """A tag with its snapshots.

    Attributes:
        tag: its name, without `snapshot/`.
        commit: the full id of its freeze commit, or None if the git tag is missing or does not point to a commit.
        files: the entries below `configs/<tool>/snapshots/<tag>/` in that commit, or in the index, by path.
        complaint: why it cannot be read; empty if it can.
    """

    tag: str
    commit: str | None
    files: Mapping[str, Entry]
    complaint: str = ""

    @cached_property
    def names(self) -> tuple[SnapshotName, ...]:
        """The snapshots, by tool and experiment, including the jobs of sweeps."""
        found = ((SnapshotName.from_path(path), entry) for path, entry in self.files.items() if entry.is_file)
        return tuple(sorted(name for name, _ in found if name))


class Catalog:
    """The tags of a stash, with a cache of what was read.

    Args:
        repository: the stash.
        headers: snapshots read earlier, without their bodies, by path and blob id.
    """

    def __init__(
        self, repository: Repository, headers: Mapping[tuple[str, str], Snapshot | None] | None = None
    ) -> None:
        self._repository = repository
        self._headers = headers or {}
        self._snapshots: dict[str, Snapshot | StashError] = {}
        self._manifests: dict[str, Manifest | StashError] = {}

    @cached_property
    def records(self) -> dict[str, TagRecord]:
        """Every tag by its name, oldest first: the git tags, and tags still missing for snapshots of the index."""
        tags = self._repository.tags()
        found = [self._tagged(tag, commit) for tag, commit in self._read_ahead(tags.commits).items()]
        found += [TagRecord(tag, None, {}, why) for tag, why in tags.broken.items()]
        known = {record.tag for record in found}
        missing: dict[str, dict[str, Entry]] = {}
        for path, entry in self._untagged().items():
            if (tag := tag_of(path)) not in known:
                missing.setdefault(tag, {})[path] = entry
        found += [TagRecord(tag, None, files) for tag, files in missing.items()]
        return {record.tag: record for record in sorted(found, key=lambda one: (self.moment(one) or _NEVER, one.tag))}

    def _read_ahead(self, commits: Mapping[str, str]) -> Mapping[str, str]:
        try:
            self._repository.trees([(commit, tag) for tag, commit in commits.items()])
        except StashError:  # `_tagged` finds which one it is
            self._repository.close()
        return commits

    def _tagged(self, tag: str, commit: str) -> TagRecord:
        try:
            return TagRecord(tag, commit, self._repository.tree(commit, tag).files)
        except StashError as error:
            return TagRecord(tag, commit, {}, str(error.args[0]))

    def _untagged(self) -> Mapping[str, Entry]:
        """Return the files of the index; of HEAD if there is no readable index."""
        head = self._repository.head()
        try:
            if not self._repository.bare:
                return self._repository.index().files
        except StashError:  # a merge with conflicts
            pass
        return self._repository.tree(head).files if head else {}

    def record(self, tag: str) -> TagRecord:
        """Return a tag, by its name with or without `snapshot/`.

        Raises:
            StashError: it does not exist, or cannot be read.
        """
        name = plain_tag(tag)
        if name not in self.records:
            raise StashError(f"no tag {name!r}{near(name, self.records)}", "experimentstash log")
        if complaint := self.records[name].complaint:
            raise StashError(f"snapshot/{name}: {complaint}", "experimentstash verify --all")
        return self.records[name]

    def snapshot(self, record: TagRecord, name: SnapshotName) -> Snapshot:
        """Return a snapshot.

        Raises:
            StashError: it cannot be read.
        """
        blob = record.files[name.path].id

        def read() -> Snapshot:
            return snapshot_file.parse(self._repository.read(blob, snapshot_file.LARGEST), name.path)

        return _once(self._snapshots, blob, read)

    def readable(self, record: TagRecord) -> dict[SnapshotName, Snapshot]:
        """Return the readable snapshots of a tag."""
        found: dict[SnapshotName, Snapshot] = {}
        for name in record.names:
            try:
                found[name] = self.snapshot(record, name)
            except StashError:  # reported in the state of the tag
                continue
        return found

    def results_text(self, record: TagRecord, name: SnapshotName) -> bytes | None:
        """Return the bytes of the results recorded with a snapshot, or None if there are none.

        Raises:
            StashError: the file is missing, or is too large for a results manifest.
        """
        return self._text(record, name.results_path, manifests.LARGEST)

    def results(self, record: TagRecord, name: SnapshotName) -> Manifest | None:
        """Return the results recorded with a snapshot, or None if there are none.

        Raises:
            StashError: they cannot be read.
        """
        entry = record.files.get(name.results_path)
        if entry is None:
            return None

        def read() -> Manifest:
            return parse_manifest(self.results_text(record, name) or b"", name.results_path)

        return _once(self._manifests, entry.id, read)

    def text(self, record: TagRecord, path: str) -> bytes | None:
        """Return the bytes of a file frozen next to a snapshot, or None if the tag has no such file.

        Raises:
            StashError: it is missing, or is too large.
        """
        return self._text(record, path, snapshot_file.LARGEST)

    def _text(self, record: TagRecord, path: str, largest: int) -> bytes | None:
        entry = record.files.get(path)
        return self._repository.read(entry.id, largest) if entry and entry.is_file else None

    def moment(self, record: TagRecord) -> dt.datetime | None:
        """Return the time of a tag: the newest one recorded in its snapshots."""
        headers = (self._header(record, name) for name in record.names)
        times = (snapshot_file.timestamp(header.one("TIMESTAMP")) for header in headers if header)
        return max(filter(None, times), default=None)

    def _header(self, record: TagRecord, name: SnapshotName) -> Snapshot | None:
        """Return a snapshot, perhaps without its body, or None if it cannot be read."""
        key = (name.path, record.files[name.path].id)
        if key in self._headers:
            return self._headers[key]
        with contextlib.suppress(StashError):
            return self.snapshot(record, name)
        return None

    def subjects(self, records: Iterable[TagRecord]) -> dict[str, str]:
        """Return the first line of the message of each tag's freeze commit, by tag."""
        commits = {record.tag: record.commit for record in records if record.commit}
        messages = self._repository.messages(list(commits.values()))
        return {tag: messages[commit].strip().partition("\n")[0] for tag, commit in commits.items()}


def _once(known: dict[str, T | StashError], blob: str, read: Callable[[], T]) -> T:
    """Return the content of a file, read on first use; a failure is cached and raised again."""
    if blob not in known:
        try:
            known[blob] = read()
        except StashError as error:
            known[blob] = error
    answer = known[blob]
    if isinstance(answer, StashError):
        raise answer
    return answer


def choose_names(record: TagRecord, experiment: str) -> list[SnapshotName]:
    """Return the snapshots of a tag that match `EXPERIMENT` or `TOOL/EXPERIMENT`; all if empty.

    Raises:
        StashError: the tag has no such snapshot.
    """
    if not experiment:
        return list(record.names)
    found = [name for name in record.names if experiment in (name.experiment, name.title)]
    if not found:
        known = near(experiment, {name.experiment for name in record.names})
        what = f"snapshot/{record.tag} has no experiment {experiment!r}{known}"
        raise StashError(what, f"experimentstash show {record.tag}")
    return found
