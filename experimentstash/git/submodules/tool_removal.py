"""Takes a tool out of a stash. Its snapshots stay, and so does its repository in git's own directory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, listed
from experimentstash.core.names import REGISTRY, tool_path
from experimentstash.git.checkouts.tool_commit import check_unchanged, move_away
from experimentstash.git.stash_change import ChangeStep, StashChange, index_entries, make_change
from experimentstash.git.submodules.staged_edit import (
    MODULES,
    edit_files,
    sections_at,
    tracked_experiments,
    without_section,
)
from experimentstash.git.user_git import ask_git, git
from experimentstash.stash import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from experimentstash.stash.stash import Stash

_MADE_AGAIN = re.compile(r"^\.venv/|(^|/)(__pycache__|[^/]*\.egg-info|\.pytest_cache|\.mypy_cache|\.ruff_cache)/")


def remove(stash: Stash, tool: str) -> list[str]:
    """Take a tool out of the index, the working tree, `.gitmodules` and the registry.

    Args:
        stash: the stash.
        tool: the name of the tool.

    Returns:
        The paths that are staged.

    Raises:
        StashError: the tool is unknown, its checkout or its working configs have uncommitted changes, its
            checkout contains files that are in no commit, or git failed. Nothing has changed.
    """
    path = tool_path(tool)
    registry.find(stash.tools, tool)
    checkout = stash.inside(path)
    checkouts = []
    if (checkout / ".git").exists():
        check_unchanged(stash, tool)
        _check_nothing_lost(stash, tool)
        checkouts.append(ChangeStep(path, git("rev-parse", "HEAD", cwd=checkout), None))
    texts: dict[str, str | None] = dict.fromkeys(tracked_experiments(stash, tool))
    texts[REGISTRY] = registry.without_tool(registry.read(stash.root).decode(), tool)
    sections = sections_at(stash, path)
    if sections:
        texts[MODULES] = without_section(stash, tool)
    entries, files = edit_files(stash, texts)
    pins = [ChangeStep(path, entry, None) for entry in [index_entries(stash, [path]).get(path)] if entry]
    make_change(stash, StashChange(f"remove-tool {tool}", (), (*entries, *pins), files, tuple(checkouts)))
    for section in sections:
        ask_git("config", "--local", "--remove-section", section, cwd=stash.root)  # of no use without the submodule
    return [*texts, *(step.name for step in pins)]


def _check_nothing_lost(stash: Stash, tool: str) -> None:
    """Raise `StashError` if a checkout holds the only copy of a repository or of files, such as results."""
    checkout, path = stash.checkout(tool), tool_path(tool)
    repositories = list(_repositories(checkout))
    if any((repository / ".git").is_dir() for repository in repositories):
        raise StashError(
            f"{path}: contains its own repository, which would be deleted",
            command("git", "submodule", "absorbgitdirs", path),
        )
    left = [name for repository in repositories for name in _uncommitted(checkout, repository)]
    if left:
        what = f"{path}: contains files that are in no commit, and would be deleted: {listed(left, 5)}"
        raise StashError(what, f"{move_away(stash, tool, left)}  # or delete them")


def _repositories(checkout: Path) -> Iterator[Path]:
    """Yield a checkout, and those of its submodules, at any depth."""
    yield checkout
    for line in git("ls-files", "-s", "-z", cwd=checkout).split("\0"):
        words, _, path = line.partition("\t")
        if words.startswith("160000 ") and (checkout / path / ".git").exists():
            yield from _repositories(checkout / path)


def _uncommitted(checkout: Path, repository: Path) -> Iterator[str]:
    """Yield what git does not track, ignored or not, except what Python and its installers make again."""
    place = repository.relative_to(checkout).as_posix()
    asked = ("ls-files", "--others", "--directory", "--no-empty-directory", "-z")
    for name in git(*asked, cwd=repository).split("\0"):
        if name and not _MADE_AGAIN.search(name):
            yield name if place == "." else f"{place}/{name}"
