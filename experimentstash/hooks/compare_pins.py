"""`compare-pins`: after a checkout, reports each tool that is not at the pin of the new commit, or syncs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import FINE, StashError, guard, printable
from experimentstash.git.user_git import HELD, ask_git, git
from experimentstash.hooks.options import Options, read

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTING = "experimentstash.sync"
"""The setting of git that makes the hook sync the tools: true or false."""
_CHECKOUT_TYPE = "PRE_COMMIT_CHECKOUT_TYPE"  # set by pre-commit and prek
_FILES = "0"  # git's third argument, and the value of the variable, for `git checkout -- FILE`


def main(argv: Sequence[str] | None = None) -> int:
    """Report the tools that are not at their pins, and return 0: the checkout has happened.

    Args:
        argv: `--stage post-checkout OLD NEW FLAG` from git; a framework sets environment variables.
    """
    options = read("compare-pins", "Report each tool that is not at the pin of the commit that is checked out.", argv)
    return guard(lambda: _compare(options))


def _compare(options: Options) -> int:
    kind = options.words[2] if len(options.words) > 2 else os.environ.get(_CHECKOUT_TYPE, "")
    if kind == _FILES or HELD in os.environ or _is_under_way():
        return FINE
    from experimentstash.git.checkouts.pin_state import pin_states, sync_tool  # the checkout of a file ends before
    from experimentstash.stash.stash import Stash

    stash = Stash(Path.cwd())
    states = [state for state in pin_states(stash) if not state.is_at_pin]
    if not states:
        return FINE
    is_syncing = ask_git("config", "--type=bool", "--get", SETTING, cwd=stash.root).stdout.strip() == b"true"
    for state in states:
        line = str(state)
        if is_syncing:
            try:
                line = sync_tool(stash, state)
            except StashError as error:
                line = str(error)
        print(f"experimentstash: {printable(line, keep=chr(10))}", file=sys.stderr)
    if not is_syncing:
        print("    fix: experimentstash sync", file=sys.stderr)
    return FINE


def _is_under_way() -> bool:
    """Return whether git is in the middle of a rebase, a merge or a bisection, which checks out commits on its way."""
    git_dir = Path(git("rev-parse", "--absolute-git-dir", cwd=Path.cwd()))
    names = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "BISECT_LOG")
    return any((git_dir / name).exists() for name in names)
