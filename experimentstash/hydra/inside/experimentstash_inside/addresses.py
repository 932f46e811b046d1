"""The path of a config value, in the three notations of a snapshot file."""

from __future__ import annotations

import enum
import json
import re
from typing import Any, Optional, Tuple

Path = Tuple[Any, ...]
"""The keys from the root down: texts, numbers and enum members of mappings, numbers of lists."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_OVERRIDE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_INTERPOLATION_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def dotted(path: Path) -> str:
    """Return a path as Hydra writes keys: `a.b.0`; an enum key by its name."""
    return ".".join(key.name if isinstance(key, enum.Enum) else str(key) for key in path)


def address(path: Path) -> str:
    """Return a unique text for a path, without white space; the root is `.`, an unusual key is JSON."""
    return ".".join(map(_component, path)) or "."


def has_override(path: Path, lists: int = 0) -> bool:
    """Return whether a Hydra override can name a path whose keys are texts, but for list positions.

    Args:
        path: the path.
        lists: how many of its keys are positions in a list.
    """
    numbers = [key for key in path if not isinstance(key, str)]
    texts = all(_OVERRIDE_KEY.fullmatch(key) for key in path if isinstance(key, str))
    return texts and len(numbers) == lists and not any(isinstance(key, (bool, enum.Enum)) for key in numbers)


def interpolation(path: Path) -> Optional[str]:
    """Return the interpolation that reads a path, or None if OmegaConf's grammar cannot name it."""
    named = path and all(
        _INTERPOLATION_KEY.fullmatch(key) if isinstance(key, str) else type(key) is int and key >= 0 for key in path
    )
    return "${%s}" % dotted(path) if named else None


def is_at_or_below(path: Path, above: Path) -> bool:
    """Return whether a path equals another, or is below it."""
    return path[: len(above)] == above


def _component(key: Any) -> str:
    if isinstance(key, enum.Enum):
        key = key.name
    if isinstance(key, str):
        return key if _NAME.fullmatch(key) else json.dumps(key).replace(" ", "\\u0020")
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)
    return "~" + repr(key).replace(" ", "")
