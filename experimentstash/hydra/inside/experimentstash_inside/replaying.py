"""From a snapshot file back to the config that the task was given, types too."""

from __future__ import annotations

import copy
import enum
import pathlib
import sys
from typing import Any, Dict, List, Optional, Tuple

from omegaconf import (
    AnyNode,
    BooleanNode,
    DictConfig,
    EnumNode,
    FloatNode,
    IntegerNode,
    ListConfig,
    Node,
    OmegaConf,
    StringNode,
)

from experimentstash_inside import kinds
from experimentstash_inside.header import entries, read_text
from experimentstash_inside.kinds import Kind
from experimentstash_inside.overridetext import parse
from experimentstash_inside.typenames import UnknownTypeError

_NODES: Dict[Any, Any] = {int: IntegerNode, float: FloatNode, bool: BooleanNode, str: StringNode}


class UnfitError(Exception):
    """The header and the body of a snapshot do not fit: somebody edited one of them."""


def frozen_config(path: str) -> DictConfig:
    """Return the config that a snapshot file froze, its late values as the interpolations they were.

    Raises:
        UnfitError: a `LATE` line is no override, or a value is not of the type that the header gives it.
        UnknownTypeError: the tool has no class of a name that the header gives.
    """
    text = read_text(path)
    types: Dict[str, str] = {}
    late: Dict[str, Any] = {}
    for key, line in entries(text):
        if key == "TYPE":
            place, _, kind = line.partition(" ")
            types[place] = kind
        elif key == "LATE":
            place, value = _late(line)
            late[place] = value
    body = OmegaConf.create(text)
    config: Any = _Rebuilding(types, late).node((), body, Kind("dict", held=dict))
    made: DictConfig = config
    return made


def config_or_leave(path: str) -> DictConfig:
    """Return the config that a snapshot file froze; where it cannot be had, say why and end the process."""
    try:
        return frozen_config(path)
    except UnknownTypeError as error:
        sys.stderr.write(
            "experimentstash: %s was frozen with the class %s, which the tool has not at this commit\n"
            "    fix: git submodule update --init --recursive  # at the commit of the snapshot's tag\n" % (path, error)
        )
    except UnfitError as error:
        sys.stderr.write(
            "experimentstash: the header and the body of the snapshot do not fit: %s\n"
            "    fix: correct the value, or the TYPE or LATE line of that key\n" % error
        )
    raise SystemExit(1)


def header_lines(path: str) -> List[Tuple[str, str]]:
    """Return the header lines of a snapshot file, as (key, text)."""
    return entries(read_text(path))


def _late(line: str) -> Tuple[str, Any]:
    try:
        override = parse(line)
        return override.key_or_group, override.value()
    except Exception:  # noqa: BLE001  (the parser's errors differ between Hydra's versions)
        raise UnfitError("LATE %s is no override" % line) from None


class _Rebuilding:
    def __init__(self, types: Dict[str, str], late: Dict[str, Any]) -> None:
        self._types, self._late = types, late

    def _kind(self, path: Tuple[Any, ...], shape: str, implied: Kind) -> Kind:
        text = self._types.get(kinds.address(path))
        return implied if text is None else kinds.from_line(text, shape)

    def node(self, path: Tuple[Any, ...], value: Any, implied: Kind, template: Optional[Node] = None) -> Node:
        """Return the node for a value of the body; `implied` is its kind unless a `TYPE` line says another."""
        try:
            return self._node(path, value, implied, template)
        except (UnfitError, UnknownTypeError):
            raise
        except Exception:  # noqa: BLE001  (OmegaConf's errors, and those of a tool's own classes)
            shown = repr(value) if _shape(value) == "leaf" else "what it holds"
            raise UnfitError("%s: %s is not of its type" % (kinds.address(path), shown)) from None

    def _node(self, path: Tuple[Any, ...], value: Any, implied: Kind, template: Optional[Node]) -> Node:
        shape = _shape(value)
        kind = self._kind(path, shape, implied)
        if shape == "leaf" and kind == implied and template is not None:
            node = copy.deepcopy(template)
            node._set_parent(None)  # the template's may be read-only
            node._set_value(self._leaf_value(path, value, kind))
            return node
        if kind.shape == "raw":
            return AnyNode(self._raw(path, value, kind), flags={"allow_objects": True})
        if shape == "leaf":
            return _leaf_node(self._leaf_value(path, value, kind), kind)
        return self._container(path, value, kind)

    def _container(self, path: Tuple[Any, ...], value: Any, kind: Kind) -> Node:
        container: Any = _empty(kind)
        content: Any = [] if kind.shape == "list" else {}
        for position, key in enumerate(value.__dict__["_content"] if kind.shape == "dict" else range(len(value))):
            raw = value._get_node(key)
            child = raw._value() if isinstance(raw, AnyNode) else raw
            place = _key(key, kind)
            implied, template = kinds.implied(kind, place, _shape(child)), kinds.template(kind, place)
            node = self.node((*path, key), child, implied, template)
            node._set_parent(container)
            node._set_key(position if kind.shape == "list" else place)
            content.append(node) if kind.shape == "list" else content.__setitem__(place, node)
        container.__dict__["_content"] = content
        made: Node = container
        return made

    def _leaf_value(self, path: Tuple[Any, ...], value: Any, kind: Kind) -> Any:
        key = ".".join(map(str, path))
        if value == "???" and key in self._late:
            value = self._late[key]
        elif kind.held is not None and isinstance(value, str):
            value = kind.held[value] if issubclass(kind.held, enum.Enum) else pathlib.Path(value)
        return value

    def _raw(self, path: Tuple[Any, ...], value: Any, kind: Kind) -> Any:
        if isinstance(value, (DictConfig, ListConfig)):
            shape_kind = kind if kind.shape == "raw" else Kind("raw", held=dict)
            keys = value.__dict__["_content"] if isinstance(value, DictConfig) else range(len(value))
            children: List[Tuple[Any, Any]] = []
            for key in keys:
                raw = value._get_node(key)
                child = raw._value() if isinstance(raw, AnyNode) else raw
                implied = kinds.implied(shape_kind, key, "leaf" if _shape(child) == "leaf" else "raw")
                child_kind = self._kind((*path, key), _shape(child), implied)
                if _shape(child) == "leaf":
                    children.append((key, self._leaf_value((*path, key), child, child_kind)))
                else:
                    children.append((key, self._raw((*path, key), child, child_kind)))
            return dict(children) if isinstance(value, DictConfig) else kind.held(child for _, child in children)
        return value


def _shape(value: Any) -> str:
    return "dict" if isinstance(value, DictConfig) else "list" if isinstance(value, ListConfig) else "leaf"


def _key(key: Any, kind: Kind) -> Any:
    enums = kind.keys or (kind.key if isinstance(kind.key, type) and issubclass(kind.key, enum.Enum) else None)
    return enums[key] if enums is not None and isinstance(key, str) else key


def _empty(kind: Kind) -> Any:
    if kind.shape == "list":
        return ListConfig([], ref_type=kind.ref, is_optional=kind.optional, element_type=kind.element)
    made = copy.deepcopy(kinds.skeleton(kind.held)) if kinds.is_structured(kind.held) else DictConfig({})
    meta = made._metadata
    if kind.held is dict and kinds.is_structured(kind.ref):
        # A plain mapping into which its schema was merged, before OmegaConf 2.2: it would not take it as content.
        meta.object_type = None
    meta.ref_type, meta.optional, meta.key_type, meta.element_type = (
        kind.ref,
        kind.optional,
        kind.key,
        kind.element,
    )
    return made


def _leaf_node(value: Any, kind: Kind) -> Node:
    ref: Any = kind.ref
    if ref is Any:
        # OmegaConf before 2.2 takes a path only as an object.
        node = AnyNode(value, flags={"allow_objects": True} if isinstance(value, pathlib.PurePath) else None)
        node._metadata.optional = kind.optional
        return node
    if isinstance(ref, type) and issubclass(ref, enum.Enum):
        return EnumNode(ref, value, is_optional=kind.optional)
    if ref in _NODES:
        simple: Node = _NODES[ref](value, is_optional=kind.optional)
        return simple
    # Every other declared type (paths, bytes, unions, containers that are None): OmegaConf makes its node.
    declared = kind.ref if not kind.optional else _optional(ref)
    probe = DictConfig({}, element_type=declared)
    probe["element"] = value
    return probe._get_node("element")  # type: ignore[return-value]


def _optional(ref: Any) -> Any:
    return Optional[ref]
