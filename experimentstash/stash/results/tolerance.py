"""How far values lie from the recorded ones: bit by bit the same, near enough, or not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from experimentstash.stash.results.comparison_rules import EXACT, Tolerance
from experimentstash.stash.results.summary import is_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from experimentstash.stash.results.manifest import Moments, Series, Value

_ROUNDING = 1e-9
"""Relative to the tolerance: moments are rounded, and must not show a difference that the values do not."""


@dataclass(frozen=True)
class Gap:
    """How far numbers lie apart.

    Attributes:
        absolute: the largest difference.
        relative: the largest one divided by the recorded number; infinite if that is 0 and the new one is not.
    """

    absolute: float = 0.0
    relative: float = 0.0

    def widened(self, other: Gap) -> Gap:
        """Return the larger of each."""
        return Gap(max(self.absolute, other.absolute), max(self.relative, other.relative))


@dataclass(frozen=True)
class Closeness:
    """What comparing two series gave.

    Attributes:
        gap: between the numbers that were compared one by one, finite ones.
        wrong: the first difference beyond the tolerance, in words; empty if there is none.
        whole: whether it rests on every value: compared one by one, or all the same by their digest.
    """

    gap: Gap = Gap()
    wrong: str = ""
    whole: bool = True


def compare_series(old: Series, new: Series, tolerance: Tolerance) -> Closeness:
    """Compare two series of one name: type, shape, values one by one, and the moments of those that were not kept."""
    for what, was, now in (("type", old.dtype, new.dtype), ("shape", old.shape, new.shape)):
        if was != now:
            return Closeness(wrong=f"{old.name}: {what} {was or 'none'} is now {now or 'none'}")
    if old.count != new.count:
        return Closeness(wrong=f"{old.name}: {old.count:,} values are now {new.count:,}")
    if old.dtype.endswith("b1"):
        tolerance = EXACT  # true and false lie near nothing
    whole = old.moments is None or new.moments is None or old.digest == new.digest
    found = replace(_compare_values(old, new, tolerance), whole=whole)
    if found.wrong:
        return found
    if old.others != new.others:
        return replace(found, wrong=f"{old.name}: its texts or empty cells are others")
    if whole or old.moments is None or new.moments is None:
        return found
    if tolerance == EXACT and old.digest[:1] != "F" != new.digest[:1]:
        return replace(found, wrong=f"{old.name}: values that were not kept one by one are others")
    return replace(found, wrong=_wrong_moment(old.name, old.moments, new.moments, tolerance))


def _compare_values(old: Series, new: Series, tolerance: Tolerance) -> Closeness:
    gap, wrong = Gap(), ""
    for place, was, now in _aligned(old, new):
        if was is now or same(was, now):
            continue
        apart = _gap(was, now)
        if apart is not None:
            gap = gap.widened(apart)
        if not wrong and not near(was, now, tolerance):
            at = f"{old.name}[{place}]" if old.count > 1 else old.name
            texts = isinstance(was, str) and isinstance(now, str)
            wrong = f"{at}: its text is another" if texts else f"{at}: {told(was)} is now {told(now)}"
    return Closeness(gap, wrong)


def _aligned(old: Series, new: Series) -> Iterator[tuple[int, Value, Value]]:
    """Yield the values that both kept; if one kept fewer, its step is a multiple of the other's."""
    mine, theirs = _distance(old), _distance(new)
    step = max(mine, theirs)
    pairs = zip(old.values[:: step // mine], new.values[:: step // theirs], strict=False)
    return ((number * step, was, now) for number, (was, now) in enumerate(pairs))


def _distance(series: Series) -> int:
    step = 1
    while -(-series.count // step) > max(len(series.values), 1):
        step *= 2
    return step


def same(old: Value, new: Value) -> bool:
    """Return whether two values are the same: 1 and 1.0 are, NaN and NaN are, 1 and true are not."""
    if is_number(old) and is_number(new):
        return old == new or (old != old and new != new)
    return type(old) is type(new) and old == new


def near(old: Value, new: Value, tolerance: Tolerance) -> bool:
    """Return whether a value is the recorded one within the tolerance; only finite numbers have one."""
    if same(old, new):
        return True
    gap = _gap(old, new)
    return gap is not None and is_number(old) and gap.absolute <= _allowed(tolerance, abs(old))


def _gap(old: Value, new: Value) -> Gap | None:
    if not (is_number(old) and is_number(new) and math.isfinite(old) and math.isfinite(new)):
        return None
    absolute = abs(old - new)
    return Gap(float(absolute), float(absolute / abs(old)) if old else math.inf)


def _allowed(tolerance: Tolerance, scale: float) -> float:
    return tolerance.atol + tolerance.rtol * scale


def _wrong_moment(name: str, old: Moments, new: Moments, tolerance: Tolerance) -> str:
    """Return a difference of the moments that is too large if every value changes within its tolerance.

    Then the minimum and the maximum change by at most the tolerance at their size, the mean by the tolerance at the
    mean of the absolute values, and the root mean square by the tolerance at its own size (Minkowski).
    """
    for what, count, now in (
        ("looked at", old.of, new.of),
        ("NaN", old.nan, new.nan),
        ("inf", old.inf, new.inf),
        ("-inf", old.neg_inf, new.neg_inf),
    ):
        if count != now:
            return f"{name}: {count:,} values {what} are now {now:,}"
    for what, was, is_now, scale in (
        ("least value", old.low, new.low, old.low),
        ("greatest value", old.high, new.high, old.high),
        ("mean", old.mean, new.mean, old.mean_abs),
        ("mean of absolute values", old.mean_abs, new.mean_abs, old.mean_abs),
        ("root mean square", old.rms, new.rms, old.rms),
    ):
        if was is None or is_now is None or was == is_now:
            continue  # both or none are None: the counts above are the same
        if not abs(was - is_now) <= _allowed(tolerance, abs(scale or 0)) * (1 + _ROUNDING):
            return f"{name}: {what} {told(was)} is now {told(is_now)}"
    return ""


def told(value: Value) -> str:
    """Format a value for a message; a text is not shown, since only its digest was kept."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    return "a text" if isinstance(value, str) else f"{value!r}"


def rests_on(whole: Sequence[Series], partly: Sequence[Series]) -> str:
    """Describe the basis of the comparison of a file.

    Args:
        whole: the series of which every value was compared, or the digest is equal.
        partly: the series compared by their kept values and moments.
    """
    if not partly:
        return "all values"
    kept = sum(part.count for part in whole) + sum(len(part.values) for part in partly)
    total = sum(part.count for part in (*whole, *partly))
    looked_at = sum(part.moments.of for part in partly if part.moments)
    numbers = sum(part.count for part in partly)
    share = "all" if looked_at >= numbers else f"{looked_at:,}"
    return f"{kept:,} of {total:,} values, and the moments of {share}"
