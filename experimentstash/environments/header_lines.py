"""The header lines of a snapshot that record its environment: `PYTHON`, `PLATFORM`, `PACKAGE`, `LOCK`, `PROJECT`."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError

if TYPE_CHECKING:
    from experimentstash.environments.formats.base import Lock
    from experimentstash.environments.interpreters import RecordedPython
    from experimentstash.environments.packages import Described
    from experimentstash.stash.snapshot_file import Snapshot

KEYS = ("PYTHON", "PLATFORM", "PACKAGE", "LOCK", "PROJECT")
"""The keys, in the order in which they are written; `PACKAGE` and `PROJECT` can be repeated."""
NAMED = ("hydra-core", "omegaconf")
"""The packages whose versions every snapshot records: they decide what a config means.

A snapshot also records those of the stash: their builds may take their versions from git's tags.
"""
_PYTHON = re.compile(r"(\d+\.\d+[\w.+]*)(?: ([a-z]+))?")
_PACKAGE = re.compile(r"([A-Za-z0-9][\w.-]*)==([A-Za-z0-9][\w.!+-]*)")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_CHOICE = re.compile(r"(extra|group)=([A-Za-z0-9][\w.-]*)")


@dataclass(frozen=True)
class LockLine:
    """A lock, as a snapshot records it: path from the stash's root, digest in hex, and the extras and groups built."""

    name: str
    sha256: str
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """The environment that a snapshot records; each part may be missing in one frozen by hand or an old version.

    Attributes:
        python: the version.
        platform: system, machine and libc, as in `linux-x86_64 glibc 2.36`.
        packages: the versions of the recorded packages, by normal name.
        lock: the lock, shipped by the tool or written next to the snapshot.
        projects: directories of the stash that were installed as packages, from its root.
    """

    python: RecordedPython | None = None
    platform: str = ""
    packages: tuple[tuple[str, str], ...] = ()
    lock: LockLine | None = None
    projects: tuple[str, ...] = ()


def recorded(described: Described, lock: Lock | None, projects: tuple[str, ...]) -> Recorded:
    """Return the record of the environment in which a tool is frozen."""
    # slow to load, and a hook reads the lines alone
    from experimentstash.environments.interpreters import RecordedPython

    python = described.python
    named = [(name, described.packages[name].version) for name in NAMED if name in described.packages]
    return Recorded(
        RecordedPython(python.version, python.implementation),
        " ".join(filter(None, (python.platform, python.libc))),
        tuple(named),
        LockLine(lock.name, lock.sha256, lock.extras, lock.groups) if lock else None,
        projects,
    )


def header_lines(said: Recorded) -> list[tuple[str, str]]:
    """Return the lines for a snapshot's header, without data of a machine or person."""
    lines: list[tuple[str, str]] = []
    if said.python:
        other = "" if said.python.implementation == "cpython" else f" {said.python.implementation}"
        lines.append(("PYTHON", f"{said.python.version}{other}"))
    if said.platform:
        lines.append(("PLATFORM", said.platform))
    lines += [("PACKAGE", f"{name}=={version}") for name, version in said.packages]
    if lock := said.lock:
        choices = [*(f"extra={name}" for name in lock.extras), *(f"group={name}" for name in lock.groups)]
        lines.append(("LOCK", " ".join([shlex.quote(lock.name), f"sha256:{lock.sha256}", *choices])))
    return lines + [("PROJECT", folder) for folder in said.projects]


@dataclass(frozen=True)
class Lines:
    """The parsed lines, not interpreted.

    Attributes:
        python: version and implementation; the latter is empty for CPython.
        packages: name and version of each package.
        lock: the lock.
        projects: directories of the stash.
    """

    python: tuple[str, str] | None
    packages: tuple[tuple[str, str], ...]
    lock: LockLine | None
    projects: tuple[str, ...]


def read_lines(snapshot: Snapshot, where: str) -> Lines:
    """Parse those lines of a snapshot.

    Args:
        snapshot: the parsed file.
        where: its name in messages.

    Raises:
        StashError: a line is invalid for its key.
    """
    python = snapshot.one("PYTHON")
    version = _match(_PYTHON, python, "PYTHON", where) if python else None
    packages = [_match(_PACKAGE, line, "PACKAGE", where) for line in snapshot.all("PACKAGE")]
    return Lines(
        (version[1], version[2] or "") if version else None,
        tuple((match[1], match[2]) for match in packages),
        _read_lock(snapshot, where) if snapshot.one("LOCK") else None,
        tuple(_folder(line, where) for line in snapshot.all("PROJECT")),
    )


def read_header(snapshot: Snapshot, where: str) -> Recorded:
    """Return the environment that a snapshot records; parts without a line are missing.

    Args:
        snapshot: the parsed file.
        where: its name in messages.

    Raises:
        StashError: a line is invalid for its key.
    """
    from experimentstash.environments.interpreters import RecordedPython
    from experimentstash.environments.packages import normal  # slow to load, and a hook reads the lines alone

    lines = read_lines(snapshot, where)
    return Recorded(
        RecordedPython(lines.python[0], lines.python[1] or "cpython") if lines.python else None,
        snapshot.one("PLATFORM"),
        tuple((normal(name), version) for name, version in lines.packages),
        lines.lock,
        lines.projects,
    )


def _match(pattern: re.Pattern[str], text: str, key: str, where: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise StashError(f"{where}: the header line {key} cannot be read: {text!r}")
    return match


def _read_lock(snapshot: Snapshot, where: str) -> LockLine:
    if len(snapshot.lock_words) < 2:
        raise StashError(f"{where}: the header line LOCK cannot be read: {snapshot.one('LOCK')!r}")
    name, digest, *choices = snapshot.lock_words
    found = [_match(_CHOICE, choice, "LOCK", where) for choice in choices]
    chosen = {kind: tuple(match[2] for match in found if match[1] == kind) for kind in ("extra", "group")}
    sha256 = _match(_DIGEST, digest, "LOCK", where)[1]
    return LockLine(_folder(name, where, "LOCK"), sha256, chosen["extra"], chosen["group"])


def _folder(text: str, where: str, key: str = "PROJECT") -> str:
    """Return a path, checked to be relative and below the stash's root."""
    parts = text.split("/")
    if parts[0] not in ("tools", "configs") or len(parts) < 2 or {"", ".", ".."} & set(parts) or "\\" in text:
        raise StashError(f"{where}: the header line {key} leads out of the stash: {text!r}")
    return text
