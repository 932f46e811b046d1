"""The values of JSON files, and of files with a JSON value on each line, by dotted path."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from experimentstash.core.errors import printable
from experimentstash.stash.results.summary import MOST_SERIES, Gatherer, Keep, UnreadableError, gathered

if TYPE_CHECKING:
    from experimentstash.stash.results.manifest import Series, Value

LARGEST = 16 * 1024 * 1024
"""Bytes; read, it takes ten times as much memory."""
_DEEPEST = 50
_LONGEST_NAME = 300
_ROOT = "value"


@dataclass
class _Leaves:
    """The values at one path.

    Attributes:
        values: in file order.
        at: for each of them the indices of the lists on the way.
        empty: the indices of lists and mappings that hold nothing.
    """

    values: list[Value] = field(default_factory=list)
    at: list[tuple[int, ...]] = field(default_factory=list)
    empty: list[tuple[int, ...]] = field(default_factory=list)


def read_json(file: BinaryIO, keep: Keep, *, lines: bool) -> tuple[Series, ...]:
    """Read a JSON file, or with `lines` one of JSON lines, by name; the order of keys is ignored.

    The paths of `lines` begin below the line: its number is no part of the name.

    Args:
        file: the file, at its first byte.
        keep: how many values are kept.
        lines: whether each line is a JSON value.

    Raises:
        UnreadableError: it is not JSON, too large, too deep, or repeats a key.
    """
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise UnreadableError(f"larger than {LARGEST} bytes")
    found: dict[str, _Leaves] = {}
    try:
        text = data.decode("utf-8-sig")
        for number, part in enumerate(filter(str.strip, text.split("\n")) if lines else (text,)):
            value = json.loads(part, object_pairs_hook=partial(_mapping, keep))
            _walk(value, (), (number,) if lines else (), found)
    except UnicodeDecodeError:
        raise UnreadableError("not UTF-8") from None
    except (ValueError, RecursionError) as error:  # also an integer of more than 4,300 digits
        raise UnreadableError(f"no JSON: {printable(str(error))[:100]}") from None
    return _series(found, keep)


def _mapping(keep: Keep, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = {keep.without_late(key): value for key, value in pairs} if keep.late else dict(pairs)
    if len(mapping) < len(pairs):
        raise UnreadableError("a key that occurs twice")
    return mapping


def _walk(value: Any, path: tuple[str, ...], at: tuple[int, ...], found: dict[str, _Leaves]) -> None:
    if len(path) > _DEEPEST:
        raise UnreadableError(f"nested more than {_DEEPEST} levels deep")
    if isinstance(value, dict) and value:
        for key, below in value.items():
            _walk(below, (*path, _escaped(key)), at, found)
    elif isinstance(value, list) and value and not any(isinstance(item, dict | list) for item in value):
        leaves = found.setdefault(_name((*path, "*")), _Leaves())  # a long list of numbers in one go
        leaves.values += value
        leaves.at += [(*at, number) for number in range(len(value))]
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            _walk(item, (*path, "*"), (*at, number), found)
    elif isinstance(value, dict | list):
        found.setdefault(_name((*path, "{}" if isinstance(value, dict) else "*")), _Leaves()).empty.append(at)
    else:
        leaves = found.setdefault(_name(path), _Leaves())
        leaves.values.append(value)
        leaves.at.append(at)


def _escaped(key: str) -> str:
    return re.sub(r"[\\.*]", r"\\\g<0>", key)


def _name(path: tuple[str, ...]) -> str:
    name = ".".join(path) or _ROOT
    if len(name) > _LONGEST_NAME or printable(name) != name:
        raise UnreadableError("a key that is too long or holds control characters")
    return name


def _series(found: dict[str, _Leaves], keep: Keep) -> tuple[Series, ...]:
    names = sorted(found)
    keep = keep.shared(min(len(names), MOST_SERIES + 1))
    series = [gathered(name, found[name].values, _shape(found[name]), keep) for name in names[:MOST_SERIES]]
    if others := names[MOST_SERIES:]:
        gatherer = Gatherer(keep)
        for name in others:
            gatherer.add(found[name].values)
        told = [[name, _shape(found[name])] for name in others]
        series.append(gatherer.series(f"({len(others)} other keys)", f"of {_digest(told)}"))
    return tuple(series)


def _shape(leaves: _Leaves) -> str:
    """Return `3x4` for lists that are all alike, and a digest of the indices for others."""
    at = leaves.at
    if not leaves.empty and at == [()]:
        return ""
    if at and not leaves.empty:
        lengths = [max(indices) + 1 for indices in zip(*at, strict=True)]
        if math.prod(lengths) == len(at):  # the indices of a walk are in order, and none comes twice
            return "x".join(map(str, lengths))
    return f"ragged {_digest([at, leaves.empty])}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
