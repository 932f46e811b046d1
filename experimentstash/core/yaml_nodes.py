"""YAML as nodes that know their line and column: nothing is built from it, and hostile text is refused."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

from experimentstash.core.errors import StashError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is there
_DEEPEST = 100
"""Levels. The C composer recurses without a limit: 100,000 open brackets end the process (PyYAML 6.0.3). Since
libyaml 0.2.6 its scanner refuses 1,000 levels, and it reads far ahead of the events that it yields."""
_MOST = 500_000
"""YAML events. They take seconds to read, and as nodes they take half a gigabyte."""
_LONGEST_DOUBT = 200_000  # characters that PyYAML's own parser reads in about a second


def compose(data: bytes, where: str, *, largest: int, aliases: bool) -> yaml.Node | None:
    """Read one YAML document; None where there is nothing but comments.

    Args:
        data: the file's bytes.
        where: what the messages call it.
        largest: the most bytes that it may have.
        aliases: whether `*name` is allowed; each then stands for the very node of its anchor.

    Raises:
        StashError: it is too large, not UTF-8, no YAML, nested more than 100 levels deep, or holds more than
            500,000 values.
    """
    if len(data) > largest:
        raise StashError(f"{where}: {len(data)} bytes, of at most {largest}")
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
        raise wrong(where, error.problem_mark or error.context_mark, error.problem or "no YAML") from None
    except yaml.YAMLError as error:  # a reader's error has a position, not a mark
        raise StashError(f"{where}: {_reader_complaint(text, error)}") from None
    return node


def _check_depth(text: str, where: str) -> None:
    # PyYAML's own parser has no limit, so the first level too many is found whichever libyaml gave up.
    with suppress(yaml.YAMLError):
        _check_events(text[:_LONGEST_DOUBT], where, aliases=True, loader=yaml.SafeLoader)


def _check_events(text: str, where: str, *, aliases: bool, loader: type) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent) and not aliases:
            raise wrong(where, event.start_mark, "an alias has no place here; write the value out")
        if depth > _DEEPEST:
            raise wrong(where, event.start_mark, f"nested more than {_DEEPEST} levels deep")
        if number == _MOST:
            raise wrong(where, event.start_mark, f"more than {_MOST} values are no config")


def _reader_complaint(text: str, error: yaml.YAMLError) -> str:
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return str(error)
    # libyaml counts bytes and the Python reader characters; the first bad character is what both mean
    bad = next((i for i, char in enumerate(text) if yaml.reader.Reader.NON_PRINTABLE.match(char)), position)
    line = text.count("\n", 0, bad) + 1
    return f"line {line}, column {bad - text.rfind(chr(10), 0, bad)}: a control character has no place in YAML"


def wrong(where: str, mark: Any, what: str) -> StashError:
    """Return the error that says what is wrong at a line and column of a file.

    Args:
        where: what the message calls the file.
        mark: a node's or an error's, of libyaml or of PyYAML (both have `line` and `column`), or None.
        what: what is wrong there.
    """
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return StashError(f"{where}: {place}{printable(what)}", f"correct that line of {where}" if place else "")


def pairs(node: yaml.MappingNode, where: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Yield each key of a mapping as text, with its node and its value's node.

    Raises:
        StashError: a key stands twice, or is no text, number or the like.
    """
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise wrong(where, key.start_mark, "a key is a word, not a list or a mapping")
        if key.value in seen:
            raise wrong(where, key.start_mark, f"the key {key.value!r} stands twice")
        seen.add(key.value)
        yield key.value, key, value


def is_null(node: yaml.Node) -> bool:
    """Return whether a node is `null`, `~` or nothing at all."""
    return bool(node.tag == "tag:yaml.org,2002:null")
