"""Compares experiments that a stash copied from a tool with the files in the tool's pinned commit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from experimentstash.core.errors import command
from experimentstash.core.names import experiment_path, tool_path
from experimentstash.git.user_git import answer, git

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.hydra.resolved_tool import ResolvedTool


_VERIFY = ("rev-parse", "--verify", "--quiet")


class CopyState(str, Enum):
    """The state of a copy compared with the tool's file at the pin."""

    SAME = "same"
    OUTDATED = "outdated"  # equal to the file in an earlier commit of the tool
    EDITED = "edited"


@dataclass(frozen=True)
class CopiedConfig:
    """An experiment that both the stash and the tool have.

    Attributes:
        experiment: its name.
        source: the tool's file, from the stash's root.
        copy: the stash's file, from its root.
        state: its state compared with the tool's file at the pin.
    """

    experiment: str
    source: str
    copy: str
    state: CopyState

    @property
    def refresh(self) -> str:
        """The command that copies the file from the tool's checkout."""
        return command("cp", self.source, self.copy)


def copied_configs(tool: ResolvedTool, pin: str) -> list[CopiedConfig]:
    """Return the experiments that both the stash and the tool's pinned commit have.

    Args:
        tool: the tool; it is checked out.
        pin: the full id of the commit that the stash pins.

    Raises:
        StashError: git cannot read the tool's repository.
    """
    root, folder = tool.root, tool.config_directory
    own = tool.stash.root / "configs" / tool.name / "experiment"
    if folder is None or not own.is_dir() or answer(*_VERIFY, f"{pin}^{{commit}}", cwd=root) is None:
        return []
    place = (folder / tool.tool.group).resolve().relative_to(root.resolve()).as_posix()
    held = _held(root, pin, place)
    names = {path.relative_to(own).as_posix().removesuffix(".yaml"): path for path in own.rglob("*.yaml")}
    shared = sorted(name for name in names if name in held)
    if not shared:
        return []
    asked = "".join(f"{names[name]}\n" for name in shared).encode("utf-8", "surrogateescape")
    blobs = git("hash-object", "--no-filters", "--stdin-paths", cwd=root, stdin=asked).split()
    found = []
    for name, blob in zip(shared, blobs, strict=True):
        path = f"{place}/{name}.yaml".removeprefix("./")
        state = CopyState.SAME if blob == held[name] else _changed(root, pin, path, blob)
        found.append(CopiedConfig(name, f"{tool_path(tool.name)}/{path}", experiment_path(tool.name, name), state))
    return found


def _held(root: Path, pin: str, place: str) -> dict[str, str]:
    """Return the blob of each experiment in the tool's commit, by the experiment's name."""
    above = "" if place == "." else f"{place}/"
    listed = git("ls-tree", "-r", "-z", "--full-tree", pin, "--", above or ".", cwd=root).split("\0")
    entries = (line.partition("\t") for line in listed if line)
    return {
        path.removeprefix(above).removesuffix(".yaml"): told.split(" ")[2]
        for told, _, path in entries
        if path.startswith(above) and path.endswith(".yaml")
    }


def _changed(root: Path, pin: str, path: str, blob: str) -> CopyState:
    """Return whether a different copy equals the tool's file in an earlier commit, or was edited here."""
    asked = ("log", "--max-count=1", "--format=%H", f"--find-object={blob}", pin, "--", path)
    return CopyState.OUTDATED if answer(*asked, cwd=root) else CopyState.EDITED
