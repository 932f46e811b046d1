"""`verify`, with few snapshots and with many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from histories import Past, stash_with
from measure import Row, Timed

if TYPE_CHECKING:
    from pathlib import Path

    from places import Place

TITLE = "Judging"
FEW, MANY = 50, 500


def rows(place: Place) -> list[Row]:
    """Measure how the judging of the index, and of all, grows with ten times the snapshots and tags."""
    few, many = (stash_with(place, f"verify-{count}", Past(count)) for count in (FEW, MANY))
    return [row for options in ((), ("--all",)) for row in _rows(place, few, many, options)]


def _rows(place: Place, few: Path, many: Path, options: tuple[str, ...]) -> list[Row]:
    words = " ".join(("verify", *options))
    small, large = (
        Timed(f"`{words}`, {count} snapshots", (place.program, "verify", *options), stash, place.env)
        for count, stash in ((FEW, few), (MANY, many))
    )
    return [Row(small), Row(large, small)]
