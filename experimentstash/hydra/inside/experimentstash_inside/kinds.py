"""The kind of a config node: its OmegaConf types, as an object and as a text.

A plain YAML config needs no `TYPE` lines: its kinds are all the default. A structured config needs a
few, since a class determines those of its fields. Only kinds that the parent does not imply are written,
one `TYPE` line each.
"""

from __future__ import annotations

import enum
import pathlib
from typing import Any, Dict, NamedTuple, Optional, Tuple

import omegaconf
from omegaconf import AnyNode, DictConfig, ListConfig, Node, OmegaConf

from experimentstash_inside.typenames import UnknownTypeError, from_text, to_text


class Kind(NamedTuple):
    """The kind of a node.

    Attributes:
        shape: `dict`, `list`, `tuple` (of OmegaConf 2.4), `leaf`, or `raw` (a Python object outside OmegaConf, from a
            resolver).
        ref: the declared type.
        optional: whether None is allowed.
        held: for a mapping its class, or `dict`; for an enum, a path or a raw object its type; else None.
        key, element: of a container, the types of its keys and elements.
        keys: the enum class of a mapping's keys where its key type does not tell.
    """

    shape: str
    ref: Any = Any
    optional: bool = True
    held: Any = None
    key: Any = Any
    element: Any = Any
    keys: Any = None


ANY = AnyNode()
"""The node of a value that stands in no config: an element of a raw object."""
PLAIN = {
    "dict": Kind("dict", held=dict),
    "list": Kind("list", held=list, key=int),
    "tuple": Kind("tuple", ref=Tuple[Any, ...], held=tuple, key=int),
    "leaf": Kind("leaf"),
}
_RAW = (dict, list, tuple)
TUPLES: Tuple[Any, ...] = (omegaconf.TupleConfig,) if hasattr(omegaconf, "TupleConfig") else ()
CONTAINERS: Tuple[Any, ...] = (DictConfig, ListConfig, *TUPLES)
"""The container types of the installed OmegaConf."""


def shape_of(value: Any) -> str:
    """Return the shape of a node or of a value."""
    if isinstance(value, TUPLES):
        return "tuple"
    if isinstance(value, (DictConfig, ListConfig)):
        return "dict" if isinstance(value, DictConfig) else "list"
    return "raw" if isinstance(value, _RAW) else "leaf"


def is_structured(kind: Any) -> bool:
    """Return whether `kind` is a class of a structured config."""
    return isinstance(kind, type) and (hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__attrs_attrs__"))


def held_type(value: Any) -> Any:
    """Return the type of a leaf's value where YAML does not carry it: enums and paths."""
    if isinstance(value, enum.Enum):
        return type(value)
    return pathlib.Path if isinstance(value, pathlib.PurePath) else None


def of(node: Node, value: Any) -> Kind:
    """Return the kind of `node`, which holds (after interpolation) `value`."""
    meta = node._metadata
    ref, optional = meta.ref_type, meta.optional
    if isinstance(value, DictConfig):
        held = value._metadata
        keys = {type(key) for key in value.__dict__["_content"] if isinstance(key, enum.Enum)}
        unnamed = keys - {held.key_type}
        if (unnamed and {type(key) for key in value.__dict__["_content"]} != unnamed) or len(unnamed) > 1:
            raise UnknownTypeError("keys of several types in one mapping")
        return Kind("dict", ref, optional, held.object_type or dict, held.key_type, held.element_type, *unnamed)
    shape = shape_of(value)
    if shape in ("list", "tuple"):
        held_list = list if shape == "list" else tuple
        return Kind(shape, ref, optional, held_list, value._metadata.key_type, value._metadata.element_type)
    if shape == "raw":
        if type(value) not in _RAW:
            raise UnknownTypeError(type(value).__name__)
        return Kind("raw", Any, True, type(value))
    held_here = held_type(value)
    implied = ref is not Any and not getattr(ref, "__origin__", None)
    return Kind("leaf", ref, optional, None if implied else held_here)


def of_text(node: Node) -> Kind:
    """Return the kind of a node that holds an interpolation or nothing, whatever that gives."""
    meta: Any = node._metadata
    shape = shape_of(node)
    if shape == "leaf":
        return Kind("leaf", meta.ref_type, meta.optional)
    return Kind(shape, meta.ref_type, meta.optional, PLAIN[shape].held, meta.key_type, meta.element_type)


def implied(parent: Kind, key: Any, shape: str) -> Kind:
    """Return the kind that a child of `parent` has when nothing else is said."""
    if shape == "raw":
        return Kind("raw", held=dict) if parent.shape == "raw" else PLAIN["dict"]
    field = template(parent, key)
    return PLAIN[shape] if field is None else _as_shape(field, shape)


def template(parent: Kind, key: Any) -> Optional[Node]:
    """Return the node that OmegaConf makes for a child of `parent`, or None if anything may stand there."""
    if parent.shape == "dict" and is_structured(parent.held):
        return skeleton(parent.held)._get_node(key, validate_access=False)
    return None if parent.shape == "raw" or parent.element is Any else _element(parent)


def _as_shape(field: Node, shape: str) -> Kind:
    meta: Any = field._metadata
    if shape == "leaf":
        return Kind("leaf", meta.ref_type, meta.optional)
    if isinstance(field, (DictConfig, ListConfig)) and isinstance(field, DictConfig) == (shape == "dict"):
        held: Any = meta.ref_type if is_structured(meta.ref_type) else PLAIN[shape].held
        return Kind(shape, meta.ref_type, meta.optional, held, meta.key_type, meta.element_type)
    return PLAIN[shape]._replace(ref=meta.ref_type, optional=meta.optional)


_skeletons: Dict[Any, Any] = {}


def skeleton(kind: Any) -> DictConfig:
    """Return the structured config of a class as OmegaConf makes it, to be copied from."""
    if kind not in _skeletons:
        _skeletons[kind] = OmegaConf.structured(kind)
    made: DictConfig = _skeletons[kind]
    return made


def _element(parent: Kind) -> Node:
    """Return the node that OmegaConf makes for an element of a typed container."""
    if ("element", parent.element) not in _skeletons:
        probe = DictConfig({"element": "???"}, element_type=parent.element)
        _skeletons["element", parent.element] = probe._get_node("element")
    made: Node = _skeletons["element", parent.element]
    return made


def to_line(kind: Kind) -> str:
    """Return the text of a kind: `REF`, `REF = HELD`, with `[KEY, ELEMENT]` and `keys CLASS` where needed.

    Raises:
        UnknownTypeError: one of its types has no name.
    """
    if kind.shape == "raw":
        return "raw %s" % kind.held.__name__
    ref = to_text(kind.ref)
    text = "Optional[%s]" % ref if kind.optional and kind.ref is not Any else ref
    if not kind.optional and kind.ref is Any:
        text = "Required[Any]"
    if kind.shape == "leaf":
        return text if kind.held is None else "%s = %s" % (text, to_text(kind.held))
    text += " = %s" % to_text(kind.held)
    if (kind.key, kind.element) != (PLAIN[kind.shape].key, Any):
        text += " [%s, %s]" % (to_text(kind.key), to_text(kind.element))
    return text if kind.keys is None else "%s keys %s" % (text, to_text(kind.keys))


def from_text_line(text: str) -> Kind:
    """Return the kind that `text` describes, for a node that holds an interpolation or nothing."""
    held = text.partition(" = ")[2].partition(" ")[0]
    return from_line(text, held if held in ("dict", "list", "tuple") else "leaf")


def from_line(text: str, shape: str) -> Kind:
    """Return the kind that `text` describes, for a node of that shape; the inverse of `to_line`."""
    if text.startswith("raw "):
        return Kind("raw", Any, True, {"dict": dict, "list": list, "tuple": tuple}[text[4:]])
    text, _, keys = text.partition(" keys ")
    declared, _, held = text.partition(" = ")
    ref, optional = _from_declared(declared)
    if held.partition(" ")[0] == "tuple":
        shape = "tuple"
    if shape == "leaf":
        return Kind("leaf", ref, optional, from_text(held) if held else None)
    held, _, inner = held.partition(" [")
    key, element = PLAIN[shape].key, Any
    if inner:
        key, element = from_text("Tuple[" + inner).__args__
    named = from_text(keys) if keys else None
    return Kind(shape, ref, optional, from_text(held) if held else PLAIN[shape].held, key, element, named)


def _from_declared(text: str) -> tuple[Any, bool]:
    if text == "Required[Any]":
        return Any, False
    if text.startswith("Optional["):
        return from_text(text[len("Optional[") : -1]), True
    kind = from_text(text)
    return kind, kind is Any
