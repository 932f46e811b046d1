"""Ways to flatten points: each takes points in space and returns them with fewer coordinates."""

from __future__ import annotations

import math
import random
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swissroll.manifold import Point


def pca(points: list[Point], n_components: int, iterations: int) -> list[Point]:
    """Project points on their directions of largest variance, found by power iteration."""
    points = prepared(points)
    covariance = [[fmean(p[i] * p[j] for p in points) for j in range(3)] for i in range(3)]
    directions: list[Point] = []
    for _ in range(n_components):
        direction = [1.0, 1.0, 1.0]
        for _ in range(iterations):
            direction = _orthonormal([_dot(row, direction) for row in covariance], directions)
        directions.append(direction)
    return _project(points, directions)


def random_projection(points: list[Point], n_components: int, seed: int) -> list[Point]:
    """Project points on random directions: what every other way should beat."""
    rng = random.Random(seed)  # noqa: S311  (an experiment wants its dice to fall the same way again)
    directions: list[Point] = []
    for _ in range(n_components):
        directions.append(_orthonormal([rng.gauss(0, 1) for _ in range(3)], directions))
    return _project(prepared(points), directions)


def prepared(points: list[Point]) -> list[Point]:
    """Return the points with each coordinate prepared for the comparison of variances."""
    axes = [_centred(axis) for axis in zip(*points, strict=True)]
    return [list(point) for point in zip(*axes, strict=True)]


def _centred(axis: Sequence[float]) -> list[float]:
    mean = fmean(axis)
    return [x - mean for x in axis]


def _orthonormal(direction: Point, others: list[Point]) -> Point:
    for other in others:
        overlap = _dot(direction, other)
        direction = [x - overlap * y for x, y in zip(direction, other, strict=True)]
    length = math.hypot(*direction)
    return [x / length for x in direction]


def _project(points: list[Point], directions: list[Point]) -> list[Point]:
    return [[_dot(point, direction) for direction in directions] for point in points]


def _dot(a: Point, b: Point) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))
