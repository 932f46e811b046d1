"""What a tool is frozen in: its Python, the packages that give a config its meaning, and the lock of all of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from experimentstash.environment import interpreter, tool_environment
from experimentstash.locks.comparing import differences
from experimentstash.locks.finding import find_lock
from experimentstash.locks.header import LockLine, header_lines, recorded
from experimentstash.locks.installed import describe
from experimentstash.locks.recording import lock_path, projects_of, record, stale_copies, with_hashes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experimentstash.tool import Tool

_MOST_TOLD = 10


@dataclass(frozen=True)
class Surroundings:
    """The environment of a tool, as its snapshots record it.

    Attributes:
        header: the header lines.
        files: the text of the lock that stands beside the snapshots, by its path from the stash's root; empty where
            the tool ships one.
        told: what of it others cannot build, or is not what the lock says, a sentence each.
    """

    header: tuple[tuple[str, str], ...]
    files: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()


def surroundings(stash: Path, tool: Tool, tag: str) -> Surroundings:
    """Return what a tool runs in now.

    Args:
        stash: the stash's root.
        tool: the tool.
        tag: the tag that is frozen under.

    Raises:
        StashError: the tool's Python does not run, or a file that looks like a lock cannot be read.
    """
    python = interpreter(stash, tool)
    described = describe(python, tool_environment())
    projects = projects_of(described, stash)
    found = find_lock(stash, tool.path, tool.workdir, extras=tool.extras, groups=tool.groups)
    told = [*found.told, *stale_copies(described, stash)]
    if found.lock:
        said = recorded(described, found.lock, projects)
        other = differences(said, found.lock, described)
        more = [f"and {len(other) - _MOST_TOLD} more of that kind"] if len(other) > _MOST_TOLD else []
        told += [f"here {one}" for one in other[:_MOST_TOLD]] + more
        return Surroundings(tuple(header_lines(said)), {}, tuple(told))
    recording = record(described, stash, tool.name)
    text = with_hashes(recording.text, python)
    path = lock_path(tool.name, tag, text)
    line = LockLine(path, hashlib.sha256(text.encode("utf-8")).hexdigest())
    said = replace(recorded(described, None, projects), lock=line)
    return Surroundings(tuple(header_lines(said)), {path: text}, (*told, *recording.told))
