"""Sets one value in a YAML file that people edit, and keeps every other byte.

No library keeps every byte: ruamel.yaml moves comments after the last key, folds and re-indents lines, and drops the
quotes of "yes". PyYAML gives the position of each value, and this module replaces the text there.
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
    """Return `text` with `value` at the path of `keys`; the last key need not exist.

    Writes a mapping in block style if its parent is in block style, and everything else on one line.

    Raises:
        StashError: the text is not a YAML mapping.
    """
    node: Any = _root(text)
    parents = [node]
    for depth, key in enumerate(keys):
        item = _find(node, key)
        if item is None:
            return _insert(text, parents[-1], key, value)
        if depth == len(keys) - 1:
            return _replace(text, *item, node, value)
        if not isinstance(item[1], MappingNode) or not item[1].value:  # `tools:`, `tools: {}`
            inner: object = value
            for missing in reversed(keys[depth + 1 :]):
                inner = {missing: inner}
            return _replace(text, *item, node, inner)
        node = item[1]
        parents.append(node)
    raise StashError("no key to set")


def rename_key(text: str, keys: Sequence[str], name: str) -> str:
    """Return `text` with another name for the last key of the path `keys`.

    Raises:
        StashError: the text is not a YAML mapping with such a path.
    """
    parent, (key, _) = _item(text, keys)
    if _find(parent, name) is not None:
        raise StashError(f"the key {name!r} exists already")
    return f"{text[: key.start_mark.index]}{_inline(name)}{text[key.end_mark.index :]}"


def remove_key(text: str, keys: Sequence[str]) -> str:
    """Return `text` without the key at the path `keys`, its value, and the more deeply indented comments below it.

    The mapping of the only key becomes `{}`.

    Raises:
        StashError: the text is not a YAML mapping in block style with such a path.
    """
    parent, (key, value) = _item(text, keys)
    if parent.flow_style:
        raise StashError("not in block style")
    if len(parent.value) == 1:
        return set_value(text, keys[:-1], {}) if len(keys) > 1 else "{}\n"
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    end = _block_end(text, _end(key, value, text), key.start_mark.column)
    return text[:start] + re.sub(r"\A[^\n]*\n?", "", text[end:])


def _item(text: str, keys: Sequence[str]) -> tuple[MappingNode, tuple[Node, Node]]:
    node: Any = _root(text)
    for key in keys[:-1]:
        item = _find(node, key)
        if item is None or not isinstance(item[1], MappingNode):
            raise StashError(f"no mapping {key!r}")
        node = item[1]
    item = _find(node, keys[-1])
    if item is None:
        raise StashError(f"no key {keys[-1]!r}")
    return node, item


def append_item(text: str, key: str, item: Sequence[str]) -> str:
    """Return `text` with one more item at the end of the list at `key`.

    Args:
        text: a YAML mapping.
        key: one of its keys; its value may be empty.
        item: the lines of the item, a mapping in block style.

    Raises:
        StashError: the text is not a YAML mapping in block style with such a list.
    """
    root = _root(text)
    pair = _find(root, key)
    if pair is None or root.flow_style:
        raise StashError(f"no list {key!r} in block style")
    items = pair[1]
    lines = [f"{'  ' if number else '- '}{line}" for number, line in enumerate(item)]
    if not items.value:  # `repos:`, `repos: []`
        return _after_key(text, *pair, _indented(lines, pair[0].start_mark.column + _step(root)))
    if not isinstance(items, SequenceNode) or items.flow_style:
        raise StashError(f"no list {key!r} in block style")
    indent = items.start_mark.column
    return _after_line(text, _block_end(text, _end(*pair, text), indent), _indented(lines, indent))


def _root(text: str) -> MappingNode:
    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise StashError(f"invalid YAML: {error}") from None
    if not isinstance(node, MappingNode):
        raise StashError("not a YAML mapping")
    return node


def _find(node: MappingNode, key: str) -> tuple[Node, Node] | None:
    pairs = ((word, value) for word, value in node.value if isinstance(word, ScalarNode))
    return next(((word, value) for word, value in pairs if word.value == key), None)


def _insert(text: str, parent: MappingNode, key: str, value: object) -> str:
    last_key, last = parent.value[-1]
    end = _end(last_key, last, text)
    if parent.flow_style:
        gap = " " if text[end - 1] == ":" else ""  # without a space, `{a:, …` has the key "a:"
        return f"{text[:end]}{gap}, {_inline(key)}: {_inline(value)}{text[end:]}"
    indent = parent.value[0][0].start_mark.column
    return _after_line(text, _block_end(text, end, indent), _block({key: value}, indent, _step(parent)))


def _block_end(text: str, end: int, indent: int) -> int:
    """Return the end of the line at `end`, or of the more deeply indented comments that follow it."""
    deeper = re.compile(rf"[^\r\n]*(?:\r?\n {{{indent + 1},}}#[^\r\n]*)*")
    return deeper.match(text, end).end()  # type: ignore[union-attr]  # the pattern also matches an empty text


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
    kept = text[end : _line_end(text, end)].rstrip()  # a comment after `{}`
    return _after_line(f"{text[:colon]}{kept}{text[_line_end(text, end) :]}", colon, lines)


def _end(key: Node, node: Node, text: str) -> int:
    """Return the end of a value's text: PyYAML's end mark of a block comes after the comments that follow it."""
    if isinstance(node, CollectionNode) and not node.flow_style:
        last = node.value[-1]
        inner, value = last if isinstance(last, tuple) else (last, last)
        return _end(inner, value, text)
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, ScalarNode) and not text[start:end].strip(", \r\n}"):  # an empty value: `key:`
        return _colon(key, text)
    return int(start + len(text[start:end].rstrip()))


def _colon(key: Node, text: str) -> int:
    colon = re.compile(r"\s*:").match(text, key.end_mark.index)
    if colon is None:
        raise StashError(f"no ':' after the key {key.value!r}", f"write `{key.value}:` there")
    return colon.end()


def _step(parent: MappingNode) -> int:
    """Return the indentation of mappings inside `parent`."""
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
    return json.dumps(value)  # JSON is a subset of YAML 1.1 and 1.2
