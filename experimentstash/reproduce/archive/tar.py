"""The file of an archive: a tar that every `tar` unpacks, of which each byte follows from what it holds.

The members stand one after the other as regular files, without owner, time or mode of their own. The first says what
the others are; the last holds the SHA-256 of all that stands before it. Nothing else is in it: a reader knows each
header before it reads it. (POSIX.1-1988 *ustar*; longer names and sizes as GNU tar has them.)
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from experimentstash.core.errors import StashError, printable, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BLOCK = tarfile.BLOCKSIZE
"""Bytes: all of a tar comes in blocks of this size."""
CHUNK = 1 << 20
"""Bytes that are read at once."""
_LAST = "SHA256"
_DIGITS = 64
_LARGE = 8**11  # bytes; ustar has no room for the digits
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a directory",
    b"6": "a pipe",
}


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        name: its name, in ASCII.
        size: bytes.
    """

    name: str
    size: int

    @property
    def header(self) -> bytes:
        """The blocks before its bytes; the same on every Python."""
        info = tarfile.TarInfo(self.name)
        info.size = self.size
        fits = len(self.name) <= tarfile.LENGTH_NAME and self.size < _LARGE
        return info.tobuf(tarfile.USTAR_FORMAT if fits else tarfile.GNU_FORMAT, "ascii", "strict")

    @property
    def room(self) -> int:
        """How many bytes of the archive it takes."""
        return len(self.header) + self.size + padding(self.size)


def padding(size: int) -> int:
    """Return how many bytes fill the last block."""
    return -size % BLOCK


def _padded(data: bytes) -> bytes:
    return data + b"\0" * padding(len(data))


def tail(digest: str) -> bytes:
    """Return the end of an archive: its last member, and the two empty blocks that end every tar."""
    text = f"{digest}\n".encode()
    return Member(_LAST, len(text)).header + _padded(text) + b"\0" * (2 * BLOCK)


_TAIL = len(tail("0" * _DIGITS))


class Writer:
    """Writes the members of an archive, one after the other, and at the end their digest.

    Args:
        file: where to.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)

    def add(self, member: Member, parts: Iterator[bytes]) -> None:
        """Write a member out of its parts.

        Raises:
            StashError: the number of bytes differs: the file is being changed.
        """
        self._write(member.header)
        size = 0
        for part in parts:
            size += len(part)
            self._write(part)
        if size != member.size:
            raise StashError(f"{member.name}: {size} bytes, and not {member.size}: it changed while it was read")
        self._write(b"\0" * padding(size))

    def end(self) -> None:
        """Write the end."""
        self._file.write(tail(self._digest.hexdigest()))


def chunks(file: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """Yield the bytes of a file from its position, all or the next `size`."""
    left = size
    while left is None or left > 0:
        part = file.read(CHUNK if left is None else min(CHUNK, left))
        if not part:
            return
        left = None if left is None else left - len(part)
        yield part


def check_digest(path: Path, file: BinaryIO, first: str) -> str:
    """Check an archive's own digest, and return that of the whole file: what `sha256sum` says of it.

    Args:
        path: what messages call it.
        file: the archive.
        first: the name of its first member, which marks an archive.

    Raises:
        StashError: it is no archive, was cut short, or was altered.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(tarfile.LENGTH_NAME).rstrip(b"\0") != first.encode("ascii"):
        raise StashError(f"{path}: not an archive of experimentstash bundle")
    file.seek(max(size - _TAIL, 0))
    end = file.read(_TAIL)
    at = len(Member(_LAST, _DIGITS + 1).header)
    said = end[at : at + _DIGITS].decode("ascii", "replace")
    if size % BLOCK or size < _TAIL + BLOCK or end != tail(said):
        raise StashError(f"{path}: truncated or extended: it does not end with its SHA-256")
    file.seek(0)
    digest = hashlib.sha256()
    for part in chunks(file, size - _TAIL):
        digest.update(part)
    if digest.hexdigest() != said:
        raise StashError(f"{path}: modified: its SHA-256 is {digest.hexdigest()}, and it records {said}")
    digest.update(end)
    return digest.hexdigest()


def first_member(path: Path, file: BinaryIO, name: str, largest: int) -> bytes:
    """Return the bytes of the first member.

    Raises:
        StashError: it is another one, or too large.
    """
    file.seek(0)
    block = file.read(BLOCK)
    try:
        size = int(block[124:135], 8)
    except ValueError:
        size = -1
    if size < 0 or block != Member(name, size).header:
        raise StashError(f"{path}: it does not begin with {name}, but with {_seen(block)}")
    if size > largest:
        raise StashError(f"{path}: {name} has {size} bytes, and more than {largest} are none")
    data = file.read(size)
    _check_padding(path, file, name, size)
    return data


def places(path: Path, file: BinaryIO, members: Sequence[Member]) -> dict[str, int]:
    """Return the position of each member, after checking that these are all members.

    Args:
        path: what messages call the archive.
        file: the archive.
        members: all of them but the last, which holds the digest.

    Raises:
        StashError: another member is there, or other data is between them.
    """
    found: dict[str, int] = {}
    at = 0
    size = file.seek(0, os.SEEK_END)
    for member in members:
        file.seek(at)
        header = file.read(len(member.header))
        if header != member.header:
            raise StashError(f"{path}: where {member.name} must be, there is {_seen(header)}")
        found[member.name] = at + len(header)
        at += member.room
        if at > size - _TAIL:
            raise StashError(f"{path}: {member.name} has not the {member.size} bytes that it should have")
        file.seek(found[member.name] + member.size)
        _check_padding(path, file, member.name, member.size)
    if at != size - _TAIL:
        file.seek(at)
        raise StashError(f"{path}: it contains more than its manifest lists: {_seen(file.read(BLOCK))}")
    return found


def _check_padding(path: Path, file: BinaryIO, name: str, size: int) -> None:
    if any(file.read(padding(size))):
        raise StashError(f"{path}: unexpected data after {name}")


def _seen(block: bytes) -> str:
    """Say what a header is of, for a message: the name and the kind, whatever they are."""
    name = printable(short(block[: tarfile.LENGTH_NAME].rstrip(b"\0").decode("utf-8", "replace")))
    kind = _KINDS.get(block[156:157], "")
    return f"{name}, {kind}" if kind else name
