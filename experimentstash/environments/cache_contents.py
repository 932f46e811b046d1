"""Lists and removes the cache: environments, their build tools, downloads and hashes of packages."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experimentstash.core.file_lock import take_lock
from experimentstash.environments.environment_cache import IN_USE, MARKER, cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class CacheEntry:
    """A directory or a file of the cache.

    Attributes:
        path: its path.
        kind: its directory in the cache: `environments`, `helpers`, `hashes` or `poetry`
        facts: what it was made from, as its marker records it.
        size: in bytes.
        used: when it was last used, in seconds since 1970.
    """

    path: Path
    kind: str
    facts: dict[str, str]
    size: int
    used: float

    def as_json(self) -> dict[str, Any]:
        """Return the entry as `cache --json` prints it."""
        return {
            "path": str(self.path),
            "kind": self.kind,
            "facts": self.facts,
            "bytes": self.size,
            "days_since_use": int((time.time() - self.used) // SECONDS_PER_DAY),
        }


def cache_entries() -> list[CacheEntry]:
    """Return the entries of the cache, the largest first; ignores files of others in its directory."""
    root = cache_folder()
    found = []
    for kind, is_own in _KINDS.items():
        for path in (root / kind).iterdir() if (root / kind).is_dir() else ():
            if is_own(path):
                found.append(CacheEntry(path, kind, _facts(path), _size(path), _used(path)))
    return sorted(found, key=lambda entry: (-entry.size, str(entry.path)))


def _is_environment(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and any((path / name).exists() for name in (MARKER, IN_USE, "lock"))


def _is_list_of_hashes(path: Path) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}\.txt", path.name) is not None


_KINDS: dict[str, Callable[[Path], bool]] = {
    "environments": _is_environment,
    "helpers": _is_environment,
    "hashes": _is_list_of_hashes,
    "poetry": lambda path: path.name in ("artifacts", "cache"),
}
"""The directories of the cache, each with a test that recognizes its entries."""


def remove_entry(entry: CacheEntry) -> bool:
    """Remove an entry of the cache, and return whether it is gone; one that a process uses stays."""
    if entry.kind == "hashes":
        return _remove(entry.path)
    if entry.kind == "poetry":
        return not _is_building(entry.path.parent.parent) and _remove(entry.path)
    with contextlib.ExitStack() as stack:
        for name in (IN_USE, "lock"):
            try:
                file = stack.enter_context((entry.path / name).open("ab"))
            except OSError:
                return not entry.path.exists()
            if take_lock(file) is not True:
                return False
        (entry.path / MARKER).unlink(missing_ok=True)  # first: an entry without a marker is not used
        return _remove(entry.path)


def _is_building(root: Path) -> bool:
    """Return whether a process builds an environment, which may use the downloads of poetry."""
    for lock in (root / "environments").glob("*/lock"):
        with contextlib.suppress(OSError), lock.open("ab") as file:
            if take_lock(file) is False:
                return True
    return False


def _remove(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
    return not os.path.lexists(path)


def _facts(path: Path) -> dict[str, str]:
    try:
        facts = json.loads((path / MARKER).read_text("utf-8"))
        return {str(key): str(value) for key, value in facts.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _size(path: Path) -> int:
    return sum(_sizes(path))


def _sizes(path: Path) -> Iterator[int]:
    if path.is_symlink() or not path.is_dir():
        with contextlib.suppress(OSError):
            yield path.lstat().st_size
        return
    for folder, _, files in os.walk(path):
        for name in files:
            with contextlib.suppress(OSError):
                yield os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118  (many files)


def _used(path: Path) -> float:
    for place in (path / IN_USE, path / MARKER, path):
        with contextlib.suppress(OSError):
            return place.lstat().st_mtime
    return 0.0
