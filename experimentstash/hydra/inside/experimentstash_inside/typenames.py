"""Types as one line of text and back: `int`, `Optional[tool.conf:Color]`, `Dict[str, tool.conf:Model]`."""

from __future__ import annotations

import builtins
import enum
import importlib
import pathlib
import re
import sys
import typing
from typing import Any, Dict, Iterator, List, Tuple
from urllib.parse import quote, unquote

from experimentstash_inside.order import FROZEN

_PLAIN = {"Any": Any, "Path": pathlib.Path, "NoneType": type(None)}
_PLAIN.update(
    {name: getattr(builtins, name) for name in ("int", "float", "bool", "str", "bytes", "dict", "list", "tuple")}
)
_NAMES = {value: name for name, value in _PLAIN.items()}
_GENERIC: dict[str, Any] = {
    "Dict": typing.Dict,
    "List": typing.List,
    "Tuple": typing.Tuple,
    "Union": typing.Union,
}
_ORIGINS = {dict: "Dict", list: "List", tuple: "Tuple", typing.Union: "Union"}
_TOKEN = re.compile(r"\s*([\[\],]|\.\.\.|[^\[\],\s]+)")


class UnknownTypeError(Exception):
    """A type without a name, or a name without a type."""


def to_text(kind: Any) -> str:
    """Return the text of a type.

    Raises:
        UnknownTypeError: it has no name under which another process could find it.
    """
    if kind in _NAMES:
        return _NAMES[kind]
    origin = getattr(kind, "__origin__", None)
    if origin is None and type(kind).__name__ == "UnionType":
        origin = typing.Union
    if origin is not None:
        if origin not in _ORIGINS:
            raise UnknownTypeError(str(kind))
        inner = ["..." if part is Ellipsis else to_text(part) for part in kind.__args__]
        return "%s[%s]" % (_ORIGINS[origin], ", ".join(inner))
    name = _name(kind)
    if find_class(name) is kind:
        return name
    for place, registered in registered_classes():
        if registered is kind:
            return "%s@%s" % (name, quote(place))
    raise UnknownTypeError(name)


def from_text(text: str) -> Any:
    """Return the type that `text` names; the inverse of `to_text`.

    Raises:
        UnknownTypeError: the tool has no such class, or the text is malformed.
    """
    tokens = [match[1] for match in _TOKEN.finditer(text)]
    try:
        kind = _read(tokens)
    except (IndexError, TypeError) as error:
        raise UnknownTypeError(text) from error
    if tokens:
        raise UnknownTypeError(text)
    return kind


def _read(tokens: list[str]) -> Any:
    name = tokens.pop(0)
    if name == "...":
        return Ellipsis
    if not tokens or tokens[0] != "[":
        return _PLAIN[name] if name in _PLAIN else _class(name)
    tokens.pop(0)
    inner = [_read(tokens)]
    while tokens.pop(0) == ",":
        inner.append(_read(tokens))
    if name not in _GENERIC:
        raise UnknownTypeError(name)
    return _GENERIC[name][tuple(inner)]


def _class(name: str) -> Any:
    found = find_class(name)
    if found is None:
        raise UnknownTypeError(name)
    return found


def find_class(name: str) -> Any:
    """Return the config class or enum called `module:qualified.name`, or None.

    First by import; then among the configs that the tool registered in Hydra's ConfigStore, where
    hydra-zen's generated classes are, which no import reaches. Where several of these have one name,
    `module:qualified.name@place` tells them apart.
    """
    name, _, place = name.partition("@")
    if place:
        known = dict(registered_classes())
        there = known.get(unquote(place))
        return there if there is not None and _name(there) == name else None
    module, _, qualname = name.partition(":")
    try:
        found: Any = sys.modules.get(module) or importlib.import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError, TypeError):
        found = None
    if _is_config_class(found):
        return found
    same = {kind for _, kind in registered_classes() if _name(kind) == name}
    return same.pop() if len(same) == 1 else None


def _name(kind: Any) -> str:
    return "%s:%s" % (getattr(kind, "__module__", None), getattr(kind, "__qualname__", None))


def _is_config_class(found: Any) -> bool:
    return isinstance(found, type) and (
        issubclass(found, (enum.Enum, pathlib.PurePath))
        or hasattr(found, "__dataclass_fields__")
        or hasattr(found, "__attrs_attrs__")
    )


def registered_classes() -> Iterator[Tuple[str, type]]:
    """Yield every config class in Hydra's ConfigStore, with the place where it stands.

    A place is the config's path, the key in it, and for a declared type which one: `db/mysql.yaml:pool!element`.
    A tool that registers the same configs again, as it does at the same commit, has the same places.
    """
    from hydra.core.config_store import ConfigStore

    def walk(level: Dict[str, Any], folder: str) -> Iterator[Tuple[str, type]]:
        for key, entry in level.items():
            if isinstance(entry, dict):
                yield from walk(entry, folder + key + "/")
            elif not key.startswith(FROZEN):
                yield from _classes_at(entry.node, folder + key + ":")

    yield from walk({key: value for key, value in ConfigStore.instance().repo.items() if key != "hydra"}, "")


def _classes_at(node: Any, place: str) -> Iterator[Tuple[str, type]]:
    from omegaconf import Node, OmegaConf

    if not isinstance(node, Node):
        return
    meta: Any = node._metadata
    held = OmegaConf.get_type(node) if hasattr(meta, "element_type") else type(node._value())
    declared = [("!" + part, getattr(meta, part + "_type", None)) for part in ("ref", "element", "key")]
    for part, kind in [("", held), *declared]:
        for number, inner in enumerate(_parts(kind)):
            if _is_config_class(inner):
                yield "%s%s%s" % (place, part, number or ""), inner
    content = node.__dict__["_content"] if hasattr(meta, "element_type") else None
    children = content.items() if isinstance(content, dict) else enumerate(content) if type(content) is list else ()
    for key, child in children:
        yield from _classes_at(child, "%s.%s" % (place, key))


def _parts(kind: Any) -> List[Any]:
    """Return a type and those that it is made of: `Model` of `Optional[Model]` too."""
    return [kind, *(inner for part in getattr(kind, "__args__", ()) for inner in _parts(part))]
