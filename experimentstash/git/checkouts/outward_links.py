"""Links of a tool's commit that lead out of the stash: `reproduce` refuses to bring them to anybody's disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, printable
from experimentstash.core.names import tool_path
from experimentstash.git.entries import LINK
from experimentstash.git.user_git import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from experimentstash.stash.stash import Stash


def outward_links(stash: Stash, tools: Iterable[str]) -> Iterator[str]:
    """Yield the lines that tell each link of the tools' checkouts that leads out of the stash.

    Args:
        stash: the stash.
        tools: the names of the tools.

    Raises:
        StashError: git failed; the message is git's own.
    """
    for tool in sorted(tools):
        place = tool_path(tool)
        for line in git("ls-files", "--stage", "-z", cwd=stash.root / place).split("\0"):
            head, _, path = line.partition("\t")
            if head.startswith(LINK) and not _is_inside(stash, stash.root / place / path):
                remove = command("git", "-C", place, "rm", path)
                yield f"{place}: {printable(path)} is a link that leads out of the stash: reproduce refuses it"
                yield f"    fix: {remove}  # then commit and push that, and freeze again"


def _is_inside(stash: Stash, path: Path) -> bool:
    try:
        stash.inside(path)
    except StashError:
        return False
    return True
