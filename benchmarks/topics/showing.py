"""`status`, `log`, `diff`, `report` and completion, with few snapshots and with many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from histories import Past, stash_with
from measure import Row, Timed

if TYPE_CHECKING:
    from pathlib import Path

    from places import Place

TITLE = "Showing"
PASTS = {"10": Past(10), "1,000": Past(200, each=5), "10,000": Past(1000, each=10)}
COMMANDS = (("status",), ("log",), ("diff", "figure-1", "figure-2"), ("report",))


def rows(place: Place) -> list[Row]:
    """Measure the growth of each command from ten snapshots; `status` for 1,000 has an aim of 0.5 s.

    The two warm-ups of each command fill the caches of `status` and `report`.
    """
    stashes = {count: stash_with(place, f"show-{count.replace(',', '')}", past) for count, past in PASTS.items()}
    found = []
    for words in COMMANDS:
        timed = [
            Timed(f"`{' '.join(words)}`, {count} snapshots", (place.program, *words), stash, place.env)
            for count, stash in stashes.items()
        ]
        aims = (None, 0.5, None) if words == ("status",) else (None, None, None)
        beside = (None, timed[0], timed[0])
        found += [Row(one, peer, most=aim) for one, peer, aim in zip(timed, beside, aims, strict=True)]
    return found + [_completion(place, count, stash) for count, stash in stashes.items()]


def _completion(place: Place, count: str, stash: Path) -> Row:
    """Measure the completion of a tag in a shell; users notice more than 0.15 s."""
    env = {**place.env, "_EXPERIMENTSTASH_COMPLETE": "bash", "COMP_LINE": "experimentstash show figure-1"}
    return Row(Timed(f"completion of a tag, {count} snapshots", (place.program,), stash, env), most=0.15)
