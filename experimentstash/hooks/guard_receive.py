"""The `pre-receive` hook of a git server: judges every push, and clients cannot skip it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, guard, report, short
from experimentstash.git.ref_updates import ref_update, told_lines
from experimentstash.git.repository import Repository
from experimentstash.verify.push import Receiver, judge_updates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.git.ref_updates import RefUpdate


def main(argv: Sequence[str] | None = None) -> int:  # noqa: ARG001  (every hook takes it; git passes no arguments here)
    """Judge the received objects while they are in quarantine, and return the exit code; 1 refuses the whole push.

    Git passes lines of `<old id> <new id> <ref>` on stdin. The server already has the commits that its branches and
    tags reach.
    """
    return guard(_receive)


def _receive() -> int:
    updates = [_update(line) for line in told_lines(sys.stdin.buffer)]
    with Repository.open(Path.cwd()) as repository:
        online = repository.setting("experimentstash.online", boolean=True) == "true"
        # a server has no repositories of tools: it can judge the rule `published` only by asking the remotes
        return report(
            judge_updates(repository, updates, Receiver(("--branches", "--tags"), None), online=online or None)
        )


def _update(line: str) -> RefUpdate:
    words = line.split(" ", 2)
    if len(words) != 3:
        raise StashError(f"invalid input on stdin: {short(line)}", "git push")
    return ref_update(words[2], old=words[0], new=words[1])
