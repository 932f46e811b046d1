"""The start-up time of every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measure import Row, Timed

if TYPE_CHECKING:
    from places import Place

TITLE = "Starting"


def rows(place: Place) -> list[Row]:
    """Compare `--help` with an interpreter that has loaded click."""
    shown = Timed("`experimentstash --help`", (place.program, "--help"), place.root, place.env)
    click = Timed("`python -c 'import click'`", (place.own.python, "-c", "import click"), place.root, place.env)
    return [Row(shown, click, most_ratio=1.2)]
