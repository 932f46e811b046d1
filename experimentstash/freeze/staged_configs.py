"""Freezes staged configs in place: flattens a staged snapshot file and adds its header."""

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
    """Freeze staged files that are not frozen yet, in the working tree; does not stage them.

    Skips files whose tag exists: the rule `frozen` reports changes of these.

    Args:
        repository: the stash.
        staged: the entries below `configs/<tool>/snapshots/<tag>/` that the next commit adds or changes.
        freezer: the freezer of the stash.

    Returns:
        The snapshots that were written, and the errors of the other files.

    Raises:
        StashError: no file can be frozen: the registry is missing, or there is a conflict or a missing object.
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
    """Return the bytes of staged files that are not frozen yet; add errors to `failures`."""
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
        if broken - allowed:  # do not freeze a file whose findings the user allows
            raw[name] = data
    return raw


def _check_entry(name: SnapshotName, entry: Entry) -> None:
    """Raise `StashError` unless the entry is a regular file with a valid snapshot name."""
    if not entry.is_file:
        raise StashError("a snapshot must be a regular file, not a symlink or a repository")
    for part, complaint in snapshot_file.name_complaints(name):
        raise StashError(f"{part!r}: {complaint}")


def _broken_rules(name: SnapshotName, data: bytes) -> set[str]:
    """Return the rules that a file breaks because it is not frozen yet. Does not check the values of a header."""
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
    """Freezes staged files, and compares the tools with the pins of the commit being made."""

    def __init__(self, repository: Repository, freezer: Freezer) -> None:
        self._freezer = freezer
        self._pins = repository.index_pins().pins

    def freeze(self, name: SnapshotName, data: bytes) -> PendingSnapshot:
        """Freeze the text of a file, without writing anything.

        Raises:
            StashError: the text cannot be frozen, or the commit being made has other pins.
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
                f"{path} is checked out at {commit[:SHORT]}, and the commit being made pins {held}",
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
    """Return an error with the path of its file in front."""
    what = str(error.args[0]).removeprefix(f"{path}: ")
    return StashError(f"{printable(path)}: {what}", error.fix or fix)
