"""Finds the origin of a file: snapshots with it in their recorded results, and runs that wrote it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError
from experimentstash.core.files import file_digest
from experimentstash.stash.results.comparison_rules import RUN_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.core.names import SnapshotName
    from experimentstash.history.catalog import Catalog

_LARGEST_RECORD = 1_000_000  # bytes
_MOST_FILES = 1_000_000  # of `outputs`; more are not searched


@dataclass(frozen=True)
class RecordedFile:
    """A file of recorded results with the same bytes.

    Attributes:
        tag: the tag.
        name: the snapshot.
        path: the file, from the run directory.
    """

    tag: str
    name: SnapshotName
    path: str

    def as_json(self) -> dict[str, Any]:
        """Return it as `find --json` prints it."""
        return {"tag": self.tag, "tool": self.name.tool, "experiment": self.name.experiment, "path": self.path}


@dataclass(frozen=True)
class RunFile:
    """A file in a run directory with a record.

    Attributes:
        folder: the run directory.
        path: the file, from there.
        record: its `experimentstash.json`.
    """

    folder: Path
    path: str
    record: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return it as `find --json` prints it."""
        return {"directory": str(self.folder), "path": self.path, "record": self.record}


@dataclass(frozen=True)
class Provenance:
    """The origin of a file.

    Attributes:
        sha256: its digest, in hex.
        snapshots: the recorded results that contain it, oldest first.
        runs: the run directories that contain it, its own first.
        unread: the snapshots whose results cannot be read, one sentence each.
    """

    sha256: str
    snapshots: tuple[RecordedFile, ...]
    runs: tuple[RunFile, ...]
    unread: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as `find --json` prints it."""
        return {
            "sha256": self.sha256,
            "snapshots": [one.as_json() for one in self.snapshots],
            "runs": [one.as_json() for one in self.runs],
            "unread": list(self.unread),
        }


def find_origin(catalog: Catalog, stash: Path, file: Path) -> Provenance:
    """Return the origin of a file at any path.

    Args:
        catalog: the tags of the stash.
        stash: the stash's root; its `outputs` are searched too.
        file: the file.

    Raises:
        StashError: it cannot be read.
    """
    digest, size = _digest(file)
    found: list[RecordedFile] = []
    unread: list[str] = []
    for record in catalog.records.values():
        for name in record.names:
            try:
                text = catalog.results_text(record, name)
                if text is None or digest.encode() not in text:  # saves parsing most of them
                    continue
                manifest = catalog.results(record, name)
            except StashError as error:
                unread.append(f"snapshot/{record.tag}: {error.args[0]}")
                continue
            files = manifest.files if manifest else ()
            found += [RecordedFile(record.tag, name, one.path) for one in files if one.sha256 == digest]
    runs = {one.folder: one for one in (*_own_run(file), *_runs(stash / "outputs", digest, size))}
    return Provenance(digest, tuple(found), tuple(runs.values()), tuple(unread))


def _digest(file: Path) -> tuple[str, int]:
    try:
        return file_digest(file), file.stat().st_size
    except OSError as error:
        raise StashError(f"{file}: cannot be read: {error.strerror}") from None


def _own_run(file: Path) -> Iterator[RunFile]:
    """Yield the run directory that contains the file."""
    place = Path(os.path.abspath(file))  # noqa: PTH100  (a link into another directory is the user's own)
    for folder in place.parents:
        if record := read_record(folder / RUN_RECORD):
            yield RunFile(folder, place.relative_to(folder).as_posix(), record)
            return


def _runs(outputs: Path, digest: str, size: int) -> Iterator[RunFile]:
    """Yield the files with the same bytes of the runs in a directory."""
    left = _MOST_FILES
    for folder, _, names in os.walk(outputs):
        for name in names:
            path = Path(folder, name)
            left -= 1
            if left < 0:
                return
            try:
                is_same = path.stat().st_size == size and path.is_file() and _digest(path)[0] == digest
            except (OSError, StashError):
                continue
            if is_same:
                yield from _own_run(path)


def read_record(path: Path) -> dict[str, Any]:
    """Return the record of a run directory; empty if it has none of ours."""
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(_LARGEST_RECORD))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) and "experimentstash" in record else {}
