"""Compares a frozen config with the composed one: reads it back as a replay does, node by node.

This is a safety net for the freeze's knowledge of OmegaConf: nothing is written that a replay would not restore.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from omegaconf import DictConfig, Node

from experimentstash_inside.addresses import Path
from experimentstash_inside.kinds import CONTAINERS, of_text, shape_of
from experimentstash_inside.replaying import Rebuilding

_INTERPOLATION = re.compile(r"(\\*)\$\{")


class Taken(NamedTuple):
    """A composed value.

    Attributes:
        node: its node; None inside an object of a resolver's.
        value: the value for the task.
        has_text: whether a replay gives it its interpolation.
        is_late: whether it has no frozen value.
    """

    node: Optional[Node]
    value: Any
    has_text: bool
    is_late: bool


def differences(
    config: DictConfig, taken: Mapping[Path, Taken], lines: List[Tuple[str, str]], body: Dict[str, Any]
) -> List[Tuple[Path, str]]:
    """Return the differences between a replay of this data and the composed config.

    Args:
        config: the composed config.
        taken: its values, by path.
        lines: the header lines.
        body: the body, as the parent process gets it.

    Raises:
        UnfitError, UnknownTypeError: a replay would fail.
    """
    again = Rebuilding([(key, text.strip()) for key, text in lines]).config(_loaded(body))
    return list(_Comparing(taken).containers((), config, again))


def _loaded(tree: Dict[str, Any]) -> Any:
    """Parse a rendered body as YAML."""
    if "map" in tree:
        return {_scalar(key): _loaded(child) for key, child in tree["map"]}
    if "list" in tree:
        return [_loaded(child) for child in tree["list"]]
    value = _scalar(tree["leaf"])
    # As the parent process escapes what OmegaConf would take for an interpolation.
    return _INTERPOLATION.sub(lambda match: match[1] * 2 + r"\${", value) if isinstance(value, str) else value


def _scalar(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["bytes"]) if "bytes" in value else float(value["float"])
    return value


class _Comparing:
    def __init__(self, taken: Mapping[Path, Taken]) -> None:
        self._taken = taken
        self._done: Set[int] = set()

    def containers(self, path: Path, was: Any, again: Any) -> Iterator[Tuple[Path, str]]:
        keys, keys_again = _keys(was), _keys(again)
        if [(type(key), key) for key in keys] != [(type(key), key) for key in keys_again]:
            yield path, "its keys would be others"
            return
        if type(was) is not type(again) or _meta(was, path) != _meta(again, path):
            yield path, "its type would be another"
            return
        self._done.add(id(was))
        for key in keys:
            yield from self._child((*path, key), again, key)

    def _child(self, path: Path, again: Any, key: Any) -> Iterator[Tuple[Path, str]]:
        taken, node = self._taken[path], again._get_node(key)
        if taken.node is not None and (taken.has_text or not (taken.is_late or taken.node._is_interpolation())):
            if type(node) is not type(taken.node) or of_text(node) != of_text(taken.node):
                yield path, "its type would be another"
                return
            if taken.has_text and node._value() != taken.node._value():
                yield path, "its interpolation would be another"
                return
        if taken.is_late:
            return
        try:
            value = again[key]
        except Exception as error:  # noqa: BLE001  (OmegaConf's errors, and those of a tool's own resolvers)
            yield path, "it would not resolve: %s" % str(error).split("\n")[0]
            return
        if not isinstance(taken.value, CONTAINERS):
            if not _equal(taken.value, value):
                yield path, "it would be %s" % _shown(value, taken.value)
        elif not taken.has_text or id(taken.value) not in self._done:
            yield from self.containers(path, taken.value, value)


def _keys(container: Any) -> List[Any]:
    if isinstance(container, CONTAINERS) and not container._is_none():
        return list(container.__dict__["_content"]) if shape_of(container) == "dict" else list(range(len(container)))
    return []


def _meta(container: Any, path: Path) -> Any:
    if not isinstance(container, CONTAINERS):
        return None
    meta = container._metadata
    flags = {name: flag for name, flag in (meta.flags or {}).items() if flag is not None} if path else {}
    # A resolver's result has another declared type than the node that holds its frozen value.
    return meta.object_type or None, meta.key_type, meta.element_type, flags


def _equal(was: Any, again: Any) -> bool:
    if type(was) is not type(again):
        return False
    if isinstance(was, dict):
        same = [(type(key), key) for key in was] == [(type(key), key) for key in again]
        return same and all(_equal(was[key], again[key]) for key in was)
    if isinstance(was, (list, tuple)):
        return len(was) == len(again) and all(map(_equal, was, again))
    return bool(was == again or (was != was and again != again))


def _shown(value: Any, was: Any) -> str:
    kinds = type(value), type(was)
    return (
        "another value" if kinds[0] is kinds[1] else "of the type %s, not %s" % tuple(kind.__name__ for kind in kinds)
    )
