"""Files that are as they were if what is done to them does not come to its end."""

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
    """Put the files at `paths` back, and take away the folders that had to be made for them, where this fails."""
    record = {path: _Was(path) for path in paths}
    absent = {folder for folder in {parent for path in record for parent in path.parents} if not folder.exists()}
    try:
        yield
    except BaseException:
        with ignored_signals():
            for path, was in record.items():
                was.put_back(path)
            for folder in sorted(absent, key=lambda folder: len(folder.parts), reverse=True):
                with contextlib.suppress(OSError):  # not made yet, or something else lies in it
                    folder.rmdir()
        raise


class _Was:
    """What was at a path: nothing, a link, a file, or what nobody here touches."""

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

    def put_back(self, path: Path) -> None:
        """Make it be there again, if it is not any more."""
        now = _Was(path)
        if (now.mode, now.text, now.target) == (self.mode, self.text, self.target):
            return
        if self.text is not None and self.mode is not None:
            write_text(path, self.text.decode("utf-8", "surrogateescape"), mode=stat.S_IMODE(self.mode))
            return
        path.unlink(missing_ok=True)
        if self.target is not None:
            path.symlink_to(self.target)
