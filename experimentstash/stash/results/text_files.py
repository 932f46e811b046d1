"""Text files that say where they lie: the config that a tool saved, a list of what it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from experimentstash.stash.results.summary import UnreadableError, gathered

if TYPE_CHECKING:
    from experimentstash.stash.results.manifest import Series, Value
    from experimentstash.stash.results.summary import Keep

LARGEST = 1024 * 1024
"""Bytes. A larger text is compared by its bytes."""


def read_text(file: BinaryIO, size: int, keep: Keep) -> tuple[Series, ...]:
    """Read a text, line by line, without what is late in it. What it says beside that has to be the same.

    A text that a machine has not put anything into is compared by its bytes: it is none of these, unless it is
    compared with one (`keep.series`).

    Args:
        file: stands at its first byte.
        size: the bytes of it.
        keep: how many lines are kept, and which texts are late.

    Raises:
        UnreadableError: it is too large, no UTF-8, or holds nothing late.
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
