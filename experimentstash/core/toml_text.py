"""TOML read with the standard library's parser, or its backport on Python 3.10, within bounds.

The parser takes time in the square of the number of parts in a dotted key, and what is read comes from strangers.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from experimentstash.core.errors import StashError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_MOST_DOTS = 16  # in a line, outside of strings; keys have a few, numbers one
_MOST_DOTS_OF_LONG_TEXT = 100  # in a line where a text of several lines begins or ends
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*')


def parse(data: bytes, where: str) -> dict[str, Any]:
    """Return what a TOML document says.

    Args:
        data: the document.
        where: what messages call it.

    Raises:
        StashError: it is no TOML, or has keys or values that are nested deeper than any program writes.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StashError(f"{where}: not UTF-8 (byte {error.start})") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MOST_DOTS and _has_endless_key(line):
            raise StashError(f"{where}:{number}: a key with more parts than any program writes")
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except ValueError as error:
        raise StashError(f"{where}: no TOML: {error}") from None
    except RecursionError:
        raise StashError(f"{where}: values nested too deep") from None
    return document


def _has_endless_key(line: str) -> bool:
    if '"""' in line or "'''" in line:
        return line.count(".") > _MOST_DOTS_OF_LONG_TEXT
    return _STRING.sub("", line).count(".") > _MOST_DOTS


def texts(value: Any, key: str = "") -> list[tuple[str, str]]:
    """Return every text of a value, at any depth, each with the key that it stands at (of a list: the list's key).

    Args:
        value: a value of a document.
        key: its own key.
    """
    found: list[tuple[str, str]] = []
    waiting = [(key, value)]
    while waiting:
        at, one = waiting.pop()
        if isinstance(one, str):
            found.append((at, one))
        elif isinstance(one, dict):
            waiting += reversed(one.items())
        elif isinstance(one, list):
            waiting += ((at, item) for item in reversed(one))
    return found


def table(document: Any, *keys: str) -> dict[str, Any]:
    """Return the table at some keys of a document; an empty one where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def text(document: Any, *keys: str) -> str:
    """Return the text at some keys of a document; an empty one where there is none."""
    found = table(document, *keys[:-1]).get(keys[-1])
    return found if isinstance(found, str) else ""
