"""Where the stash is: found from any folder of it, also in a linked worktree."""

from __future__ import annotations

from pathlib import Path

from experimentstash.core.errors import StashError, command
from experimentstash.core.names import REGISTRY, tool_path
from experimentstash.core.urls import is_local
from experimentstash.git.user_git import ask_git


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
        raise StashError(f"{path}: the tool {tool!r} is not checked out", update_submodule(stash, tool))


def update_submodule(stash: Path, tool: str) -> str:
    """Return the command that checks a tool out at the commit that the stash pins.

    From a path of this machine git takes a submodule only where it is told so (CVE-2022-39253).
    """
    allowed = ("-c", "protocol.file.allow=always") if _comes_from_here(stash, tool_path(tool)) else ()
    return command("git", *allowed, "submodule", "update", "--init", "--recursive", tool_path(tool))


def _comes_from_here(stash: Path, path: str) -> bool:
    listed = ask_git("config", "-z", "-f", ".gitmodules", "--get-regexp", r"^submodule\..*\.(path|url)$", cwd=stash)
    lines = (line.partition("\n") for line in listed.stdout.decode("utf-8", "surrogateescape").split("\0"))
    keys = {key: value for key, _, value in lines}
    name = next((key.removesuffix(".path") for key, value in keys.items() if value == path), None)
    if name is None:
        return False
    own = ask_git("config", "--get", f"{name}.url", cwd=stash).stdout.decode("utf-8", "surrogateescape").strip()
    url = own or keys.get(f"{name}.url", "")
    if url.startswith(("./", "../")):  # it begins at the remote of the stash; without one, at its directory
        url = ask_git("config", "--get", "remote.origin.url", cwd=stash).stdout.decode("utf-8", "replace").strip()
    return is_local(url)


def _is_bare(folder: Path) -> bool:
    return any(
        (place / "HEAD").is_file() and (place / "objects").is_dir() and (place / "refs").is_dir()
        for place in (folder, *folder.parents)
    )
