"""Finds the lock of a tool's checkout, and the lock that a snapshot names."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from experimentstash.core.errors import StashError
from experimentstash.environments.committed_files import committed_bytes, is_committed, same_lines
from experimentstash.environments.formats.base import Lock, read_bytes
from experimentstash.environments.formats.conda import CondaEnvironment, CondaLock
from experimentstash.environments.formats.poetry import PoetryLock
from experimentstash.environments.formats.pylock import Pylock
from experimentstash.environments.formats.recorded import RecordedLock
from experimentstash.environments.formats.requirements import RequirementsLock
from experimentstash.environments.formats.uv import UvLock

_SHIPPED = (UvLock, Pylock, PoetryLock, RequirementsLock, CondaLock, CondaEnvironment)
"""In order of trust: locks for every platform with hashes, for one platform, and without hashes."""
FORMATS: tuple[type[Lock], ...] = (RecordedLock, *_SHIPPED)
"""All formats. A file belongs to the first that accepts its name."""


@dataclass(frozen=True)
class Found:
    """The lock found in a checkout, or None, and why other files are not used, one sentence each."""

    lock: Lock | None
    told: tuple[str, ...] = ()


def find_lock(
    stash: Path,
    tool_path: str,
    workdir: str = ".",
    *,
    extras: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
    committed: bool = False,
) -> Found:
    """Return the lock of a tool: from the nearest directory, going up from its working directory to its root.

    A requirements file counts if every line has a hash; an `environment.yml` if every line has an exact version.

    Args:
        stash: the root of the stash's checkout.
        tool_path: the tool's, from there.
        workdir: the tool's working directory, from its root.
        extras: the extras to build.
        groups: the further dependency groups to build.
        committed: use only files in the tool's commit, and the digest of git's bytes.
    """
    told: list[str] = []
    folder = os.path.normpath(workdir)
    while True:
        locks = _locks_in(stash, Path(tool_path, folder), told, committed=committed)
        if locks:
            others = ", ".join(lock.name for lock in locks[1:])
            told += [f"{others}: passed over for {locks[0].name}"] if others else []
            return Found(replace(locks[0], extras=extras, groups=groups), tuple(told))
        if folder == ".":
            return Found(None, tuple(told))
        folder = os.path.dirname(folder) or "."  # noqa: PTH120  (a relative path with an end)


def open_lock(
    stash: Path, name: str, sha256: str, *, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()
) -> Lock:
    """Return the lock that a snapshot names.

    Raises:
        StashError: it is missing, differs from the recorded one, or refers to paths outside of the stash.
    """
    lock_format = _format_of(Path(name).name)
    if lock_format is None:
        raise StashError(f"{name}: not a known kind of lock file")
    lock = replace(_read(lock_format, stash, name), extras=extras, groups=groups)
    if lock.sha256 != sha256 and (committed := _as_committed(lock)):
        lock = committed
    if lock.sha256 != sha256:
        raise StashError(
            f"{name}: not the recorded lock file: its SHA-256 is {lock.sha256}, not {sha256}",
            "rerun with --no-build  # to use the current environment",
        )
    lock.check()
    return lock


def _locks_in(stash: Path, folder: Path, told: list[str], *, committed: bool) -> list[Lock]:
    """Return the locks of one directory, the most trusted first; adds why others are not used to `told`."""
    locks: list[Lock] = []
    names = sorted(entry.name for entry in (stash / folder).iterdir()) if (stash / folder).is_dir() else []
    for name in names:
        lock_format = _format_of(name)
        if lock_format is None or lock_format not in _SHIPPED:
            continue
        path = (folder / name).as_posix()
        try:
            locks.append(_accepted(_read(lock_format, stash, path), committed=committed))
        except StashError as error:
            told.append(str(error.args[0]).removeprefix(f"{stash}/"))
    return sorted(locks, key=lambda lock: (_SHIPPED.index(type(lock)), lock.rank))


def _format_of(file: str) -> type[Lock] | None:
    return next((lock_format for lock_format in FORMATS if lock_format.is_named(file)), None)


def _read(lock_format: type[Lock], stash: Path, name: str) -> Lock:
    return lock_format(stash, name, hashlib.sha256(read_bytes(stash, stash / name)).hexdigest())


def _accepted(lock: Lock, *, committed: bool) -> Lock:
    """Return a file as a lock, by its name.

    Raises:
        StashError: it is not a lock.
    """
    if reason := lock.refusal():
        raise StashError(f"{lock.name}: {reason}")
    lock.check()
    if not committed:
        return lock
    if missing := _not_committed(lock):
        raise StashError(
            f"{lock.name}: the tool's commit does not hold {missing}, so nobody else has it; not used as the lock file"
        )
    return _as_committed(lock) or lock


def _not_committed(lock: Lock) -> str:
    """Return the files of a lock that are not in the commit: the lock itself, or files that its build needs."""
    paths = dict.fromkeys(os.path.normpath(path) for path in (lock.path, *lock.needed_files()))
    return ", ".join(os.path.relpath(path, lock.stash) for path in paths if not is_committed(Path(path)))


def _as_committed(lock: Lock) -> Lock | None:
    """Return the lock with the digest of git's bytes, or None if it is not in the commit.

    Raises:
        StashError: the committed text differs from the file on disk.
    """
    try:
        data = committed_bytes(lock.path)
    except StashError:  # not a repository: only the file on disk counts
        return None
    if data is None:
        return None
    if not same_lines(data, lock.data()):
        raise StashError(f"{lock.name}: its text in git differs (a filter, Git LFS); not used as the lock file")
    return replace(lock, sha256=hashlib.sha256(data).hexdigest())
