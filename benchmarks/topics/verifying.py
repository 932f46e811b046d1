"""`verify`, with few snapshots and with many, compared with parsing the same YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from histories import Past, stash_with
from measure import Row, Timed

if TYPE_CHECKING:
    from pathlib import Path

    from places import Place

TITLE = "Judging"
FEW, MANY = 50, 500
EVERYTHING = (10, 1_000, 10_000)
"""The numbers of snapshots for the comparison with libyaml."""
_EACH = 5  # snapshots of a tag
_PARSE = """\
import pathlib, sys, yaml
for file in pathlib.Path(sys.argv[1]).rglob("snapshots/*/*.yaml"):
    yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
"""


def rows(place: Place) -> list[Row]:
    """Measure the growth of `verify`, of the index and of all tags, with ten times the snapshots and tags."""
    few, many = (stash_with(place, f"verify-{count}", Past(count)) for count in (FEW, MANY))
    grown = [row for options in ((), ("--all",)) for row in _rows(place, few, many, options)]
    return grown + [_beside_parsing(place, count) for count in EVERYTHING]


def _beside_parsing(place: Place, count: int) -> Row:
    """Compare `verify` of all snapshots with an interpreter that parses the same files with libyaml."""
    stash = stash_with(place, f"verify-all-{count}", Past(count // _EACH, each=_EACH))
    command = (place.program, "verify", "--all")
    judged = Timed(f"`verify --all`, {count:,} snapshots under {count // _EACH:,} tags", command, stash, place.env)
    parse = (place.own.python, "-c", _PARSE, str(stash / "configs"))
    parsed = Timed(f"`yaml.load` with `CSafeLoader`, the same {count:,} files", parse, stash, place.env)
    return Row(judged, parsed, most_ratio=1.5)


def _rows(place: Place, few: Path, many: Path, options: tuple[str, ...]) -> list[Row]:
    words = " ".join(("verify", *options))
    small, large = (
        Timed(f"`{words}`, {count} snapshots", (place.program, "verify", *options), stash, place.env)
        for count, stash in ((FEW, few), (MANY, many))
    )
    return [Row(small), Row(large, small)]
