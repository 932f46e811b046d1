"""Creates a cached environment completely or not at all: builds it, then writes a marker that names it.

A virtual environment contains its own path, so it cannot be built elsewhere and renamed. It is built under a
unique name, and the marker that names it is created atomically.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.file_lock import share_lock, take_lock
from experimentstash.core.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_log = logging.getLogger(__name__)

MARKER = "complete.json"
IN_USE = "in-use"
"""Each process that uses an environment locks this file in it, and touches it to record the last use."""
_used: list[IO[bytes]] = []  # open until this process ends


def cache_folder() -> Path:
    """Return the cache directory: `EXPERIMENTSTASH_CACHE`, or a directory of `XDG_CACHE_HOME`."""
    if chosen := os.environ.get("EXPERIMENTSTASH_CACHE"):
        return Path(chosen).expanduser().absolute()
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".cache"  # XDG: ignore a relative path
    return base / "experimentstash"


def find_whole(place: Path) -> Path | None:
    """Return the complete environment at `place`, or None."""
    try:
        said = json.loads((place / MARKER).read_text("utf-8"))
        folder = place / Path(str(said["folder"])).name
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return folder if (folder / "bin" / "python").exists() else None  # its base Python may have been removed


def make_whole(place: Path, facts: Mapping[str, str], make: Callable[[Path], object]) -> tuple[Path, bool]:
    """Return the directory at `place`, after building it if needed.

    Args:
        place: the directory of it, its lock and its marker.
        facts: what it was built from, for people who read the marker.
        make: called with an unused path to build it at; if it raises, that path is removed.

    Returns:
        The directory, and whether it existed.

    Raises:
        StashError: the cache cannot be written.
    """
    try:
        use = _use(place)
    except OSError as error:
        raise no_cache(place, error) from None
    try:
        made = _made(place, facts, make)
    except BaseException:
        use.close()
        raise
    _used.append(use)
    return made


def _made(place: Path, facts: Mapping[str, str], make: Callable[[Path], object]) -> tuple[Path, bool]:
    if found := find_whole(place):
        return found, True
    with _alone(place) as alone:
        if found := find_whole(place):  # another process built it while we waited
            return found, True
        if alone:
            _sweep(place)
        folder = place / f"env-{os.urandom(4).hex()}"
        try:
            make(folder)
            text = json.dumps({"folder": folder.name, **facts}, indent=1, ensure_ascii=False)
            write_text(place / MARKER, text + "\n")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return folder, False


def _use(place: Path) -> IO[bytes]:
    """Lock an environment, so that no other process removes it; the lock lasts as long as the file is open."""
    while True:
        place.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # `cache clear` removed it in the meantime
            file = (place / IN_USE).open("ab")
            share_lock(file)
            if _is_at(file, place / IN_USE):
                os.utime(place / IN_USE)
                return file
            file.close()


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Return whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def no_cache(place: Path, error: OSError) -> StashError:
    """Return the error for a cache that cannot be written."""
    what = "no space left" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
    return StashError(
        f"{place}: {what}",
        "export EXPERIMENTSTASH_CACHE=FOLDER  # on a disk with room, then rerun the same command",
    )


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[bool]:
    """Let one process at a time build it; the system releases the lock when a process ends.

    Yields whether this process has the lock: some file systems do not support locks.
    """
    try:
        lock = (place / "lock").open("ab")
    except OSError as error:
        raise no_cache(place, error) from None
    with lock:
        taken = take_lock(lock)
        if taken is False:
            _log.info("waiting for another build of the same environment")
            taken = take_lock(lock, wait=True)
        yield taken is True  # without locks, each process builds its own, and the last marker wins


def _sweep(place: Path) -> None:
    """Remove what killed builds left: we hold the lock, so no other process works here, and no marker names it."""
    for left in place.glob("env-*"):
        shutil.rmtree(left, ignore_errors=True)
