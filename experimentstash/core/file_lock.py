"""A lock on an open file, which keeps other processes out."""

from __future__ import annotations

import contextlib
import fcntl
from typing import IO, Any


def take_lock(file: IO[Any], *, wait: bool = False) -> bool | None:
    """Lock a file for this process. The system releases the lock when the file is closed or the process ends.

    Args:
        file: the file, open.
        wait: whether to wait while another process holds the lock.

    Returns:
        Whether this process holds the lock now; None if the file system has no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def share_lock(file: IO[Any]) -> None:
    """Lock a file together with other processes that share it; wait while a process has it for itself.

    Does nothing where the file system has no locks.

    Args:
        file: the file, open.
    """
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_SH)
