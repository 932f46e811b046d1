"""Header lines that assign an interpolation to a key: `LATE` and `BUILT`, as a Hydra override or by the key's address.

Hydra's overrides cannot express every key (`a.b` means two keys, `a b` is invalid) and every text. The others
are written as `ADDRESS = JSON` in a line of another name, which only our replay reads.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, NamedTuple, Optional, Tuple

from experimentstash_inside.addresses import Path, address, dotted, has_override
from experimentstash_inside.overridetext import override
from experimentstash_inside.overridetext import read as read_override

LATE, BUILT = "LATE", "BUILT"
_BY_ADDRESS = "_AT"


class UnfitError(Exception):
    """The header and the body of a snapshot do not match: one of them was edited."""


def line(key: str, path: Path, text: str, lists: int) -> Tuple[str, str]:
    """Return the header line that gives the value at a path a text: an override where Hydra has one for it.

    Args:
        key: `LATE` or `BUILT`.
        path: the path of the value.
        text: an interpolation, or `???`.
        lists: how many keys of the path are positions in a list.
    """
    said = None
    if has_override(path, lists):
        said = override(dotted(path), text)
    return (key + _BY_ADDRESS, "%s = %s" % (address(path), json.dumps(text))) if said is None else (key, said)


class Texts(NamedTuple):
    """The lines of one kind, parsed.

    Attributes:
        by_key: texts by dotted key, for keys without a dot in them.
        by_address: texts by address.
    """

    by_key: Dict[str, Any]
    by_address: Dict[str, Any]

    def at(self, path: Path) -> Optional[Any]:
        """Return the text for a path, or None."""
        found = self.by_address.get(address(path))
        if found is None and not any("." in key for key in path if isinstance(key, str)):
            found = self.by_key.get(dotted(path))
        return found

    @property
    def is_empty(self) -> bool:
        """Whether there are none."""
        return not self.by_key and not self.by_address


def read(lines: Iterable[Tuple[str, str]], key: str) -> Texts:
    """Return what the header lines of a key, and those of its `_AT`, say.

    Raises:
        UnfitError: one is malformed.
    """
    found = Texts({}, {})
    for name, text in lines:
        if name == key:
            place, value = _override(key, text)
            found.by_key[place] = value
        elif name == key + _BY_ADDRESS:
            place, _, value = text.partition(" = ")
            try:
                found.by_address[place] = str(json.loads(value))
            except ValueError:
                raise UnfitError("%s %s is no ADDRESS = TEXT" % (name, text)) from None
    return found


def _override(name: str, text: str) -> Tuple[str, Any]:
    try:
        return read_override(text)
    except Exception:  # noqa: BLE001  (the parser's errors differ between Hydra's versions)
        raise UnfitError("%s %s is no override" % (name, text)) from None
