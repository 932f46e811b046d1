"""Points on curled-up surfaces: the classics of manifold learning."""

from __future__ import annotations

import enum
import math
import random
from dataclasses import dataclass

Point = list[float]


class Surface(enum.Enum):
    """The surfaces that points can lie on."""

    SWISS_ROLL = "swiss roll"
    S_CURVE = "S curve"


@dataclass
class Data:
    """What points to make: the schema of the config group `data`."""

    surface: Surface = Surface.SWISS_ROLL
    n_points: int = 200
    noise: float = 0.0
    seed: int = 0


@dataclass
class Sample:
    """Points in space, and how far along the surface's curve each one lies."""

    points: list[Point]
    along: list[float]


def draw(data: Data) -> Sample:
    """Draw points from a surface: the same ones whenever the data's settings are the same."""
    rng = random.Random(data.seed)  # noqa: S311  (an experiment wants its dice to fall the same way again)
    along = [rng.random() for _ in range(data.n_points)]
    return Sample([[x + rng.gauss(0, data.noise) for x in _place(data.surface, t, rng)] for t in along], along)


def _place(surface: Surface, along: float, rng: random.Random) -> Point:
    width = rng.uniform(-1, 1)
    if surface is Surface.S_CURVE:
        angle = 3 * math.pi * (along - 0.5)
        return [math.sin(angle), width, math.copysign(math.cos(angle) - 1, angle)]
    angle = 1.5 * math.pi * (1 + 2 * along)
    return [angle * math.cos(angle) / 10, width, angle * math.sin(angle) / 10]
