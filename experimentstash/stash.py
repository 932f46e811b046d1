"""Where the stash is: found from any folder of it, also in a linked worktree."""

from __future__ import annotations

from pathlib import Path

from experimentstash.names import REGISTRY, tool_path
from experimentstash.problems import StashError


def find_stash(start: Path | None = None) -> Path:
    """Return the root of the stash that holds `start` (by default the working folder).

    The nearest folder upwards that holds `configs/meta.yaml` and is a git checkout; a linked worktree and
    a submodule have a file `.git` where a clone has a folder.

    Raises:
        StashError: there is none; the message tells whether a repository, or only the registry, is missing.
    """
    start = (start or Path.cwd()).resolve()
    repository = None
    for folder in (start, *start.parents):
        if not (folder / ".git").exists():
            continue
        if (folder / REGISTRY).is_file():
            return folder
        repository = repository or folder
    if repository is not None:
        raise StashError(f"{repository}: not a stash, it holds no {REGISTRY}", "experimentstash init")
    if _is_bare(start):
        raise StashError(f"{start}: a bare repository has no working files", f"git clone {start}")
    raise StashError(f"{start}: not a stash, and in no git repository", "experimentstash init")


def check_checked_out(stash: Path, tool: str) -> None:
    """Raise `StashError` unless the submodule of `tool` is checked out in the stash."""
    path = tool_path(tool)
    if not (stash / path / ".git").exists():
        raise StashError(f"{path}: the tool {tool!r} is not checked out", update_submodule(tool))


def update_submodule(tool: str) -> str:
    """Return the command that checks a tool out at the commit that the stash pins."""
    return f"git submodule update --init --recursive {tool_path(tool)}"


def _is_bare(folder: Path) -> bool:
    return any(
        (place / "HEAD").is_file() and (place / "objects").is_dir() and (place / "refs").is_dir()
        for place in (folder, *folder.parents)
    )
