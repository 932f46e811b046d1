"""numpy's `.npy` files, read without numpy (numpy/lib/format.py, versions 1.0 to 3.0). Nothing is unpickled.

Read by hand, in parts: with numpy or without, a file of any size gives the same record.
"""

from __future__ import annotations

import ast
import hashlib
import math
import re
import struct
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from experimentstash.stash.results.manifest import Series
from experimentstash.stash.results.summary import Keep, Tally, UnreadableError, settled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000  # bytes; numpy's own `max_header_size`
_MOST_DIMENSIONS = 64  # numpy's own
_CHUNK = 1 << 16
"""Numbers that are looked at in one go."""
_MOST_CHUNKS = 64
"""Of a larger array every second, fourth, … chunk goes into its moments: four million numbers take a second."""
_CODES = dict(
    pair.split(":") for pair in "b1:B i1:b i2:h i4:i i8:q u1:B u2:H u4:I u8:Q f2:e f4:f f8:d c8:f c16:d".split()
)
"""What `array` and `struct` call numpy's types of numbers; others (objects, texts, records, dates) are none."""


@dataclass(frozen=True)
class Header:
    """The header of an array file.

    Attributes:
        dtype: numpy's name of the type of its elements (`<f8`); `record` for one of several fields.
        fortran: whether the first index runs fastest.
        shape: its lengths.
        length: bytes of the header itself.
    """

    dtype: str
    fortran: bool
    shape: tuple[int, ...]
    length: int

    @property
    def count(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    @property
    def kind(self) -> str:
        """The type without the order of its bytes: `f8`."""
        return self.dtype.lstrip("<>|=")

    @property
    def numeric(self) -> bool:
        """Whether its elements are numbers, complex ones and true and false among them."""
        return self.kind in _CODES


def read_header(file: BinaryIO) -> Header:
    """Read the header; leaves the file at the first byte of the data.

    Raises:
        UnreadableError: it is none.
    """
    start = file.read(8)
    if len(start) < 8 or start[:6] != _MAGIC or start[6] not in (1, 2, 3):
        raise UnreadableError("no npy file")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    if length > _LONGEST_HEADER:
        raise UnreadableError(f"an npy header of {length} bytes")
    text = file.read(length)
    if len(text) < length:
        raise UnreadableError("an npy file that is cut short")
    return _header(text, 8 + width + length)


def _header(text: bytes, length: int) -> Header:
    try:
        said = ast.literal_eval(text.decode("utf-8").strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):  # all that hostile text makes it raise
        said = None
    if not isinstance(said, dict) or said.keys() != {"descr", "fortran_order", "shape"}:
        raise UnreadableError("an npy header that cannot be read")
    descr, fortran, shape = said["descr"], said["fortran_order"], said["shape"]
    good = isinstance(shape, tuple) and len(shape) <= _MOST_DIMENSIONS and type(fortran) is bool
    if not good or not all(type(part) is int and 0 <= part < 1 << 63 for part in shape):
        raise UnreadableError("an npy header that cannot be read")
    dtype = descr if isinstance(descr, str) and re.fullmatch(r"[<>|=]?[\w\[\],]{1,40}", descr) else "record"
    return Header(dtype, fortran, shape, length)


def read_array(file: BinaryIO, size: int, name: str, keep: Keep) -> Series:
    """Read one array to its end, in chunks.

    Args:
        file: the file, at its first byte.
        size: the bytes of it.
        name: the name of the series.
        keep: how many values are kept.

    Raises:
        UnreadableError: it is not an array, or its size does not match its header.
    """
    header = read_header(file)
    shape = "x".join(map(str, header.shape)) or "scalar"
    if not header.numeric:
        return Series(name, 0, shape=shape, dtype=header.dtype, others=_digest(file))
    width = struct.calcsize("=" + _CODES[header.kind])
    parts = 2 if header.kind[0] == "c" else 1
    count = header.count * parts
    if size - header.length != count * width:
        raise UnreadableError("an npy file that is longer or shorter than its header says")
    tally, picks = Tally(), _Picks(header, parts, keep.stride(count))
    chunks = -(-count // _CHUNK)
    every = Keep(_MOST_CHUNKS, _MOST_CHUNKS).stride(chunks)
    digest = hashlib.sha256()
    for number, data in enumerate(_chunks(file, count, width)):
        digest.update(data)
        wanted = picks.wanted(number * _CHUNK)
        if number % every == 0 or wanted:
            values = _numbers(header, data)
            picks.take(number * _CHUNK, values)
            if number % every == 0:
                tally.add(values)
    if every > 1 and header.fortran and len(header.shape) > 1:
        shape += " (Fortran order)"  # the moments rest on other numbers then
    kept = picks.values()
    if len(kept) == count:
        return Series(name, count, kept, shape, header.dtype)
    order = "F" if header.fortran and len(header.shape) > 1 else ""
    return Series(name, count, kept, shape, header.dtype, tally.moments(), order + digest.hexdigest()[:32])


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while data := file.read(1 << 20):
        digest.update(data)
    return digest.hexdigest()[:32]


def _chunks(file: BinaryIO, count: int, width: int) -> Iterator[bytes]:
    for start in range(0, count, _CHUNK):
        length = min(_CHUNK, count - start) * width
        data = file.read(length)
        if len(data) < length:
            raise UnreadableError("an npy file that is cut short")
        yield data


def _numbers(header: Header, data: bytes) -> Sequence[int | float]:
    code = _CODES[header.kind]
    order = ">" if header.dtype[0] == ">" else "<"
    if code == "e":  # the one type that `array` does not know
        return struct.unpack(f"{order}{len(data) // 2}e", data)
    numbers = array(code)
    numbers.frombytes(data)
    if (order == ">") != (sys.byteorder == "big"):
        numbers.byteswap()
    return numbers


class _Picks:
    """The kept values of an array, evenly spaced as its indices count, wherever they lie in the file."""

    def __init__(self, header: Header, parts: int, step: int) -> None:
        logical = range(0, header.count * parts, step)
        places = [_place(header, k // parts) * parts + k % parts for k in logical] if header.fortran else logical
        self._rank = {place: rank for rank, place in enumerate(places)}
        self._coming = sorted(self._rank, reverse=True)
        self._values: list[int | float] = [0] * len(places)

    def wanted(self, start: int) -> bool:
        """Return whether one of them lies in the chunk that begins at `start`."""
        return bool(self._coming) and self._coming[-1] < start + _CHUNK

    def take(self, start: int, numbers: Sequence[int | float]) -> None:
        """Take them out of that chunk; the chunks come in order."""
        while self.wanted(start):
            place = self._coming.pop()
            self._values[self._rank[place]] = numbers[place - start]

    def values(self) -> tuple[int | float, ...]:
        """Return them in the order of their indices."""
        return tuple(map(settled, self._values))  # type: ignore[arg-type]  # numbers stay numbers


def _place(header: Header, logical: int) -> int:
    place = 0
    indices = []
    for length in reversed(header.shape):
        logical, index = divmod(logical, length)
        indices.append(index)
    for length, index in zip(reversed(header.shape), indices, strict=True):
        place = place * length + index
    return place
