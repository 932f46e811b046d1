"""How the pin of a tool moves with a freeze: from the commit that HEAD pins to the one that is checked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.names import SHORT, tool_path
from experimentstash.git.checkouts.checked_out import update_submodule
from experimentstash.git.user_git import answer, git

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from experimentstash.stash.stash import Stash


@dataclass(frozen=True)
class PinMove:
    """The change of a tool's pin.

    Attributes:
        tool: the tool's name.
        old: the full id of the commit that HEAD of the stash pins; empty if it pins none.
        new: the full id of the commit that is frozen.
        left_out: how many commits of the old history the new one lacks; None if the clone cannot tell.
        added: how many commits the new history has and the old one lacks; None if the clone cannot tell.
    """

    tool: str
    old: str
    new: str
    left_out: int | None = 0
    added: int | None = 0

    @property
    def is_ordinary(self) -> bool:
        """Whether it is new, unchanged, or moves forward."""
        return self.left_out == 0

    def __str__(self) -> str:
        """Return the commit and the direction of the change."""
        return f"{tool_path(self.tool)} at {self.new[:SHORT]}: {self._move}"

    @property
    def _move(self) -> str:
        old = self.old[:SHORT]
        if not old:
            return "pinned for the first time"
        if self.old == self.new:
            return "the pin is unchanged"
        if self.left_out is None or self.added is None:
            return f"the pin was {old}, which this clone does not have: the direction of the move is unknown"
        if not self.left_out:
            return f"the pin moves forward by {_commits(self.added)} from {old}"
        if not self.added:
            return f"the pin moves back by {_commits(self.left_out)} from {old}"
        return f"the pin moves sideways from {old}: {_commits(self.left_out)} left out, {_commits(self.added)} added"


def _commits(count: int) -> str:
    return f"{count:,} commit{'' if count == 1 else 's'}"


def pin_moves(stash: Stash, pins: Mapping[str, str]) -> list[PinMove]:
    """Return the changes of pins, by the tool's name.

    Args:
        stash: the stash.
        pins: the full id of the commit that is frozen, by tool.

    Raises:
        StashError: git failed; the message is git's own.
    """
    return [_move(stash, tool, pins[tool]) for tool in sorted(pins)]


def _move(stash: Stash, tool: str, new: str) -> PinMove:
    root = stash.checkout(tool)
    old = answer("rev-parse", "--verify", "--quiet", f"HEAD:{tool_path(tool)}", cwd=stash.root) or ""
    if old in ("", new):
        return PinMove(tool, old, new)
    if answer("rev-parse", "--verify", "--quiet", f"{old}^{{commit}}", cwd=root) is None:
        return PinMove(tool, old, new, None, None)
    left_out, added = git("rev-list", "--left-right", "--count", f"{old}...{new}", cwd=root).split()
    return PinMove(tool, old, new, int(left_out), int(added))


def check_moves(stash: Stash, moves: Iterable[PinMove]) -> None:
    """Check that no pin moves back or sideways: an older checkout is frozen by mistake more often than on purpose.

    Args:
        stash: the stash.
        moves: the changes to record.

    Raises:
        StashError: one does, or the clone of the tool cannot tell.
    """
    for move in moves:
        if not move.is_ordinary:
            back = update_submodule(stash, move.tool)
            raise StashError(str(move), f"{back}  # or, to freeze the commit that is checked out, add --allow-back")
