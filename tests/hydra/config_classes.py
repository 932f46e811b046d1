"""The config classes that the replay tests use: a tool's structured configs."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Union  # noqa: UP035  (OmegaConf 2.1 to 2.3 read these)


class Color(enum.Enum):
    RED = 1
    GREEN = "g"


class Level(enum.IntEnum):
    LOW = 0
    HIGH = 10


@dataclass
class Leaf:
    count: int = 1
    rate: float = 0.5
    name: str = "leaf"
    flag: bool = True
    color: Color = Color.RED
    where: Path = Path("data")
    blob: bytes = b"\x00\xff"
    maybe: Optional[int] = None  # noqa: UP045
    either: Union[int, str] = "x"  # noqa: UP007
    any: Any = None


@dataclass
class Deeper(Leaf):
    level: Level = Level.LOW
    extra: Dict[str, float] = field(default_factory=lambda: {"a": 1.0})  # noqa: UP006


@dataclass(frozen=True)
class Fixed:
    size: int = 3


@dataclass
class Model:
    leaf: Leaf = field(default_factory=Leaf)
    none: Optional[Leaf] = None  # noqa: UP045
    leaves: List[Leaf] = field(default_factory=list)  # noqa: UP006
    by_name: Dict[str, Leaf] = field(default_factory=dict)  # noqa: UP006
    by_color: Dict[Color, int] = field(default_factory=lambda: {Color.GREEN: 2})  # noqa: UP006
    grid: List[List[int]] = field(default_factory=lambda: [[1, 2], []])  # noqa: UP006
    paths: List[Path] = field(default_factory=lambda: [Path("a"), Path("b/c")])  # noqa: UP006
    fixed: Fixed = field(default_factory=Fixed)
    levels: Optional[List[Level]] = None  # noqa: UP006, UP045
    options: Dict[str, Optional[float]] = field(default_factory=lambda: {"x": None, "y": 1.5})  # noqa: UP006, UP045
