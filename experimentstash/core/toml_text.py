"""Reads TOML with `tomllib` (`tomli` on Python 3.10), within limits.

The parser needs quadratic time for long dotted keys, and the documents come from untrusted sources.
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

_MAX_DOTS = 16  # in a line, outside of strings
_MAX_DOTS_BESIDE_LONG_STRING = 100  # in a line with the delimiter of a multi-line string
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*')


def parse(data: bytes, where: str) -> dict[str, Any]:
    """Parse a TOML document.

    Args:
        data: the document.
        where: its name in messages.

    Raises:
        StashError: the document is not TOML, or its keys or values are nested too deeply.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StashError(f"{where}: not UTF-8 (byte {error.start})") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MAX_DOTS and _has_long_key(line):
            raise StashError(f"{where}:{number}: the dotted key has too many parts")
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except ValueError as error:
        raise StashError(f"{where}: invalid TOML: {error}") from None
    except RecursionError:
        raise StashError(f"{where}: values are nested too deeply") from None
    return document


def _has_long_key(line: str) -> bool:
    if '"""' in line or "'''" in line:
        return line.count(".") > _MAX_DOTS_BESIDE_LONG_STRING
    return _STRING.sub("", line).count(".") > _MAX_DOTS


def texts(value: Any, key: str = "") -> list[tuple[str, str]]:
    """Return every string in a value, at any depth, each with its key (inside a list: the key of the list).

    Args:
        value: a value of a document.
        key: the key of that value.
    """
    strings: list[tuple[str, str]] = []
    pending = [(key, value)]
    while pending:
        name, item = pending.pop()
        if isinstance(item, str):
            strings.append((name, item))
        elif isinstance(item, dict):
            pending += reversed(item.items())
        elif isinstance(item, list):
            pending += ((name, element) for element in reversed(item))
    return strings


def table(document: Any, *keys: str) -> dict[str, Any]:
    """Return the table at the path of `keys`, or an empty table."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def text(document: Any, *keys: str) -> str:
    """Return the string at the path of `keys`, or an empty string."""
    value = table(document, *keys[:-1]).get(keys[-1])
    return value if isinstance(value, str) else ""
