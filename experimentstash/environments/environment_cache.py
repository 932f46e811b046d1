"""A directory of the cache that is whole or not there: made beside its siblings, then named by a marker, written last.

A virtual environment knows its own path, so it cannot be made elsewhere and renamed. It is made under a name that
nobody else has, and what names it comes into being at one stroke.
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
"""The file of an environment that each process which uses it locks, and touches: its time is that of the last use."""
_used: list[IO[bytes]] = []  # open until this process ends


def cache_folder() -> Path:
    """Return where what can be made again is kept: `EXPERIMENTSTASH_CACHE`, or a directory of `XDG_CACHE_HOME`."""
    if chosen := os.environ.get("EXPERIMENTSTASH_CACHE"):
        return Path(chosen).expanduser().absolute()
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".cache"  # a relative one is to be ignored (XDG)
    return base / "experimentstash"


def find_whole(place: Path) -> Path | None:
    """Return the directory at `place` that was made whole and still is an environment, or None."""
    try:
        said = json.loads((place / MARKER).read_text("utf-8"))
        folder = place / Path(str(said["folder"])).name
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return folder if (folder / "bin" / "python").exists() else None  # its base may have been taken away


def make_whole(place: Path, facts: Mapping[str, str], make: Callable[[Path], object]) -> tuple[Path, bool]:
    """Return the directory at `place`, made now or before.

    Args:
        place: the directory that holds it, its lock and its marker.
        facts: what it was made from, for people who read the marker.
        make: called with the path to make it at, where nothing is; whatever it raises, nothing is left there.

    Returns:
        The directory, and whether it was there.

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
        if found := find_whole(place):  # somebody else made it while we waited
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
        with contextlib.suppress(FileNotFoundError):  # `cache clear` removed it meanwhile
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
    """Return the error that says that the cache cannot be written."""
    what = "no space left" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
    return StashError(
        f"{place}: {what}",
        "export EXPERIMENTSTASH_CACHE=FOLDER  # on a disk with room, then rerun the same command",
    )


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[bool]:
    """Let one process at a time make it; the system gives the lock back when a process ends, however it does.

    Yields whether nobody else can be at it: a file system may have no locks.
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
        yield taken is True  # without locks each makes its own, and the last marker counts


def _sweep(place: Path) -> None:
    """Take away what killed builds left: nobody is at work here while we hold the lock, and no marker names it."""
    for left in place.glob("env-*"):
        shutil.rmtree(left, ignore_errors=True)
