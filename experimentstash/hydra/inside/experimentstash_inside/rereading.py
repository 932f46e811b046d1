"""Values that are others when they are read again: resolvers that count, draw, or look at the clock."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from omegaconf import DictConfig, OmegaConf

from experimentstash_inside.addresses import Path
from experimentstash_inside.kinds import CONTAINERS


def varying(config: DictConfig, read: Sequence[Tuple[Path, Any, Any, Any]]) -> List[Path]:
    """Return the paths of values that are others when they are read once more, from the last to the first.

    What OmegaConf keeps of resolvers that are registered with `use_cache` is forgotten before: such a value depends on
    which of them is read first.

    Args:
        config: the config that the values stand in.
        read: of each value its path, its container, its key in it, and what it was.
    """
    if not read:
        return []
    OmegaConf.clear_cache(config)
    found = [path for path, container, key, value in reversed(read) if shown(value) != _again(container, key)]
    OmegaConf.clear_cache(config)
    return found[::-1]


def _again(container: Any, key: Any) -> str:
    try:
        return shown(container[key])
    except Exception as error:  # noqa: BLE001  (OmegaConf's errors, and those of a tool's own resolvers)
        return "fails: %s" % type(error).__name__


def shown(value: Any) -> str:
    """Return a text that tells values apart, their types too."""
    if isinstance(value, CONTAINERS):
        held: Dict[str, Any] = {"held": OmegaConf.to_container(value, resolve=False)}
        return repr(held)
    return "%s %r" % (type(value).__name__, value)
