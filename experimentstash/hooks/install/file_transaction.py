"""Restores files if an operation that changes them fails."""

from __future__ import annotations

import contextlib
import stat
from typing import TYPE_CHECKING

from experimentstash.core.files import write_text
from experimentstash.core.signals import ignored_signals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def all_or_nothing(paths: Iterable[Path]) -> Iterator[None]:
    """Restore the files at `paths`, and remove new parent directories, if the body raises an exception."""
    states = {path: _State(path) for path in paths}
    absent = {
        directory for directory in {parent for path in states for parent in path.parents} if not directory.exists()
    }
    try:
        yield
    except BaseException:
        with ignored_signals():
            for path, state in states.items():
                state.restore(path)
            for directory in sorted(absent, key=lambda directory: len(directory.parts), reverse=True):
                with contextlib.suppress(OSError):  # the directory is absent or not empty
                    directory.rmdir()
        raise


class _State:
    """The state of a path: nothing, a symlink, a file, or something else that is left alone."""

    def __init__(self, path: Path) -> None:
        self.mode: int | None = None
        self.text: bytes | None = None
        self.target: Path | None = None
        with contextlib.suppress(FileNotFoundError):
            self.mode = path.lstat().st_mode
            if stat.S_ISLNK(self.mode):
                self.target = path.readlink()
            elif stat.S_ISREG(self.mode):
                self.text = path.read_bytes()

    def restore(self, path: Path) -> None:
        """Restore this state at `path`, if it has changed."""
        now = _State(path)
        if (now.mode, now.text, now.target) == (self.mode, self.text, self.target):
            return
        if self.text is not None and self.mode is not None:
            write_text(path, self.text.decode("utf-8", "surrogateescape"), mode=stat.S_IMODE(self.mode))
            return
        path.unlink(missing_ok=True)
        if self.target is not None:
            path.symlink_to(self.target)
