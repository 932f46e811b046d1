"""Addresses of config values, as header lines write them: `a.b`, `a.0`, `m."odd key"`, `m."a.b".c`.

`experimentstash_inside.addresses` writes these lines and has the same definition; a test holds the two together.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def component(key: Hashable) -> str:
    """Return one key of an address, without white space: a plain name, a number, or JSON."""
    if isinstance(key, str):
        return key if _NAME.fullmatch(key) else _quoted(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)
    return "~" + repr(key).replace(" ", "")


def _quoted(key: str) -> str:
    import json  # 3 ms, for the few keys that are no names

    return json.dumps(key).replace(" ", "\\u0020")


def of_line(text: str) -> str:
    """Return the address of a `LATE_AT` or `BUILT_AT` line, `ADDRESS = JSON text`; empty if it is none."""
    import json  # 3 ms, for the few snapshots that have such a line

    address, _, value = text.partition(" = ")
    try:
        return address if isinstance(json.loads(value), str) and " " not in address else ""
    except (ValueError, RecursionError):
        return ""


def of_override(key: str) -> str:
    """Return the address of an override's dotted key, its numbers taken for positions in a list."""
    return ".".join(part if part.isdecimal() else component(part) for part in key.split("."))


def is_at_or_below(address: str, above: str) -> bool:
    """Return whether an address is another, or below it."""
    return address == above or address.startswith(f"{above}.")
