"""Parses YAML into nodes with line and column, without constructing objects; refuses hostile text."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

from experimentstash.core.errors import StashError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times faster
_MAX_DEPTH = 100
"""Levels of nesting. The C composer recurses without a limit: 100,000 open brackets crash the process (PyYAML 6.0.3).
The scanner of libyaml 0.2.6 and later refuses 1,000 levels, and reads far ahead of the events that it yields."""
_MAX_EVENTS = 500_000
"""YAML events: they take seconds to read and, as nodes, half a gigabyte of memory."""
_MAX_RECHECKED = 200_000  # characters that PyYAML's own parser reads in about a second


def compose(data: bytes, where: str, *, largest: int, aliases: bool) -> yaml.Node | None:
    """Parse one YAML document; return None if it is empty.

    Args:
        data: the bytes of the file.
        where: the name of the file in messages.
        largest: the maximum size in bytes.
        aliases: whether `*name` is allowed; such a value is the same node as its anchor.

    Raises:
        StashError: the document is too large, not UTF-8, invalid YAML, nested more than 100 levels deep, or has more
            than 500,000 values.
    """
    if len(data) > largest:
        raise StashError(f"{where}: {len(data)} bytes, more than the limit of {largest}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise StashError(f"{where}: line {line}, column {column}: not UTF-8", "save the file as UTF-8") from None
    try:
        _check_events(text, where, aliases=aliases, loader=_LOADER)
        node: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        _check_depth(text, where)
        raise wrong(where, error.problem_mark or error.context_mark, error.problem or "invalid YAML") from None
    except yaml.YAMLError as error:  # a ReaderError has a position, not a mark
        raise StashError(f"{where}: {_reader_error(text, error)}") from None
    return node


def _check_depth(text: str, where: str) -> None:
    # PyYAML's own parser has no limit, so it finds the position of the excess level whatever the libyaml version.
    with suppress(yaml.YAMLError):
        _check_events(text[:_MAX_RECHECKED], where, aliases=True, loader=yaml.SafeLoader)


def _check_events(text: str, where: str, *, aliases: bool, loader: type) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent) and not aliases:
            raise wrong(where, event.start_mark, "an alias is not allowed here; write the value itself")
        if depth > _MAX_DEPTH:
            raise wrong(where, event.start_mark, f"nested more than {_MAX_DEPTH} levels deep")
        if number == _MAX_EVENTS:
            raise wrong(where, event.start_mark, f"more than {_MAX_EVENTS} values")


def _reader_error(text: str, error: yaml.YAMLError) -> str:
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return str(error)
    # libyaml counts bytes, the Python reader counts characters: look for the first bad character
    bad = next((i for i, char in enumerate(text) if yaml.reader.Reader.NON_PRINTABLE.match(char)), position)
    line = text.count("\n", 0, bad) + 1
    return f"line {line}, column {bad - text.rfind(chr(10), 0, bad)}: YAML does not allow this control character"


def wrong(where: str, mark: Any, what: str) -> StashError:
    """Return the error for a line and column of a file.

    Args:
        where: the name of the file in messages.
        mark: the mark of a node or an error, of libyaml or of PyYAML (both have `line` and `column`), or None.
        what: what is wrong there.
    """
    position = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return StashError(f"{where}: {position}{printable(what)}", f"correct that line of {where}" if position else "")


def pairs(node: yaml.MappingNode, where: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Yield each key of a mapping as text, with the nodes of the key and of the value.

    Raises:
        StashError: a key occurs twice, or is not a scalar.
    """
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise wrong(where, key.start_mark, "a key must be a scalar, not a list or a mapping")
        if key.value in seen:
            raise wrong(where, key.start_mark, f"duplicate key {key.value!r}")
        seen.add(key.value)
        yield key.value, key, value


def is_null(node: yaml.Node) -> bool:
    """Return whether a node is `null`, `~` or empty."""
    return bool(node.tag == "tag:yaml.org,2002:null")
