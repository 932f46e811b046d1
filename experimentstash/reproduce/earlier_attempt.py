"""What an earlier try left in a reproduction, put aside before the next one begins: nothing is deleted."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from experimentstash.core.errors import listed
from experimentstash.core.files import check_inside
from experimentstash.git.checkouts.restore import move
from experimentstash.hydra.isolated_run import free_folder
from experimentstash.reproduce.lfs import is_filled

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from experimentstash.reproduce.safe_checkout import Checkout

_NAME = "outputs/@earlier"
"""No tool can have that name. `outputs` is what a reproduction leaves alone when it checks the tag out again."""


@dataclass
class Earlier:
    """The directory that takes what earlier runs left.

    Attributes:
        root: the directory of the reproduction.
        paths: what was put aside, from there.
    """

    root: Path
    paths: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Choose a directory that is not there yet."""
        self.folder = free_folder(self.root / _NAME)

    def take(self, path: Path) -> None:
        """Put a file or a directory of the reproduction aside.

        Raises:
            StashError: it cannot be moved, or a link leads out of the reproduction.
        """
        check_inside(self.root, path.parent)
        check_inside(self.root, self.folder)
        name = path.relative_to(self.root)
        move(path, self.folder / name)
        self.paths.append(name.as_posix())

    def take_from(self, place: Checkout, keep: Collection[str] = (), leave: str = "") -> None:
        """Put aside whatever is in a checkout and is not as it is recorded.

        Args:
            place: the checkout.
            keep: files that builds left there; they stay.
            leave: a directory at the top whose files stay.

        Raises:
            StashError: something cannot be moved.
        """
        new = {path for path in place.untracked(leave) - set(keep) if not _is_bytecode(path)}
        entries = place.recorded()
        changed = {path for path in place.changed() if not is_filled(place, path, entries.get(path))}
        for path in sorted(new | changed):
            found = place.root / path.rstrip("/")
            if os.path.lexists(found) and _is_direct(place.root, found):
                self.take(found)
        place.sweep([*keep, *([f"{leave}/"] if leave else [])])

    def told(self) -> list[str]:
        """Say what was put aside, if anything was, in a sentence."""
        if not self.paths:
            return []
        return [f"left by an earlier run, and moved to {self.folder}: {listed(self.paths, 5)}"]


def _is_bytecode(path: str) -> bool:
    return path.endswith(".pyc") and "__pycache__" in path.split("/")


def _is_direct(root: Path, path: Path) -> bool:
    """Return whether no parent is a symlink: git reports a file as deleted if a symlink replaces its directory."""
    return not any(place.is_symlink() for place in path.parents if place != root and place.is_relative_to(root))
