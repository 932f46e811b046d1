"""The figures that a run recorded: one number or text for each column, key or array of its results."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from experimentstash.stash.results.summary import is_number

if TYPE_CHECKING:
    from experimentstash.stash.results.manifest import Manifest, Series, Value


@dataclass(frozen=True)
class Figure:
    """The figure of one column, key or array of a result file.

    Attributes:
        file: the file, from the run directory.
        key: the column, the dotted key, or the name of the array.
        value: a number or bool; the digest of a text; None for `null` or an unknown value.
        series: its recorded values.
        basis: how the value was chosen: empty for the only one, `last of 100`, `mean of 4096`.
    """

    file: str
    key: str
    value: Value
    series: Series = field(repr=False)
    basis: str = ""

    @property
    def name(self) -> str:
        """`FILE::KEY`, as in the options of `reproduce`."""
        return f"{self.file}::{self.key}"

    @property
    def number(self) -> float | None:
        """The value if it can be plotted: a finite number."""
        return float(self.value) if is_number(self.value) and math.isfinite(self.value) else None


def figures(manifest: Manifest) -> dict[str, Figure]:
    """Return the figures of recorded results by `FILE::KEY`: the only value, the last one, or the mean of an array."""
    found = (_figure(file.path, series) for file in manifest.files if file.content for series in file.content.series)
    return {figure.name: figure for figure in found}


def _figure(file: str, series: Series) -> Figure:
    if series.count == 1 and series.values:
        return Figure(file, series.name, series.values[0], series)
    if series.shape and series.moments:
        return Figure(file, series.name, series.moments.mean, series, f"mean of {series.moments.of:,}")
    if series.values and series.complete:
        return Figure(file, series.name, series.values[-1], series, f"last of {series.count:,}")
    if series.moments:
        return Figure(file, series.name, series.moments.mean, series, f"mean of {series.moments.of:,}")
    return Figure(file, series.name, None, series, f"{series.count:,} values")
