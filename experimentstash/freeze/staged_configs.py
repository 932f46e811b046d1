"""Snapshot configs that are staged and not frozen yet: flattened and stamped, each as the text that is staged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, printable, quote
from experimentstash.core.names import (
    SHORT,
    SnapshotName,
    tag_of,
    tool_path,
)
from experimentstash.freeze.snapshot_files import write_in_place
from experimentstash.git.checkouts.checked_out import update_submodule
from experimentstash.git.checkouts.tool_commit import tool_commit
from experimentstash.hydra import config_text
from experimentstash.hydra.staged_config import laid_out
from experimentstash.stash import snapshot_file
from experimentstash.verify.exceptions import allowed_rules
from experimentstash.verify.flat import flat_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experimentstash.freeze.freezer import Freezer
    from experimentstash.freeze.pending_snapshot import PendingSnapshot
    from experimentstash.git.entries import Entry
    from experimentstash.git.repository import Repository
    from experimentstash.stash.stash import Stash


def freeze_staged(
    repository: Repository, staged: Mapping[str, Entry], freezer: Freezer
) -> tuple[list[PendingSnapshot], list[StashError]]:
    """Freeze what is staged and not frozen yet, in the working tree; nothing is staged.

    A file whose tag exists is left as it is: what is frozen once stays frozen, and the rule `frozen` tells of it.

    Args:
        repository: the stash.
        staged: the entries below `configs/<tool>/snapshots/<tag>/` that the next commit brings in or changes.
        freezer: freezes them.

    Returns:
        What was frozen and written, and why the others could not be.

    Raises:
        StashError: the stash itself stands in the way: no registry, a conflict, a missing object.
    """
    failures: list[StashError] = []
    raw = _not_frozen(repository, staged, failures)
    if not raw:
        return [], failures
    freezer.stash.check_registry()
    freezing = _StagedFreezer(repository, freezer)
    changed = repository.changed({name.path: staged[name.path] for name in raw})
    frozen = []
    for name, data in raw.items():
        try:
            _check_same(freezer.stash, name, changed)
            frozen.append(freezing.freeze(name, data))
        except StashError as error:
            failures.append(_of_file(name.path, error))
    return _written(freezer.stash, frozen, failures), failures


def _not_frozen(
    repository: Repository, staged: Mapping[str, Entry], failures: list[StashError]
) -> dict[SnapshotName, bytes]:
    """Return the bytes of what is staged as a snapshot and is none yet; what cannot become one goes to `failures`."""
    tags = repository.tags({tag_of(path) for path in staged})
    allowed = allowed_rules()
    raw = {}
    for path, entry in sorted(staged.items()):
        name = SnapshotName.from_path(path)
        if name is None or name.tag in tags.commits or name.tag in tags.broken:
            continue
        try:
            _check_entry(name, entry)
            data = repository.read(entry.id, snapshot_file.LARGEST)
            broken = _broken_rules(name, data)
        except StashError as error:
            failures.append(_of_file(path, error, f"git rm --cached {quote(path)}"))
            continue
        if broken - allowed:  # what the user lets pass as it is, is not frozen against their will
            raw[name] = data
    return raw


def _check_entry(name: SnapshotName, entry: Entry) -> None:
    """Raise `StashError` unless the entry is a file whose name a snapshot can have."""
    if not entry.is_file:
        raise StashError("a snapshot must be a regular file, not a symlink or a repository")
    for part, complaint in snapshot_file.name_complaints(name):
        raise StashError(f"{part!r}: {complaint}")


def _broken_rules(name: SnapshotName, data: bytes) -> set[str]:
    """Return the rules by which a file is not frozen yet. A header that is wrong is not mended here, but judged."""
    parsed = snapshot_file.parse(data, name.path)
    broken = set() if snapshot_file.is_stamped(parsed) else {"header"}
    if len(data) <= config_text.LARGEST or not broken:
        broken |= {problem.rule for problem in flat_problems(parsed, name)}
    return broken


def _check_same(stash: Stash, name: SnapshotName, changed: set[str]) -> None:
    path = quote(name.path)
    stash.inside(name.path)
    if name.path in changed:
        raise StashError("the staged content differs from the file on disk", f"git add {path}")


class _StagedFreezer:
    """The freezing of every file, with the pins of the commit being made."""

    def __init__(self, repository: Repository, freezer: Freezer) -> None:
        self._freezer = freezer
        self._pins = repository.index_pins().pins

    def freeze(self, name: SnapshotName, data: bytes) -> PendingSnapshot:
        """Freeze a text; nothing is written.

        Raises:
            StashError: it cannot be, or the commit being made would not hold what it is frozen with.
        """
        tool = self._freezer.tool(name.tool)
        self._check_pin(tool.name, tool_commit(self._freezer.stash, tool.name))
        with laid_out(tool, name, data) as laid:
            (frozen,) = self._freezer.freeze([laid.request], name.tag, laid.header)
        for other, commit in frozen.pins.items():
            self._check_pin(other, commit)
        return frozen.with_notices(laid.notices)

    def _check_pin(self, tool: str, commit: str) -> None:
        pin, path = self._pins.get(tool), tool_path(tool)
        if pin != commit:
            held = "nothing there" if pin is None else pin[:SHORT]
            raise StashError(
                f"{path} is checked out at {commit[:SHORT]}, but the new commit pins {held}",
                f"git add {path}"
                + ("" if pin is None else f"  # or, to go back: {update_submodule(self._freezer.stash, tool)}"),
            )


def _written(stash: Stash, frozen: list[PendingSnapshot], failures: list[StashError]) -> list[PendingSnapshot]:
    written = []
    for one in frozen:
        try:
            write_in_place(stash, one)
        except StashError as error:
            failures.append(error)
        else:
            written.append(one)
    return written


def _of_file(path: str, error: StashError, fix: str = "") -> StashError:
    """Return a failure with the file that it is about."""
    what = str(error.args[0]).removeprefix(f"{path}: ")
    return StashError(f"{printable(path)}: {what}", error.fix or fix)
