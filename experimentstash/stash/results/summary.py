"""Summarizes many values: which are kept, statistics of the rest, and digests of texts instead of the texts."""

from __future__ import annotations

import hashlib
import json
import math
import operator
import sys
from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeGuard

from experimentstash.stash.results.manifest import LARGEST_SHARE, Moments, Series, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = 256
"""Up to so many values of a series are kept, each one."""
SAMPLES = 64
"""At most so many of a longer one, evenly spaced."""
MOST_SERIES = 256
"""Columns, keys or arrays of one file that are kept each by itself; the others are kept as one."""
_FEW_TEXTS = 8
"""More texts than that, and no number, are kept as one digest."""
_EXACT = 1 << 53  # integers up to it are doubles
_BIGGEST = 1 << 1000
"""An integer beyond it is text here: it is no measurement, and no float is near it."""


class UnreadableError(Exception):
    """A file does not match its name, or cannot be compared by values; the text says why."""


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value is compared as a number: true and false are not."""
    return type(value) is float or (type(value) is int and -_BIGGEST < value < _BIGGEST)


def text_digest(text: str) -> str:
    """Return a digest of a text. A result may contain a path, a name or a token, and a manifest is published."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class Keep:
    """What is kept of a series.

    Attributes:
        most: up to so many values are kept, each one.
        samples: at most so many of a longer series; no more than `most`.
        late: strings of this machine or run (the run directory, a late value): a text is compared
            without them.
        series: the number of series of a file, if not the one in the file: a file compared with a
            recorded file is kept as that was.
        share: how many values they keep together.
    """

    most: int = ALL
    samples: int = SAMPLES
    late: tuple[str, ...] = ()
    series: int = 0
    share: int = LARGEST_SHARE

    def shared(self, series: int) -> Keep:
        """Return the number of values that each series of a file keeps, by the number of series."""
        share = self.share // (self.series or max(series, 1))
        samples = min(self.samples, max(share // 4, 4))
        return replace(self, most=max(min(self.most, share), samples), samples=samples)

    def stride(self, count: int) -> int:
        """Return the distance of the kept values: 1 keeps all, and otherwise a power of two."""
        step = 1
        if count > self.most:
            while -(-count // step) > self.samples:
                step *= 2
        return step

    def without_late(self, text: str) -> str:
        """Return a text, with every late one in it made the same on all machines."""
        for late in self.late:
            text = text.replace(late, "<late>")
        return text

    def alike(self, value: Value) -> Value:
        """Return a value; in a text, without its late parts."""
        return self.without_late(value) if isinstance(value, str) else value


class Tally:
    """The moments of numbers that come in chunks.

    `math.fsum` rounds once for each chunk, alike on every machine and Python; `sum` of floats changed with 3.12.
    """

    def __init__(self) -> None:
        self._of = self._finite = self._nan = self._inf = self._neg_inf = 0
        self._low: int | float | None = None
        self._high: int | float | None = None
        self._sums: tuple[list[float], list[float], list[float]] = ([], [], [])

    def add(self, numbers: Sequence[int | float]) -> None:
        """Add a chunk; its boundaries decide the last digit of the sums."""
        self._of += len(numbers)
        if not math.isfinite(_sum(numbers)):
            numbers = self._without_special(numbers)
        if not numbers:
            return
        low, high = min(numbers), max(numbers)
        self._low = low if self._low is None else min(self._low, low)
        self._high = high if self._high is None else max(self._high, high)
        self._finite += len(numbers)
        parts = (numbers, list(map(abs, numbers)), list(map(operator.mul, numbers, numbers)))
        for sums, part in zip(self._sums, parts, strict=True):
            sums.append(_sum(part))

    def _without_special(self, numbers: Sequence[int | float]) -> list[int | float]:
        finite = [number for number in numbers if math.isfinite(number)]
        positive = sum(number == math.inf for number in numbers)
        negative = sum(number == -math.inf for number in numbers)
        self._inf += positive
        self._neg_inf += negative
        self._nan += len(numbers) - len(finite) - positive - negative
        return finite

    def moments(self) -> Moments:
        """Return the moments of all that was added."""
        counts = (self._of, self._nan, self._inf, self._neg_inf)
        if self._low is None or self._high is None:
            return Moments(*counts)
        mean, mean_abs, square = (_sum(sums) / self._finite for sums in self._sums)
        return Moments(*counts, self._low, self._high, mean, mean_abs, math.sqrt(square))


def _sum(numbers: Sequence[int | float]) -> float:
    try:
        return math.fsum(numbers)
    except ValueError:  # inf and -inf in one chunk
        return math.nan
    except OverflowError:  # finite numbers whose sum is none
        return math.inf


class Gatherer:
    """A series whose values come in blocks, texts as they are; nothing grows with their number.

    Args:
        keep: how many are kept.
    """

    def __init__(self, keep: Keep) -> None:
        self.count = 0
        self._keep = keep
        self._stride = 1
        self._kept: list[Value] = []
        self._waiting: list[Sequence[int | float]] = []
        self._tally = Tally()
        self._numbers = 0
        self._digest = hashlib.sha256()
        self._others = hashlib.sha256()

    def add(self, values: Sequence[Value]) -> None:
        """Take in the next block."""
        numbers: list[int | float] = [value for value in values if is_number(value)]
        self._numbers += len(numbers)
        self._waiting.append(numbers)
        if len(numbers) < len(values):
            values = list(map(self._keep.alike, values)) if self._keep.late else values
            places = [(self.count + n, value) for n, value in enumerate(values) if not is_number(value)]
            self._others.update(json.dumps(places).encode())
        self._kept.extend(values[-self.count % self._stride :: self._stride])
        self.count += len(values)
        if self.count > self._keep.most:  # a short series keeps every value and no statistics
            self._tell()
        while len(self._kept) > self._keep.most:
            self._thin()

    def _tell(self) -> None:
        for numbers in self._waiting:
            self._tally.add(numbers)
            self._digest.update(_bits(numbers))
        self._waiting.clear()

    def _thin(self) -> None:
        self._kept = self._kept[::2]
        self._stride *= 2

    def series(self, name: str, shape: str = "") -> Series:
        """Return the summary of all blocks."""
        if self.count > self._keep.most:
            while len(self._kept) > self._keep.samples:
                self._thin()
        if self._numbers == 0 and self.count > _FEW_TEXTS:
            return Series(name, self.count, shape=shape, others=self._others.hexdigest()[:32])
        values = tuple(map(settled, self._kept))
        if len(values) == self.count:
            return Series(name, self.count, values, shape)
        others = self._others.hexdigest()[:32] if self._numbers < self.count else ""
        digest = self._digest.hexdigest()[:32]
        return Series(name, self.count, values, shape, "", self._tally.moments(), digest, others)


def gathered(name: str, values: Sequence[Value], shape: str, keep: Keep) -> Series:
    """Return the series of values that are all at hand."""
    if len(values) <= min(_FEW_TEXTS, keep.most):  # most keys of a JSON file have one
        return Series(name, len(values), tuple(settled(keep.alike(value)) for value in values), shape)
    gatherer = Gatherer(keep)
    gatherer.add(values)
    return gatherer.series(name, shape)


def _bits(numbers: Sequence[int | float]) -> bytes:
    """Return numbers as the bytes of doubles; as text if an integer has no exact double."""
    if any(type(number) is int and not -_EXACT < number < _EXACT for number in numbers):
        return repr(numbers).encode()
    doubles = array("d", numbers)
    if sys.byteorder == "big":
        doubles.byteswap()
    return doubles.tobytes()


def settled(value: Value) -> Value:
    """Return a value as it is kept: a text by its digest, and every NaN the same one."""
    if isinstance(value, str):
        return text_digest(value)
    if type(value) is int and not is_number(value):
        return text_digest(hex(value))
    return math.nan if value != value else value
