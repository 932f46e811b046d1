"""Packfiles, looked through before git unpacks them: how large is what they hold?

(Git's documentation, *gitformat-pack*.) A few bytes of a hostile pack can stand for an object of terabytes: as zeros
that were compressed, or as a delta that repeats what it copies.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass

LARGEST_OBJECT = 2 << 30
"""Bytes of one object: git holds one in memory while it unpacks it."""
_LEAST, _SPREAD = 32 << 30, 1000
"""Bytes of all objects that are never too many, and how many times the size of the pack they may be."""
_OFFSET, _REFERENCE = 6, 7  # deltas, by the place and by the id of what they change
_PLAIN = (1, 2, 3, 4)  # commit, tree, blob, tag
_HEAD = 12  # bytes: `PACK`, version, number of objects
_PIECE = 1 << 16  # bytes
_SIZES = 20  # bytes that the two sizes at the beginning of a delta take at most


class PackError(ValueError):
    """It is no pack, or one that must not be unpacked; the text says why."""


@dataclass(frozen=True)
class Sizes:
    """How large a pack is when it is unpacked.

    Attributes:
        objects: how many.
        total: bytes of all of them.
    """

    objects: int
    total: int


def look_through(file: int, start: int, size: int, id_bytes: int) -> Sizes:
    """Return the sizes of what a pack holds.

    Args:
        file: the descriptor of an open file.
        start: where in it the pack begins.
        size: bytes of the pack.
        id_bytes: 20 for SHA-1, 32 for SHA-256.

    Raises:
        PackError: it is none, or unpacks to more than is sound.
    """
    reader = _PackReader(file, start, start + size - id_bytes, id_bytes)
    head = reader.take(_HEAD)
    if head[:8] != b"PACK\0\0\0\2":
        raise PackError("no pack")
    objects, total = int.from_bytes(head[8:], "big"), 0
    most = max(_LEAST, _SPREAD * size)
    for _ in range(objects):
        unpacked = reader.one_object()
        total += unpacked
        if unpacked > LARGEST_OBJECT:
            raise PackError(f"it holds an object of {unpacked} bytes; more than {LARGEST_OBJECT} are not unpacked")
        if total > most:
            raise PackError(f"its {size} bytes unpack to more than {most}")
    if reader.at != reader.end:
        raise PackError("it holds more than its objects")
    return Sizes(objects, total)


class _PackReader:
    def __init__(self, file: int, at: int, end: int, id_bytes: int) -> None:
        self._file = file
        self._id_bytes = id_bytes
        self._piece = b""
        self._begin = at  # of the piece
        self.at = at
        self.end = end

    def _some(self, most: int = _PIECE) -> memoryview:
        """Return some bytes from where we are, at least one."""
        offset = self.at - self._begin
        if not 0 <= offset < len(self._piece):
            self._piece = os.pread(self._file, min(_PIECE, self.end - self.at), self.at) if self.at < self.end else b""
            self._begin, offset = self.at, 0
            if not self._piece:
                raise PackError("it was cut short")
        return memoryview(self._piece)[offset : offset + most]

    def take(self, size: int) -> bytes:
        taken = b""
        while len(taken) < size:
            part = self._some(size - len(taken))
            self.at += len(part)
            taken += part
        return taken

    def _byte(self) -> int:
        return self.take(1)[0]

    def one_object(self) -> int:
        """Go over one object, and return its size, unpacked."""
        byte = self._byte()
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte = self._byte()
            size |= (byte & 0x7F) << shift
            shift += 7
            if shift > 70:
                raise PackError("an object's size has no end")
        if kind == _OFFSET:
            while self._byte() & 0x80:
                pass
        elif kind == _REFERENCE:
            self.take(self._id_bytes)
        elif kind not in _PLAIN:
            raise PackError(f"an object of kind {kind}")
        if size > LARGEST_OBJECT:
            return size  # which is refused: there is no need to look
        begin = self._inflate(size)
        return _result_size(begin) if kind in (_OFFSET, _REFERENCE) else size

    def _inflate(self, size: int) -> bytes:
        """Skip the compressed bytes of an object, and return the first bytes of its content."""
        stream = zlib.decompressobj()
        seen, begin = 0, b""
        while not stream.eof:
            # no compression makes it larger than that, and what is not its own would be copied
            part = self._some(size - seen + (size - seen >> 8) + 64)
            try:
                out = stream.decompress(part, size - seen + 1)
            except zlib.error as error:
                raise PackError(f"an object is damaged: {error}") from None
            seen += len(out)
            begin += out[: _SIZES - len(begin)]
            if seen > size:
                raise PackError("an object is larger than it says")
            left = len(stream.unused_data) if stream.eof else len(stream.unconsumed_tail)
            self.at += len(part) - left
            if left == len(part) and not out and not stream.eof:
                raise PackError("an object is damaged")
        if seen != size:
            raise PackError("an object is smaller than it says")
        return begin


def _result_size(delta: bytes) -> int:
    """Return the size of what a delta makes: the second number that it begins with."""
    number, shift, count = 0, 0, 0
    for byte in delta:
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            if count:
                return number
            number, shift, count = 0, 0, 1
    raise PackError("a delta without a size")
