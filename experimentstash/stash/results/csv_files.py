"""The columns of CSV files, whatever separates them, with and without a header."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

from experimentstash.core.errors import printable
from experimentstash.stash.results.summary import MOST_SERIES, Gatherer, Keep, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from experimentstash.stash.results.manifest import Series, Value

LARGEST = 256 * 1024 * 1024
"""Bytes: a minute. A larger table is compared by its bytes."""
_SNIFFED = 64 * 1024  # characters
_BLOCK = 1024
"""Rows that are looked at in one go."""
_LONGEST_NAME = 300
_LONGEST_NUMBER = 64  # characters; `int` is quadratic
_MOST_COLUMNS = 100_000
_NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*|\s*[-+]?(nan|inf|infinity)\s*", re.ASCII | re.I)


def read_table(file: BinaryIO, size: int, keep: Keep, *, tabs: bool) -> tuple[Series, ...]:
    """Read a table, column by column; empty lines are none, and columns without a name are called by number.

    Args:
        file: the file, at its first byte.
        size: the bytes of it.
        keep: how many values are kept.
        tabs: whether its name implies tab-separated cells.

    Raises:
        UnreadableError: it is none: no UTF-8, no cell, or rows of several lengths; or it is too large.
    """
    if size > LARGEST:
        raise UnreadableError(f"larger than {LARGEST} bytes")
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        head = text.read(_SNIFFED)
        separator = "\t" if tabs else _separator(head)
        text.seek(0)
        rows = filter(None, csv.reader(text, delimiter=separator))
        return _read(rows, keep, comma=separator != ",")
    except UnicodeDecodeError:
        raise UnreadableError("not UTF-8") from None
    except csv.Error as error:  # a cell of more than 131,072 characters, too
        raise UnreadableError(f"no CSV: {error}") from None
    finally:
        text.detach()  # the file is the caller's to close


def _separator(head: str) -> str:
    """Return the separator of cells: the one with the most numbers, then the most columns."""

    def merit(separator: str) -> tuple[int, float, int]:
        whole = head[: head.rfind("\n") + 1] or head
        rows = [row for row in islice(csv.reader(io.StringIO(whole, newline=""), delimiter=separator), 50) if row]
        if not rows or len({len(row) for row in rows}) > 1:
            return (0, 0.0, 0)
        cells = list(chain.from_iterable(rows[1:]))
        numbers = sum(_number_like(cell, comma=separator != ",") for cell in cells)
        return (1, numbers / (len(cells) or 1), len(rows[0]))

    found = [separator for separator in ",;\t" if separator in head]
    return max(found, key=merit) if len(found) > 1 else "".join(found) or ","  # the first of equals


def _number_like(cell: str, *, comma: bool) -> bool:
    return _NUMBER.fullmatch(cell.replace(",", ".", 1) if comma else cell) is not None


@dataclass
class _Column:
    """A column as it comes; the blocks are the same whoever reads it, so the sums are too."""

    name: str
    gatherer: Gatherer
    comma: bool

    def add(self, cells: Sequence[str]) -> None:
        self.gatherer.add(_values(cells, comma=self.comma))


def _read(rows: Iterator[list[str]], keep: Keep, *, comma: bool) -> tuple[Series, ...]:
    first = next(rows, None)
    if first is None:
        raise UnreadableError("a table without a cell")
    if len(first) > _MOST_COLUMNS:
        raise UnreadableError(f"a table of {len(first)} columns")
    header = not any(_number_like(cell, comma=comma) for cell in first) and any(first)
    names = _names(list(map(keep.without_late, first))) if header else [f"column {n}" for n in range(1, len(first) + 1)]
    keep = keep.shared(min(len(names), MOST_SERIES + 1))
    columns = [_Column(name, Gatherer(keep), comma) for name in names[:MOST_SERIES]]
    others = Gatherer(keep)
    count = 0
    rows = rows if header else chain([first], rows)
    while block := list(islice(rows, _BLOCK)):
        if bad := next((n for n, row in enumerate(block, count + 1) if len(row) != len(first)), 0):
            raise UnreadableError(f"row {bad} has not the {len(first)} cells of the first")
        count += len(block)
        cells = list(zip(*block, strict=True))
        for column, part in zip(columns, cells, strict=False):
            column.add(part)
        for part in cells[MOST_SERIES:]:
            others.add(_values(part, comma=comma))
    series = [column.gatherer.series(column.name, str(count)) for column in columns]
    if len(names) > MOST_SERIES:
        series.append(others.series(f"({len(names) - MOST_SERIES} other columns)", f"{len(names)} columns"))
    return tuple(series)


def _names(first: list[str]) -> list[str]:
    """Return names of which none occurs twice; a cell without text is the index column of pandas."""
    names: list[str] = []
    taken: dict[str, int] = {}
    for number, cell in enumerate(first, 1):
        name = cell.strip() or f"column {number}"
        if len(name) > _LONGEST_NAME or printable(name) != name:
            raise UnreadableError("a column whose name is too long or holds control characters")
        taken[name] = taken.get(name, 0) + 1
        names.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    if len(set(names)) < len(names):
        raise UnreadableError("columns that cannot be told apart")
    return names


def _values(cells: Sequence[str], *, comma: bool) -> list[Value]:
    joined = "".join(cells)
    if joined.isascii() and "_" not in joined and max(map(len, cells)) <= _LONGEST_NUMBER:
        for convert in (int, float):  # most columns are all of one kind, and this is fast
            try:
                return list(map(convert, cells))
            except ValueError:
                continue
    return [_value(cell, comma=comma) for cell in cells]


def _value(cell: str, *, comma: bool) -> Value:
    if not cell.strip():
        return None
    if len(cell) > _LONGEST_NUMBER or not _number_like(cell, comma=comma):
        return cell
    text = cell.replace(",", ".", 1) if comma else cell
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return math.nan if math.isnan(number) else number
