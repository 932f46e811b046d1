"""The stashes for timing hooks: a small one, one with 100,000 unrelated files, one with 1,000 snapshots."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from histories import Past, snapshot, staged, stash_with, tool_commits
from measure import Timed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from places import Place

PASTS = {
    "small stash": Past(5),
    "100,000 other files": Past(5, others=100_000),
    "1,000 snapshots": Past(200, each=5),
}
NOTHING, SNAPSHOT, PIN = "nothing of ours", "one snapshot", "a pin alone"


@dataclass(frozen=True)
class Hooked:
    """A stash in which hooks are timed.

    Attributes:
        title: its name in the table.
        indexes: the variables that name an index, by the changes staged in it on top of `base`.
        base: the published commit.
        commits: a commit on top of it, by its changes.
    """

    place: Place
    title: str
    root: Path
    indexes: Mapping[str, Mapping[str, str]]
    base: str
    commits: Mapping[str, str]

    def timed(
        self, command: tuple[str, ...], label: str, *, index: str = "", head: str = "", stdin: bytes = b""
    ) -> Timed:
        """Time a command with the index of a change, or with HEAD at the commit of that change."""
        commit = self.commits[head] if head else self.base

        def put_back() -> None:
            self.place.git("update-ref", "-d", "refs/tags/snapshot/fresh", cwd=self.root)
            self.place.git("update-ref", "refs/heads/main", commit, cwd=self.root)

        env = {**self.place.env, **(self.indexes[index] if index else {})}
        return Timed(f"{label}, {self.title}", command, self.root, env, put_back, stdin)


@functools.cache
def stashes(place: Place) -> list[Hooked]:
    """Create the stashes, with git's own hooks installed."""
    return [_hooked(place, title, past) for title, past in PASTS.items()]


def _hooked(place: Place, title: str, past: Past) -> Hooked:
    root = stash_with(place, title.replace(" ", "-"), past)
    pin = tool_commits(place)[-1]
    indexes = {
        NOTHING: staged(place, root, "notes", {"notes.txt": "a note\n"}),
        SNAPSHOT: staged(place, root, "frozen", dict([snapshot("fresh", "first", pin)]), pin),
        PIN: staged(place, root, "moved", {}, pin),
    }
    base = place.git("rev-parse", "HEAD", cwd=root)
    commits = {what: _commit(place, root, index) for what, index in indexes.items()}
    Timed("install", (place.program, "install"), root, place.env).seconds()
    return Hooked(place, title, root, indexes, base, commits)


def _commit(place: Place, root: Path, index: Mapping[str, str]) -> str:
    """Commit an index on top of HEAD, without moving HEAD, and return the commit."""
    tree = place.git("write-tree", cwd=root, extra=index)
    return place.git("commit-tree", "-p", "HEAD", "-m", "work", tree, cwd=root)
