"""Text files that contain values of this machine, such as a saved config or a list of output paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from experimentstash.stash.results.summary import UnreadableError, gathered

if TYPE_CHECKING:
    from experimentstash.stash.results.manifest import Series, Value
    from experimentstash.stash.results.summary import Keep

LARGEST = 1024 * 1024
"""The maximum size in bytes. Larger files are compared byte by byte."""


def read_text(file: BinaryIO, size: int, keep: Keep) -> tuple[Series, ...]:
    """Read a text file as lines, without its late values. The rest of each line must be equal in every run.

    Refuses a text without late values, which is compared byte by byte, unless the recorded file has some
    (`keep.series`).

    Args:
        file: the open file, at its first byte.
        size: the size in bytes.
        keep: the number of lines to keep, and the late values.

    Raises:
        UnreadableError: the file is too large, is not UTF-8, or has no late values.
    """
    if size > LARGEST:
        raise UnreadableError(f"larger than {LARGEST} bytes")
    try:
        text = file.read(LARGEST + 1).decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableError("not UTF-8") from None
    if not keep.series and not any(late in text for late in keep.late):
        raise UnreadableError("nothing late")
    lines: list[Value] = list(text.split("\n"))
    return (gathered("lines", lines, str(len(lines)), keep.shared(1)),)
