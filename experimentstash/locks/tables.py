"""The packages of a TOML lock, read by its lines: uv, pip, pdm and poetry write them by machine, a key a line.

No TOML parser comes with Python 3.10, and what is only looked for needs none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from experimentstash.locks.installed import normal
from experimentstash.problems import StashError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADING = re.compile(r"(?m)^\[\[(packages?)\]\][ \t]*$")
_OTHER = re.compile(r"(?m)^\[(?!\[?packages?\b)")
_TEXT = r'(?:"((?:[^"\\\n]|\\.)*)"|\'([^\'\n]*)\')'


@dataclass(frozen=True)
class Entry:
    """One package of a lock.

    Attributes:
        name: its normal name.
        version: its version; empty where the lock leaves it to the source.
        start, end: where its text stands in the lock's.
        text: that text.
    """

    name: str
    version: str
    start: int
    end: int
    text: str

    def values(self, key: str) -> tuple[str, ...]:
        """Return every text that stands at `key`, in this package's table or in one inside it."""
        found = re.finditer(rf"(?:^|[{{,\s]){re.escape(key)}\s*=\s*{_TEXT}", self.text)
        return tuple(match[1] or match[2] or "" for match in found)


def check_plain(text: str, keys: tuple[str, ...], where: str) -> None:
    """Check that a lock is written as programs write it: its lines mean here what a parser of TOML makes of them.

    Args:
        text: the lock's.
        keys: at which it names where packages come from.
        where: what the message calls it.

    Raises:
        StashError: it has text over several lines, a heading or one of those keys in quotes, a dotted one, or an escape
            in the value of one.
    """
    named = "|".join(keys)
    for pattern in (
        r"\"\"\"|'''",
        r"(?m)^[ \t]*(?:\[\[?[ \t]*[\"']|\[[ \t]+\[?|\[\[[ \t]|[ \t]+\[\[?[ \t]*packages?\b)",
        r"(?m)^[ \t]*[\"']?packages?[\"']?[ \t]*[=.]",
        rf"(?m)(?:^|[{{,\s.])[\"'](?:{named}|[^\"'\n]*\\[^\"'\n]*)[\"'][ \t]*=",
        rf"(?m)(?:^|[{{,])[ \t]*[\w-]+[ \t]*\.[ \t]*[\"']?(?:{named})[\"']?[ \t]*=",
        rf"(?m)(?:^|[{{,\s])(?:{named})[ \t]*=[ \t]*\"[^\"\n]*\\",
    ):
        if found := re.search(pattern, text):
            line = text.count("\n", 0, found.end()) + 1
            raise StashError(f"{where}:{line}: no program writes a lock like that: it is not taken")


def entries(text: str) -> Iterator[Entry]:
    """Yield the packages of a lock, in file order."""
    starts = [match.start() for match in _HEADING.finditer(text)]
    for start, following in pairwise([*starts, len(text)]):
        other = _OTHER.search(text, start + 1, following)
        end = other.start() if other else following
        block = text[start:end]
        yield Entry(normal(_value(block, "name")), _value(block, "version"), start, end, block)


def _value(block: str, key: str) -> str:
    found = re.search(rf"(?m)^{key}\s*=\s*{_TEXT}", block)
    return (found[1] or found[2] or "") if found else ""
