"""The packages of a TOML lock: uv and poetry name them at `package`, `pylock.toml` at `packages`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from experimentstash.core import toml_text
from experimentstash.core.errors import StashError
from experimentstash.environments.packages import normal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Entry:
    """One package of a lock.

    Attributes:
        name: its normal name.
        version: its version; empty where the lock leaves it to the source.
        table: all that the lock says of it.
    """

    name: str
    version: str
    table: Mapping[str, Any] = field(repr=False)

    def values(self, key: str) -> tuple[str, ...]:
        """Return every text that stands at `key`, in this package's table or in one inside it."""
        return tuple(text for at, text in toml_text.texts(self.table) if at == key)


def entries(document: Mapping[str, Any], where: str) -> list[Entry]:
    """Return the packages of a lock, in file order.

    Args:
        document: the lock, parsed.
        where: what the message calls it.

    Raises:
        StashError: what stands where its packages belong is no list of tables.
    """
    named = [document[key] for key in ("package", "packages") if key in document]
    found = [one for packages in named for one in (packages if isinstance(packages, list) else [packages])]
    if not all(isinstance(one, dict) for one in found):
        raise StashError(f"{where}: its packages are no tables")
    return [Entry(normal(toml_text.text(one, "name")), toml_text.text(one, "version"), one) for one in found]
