"""Prints tables as aligned columns, CSV or Markdown; uses colour and a pager on a terminal."""

from __future__ import annotations

import csv
import io
import os
import shutil
import sys
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from experimentstash.core.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
GOOD, BAD, FAINT, HEAD = "green", "red", "bright_black", "bold"
"""The colours of cells; `HEAD` is bold."""


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: the text; it may come from a stash.
        colour: one of `GOOD`, `BAD`, `FAINT`, `HEAD`, or empty.
    """

    text: str
    colour: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        head: the names of the columns.
        rows: for each row, a text or a cell for each column.
    """

    head: tuple[str, ...]
    rows: Sequence[Sequence[str | Cell]]

    def lines(self) -> list[str]:
        """Return the lines of the table with aligned columns and colour; `show` removes the colour if needed."""
        rows = [[_cell(cell) for cell in row] for row in self.rows]
        shown = [[Cell(printable(name), HEAD) for name in self.head], *rows]
        widths = [max(_width(row[number].text) for row in shown) for number in range(len(self.head))]
        return [_line(row, widths) for row in shown]

    def csv(self) -> str:
        """Return the table as CSV with a header row.

        A text that a spreadsheet would read as a formula is prefixed with an apostrophe.
        """
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.head)
        writer.writerows([_safe(_text(cell)) for cell in row] for row in self.rows)
        return out.getvalue()

    def markdown(self) -> str:
        """Return the table as Markdown; all text is escaped."""
        from experimentstash.stash.results.markdown import escaped

        rows = [[escaped(_text(cell)) for cell in row] for row in self.rows]
        lines = [list(self.head), ["---"] * len(self.head), *rows]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _text(cell: str | Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def _cell(cell: str | Cell) -> Cell:
    """Return a cell without control characters."""
    return Cell(printable(cell)) if isinstance(cell, str) else Cell(printable(cell.text), cell.colour)


def _safe(text: str) -> str:
    is_number = text.lstrip("+-").replace(".", "", 1).replace("e", "", 1).replace("-", "", 1).isalnum()
    return f"'{text}" if text.startswith(_FORMULAS) and not (is_number and text[1:2].isdigit()) else text


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _line(row: Sequence[Cell], widths: Sequence[int]) -> str:
    parts = [
        styled(cell.text, cell.colour) + " " * (width - _width(cell.text))
        for cell, width in zip(row, widths, strict=True)
    ]
    return "  ".join(parts).rstrip()


def styled(text: str, colour: str) -> str:
    """Return a text in a colour; an empty colour leaves it unchanged."""
    if not colour or not text:
        return text
    return click.style(text, bold=True) if colour == HEAD else click.style(text, fg=colour)


def show(lines: Iterable[str]) -> None:
    """Print lines to stdout: in colour on a terminal unless `NO_COLOR` is set, in a pager if they fill the screen."""
    shown = list(lines)
    is_terminal = sys.stdout.isatty()
    colour = is_terminal and not os.environ.get("NO_COLOR")
    if is_terminal and len(shown) >= shutil.get_terminal_size().lines:
        click.echo_via_pager(_ended(shown if colour else map(click.unstyle, shown)), color=colour)
        return
    for line in shown:
        click.echo(line if colour else click.unstyle(line))


def _ended(lines: Iterable[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)
