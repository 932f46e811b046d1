"""Whether a tool is checked out, and the command that checks it out at the commit that the stash pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command
from experimentstash.core.names import tool_path
from experimentstash.core.urls import is_local
from experimentstash.git.user_git import ask_git

if TYPE_CHECKING:
    from experimentstash.stash.stash import Stash


def check_checked_out(stash: Stash, tool: str) -> None:
    """Raise `StashError` unless the submodule of `tool` is checked out in the stash."""
    path = tool_path(tool)
    if not (stash.root / path / ".git").exists():
        raise StashError(f"{path}: the tool {tool!r} is not checked out", update_submodule(stash, tool))


def update_submodule(stash: Stash, tool: str) -> str:
    """Return the command that checks a tool out at the commit that the stash pins."""
    return command("git", *update_arguments(stash, tool))


def update_arguments(stash: Stash, tool: str) -> list[str]:
    """Return the arguments of the git command that checks a tool out at the commit that the stash pins.

    Git accepts a submodule from a local path only if it is allowed explicitly (CVE-2022-39253).
    """
    allowed = ("-c", "protocol.file.allow=always") if _comes_from_here(stash, tool_path(tool)) else ()
    return [*allowed, "submodule", "update", "--init", "--recursive", tool_path(tool)]


def _comes_from_here(stash: Stash, path: str) -> bool:
    listed = ask_git(
        "config", "-z", "-f", ".gitmodules", "--get-regexp", r"^submodule\..*\.(path|url)$", cwd=stash.root
    )
    lines = (line.partition("\n") for line in listed.stdout.decode("utf-8", "surrogateescape").split("\0"))
    keys = {key: value for key, _, value in lines}
    name = next((key.removesuffix(".path") for key, value in keys.items() if value == path), None)
    if name is None:
        return False
    own = ask_git("config", "--get", f"{name}.url", cwd=stash.root).stdout.decode("utf-8", "surrogateescape").strip()
    url = own or keys.get(f"{name}.url", "")
    if url.startswith(("./", "../")):  # it begins at the remote of the stash; without one, at its directory
        url = ask_git("config", "--get", "remote.origin.url", cwd=stash.root).stdout.decode("utf-8", "replace").strip()
    return is_local(url)
