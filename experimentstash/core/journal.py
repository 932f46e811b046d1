"""Where the journal of a change of a stash lies, and whether a killed command left one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

JOURNAL = "experimentstash-change"
"""The name of the journal in the git directory of a working tree."""


def has_interrupted(directory: Path) -> bool:
    """Return whether a working tree that contains `directory` has a journal; costs a few calls of `stat`."""
    for place in (directory, *directory.parents):
        git_dir = place / ".git"
        if git_dir.is_file():  # a linked worktree or a submodule
            text = git_dir.read_text("utf-8", "surrogateescape")
            git_dir = place / text.removeprefix("gitdir:").strip()
        if (git_dir / JOURNAL).exists():
            return True
    return False
