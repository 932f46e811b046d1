"""The tools on disk, compared with the pins of the commit that is checked out, and brought in line with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.names import SHORT, check_tool, tool_path
from experimentstash.git.checkouts.checked_out import update_arguments, update_submodule
from experimentstash.git.checkouts.tool_commit import check_kept, tool_commit
from experimentstash.git.user_git import answer, ask_git, git, show_git

if TYPE_CHECKING:
    from experimentstash.stash.stash import Stash

_PIN = "160000"


@dataclass(frozen=True)
class PinState:
    """A tool on disk and its pin.

    Attributes:
        tool: its name.
        pin: the full id of the pinned commit.
        commit: the full id of the commit that is checked out; empty if the tool is not checked out.
    """

    tool: str
    pin: str
    commit: str

    @property
    def is_at_pin(self) -> bool:
        """Whether the pinned commit is checked out."""
        return self.commit == self.pin

    def __str__(self) -> str:
        """Return the name of the tool, and both commits if they differ."""
        path, pin = tool_path(self.tool), self.pin[:SHORT]
        if self.is_at_pin:
            return f"{path}: at the pin {pin}"
        return f"{path}: at {self.commit[:SHORT]}, the pin is {pin}" if self.commit else f"{path}: not checked out"


def pin_states(stash: Stash) -> list[PinState]:
    """Return each tool that the index pins, by name.

    Raises:
        StashError: git failed.
    """
    states = []
    for line in filter(None, git("ls-files", "-s", "-z", "--", "tools", cwd=stash.root).split("\0")):
        words, _, path = line.partition("\t")
        mode, pin, _ = words.split(" ")
        if mode == _PIN and path.count("/") == 1:
            tool = path.removeprefix("tools/")
            states.append(PinState(tool, pin, _commit(stash, tool)))
    return states


def _commit(stash: Stash, tool: str) -> str:
    root = stash.checkout(tool)
    if not (root / ".git").exists():
        return ""
    done = ask_git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", cwd=root)
    return done.stdout.decode().strip()


def sync_tool(stash: Stash, state: PinState) -> str:
    """Check a tool out at its pin, after fetching missing commits; return a line that describes the result.

    Raises:
        StashError: the checkout has changes or commits that would be lost, or git failed. The tool is unchanged.
    """
    check_tool(state.tool)
    path = tool_path(state.tool)
    stash.inside(path)
    if state.is_at_pin:
        if (stash.checkout(state.tool) / ".gitmodules").is_file():
            show_git("submodule", "--quiet", "update", "--init", "--recursive", cwd=stash.checkout(state.tool))
        return str(state)
    if state.commit:
        check_kept(stash, state.tool, tool_commit(stash, state.tool))
    if answer("config", "-f", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$", cwd=stash.root):
        git("submodule", "--quiet", "sync", "--", path, cwd=stash.root)  # the URL may have changed since the clone
    try:
        show_git(*update_arguments(stash, state.tool), cwd=stash.root)
    except StashError as error:
        raise StashError(f"{path}: {error.args[0]}", update_submodule(stash, state.tool)) from None
    was = f"from {state.commit[:SHORT]}" if state.commit else "it was not checked out"
    return f"{path}: checked out at the pin {state.pin[:SHORT]} ({was})"
