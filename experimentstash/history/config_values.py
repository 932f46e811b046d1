"""Reads the values of a frozen config by address, as OmegaConf does, and formats them."""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any

import yaml

from experimentstash.core.yaml_nodes import compose
from experimentstash.core.yaml_scalars import YAML, construct, kind
from experimentstash.stash import snapshot_body, snapshot_file
from experimentstash.stash.config_paths import component

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.stash.snapshot_file import Snapshot

_LOOKS_LIKE_NO_TEXT = frozenset({"true", "false", "null", ""})


def config_values(snapshot: Snapshot, where: str) -> dict[str, Any]:
    """Return each value of a snapshot's body by its address, in file order, without the late ones.

    Args:
        snapshot: the parsed file.
        where: its name in messages.

    Raises:
        StashError: the body is not the YAML of a config.
    """
    values = flattened(snapshot.body, where)
    return {address: value for address, value in values.items() if value != snapshot_body.MISSING}


def flattened(text: str, where: str) -> dict[str, Any]:
    """Return each value of a YAML text by its address, as `stash.config_paths` writes addresses.

    An empty mapping or list is a value.

    Raises:
        StashError: it is not the YAML of a config.
    """
    root = compose(text.encode("utf-8", "surrogatepass"), where, largest=snapshot_file.LARGEST, aliases=False)
    return {} if root is None else dict(_walked(root, ""))


def _walked(node: yaml.Node, address: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, yaml.MappingNode) and node.value:
        for key, value in node.value:
            yield from _walked(value, _join(address, component(_scalar(key))))
    elif isinstance(node, yaml.SequenceNode) and node.value:
        for number, value in enumerate(node.value):
            yield from _walked(value, _join(address, str(number)))
    elif isinstance(node, yaml.ScalarNode):
        yield address, _scalar(node)
    else:
        yield address, {} if isinstance(node, yaml.MappingNode) else []


def _scalar(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        return str(node.tag)
    text = str(node.value)
    tag = node.tag
    if not node.style and node.tag.startswith(YAML) and node.tag != f"{YAML}binary":
        tag = kind(yaml.ScalarEvent(None, None, (True, False), text))
    try:
        return construct(tag, text)
    except ValueError:
        return text


def _join(address: str, part: str) -> str:
    return f"{address}.{part}" if address else part


def late_values(snapshot: Snapshot) -> dict[str, str]:
    """Return the text that each late value is built from, by its address."""
    found = {snapshot_file.late_key(line): line.partition("=")[2] for line in snapshot.all("LATE")}
    for line in snapshot.all("LATE_AT"):
        address, _, text = line.partition(" = ")
        found[address] = text
    return found


def shown(value: Any) -> str:
    """Format a value: a string that looks like another type is quoted."""
    if isinstance(value, str):
        looks_different = value.lower() in _LOOKS_LIKE_NO_TEXT or _is_number(value) or value != value.strip()
        return json.dumps(value, ensure_ascii=False) if looks_different else value
    if isinstance(value, bytes):
        return f"binary {base64.b64encode(value).decode()}"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def as_json_value(value: Any) -> Any:
    """Return a value for JSON; a type that JSON lacks becomes a string."""
    if isinstance(value, bytes) or (isinstance(value, float) and not math.isfinite(value)):
        return shown(value)
    return value


def same(first: Any, second: Any) -> bool:
    """Return whether two values and their types are equal: in Python, 1 == 1.0 == True."""
    return type(first) is type(second) and (first == second or (first != first and second != second))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
