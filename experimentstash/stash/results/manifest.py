"""What a run wrote, as values: the files, and of numeric ones enough to compare them later without the files."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from experimentstash.core.errors import StashError

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = 1
"""Of the format, and of all that decides which values are kept: whoever changes one of them counts it up."""
LARGEST = 32 * 1024 * 1024
"""Bytes. A manifest goes into git; `MOST_VALUES` keeps those that we write far below."""
MOST_FILES = 100_000
LONGEST_PATH = 1024  # characters

LARGEST_SHARE = 8192
"""The approximate number of values that all series of one file keep; with many files, each keeps fewer."""

Value: TypeAlias = "int | float | bool | str | None"
"""A number; true or false; a text, by the first 16 digits of its SHA-256; None for `null` and an empty cell."""


@dataclass(frozen=True)
class Moments:
    """Summary statistics of many numbers.

    Attributes:
        of: how many numbers were looked at; in very large arrays, evenly spaced blocks of it.
        nan, inf, neg_inf: how many of them are not finite.
        low, high, mean, mean_abs, rms: of the finite ones, or None if there are none: minimum, maximum, mean,
            mean of the absolute values, root of the mean square (the L2 norm by the root of their number).
    """

    of: int
    nan: int = 0
    inf: int = 0
    neg_inf: int = 0
    low: int | float | None = None
    high: int | float | None = None
    mean: float | None = None
    mean_abs: float | None = None
    rms: float | None = None


@dataclass(frozen=True)
class Series:
    """A series of values: a column of a table, a key of a JSON file, an array.

    Attributes:
        name: of the column or array; for JSON the dotted path, with `*` for each list on the way.
        count: how many values there are; a complex number is two.
        values: all of them, or those at 0, s, 2s, … with s a power of two; none if all are text.
        shape: `3x4` for an array, `scalar` for one without dimensions, empty for a lone value of a JSON file.
        dtype: numpy's name of it (`<f8`); empty outside of numpy files.
        moments: of the numbers among them, if `values` are not all.
        digest: of the bits of all those numbers; it begins with `F` for an array in Fortran order.
        others: a digest of the other values and their positions, if `values` are not all.
    """

    name: str
    count: int
    values: tuple[Value, ...] = ()
    shape: str = ""
    dtype: str = ""
    moments: Moments | None = None
    digest: str = ""
    others: str = ""

    @property
    def complete(self) -> bool:
        """Whether every value is here."""
        return len(self.values) == self.count


@dataclass(frozen=True)
class Content:
    """The readable part of a numeric file.

    Attributes:
        kind: `json`, `jsonl`, `csv`, `npy`, `npz` or `text`.
        series: in file order for `csv`, by name for the others; no name occurs twice.
    """

    kind: str
    series: tuple[Series, ...]

    @property
    def weight(self) -> int:
        """About how many values it takes to write it down."""
        return sum(3 + len(series.values) + (10 if series.moments else 0) for series in self.series)


@dataclass(frozen=True)
class File:
    """A file of a run directory.

    Attributes:
        path: inside the run directory, with `/` on every system.
        size: bytes.
        sha256: of its bytes, in hex.
        content: the values that can be compared within tolerances, or None.
        note: why there is no content, if its name suggests some.
    """

    path: str
    size: int
    sha256: str
    content: Content | None = None
    note: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a run wrote.

    Attributes:
        files: by path; none occurs twice.
        notes: the files that are not regular, or could not be recorded: sentences for people.
        share: the approximate number of values that a file kept; a file compared with it keeps the same.
    """

    files: tuple[File, ...] = ()
    notes: tuple[str, ...] = ()
    share: int = LARGEST_SHARE


def render(manifest: Manifest) -> str:
    """Write a manifest as JSON: sorted, a line for each file and for each series, a line break last.

    Raises:
        StashError: it is larger than `parse` takes.
    """
    files = sorted(manifest.files, key=lambda file: file.path)
    notes, lines = _lines(map(_json, sorted(manifest.notes))), _lines(map(_file, files))
    text = f'{{\n "version": {VERSION},\n "share": {manifest.share},\n "notes": {notes},\n "files": {lines}\n}}\n'
    if len(text.encode()) > LARGEST:
        raise StashError(
            f"the manifest of {len(files)} result files would take more than {LARGEST} bytes",
            "exclude files that are not results: `results: {ignore: […]}` in configs/meta.yaml",
        )
    return text


def _lines(items: Iterable[str]) -> str:
    lines = ",\n  ".join(items)
    return f"[\n  {lines}\n ]" if lines else "[]"


def _file(file: File) -> str:
    head: dict[str, object] = {"path": file.path, "size": file.size, "sha256": file.sha256}
    if file.note:
        head["note"] = file.note
    if file.content is None:
        return _json(head)
    series = ",".join(f"\n   {_json(_series(series))}" for series in file.content.series)
    return _json({**head, "kind": file.content.kind})[:-1] + f', "series": [{series}]}}'


def _series(series: Series) -> dict[str, object]:
    optional = {key: getattr(series, key) for key in ("shape", "dtype", "digest", "others")}
    entry = {"name": series.name, "count": series.count, **{key: text for key, text in optional.items() if text}}
    if series.moments:
        entry["moments"] = {key: encoded(value) for key, value in vars(series.moments).items()}
    return {**entry, "values": [encoded(value) for value in series.values]}


def encoded(value: Value) -> object:
    """Return a value for JSON; numbers that JSON lacks become `["nan"]`, `["inf"]` or `["-inf"]`."""
    return [repr(value)] if isinstance(value, float) and not math.isfinite(value) else value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
