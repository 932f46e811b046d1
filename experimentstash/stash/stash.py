"""A stash: where it is, the tools of its registry, and its paths, checked before one is followed."""

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
        root: the top of its working tree.
    """

    root: Path

    @cached_property
    def tools(self) -> Mapping[str, Tool]:
        """The registry on disk, as it was when this value was first asked; a command that edits it makes a new value.

        Raises:
            StashError: there is none, it is a link out of the stash, or `registry.parse` refuses it.
        """
        return registry.load(self.root)

    def check_registry(self) -> None:
        """Raise `StashError` where `tools` cannot be read."""
        _ = self.tools

    def tool(self, name: str) -> Tool:
        """Return the tool called `name`.

        Raises:
            StashError: it is not registered; the message tells the nearest names.
        """
        return registry.find(self.tools, name)

    def checkout(self, tool: str) -> Path:
        """Return where the submodule of a tool is checked out."""
        return self.root / tool_path(tool)

    def inside(self, path: str | Path) -> Path:
        """Return where a path of the stash is on disk.

        Args:
            path: from the root of the stash, or absolute.

        Raises:
            StashError: it is outside of the stash, or a symlink on the way leads outside.
        """
        place = self.root / path
        check_inside(self.root, place)
        return place

    def unlinked(self, path: str) -> Path:
        """Return where a path of the stash is on disk, as `inside`, and refuse any symlink or repository on the way."""
        place = self.inside(path)
        check_no_link(self.root, place)
        return place


def find_stash(start: Path | None = None) -> Stash:
    """Return the stash that holds `start` (by default the working directory).

    The nearest folder upwards that holds `configs/meta.yaml` and is a git checkout; a linked worktree and
    a submodule have a file `.git` where a clone has a directory.

    Raises:
        StashError: there is none; the message tells whether a repository, or only the registry, is missing.
    """
    start = (start or Path.cwd()).resolve()
    repository = None
    for folder in (start, *start.parents):
        if not (folder / ".git").exists():
            continue
        if (folder / REGISTRY).is_file():
            return Stash(folder)
        repository = repository or folder
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
