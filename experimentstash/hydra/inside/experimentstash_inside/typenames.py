"""Types as one line of text and back: `int`, `Optional[tool.conf:Color]`, `Dict[str, tool.conf:Model]`."""

from __future__ import annotations

import builtins
import enum
import importlib
import pathlib
import re
import sys
import typing
from typing import Any

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
    """A type that has no name, or a name that names no type here."""


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
    name = "%s:%s" % (getattr(kind, "__module__", None), getattr(kind, "__qualname__", None))
    if find_class(name) is not kind:
        raise UnknownTypeError(name)
    return name


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
    hydra-zen's generated classes are, which no import reaches.
    """
    module, _, qualname = name.partition(":")
    try:
        found: Any = sys.modules.get(module) or importlib.import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError, TypeError):
        found = None
    if _is_config_class(found):
        return found
    same = {kind for kind in registered_classes() if "%s:%s" % (kind.__module__, kind.__qualname__) == name}
    return same.pop() if len(same) == 1 else None


def _is_config_class(found: Any) -> bool:
    return isinstance(found, type) and (
        issubclass(found, (enum.Enum, pathlib.PurePath))
        or hasattr(found, "__dataclass_fields__")
        or hasattr(found, "__attrs_attrs__")
    )


def registered_classes() -> set[type]:
    """Return every config class that stands somewhere in Hydra's ConfigStore."""
    from hydra.core.config_store import ConfigStore
    from omegaconf import DictConfig, ListConfig, OmegaConf

    found: set[type] = set()

    def look(node: Any) -> None:
        if isinstance(node, (DictConfig, ListConfig)):
            kinds: list[Any] = [OmegaConf.get_type(node), node._metadata.ref_type]
            found.update(filter(_is_config_class, kinds))
            content = node.__dict__["_content"]
            for child in (
                content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
            ):
                look(child)

    def walk(level: dict[str, Any]) -> None:
        for entry in level.values():
            walk(entry) if isinstance(entry, dict) else look(entry.node)

    walk({key: value for key, value in ConfigStore.instance().repo.items() if key != "hydra"})
    return found
