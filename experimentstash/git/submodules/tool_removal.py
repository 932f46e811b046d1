"""Takes a tool out of a stash. Its snapshots stay, and so does its repository in git's own directory."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.names import REGISTRY, tool_path
from experimentstash.git.checkouts.changes import changes
from experimentstash.git.checkouts.tool_commit import check_unchanged
from experimentstash.git.stash_change import ChangeStep, StashChange, index_entries, make_change
from experimentstash.git.submodules.staged_edit import (
    MODULES,
    edit_files,
    sections_at,
    tracked_experiments,
    without_section,
)
from experimentstash.git.user_git import ask_git
from experimentstash.stash import registry

if TYPE_CHECKING:
    from experimentstash.stash.stash import Stash


def remove(stash: Stash, tool: str) -> list[str]:
    """Take a tool out of the index, the working tree, `.gitmodules` and the registry.

    Args:
        stash: the stash.
        tool: the name of the tool.

    Returns:
        The paths that are staged.

    Raises:
        StashError: the tool is unknown, its checkout or its working configs have changes that are not committed, or
            git failed. Nothing has changed.
    """
    path = tool_path(tool)
    registry.find(stash.tools, tool)
    checkout = stash.inside(path)
    if (checkout / ".git").exists():
        check_unchanged(stash, tool)
        if (checkout / ".git").is_dir():
            raise StashError(f"{path}: it contains its own repository, which would be deleted", _absorb(path))
    texts: dict[str, str | None] = dict.fromkeys(tracked_experiments(stash, tool))
    texts[REGISTRY] = registry.without_tool(registry.read(stash.root).decode(), tool)
    sections = sections_at(stash, path)
    if sections:
        texts[MODULES] = without_section(stash, tool)
    entries, files = edit_files(stash, texts)
    pins = [ChangeStep(path, entry, None) for entry in [index_entries(stash, [path]).get(path)] if entry]
    make_change(stash, StashChange(f"remove-tool {tool}", (), (*entries, *pins), files))
    if (checkout / ".git").exists() and not changes(checkout):
        shutil.rmtree(checkout)
    for section in sections:
        ask_git("config", "--local", "--remove-section", section, cwd=stash.root)  # of no use without the submodule
    return [*texts, *(step.name for step in pins)]


def _absorb(path: str) -> str:
    return f"git submodule absorbgitdirs {path}"
