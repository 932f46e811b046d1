"""The fix for a refused lock: how to make a freeze record the installed packages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from experimentstash.core.errors import quote
from experimentstash.core.names import REGISTRY

if TYPE_CHECKING:
    from pathlib import Path


def freeze_installed(stash: Path, tool: str) -> str:
    """Return how to make the next freeze record the installed packages instead of the lock.

    It is a command if the registry is written as `add-tool` writes it.

    Args:
        stash: the stash's root.
        tool: the tool's name.
    """
    text = (stash / REGISTRY).read_text("utf-8", "replace")
    block = re.search(rf"(?m)^  {re.escape(tool)}:[ \t]*\n((?:    .*\n?|[ \t]*\n)*)", text)
    if block is None or re.search(r"(?m)^    lock:", block[1]):
        return f"set `lock: installed` for {tool} in {REGISTRY}, to freeze what is installed"
    edit = quote(f"s/^  {re.escape(tool)}:\\K/\\n    lock: installed/")
    return f"perl -pi -e {edit} {REGISTRY}  # to freeze what is installed"
