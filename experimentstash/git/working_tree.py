"""Where the stash is: found from any folder of it, also in a linked worktree."""

from __future__ import annotations

from pathlib import Path

from experimentstash.core.errors import StashError, command
from experimentstash.core.names import REGISTRY


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
        clone = f"{start.parent / start.stem}-clone"
        raise StashError(f"{start}: a bare repository has no working files", command("git", "clone", str(start), clone))
    raise StashError(f"{start}: not a stash, and in no git repository", "experimentstash init")


def _is_bare(folder: Path) -> bool:
    return any(
        (place / "HEAD").is_file() and (place / "objects").is_dir() and (place / "refs").is_dir()
        for place in (folder, *folder.parents)
    )
