"""Edits a YAML file that people write by hand: one value is put in, every other byte stays as it is.

Written by hand, because no library keeps every byte: the round trip of ruamel.yaml moves comments that stand after the
last key, folds, re-indents and drops the quotes of "yes". PyYAML says where the values are, and the text is cut there.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml
from yaml import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from experimentstash.core.errors import StashError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")


def set_value(text: str, keys: Sequence[str], value: object) -> str:
    """Return `text` with `value` at the path of `keys`, which must exist but for the last.

    A mapping is written as a block where its surroundings are one, all else on one line.

    Raises:
        StashError: the text is no YAML mapping.
    """
    node: Any = _root(text)
    parents = [node]
    for depth, key in enumerate(keys):
        found = _find(node, key)
        if found is None:
            return _insert(text, parents[-1], key, value)
        if depth == len(keys) - 1:
            return _replace(text, *found, node, value)
        if not isinstance(found[1], MappingNode) or not found[1].value:  # `tools:`, `tools: {}`
            inner: object = value
            for missing in reversed(keys[depth + 1 :]):
                inner = {missing: inner}
            return _replace(text, *found, node, inner)
        node = found[1]
        parents.append(node)
    raise StashError("no key to set")


def append_item(text: str, key: str, item: Sequence[str]) -> str:
    """Return `text` with one more item at the end of the list at `key`.

    Args:
        text: a YAML mapping.
        key: a key of it; it may hold nothing yet.
        item: the lines of the item, a mapping written as a block.

    Raises:
        StashError: the text is no YAML mapping in block style that has such a list.
    """
    root = _root(text)
    found = _find(root, key)
    if found is None or root.flow_style:
        raise StashError(f"no list {key!r} in block style")
    items = found[1]
    lines = [f"{'  ' if number else '- '}{line}" for number, line in enumerate(item)]
    if not items.value:  # `repos:`, `repos: []`
        return _after_key(text, *found, _indented(lines, found[0].start_mark.column + _step(root)))
    if not isinstance(items, SequenceNode) or items.flow_style:
        raise StashError(f"no list {key!r} in block style")
    indent = items.start_mark.column
    return _after_line(text, _behind(text, _end(*found, text), indent), _indented(lines, indent))


def _root(text: str) -> MappingNode:
    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise StashError(f"no YAML: {error}") from None
    if not isinstance(node, MappingNode):
        raise StashError("no YAML mapping")
    return node


def _find(node: MappingNode, key: str) -> tuple[Node, Node] | None:
    pairs = ((word, value) for word, value in node.value if isinstance(word, ScalarNode))
    return next(((word, value) for word, value in pairs if word.value == key), None)


def _insert(text: str, parent: MappingNode, key: str, value: object) -> str:
    last_key, last = parent.value[-1]
    end = _end(last_key, last, text)
    if parent.flow_style:
        gap = " " if text[end - 1] == ":" else ""  # `{a:, …` would be a key of the name "a:"
        return f"{text[:end]}{gap}, {_inline(key)}: {_inline(value)}{text[end:]}"
    indent = parent.value[0][0].start_mark.column
    return _after_line(text, _behind(text, end, indent), _block({key: value}, indent, _step(parent)))


def _behind(text: str, end: int, indent: int) -> int:
    """Return where the line of `end` ends, and the comments below it that belong to what is above."""
    deeper = re.compile(rf"[^\r\n]*(?:\r?\n {{{indent + 1},}}#[^\r\n]*)*")
    return deeper.match(text, end).end()  # type: ignore[union-attr]  # it matches nothing, too


def _replace(text: str, key: Node, old: Node, parent: MappingNode, value: object) -> str:
    colon = _colon(key, text)
    start, end = old.start_mark.index, _end(key, old, text)
    is_block = isinstance(old, CollectionNode) and not old.flow_style
    if isinstance(value, dict) and not parent.flow_style:
        step = _step(parent)
        return _after_key(text, key, old, _block(value, key.start_mark.column + step, step))
    gap = text[colon:start] if start < end and not is_block else " "
    return f"{text[:colon]}{gap}{_inline(value)}{text[end:]}"


def _after_key(text: str, key: Node, old: Node, lines: list[str]) -> str:
    colon, end = _colon(key, text), _end(key, old, text)
    kept = text[end : _line_end(text, end)].rstrip()  # a comment that stood behind `{}`
    return _after_line(f"{text[:colon]}{kept}{text[_line_end(text, end) :]}", colon, lines)


def _end(key: Node, node: Node, text: str) -> int:
    """Return where the text of a value ends; the mark of a block is behind the comments that follow it."""
    if isinstance(node, CollectionNode) and not node.flow_style:
        last = node.value[-1]
        inner, value = last if isinstance(last, tuple) else (last, last)
        return _end(inner, value, text)
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, ScalarNode) and not text[start:end].strip(", \r\n}"):  # nothing: `key:`
        return _colon(key, text)
    return int(start + len(text[start:end].rstrip()))


def _colon(key: Node, text: str) -> int:
    found = re.compile(r"\s*:").match(text, key.end_mark.index)
    if found is None:
        raise StashError(f"no ':' behind the key {key.value!r}", "write it there")
    return found.end()


def _step(parent: MappingNode) -> int:
    """Return by how much a mapping inside `parent` is indented, as its neighbours are."""
    for key, value in parent.value:
        if isinstance(value, MappingNode) and not value.flow_style:
            return int(value.value[0][0].start_mark.column - key.start_mark.column)
    return 2


def _after_line(text: str, index: int, lines: list[str]) -> str:
    at = _line_end(text, index)
    newline = "\r\n" if "\r\n" in text else "\n"
    return f"{text[:at]}{''.join(newline + line for line in lines)}{text[at:] or newline}"


def _line_end(text: str, index: int) -> int:
    ending = re.compile(r"\r?\n").search(text, index)
    return ending.start() if ending else len(text)


def _block(mapping: Mapping[str, object], indent: int, step: int) -> list[str]:
    lines = []
    for key, value in mapping.items():
        if isinstance(value, dict) and value:
            lines += [f"{' ' * indent}{_inline(key)}:", *_block(value, indent + step, step)]
        else:
            lines.append(f"{' ' * indent}{_inline(key)}: {_inline(value)}")
    return lines


def _indented(lines: Sequence[str], indent: int) -> list[str]:
    return [f"{' ' * indent}{line}" for line in lines]


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_inline(key)}: {_inline(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value)  # a subset of YAML, 1.1 and 1.2
