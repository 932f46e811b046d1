"""Counts what a long command has done, on a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

T = TypeVar("T")

_PATIENCE = 1.0  # seconds before the count appears
_PAUSE = 0.1  # seconds between two updates
_CLEAR = "\r\x1b[K"


def counted(items: Collection[T], title: str) -> Iterator[T]:
    """Yield the items; after a second, show on stderr how many are done, if stderr is a terminal.

    Args:
        items: the items.
        title: what is done with them, such as `checking tags`.
    """
    if not items or sys.stderr is None or not sys.stderr.isatty():
        yield from items
        return
    due, is_shown = time.monotonic() + _PATIENCE, False
    try:
        for number, item in enumerate(items):
            if (now := time.monotonic()) >= due:
                print(f"{_CLEAR}{title}: {number:,} of {len(items):,}", end="", file=sys.stderr, flush=True)
                due, is_shown = now + _PAUSE, True
            yield item
    finally:
        if is_shown:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
