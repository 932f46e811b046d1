"""What every command waits for first: the program itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from measure import Row, Timed
from places import PROGRAM

if TYPE_CHECKING:
    from places import Place

TITLE = "Starting"


def rows(place: Place) -> list[Row]:
    """Stand `--help` beside an interpreter that has loaded click."""
    shown = Timed("`experimentstash --help`", (PROGRAM, "--help"), place.root, place.env)
    click = Timed("`python -c 'import click'`", (sys.executable, "-c", "import click"), place.root, place.env)
    return [Row(shown, click, most_ratio=2)]
