"""Which texts were found flat before, kept in git's own directory: judging them again takes most of the time.

Only commands that show many snapshots use it (`status`, `report`). What refuses something (hooks, the gate, `verify`)
reads every file itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 16  # bytes of a digest
_MOST = 200_000  # texts
_JUDGES = ("verify/flat.py", "verify/flat_memory.py", "core/yaml_scalars.py", "stash/config_paths.py")
_memory: ContextVar[FlatMemory | None] = ContextVar("memory", default=None)


class FlatMemory:
    """The digests of texts that are flat.

    Args:
        folder: the directory that holds the file; it may not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"flat-{_version()}"
        self._known = self._read()
        self._new: set[bytes] = set()

    def _read(self) -> set[bytes]:
        try:
            data = self._path.read_bytes()
        except OSError:
            return set()
        return {data[at : at + _WIDTH] for at in range(0, len(data) - len(data) % _WIDTH, _WIDTH)}

    def knows(self, text: str) -> bool:
        """Tell whether a text was found flat before."""
        return _digest(text) in self._known

    def add(self, text: str) -> None:
        """Keep that a text is flat."""
        self._new.add(_digest(text))

    def save(self) -> None:
        """Write what is new; where the directory does not take it, the next command judges again."""
        if not self._new:
            return
        kept = [*self._new, *self._known][:_MOST]
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(exist_ok=True)
            for old in self._path.parent.glob("flat-*"):
                old.unlink()
            part.write_bytes(b"".join(kept))
            part.replace(self._path)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_WIDTH]


def _version() -> str:
    """Return what a judgement depends on beside the text: the code that judges, and the parser."""
    package = Path(__file__).parents[1]
    inputs = [sys.version, yaml.__version__, *((package / name).read_text(encoding="utf-8") for name in _JUDGES)]
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:12]


def current() -> FlatMemory | None:
    """Return the memory that is in use, or None."""
    return _memory.get()


@contextlib.contextmanager
def remembering(folder: Path) -> Iterator[None]:
    """Judge with the memory in a directory, and write there what is new.

    Args:
        folder: the directory in git's own one that this program keeps its files in.
    """
    memory = FlatMemory(folder)
    token = _memory.set(memory)
    try:
        yield
    finally:
        _memory.reset(token)
        memory.save()
