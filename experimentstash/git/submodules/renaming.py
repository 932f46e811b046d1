"""Gives a tool another name. Its snapshots keep the old one: a frozen file never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.core.names import REGISTRY, tool_path
from experimentstash.git.stash_change import ChangeStep, StashChange, make_change
from experimentstash.git.submodules.new_submodule import check_free
from experimentstash.git.submodules.staged_edit import edit_files, tracked_experiments
from experimentstash.stash import registry

if TYPE_CHECKING:
    from experimentstash.stash.stash import Stash


def rename(stash: Stash, old: str, new: str) -> list[str]:
    """Move the submodule and the working configs of a tool, and rename it in the registry.

    Args:
        stash: the stash.
        old: the name of the tool.
        new: its new name.

    Returns:
        The paths that are staged.

    Raises:
        StashError: there is no such tool, the new name is taken, a working config has uncommitted changes,
            or git failed. Nothing has changed.
    """
    registry.find(stash.tools, old)
    check_free(stash, new, old)
    moved: dict[str, str | None] = {}
    for path, text in tracked_experiments(stash, old).items():
        moved[path] = None
        moved[path.replace(f"configs/{old}/", f"configs/{new}/", 1)] = text
    text = registry.with_name(registry.read(stash.root).decode(), old, new, tool_path(new))
    entries, files = edit_files(stash, {**moved, REGISTRY: text})
    move = ChangeStep(tool_path(old), tool_path(old), tool_path(new))
    make_change(stash, StashChange(f"rename-tool {old} {new}", (), entries, files, moves=(move,)))
    return [".gitmodules", REGISTRY, tool_path(old), tool_path(new), *moved]
