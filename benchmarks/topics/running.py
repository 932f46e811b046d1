"""`run`, compared with the tool started by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measure import Row, Timed

if TYPE_CHECKING:
    from pathlib import Path

    from places import Place

TITLE = "Running"


def rows(place: Place) -> list[Row]:
    """Measure a small and a large config, with a task that does nothing."""
    return [row for keys in (5, 500) for row in _rows(place, place.with_tool(f"run-{keys}", keys), keys)]


def _rows(place: Place, stash: Path, keys: int) -> list[Row]:
    by_hand = Timed(
        f"the tool by hand, {keys} keys",
        (
            *(place.own.python, "-m", "mytool.main", f"--config-dir={stash}/configs/mytool", "experiment=first"),
            f"hydra.run.dir={place.root}/by-hand",
        ),
        stash / "tools" / "mytool",
        place.env,
    )
    run = Timed(f"`run`, {keys} keys", (place.program, "run", "mytool", "first"), stash, place.env)
    frozen = _frozen(place, stash, keys)
    return [Row(run, by_hand, most_added=0.15), Row(frozen, by_hand, most_added=0.15)]


def _frozen(place: Place, stash: Path, keys: int) -> Timed:
    command = (place.program, "snapshot", "mytool", "first", "--tag", "frozen", "--commit")
    Timed("snapshot", command, stash, place.env).seconds()
    return Timed(
        f"`run --snapshot`, {keys} keys",
        (place.program, "run", "mytool", "first", "--snapshot", "frozen"),
        stash,
        place.env,
    )
