"""numpy's `.npz` files: zip archives of arrays."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

from experimentstash.core.errors import printable
from experimentstash.stash.results.npy import read_array
from experimentstash.stash.results.summary import MOST_SERIES, Keep, UnreadableError

if TYPE_CHECKING:
    from experimentstash.stash.results.manifest import Series

_LARGEST = 2 << 30
"""Bytes, unpacked: a small archive may claim to hold anything."""
_LONGEST_NAME = 200
_WRITTEN_BY_NUMPY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""A few bytes can make the other methods allocate gigabytes (a dictionary of LZMA's)."""
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    OSError,
    RuntimeError,
    ValueError,
)
"""The exceptions of `zipfile` for invalid bytes (an unreadable file is reported earlier)."""


def read_npz(file: BinaryIO, keep: Keep) -> tuple[Series, ...]:
    """Read every array of an archive, by name.

    Raises:
        UnreadableError: it is invalid, contains other data than arrays, or is too large.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = sorted(archive.infolist(), key=lambda member: member.filename)
            _check(members)
            shared = keep.shared(len(members))
            return tuple(_array(archive, member, shared) for member in members)
    except _DAMAGED as error:
        raise UnreadableError(f"no npz file: {printable(str(error))[:100]}") from None


def _check(members: list[zipfile.ZipInfo]) -> None:
    names = {member.filename for member in members}
    if len(members) > MOST_SERIES:
        raise UnreadableError(f"an npz file with {len(members)} arrays, more than {MOST_SERIES}")
    if len(names) < len(members) or any(len(name) > _LONGEST_NAME or printable(name) != name for name in names):
        raise UnreadableError("an npz file with names that cannot be told apart")
    if not all(name.endswith(".npy") for name in names):
        raise UnreadableError("an npz file with a member that is no array")
    if not all(member.compress_type in _WRITTEN_BY_NUMPY for member in members):
        raise UnreadableError("an npz file that is compressed as numpy does not")
    if sum(member.file_size for member in members) > _LARGEST:
        raise UnreadableError(f"an npz file of more than {_LARGEST} bytes, unpacked")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, keep: Keep) -> Series:
    with archive.open(member) as file:
        series = read_array(cast("BinaryIO", file), member.file_size, member.filename.removesuffix(".npy"), keep)
        if file.read(1):  # the checksum is compared at the end
            raise UnreadableError("an npz file that is longer than it says")
    return series
