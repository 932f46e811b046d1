"""The files of snapshots on disk: taken up where they are there already, written, and removed after a failure."""

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


def taken_up(stash: Stash, frozen: PendingSnapshot) -> PendingSnapshot:
    """Return the snapshot, or the one on disk if that is the same but for its time and what varies.

    So the same command finishes a freeze that was interrupted.

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
    if frozen.same_but_for_the_moment(text):
        return
    path = frozen.name.path
    fix = f"rm {path}  # to freeze it anew, or choose another --tag"
    if is_committed(stash, path):  # its tag is lost, and what it froze is not to be changed
        fix = "experimentstash tag  # and choose another --tag"
    raise StashError(f"{path}: exists with different content, and is not tagged yet", fix)


@contextlib.contextmanager
def written(stash: Stash, frozen: Sequence[PendingSnapshot]) -> Iterator[None]:
    """Write what is not there yet; it is removed again where what is done with it fails."""
    made: list[Path] = []
    try:
        for one in frozen:
            for path, text in _files(stash, one):
                if not path.exists():
                    made.append(path)
                    write_shared(path, text, one.published)
            results = stash.root / one.name.results_path
            if not results.exists():
                made.append(results)  # should it be run
        yield
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
            remove_empty(path.parent, stash.root)
        raise


def write_in_place(stash: Stash, frozen: PendingSnapshot) -> None:
    """Write the files of a snapshot over those that are there.

    Raises:
        StashError: a symlink leads out of the stash, a file holds a secret, or one cannot be written.
    """
    for path, text in _files(stash, frozen):
        write_shared(path, text, frozen.published)


def _files(stash: Stash, frozen: PendingSnapshot) -> Iterator[tuple[Path, str]]:
    """Yield where each file of a snapshot is on disk, with its text; the snapshot itself comes last."""
    for path, text in {**frozen.files, frozen.name.path: frozen.text}.items():
        yield stash.inside(path), text
