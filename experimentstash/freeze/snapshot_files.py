"""Snapshot files on disk: reuses existing ones, writes missing ones, and removes them after a failure."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.files import remove_empty, write_shared
from experimentstash.freeze.pending_snapshot import files_beside, is_committed, problems_of
from experimentstash.stash import snapshot_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from experimentstash.freeze.pending_snapshot import PendingSnapshot
    from experimentstash.stash.stash import Stash


def existing_or_new(stash: Stash, frozen: PendingSnapshot) -> PendingSnapshot:
    """Return the snapshot on disk if it differs only in its time and varying values, otherwise the new one.

    Running the same command again therefore resumes an interrupted freeze.

    Raises:
        StashError: another snapshot is on disk under that name.
    """
    path = stash.inside(frozen.name.path)
    if not path.exists():
        return frozen
    text = path.read_text("utf-8", "replace")
    for problem in problems_of(frozen.name, text):
        raise StashError(f"{frozen.name.path}: {problem.what}", problem.fix)
    _check_same(stash, frozen, text)
    beside = files_beside(stash, frozen.name, snapshot_file.parse(text.encode("utf-8", "replace"), frozen.name.path))
    for job in frozen.jobs():
        _check_same(stash, job, beside[job.name.path])
    return replace(frozen.as_written(text), files={**frozen.files, **beside})


def _check_same(stash: Stash, frozen: PendingSnapshot, text: str) -> None:
    if frozen.equals_except_time(text):
        return
    path = frozen.name.path
    fix = f"rm {path}  # to freeze it anew, or choose another --tag"
    if is_committed(stash, path):  # the tag is missing, and a committed snapshot must not change
        fix = "experimentstash tag  # and choose another --tag"
    raise StashError(f"{path}: exists with different content, and is not tagged yet", fix)


@contextlib.contextmanager
def written(stash: Stash, frozen: Sequence[PendingSnapshot]) -> Iterator[None]:
    """Write missing files; remove them if the body of the `with` statement fails."""
    made: list[Path] = []
    try:
        for one in frozen:
            for path, text in _files(stash, one):
                if not path.exists():
                    made.append(path)
                    write_shared(path, text, one.published)
            results = stash.root / one.name.results_path
            if not results.exists():
                made.append(results)  # the body may run the experiment
        yield
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
            remove_empty(path.parent, stash.root)
        raise


def write_in_place(stash: Stash, frozen: PendingSnapshot) -> None:
    """Write the files of a snapshot, and replace existing ones.

    Raises:
        StashError: a symlink leads out of the stash, a file contains a secret, or a file cannot be written.
    """
    for path, text in _files(stash, frozen):
        write_shared(path, text, frozen.published)


def _files(stash: Stash, frozen: PendingSnapshot) -> Iterator[tuple[Path, str]]:
    """Yield the path on disk and the text of each file of a snapshot; the snapshot file comes last."""
    for path, text in {**frozen.files, frozen.name.path: frozen.text}.items():
        yield stash.inside(path), text
