"""A cache of texts that are known to be flat, in a directory below `.git`: judging them takes most of the time.

Only commands that show many snapshots use it (`status`, `report`). Hooks, the push gate and `verify` judge every file.
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
        directory: the directory of the cache file; it need not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / f"flat-{_version()}"
        self._known = self._read()
        self._new: set[bytes] = set()

    def _read(self) -> set[bytes]:
        try:
            data = self._path.read_bytes()
        except OSError:
            return set()
        return {data[at : at + _WIDTH] for at in range(0, len(data) - len(data) % _WIDTH, _WIDTH)}

    def knows(self, text: str) -> bool:
        """Return whether a text is known to be flat."""
        return _digest(text) in self._known

    def add(self, text: str) -> None:
        """Remember that a text is flat."""
        self._new.add(_digest(text))

    def save(self) -> None:
        """Write the new digests; if that fails, the next command judges the texts again."""
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
    """Return a digest of what a judgement depends on besides the text: the judging code and the parser."""
    package = Path(__file__).parents[1]
    inputs = [sys.version, yaml.__version__, *((package / name).read_text(encoding="utf-8") for name in _JUDGES)]
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:12]


def current() -> FlatMemory | None:
    """Return the active memory, or None."""
    return _memory.get()


@contextlib.contextmanager
def remembering(directory: Path) -> Iterator[None]:
    """Judge with the memory in a directory, and save the new digests there.

    Args:
        directory: the program's directory below `.git`.
    """
    memory = FlatMemory(directory)
    token = _memory.set(memory)
    try:
        yield
    finally:
        _memory.reset(token)
        memory.save()
