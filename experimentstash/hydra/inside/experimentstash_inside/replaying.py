"""From a snapshot file back to the config that the task was given, types and interpolations too."""

from __future__ import annotations

import copy
import enum
import pathlib
import sys
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

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

from experimentstash_inside import keytexts, kinds, order
from experimentstash_inside.addresses import Path, address
from experimentstash_inside.following import BuiltValue, unfollowed
from experimentstash_inside.header import entries, read_text
from experimentstash_inside.keytexts import UnfitError
from experimentstash_inside.kinds import Kind, shape_of
from experimentstash_inside.tracing import parsed_once
from experimentstash_inside.typenames import UnknownTypeError

_NODES: Dict[Any, Any] = {int: IntegerNode, float: FloatNode, bool: BooleanNode, str: StringNode}


def frozen_config(path: str) -> DictConfig:
    """Return the config that a snapshot file froze; late values, and those built from others, as interpolations.

    Where an interpolation does not give the frozen value here, the frozen value is given. A custom resolver may look
    at the machine; then it is told, since the value does not follow what it was built from. An edited snapshot that is
    frozen anew means what its body says.

    Raises:
        UnfitError: a header line is malformed, a value is not of the type that the header gives it, or a value that
            is built from others of the body is not what they give.
        UnknownTypeError: the tool has no class of a name that the header gives.
    """
    text = read_text(path)
    body: Any = OmegaConf.create(text)
    lines = entries(text)
    edited = order.read().mode == "capture"
    plain: FrozenSet[str] = frozenset()
    while True:
        rebuilding = Rebuilding(lines, plain)
        config = rebuilding.config(body)
        with parsed_once():
            lost = unfollowed(rebuilding.built, body)
        if not lost:
            OmegaConf.clear_cache(config)
            return config
        plain |= {address(one.path) for one in lost if edited or one.is_custom}
        for one in lost if not edited else ():
            _tell(one, path, lost)


def _tell(one: BuiltValue, path: str, lost: Sequence[BuiltValue]) -> None:
    if one.is_custom:
        sys.stderr.write(
            "experimentstash: %s: %s was frozen with the value that %s gave, which gives another one here:"
            " the frozen value is used, and does not follow what it is built from\n"
            % (path, address(one.path), one.text)
        )
    elif not any(other.is_custom for other in lost):
        raise UnfitError("%s is built as %s, and the body has another value" % (address(one.path), one.text))


def config_or_leave(path: str) -> DictConfig:
    """Return the config that a snapshot file froze; where it cannot be had, say why and end the process."""
    try:
        return frozen_config(path)
    except UnknownTypeError as error:
        sys.stderr.write(
            "experimentstash: %s was frozen with the class %s, which the tool does not have at this commit\n"
            "    fix: git submodule update --init --recursive  # at the commit of the snapshot's tag\n" % (path, error)
        )
    except UnfitError as error:
        sys.stderr.write(
            "experimentstash: the header and the body of the snapshot do not fit: %s\n"
            "    fix: correct the value, or the TYPE, LATE or BUILT line of that key\n" % error
        )
    raise SystemExit(1)


def header_lines(path: str) -> List[Tuple[str, str]]:
    """Return the header lines of a snapshot file, as (key, text)."""
    return entries(read_text(path))


class Rebuilding:
    """Builds a config from the header and the body of a snapshot.

    Args:
        lines: the header lines, as (key, text).
        plain: addresses whose `BUILT` lines do not count: the value of the body is given.

    Attributes:
        built: the values that are built from others.

    Raises:
        UnfitError: a line is malformed.
    """

    def __init__(self, lines: Sequence[Tuple[str, str]], plain: FrozenSet[str] = frozenset()) -> None:
        self._types, self._nodes = (
            dict(text.partition(" ")[::2] for key, text in lines if key == name) for name in ("TYPE", "NODE")
        )
        self._late = keytexts.read(lines, keytexts.LATE)
        self._built = keytexts.read(lines, keytexts.BUILT)
        self._plain = plain
        self.built: List[BuiltValue] = []

    def config(self, body: Any) -> DictConfig:
        """Return the config for a body, as OmegaConf reads it or a mapping of what it reads.

        Raises:
            UnfitError, UnknownTypeError: as `frozen_config`.
        """
        made: Any = self.node((), body, Kind("dict", held=dict))
        config: DictConfig = made
        return config

    def _kind(self, path: Path, shape: str, implied: Kind) -> Kind:
        text = self._types.get(address(path))
        return implied if text is None else kinds.from_line(text, shape)

    def node(self, path: Path, value: Any, implied: Kind, template: Optional[Node] = None) -> Node:
        """Return the node for a value of the body; `implied` is its kind unless a `TYPE` line says another."""
        try:
            return self._node(path, value, implied, template)
        except (UnfitError, UnknownTypeError):
            raise
        except Exception:  # noqa: BLE001  (OmegaConf's errors, and those of a tool's own classes)
            shown = repr(value) if _shape(value) == "leaf" else "what it holds"
            raise UnfitError("%s: %s is not of its type" % (address(path), shown)) from None

    def _node(self, path: Path, value: Any, implied: Kind, template: Optional[Node]) -> Node:
        shape = _shape(value)
        kind = self._kind(path, shape, implied)
        if shape == "leaf" and kind == implied and template is not None:
            node = _copied(template)
            node._set_value(_leaf_value(value, kind))
            return node
        if kind.shape == "raw":
            return AnyNode(self._raw(path, value, kind), flags={"allow_objects": True})
        if shape == "leaf":
            return _leaf_node(_leaf_value(value, kind), kind)
        return self._container(path, value, kind)

    def _container(self, path: Path, value: Any, kind: Kind) -> Node:
        container: Any = _empty(kind)
        content: Any = {} if kind.shape == "dict" else []
        for position, (key, child) in enumerate(_children(value)):
            place = _key(key, kind)
            node = self._child((*path, key), place, child, kind)
            node._set_parent(container)
            node._set_key(place if kind.shape == "dict" else position)
            content.__setitem__(place, node) if kind.shape == "dict" else content.append(node)
        container.__dict__["_content"] = content
        made: Node = container
        return made

    def _child(self, path: Path, place: Any, value: Any, parent: Kind) -> Node:
        text = None if self._built.is_empty else self._built.at(path)
        if text is not None and address(path) not in self._plain:
            node = self._text_node(path, text, self._nodes, kinds.template(parent, place))
            self.built.append(BuiltValue(path, str(text), node, _unescaped(value)))
            return node
        text = self._late.at(path) if isinstance(value, str) and value == "???" else None
        if text is not None:
            return self._text_node(path, text, self._types, kinds.template(parent, place))
        return self.node(path, value, kinds.implied(parent, place, _shape(value)), kinds.template(parent, place))

    def _text_node(self, path: Path, text: Any, kinds_said: Dict[str, str], template: Optional[Node]) -> Node:
        """Return the node of a value that has an interpolation, or nothing yet, for its value."""
        said = kinds_said.get(address(path))
        try:
            if said is None and template is None:
                return AnyNode(text)
            if said is not None:
                kind = kinds.from_text_line(said)
                node = _leaf_node("???", kind) if kind.shape == "leaf" else _empty(kind)
            else:
                node = _copied(template)
            node._set_value(text)
        except UnknownTypeError:
            raise
        except Exception:  # noqa: BLE001  (OmegaConf's errors)
            raise UnfitError("%s: %s is not for its type" % (address(path), text)) from None
        made: Node = node
        return made

    def _raw(self, path: Path, value: Any, kind: Kind) -> Any:
        shape = _shape(value)
        if shape == "leaf":
            return value
        own = kind if kind.shape == "raw" else Kind("raw", held=dict)
        children: List[Tuple[Any, Any]] = []
        for key, child in _children(value):
            here, is_leaf = (*path, key), _shape(child) == "leaf"
            child_kind = self._kind(here, _shape(child), kinds.implied(own, key, "leaf" if is_leaf else "raw"))
            children.append((key, _leaf_value(child, child_kind) if is_leaf else self._raw(here, child, child_kind)))
        return dict(children) if shape == "dict" else kind.held(child for _, child in children)


def _shape(value: Any) -> str:
    """Return the shape of a value of a body."""
    return "dict" if isinstance(value, dict) else "list" if isinstance(value, list) else shape_of(value)


def _children(value: Any) -> Iterator[Tuple[Any, Any]]:
    """Yield the keys and values of a container of a body: as OmegaConf read it, or of what a YAML reader gives."""
    content = value if isinstance(value, (dict, list)) else value.__dict__["_content"]
    for key, child in content.items() if isinstance(content, dict) else enumerate(content):
        yield key, child._value() if isinstance(child, AnyNode) else child


def _unescaped(value: Any) -> Any:
    is_escaped = isinstance(value, str) and "${" in value
    return OmegaConf.create({"text": value}).text if is_escaped else value


def _leaf_value(value: Any, kind: Kind) -> Any:
    if kind.held is not None and isinstance(value, str):
        value = kind.held[value] if issubclass(kind.held, enum.Enum) else pathlib.Path(value)
    return value


def _copied(template: Any) -> Node:
    node: Node = copy.deepcopy(template)
    node._set_parent(None)  # the template's may be read-only
    return node


def _key(key: Any, kind: Kind) -> Any:
    enums = kind.keys or (kind.key if isinstance(kind.key, type) and issubclass(kind.key, enum.Enum) else None)
    return enums[key] if enums is not None and isinstance(key, str) else key


def _empty(kind: Kind) -> Any:
    if kind.shape == "tuple":
        made = kinds.TUPLES[0]([])  # its declared type comes afterwards: it may want elements
        made._metadata.ref_type, made._metadata.optional = kind.ref, kind.optional
        return made
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
