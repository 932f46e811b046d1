"""A stash: its root directory, the tools of its registry, and checks of its paths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command
from experimentstash.core.files import check_inside, check_no_link
from experimentstash.core.names import REGISTRY, tool_path
from experimentstash.stash import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experimentstash.stash.tool import Tool


@dataclass(frozen=True)
class Stash:
    """A stash on this machine.

    Attributes:
        root: the root of the working tree.
    """

    root: Path

    @cached_property
    def tools(self) -> Mapping[str, Tool]:
        """The registered tools, read from disk once. A command that edits the registry creates a new `Stash`.

        Raises:
            StashError: the registry is missing, is a symlink that leads out of the stash, or is invalid.
        """
        return registry.load(self.root)

    def check_registry(self) -> None:
        """Raise `StashError` if the registry cannot be read."""
        _ = self.tools

    def tool(self, name: str) -> Tool:
        """Return the tool called `name`.

        Raises:
            StashError: the tool is not registered; the message lists similar names.
        """
        return registry.find(self.tools, name)

    def checkout(self, tool: str) -> Path:
        """Return the directory of the submodule of a tool."""
        return self.root / tool_path(tool)

    def inside(self, path: str | Path) -> Path:
        """Return the absolute path of a file of the stash.

        Args:
            path: the path relative to the root of the stash, or absolute.

        Raises:
            StashError: the path is outside of the stash, or a symlink among its parents leads outside.
        """
        place = self.root / path
        check_inside(self.root, place)
        return place

    def unlinked(self, path: str) -> Path:
        """Return the absolute path as `inside` does, and refuse any symlink or repository among its parents."""
        place = self.inside(path)
        check_no_link(self.root, place)
        return place


def find_stash(start: Path | None = None) -> Stash:
    """Return the stash that contains `start` (by default the working directory).

    The nearest directory upwards that holds `configs/meta.yaml` and is a git checkout; a linked worktree and
    a submodule have a file `.git` instead of a directory.

    Raises:
        StashError: there is no stash; the message says whether the repository or the registry is missing.
    """
    start = (start or Path.cwd()).resolve()
    repository = None
    for directory in (start, *start.parents):
        if not (directory / ".git").exists():
            continue
        if (directory / REGISTRY).is_file():
            return Stash(directory)
        repository = repository or directory
    if repository is not None:
        raise StashError(f"{repository}: not a stash: it has no {REGISTRY}", "experimentstash init")
    if _is_bare(start):
        clone = f"{start.parent / start.stem}-clone"
        raise StashError(f"{start}: a bare repository has no working files", command("git", "clone", str(start), clone))
    raise StashError(f"{start}: not a stash, and not in a git repository", "experimentstash init")


def _is_bare(folder: Path) -> bool:
    return any(
        (place / "HEAD").is_file() and (place / "objects").is_dir() and (place / "refs").is_dir()
        for place in (folder, *folder.parents)
    )
