"""Rules out of the registry, and out of the command line."""

from __future__ import annotations

import math
import posixpath
import re
from typing import TYPE_CHECKING

import yaml

from experimentstash.core.errors import UsageError, printable
from experimentstash.core.names import near
from experimentstash.core.yaml_nodes import is_null, pairs, wrong
from experimentstash.stash.results.comparison_rules import Rules, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_TOLERANCES = ("rtol", "atol")
_KEYS = (*_TOLERANCES, "ignore", "ignore_keys", "keys", "files", "paths")
_LONGEST = 300  # characters of a pattern


def read_rules(node: yaml.Node, where: str) -> Rules:
    """Parse `results:` of the registry.

    `rtol` and `atol` apply to all; `keys:` and `files:` map a pattern to its own settings, `keys:` also
    inside of `files:`. The narrower wins: file, then key, then key of a file. `ignore`, `ignore_keys` and `paths` are
    lists.

    Args:
        node: the value of that key.
        where: the file's name in messages.

    Raises:
        StashError: it is invalid; the message gives the line and the column.
    """
    if is_null(node):
        return Rules()
    rules = _Reading(where)
    entries = rules.mapping(node, _KEYS)
    settings = [rules.setting("*", "*", entries)]
    files = [
        (pattern, rules.mapping(value, (*_TOLERANCES, "ignore_keys", "keys")))
        for pattern, value in rules.patterns(entries.get("files"))
    ]
    settings += [rules.setting(pattern, "*", inner) for pattern, inner in files]
    settings += rules.keys("*", entries)
    ignore_keys = [("*", key) for key in rules.words(entries.get("ignore_keys"))]
    for pattern, inner in files:
        settings += rules.keys(pattern, inner)
        ignore_keys += [(pattern, key) for key in rules.words(inner.get("ignore_keys"))]
    said = tuple(setting for setting in settings if (setting.rtol, setting.atol) != (None, None))
    return Rules(rules.words(entries.get("ignore")), tuple(ignore_keys), said, rules.places(entries.get("paths")))


class _Reading:
    """The parts of `results:`, each read with its line and column at hand."""

    def __init__(self, where: str) -> None:
        self._where = where

    def mapping(self, node: yaml.Node, known: Sequence[str]) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise wrong(self._where, node.start_mark, f"a mapping is expected here, with {', '.join(known)}")
        entries: dict[str, yaml.Node] = {}
        for word, key, value in pairs(node, self._where):
            if word not in known:
                raise wrong(self._where, key.start_mark, f"{word!r} is not a key of `results`{near(word, known)}")
            if not is_null(value):
                entries[word] = value
        return entries

    def patterns(self, node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            raise wrong(self._where, node.start_mark, "a mapping of patterns to settings is expected here")
        for word, key, value in pairs(node, self._where):
            yield self._pattern(word, key), value

    def keys(self, file: str, entries: dict[str, yaml.Node]) -> list[Setting]:
        found = [(key, self.mapping(value, _TOLERANCES)) for key, value in self.patterns(entries.get("keys"))]
        return [self.setting(file, key, inner) for key, inner in found]

    def setting(self, file: str, key: str, entries: dict[str, yaml.Node]) -> Setting:
        said = {name: self._number(entries[name]) for name in _TOLERANCES if name in entries}
        return Setting(file, key, said.get("rtol"), said.get("atol"))

    def _number(self, node: yaml.Node) -> float:
        number = _tolerance(node.value) if isinstance(node, yaml.ScalarNode) else None
        if number is None:
            raise wrong(self._where, node.start_mark, "a tolerance must be a non-negative number, such as 1e-6")
        return number

    def words(self, node: yaml.Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        return tuple(self._pattern(item.value, item) for item in items)

    def places(self, node: yaml.Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for item in items:
            if complaint := _place_complaint(item.value):
                raise wrong(self._where, item.start_mark, complaint)
        return tuple(posixpath.normpath(item.value) for item in items)

    def _pattern(self, text: object, node: yaml.Node) -> str:
        if not isinstance(text, str) or (complaint := pattern_complaint(text)):
            said = f": {complaint}" if isinstance(text, str) else ""
            raise wrong(self._where, node.start_mark, f"a pattern is expected here{said}")
        return text


def pattern_complaint(text: str) -> str | None:
    """Return why `text` is no pattern, or None if it is one."""
    if not text.strip("! "):
        return "it is empty; in quotes, if it begins with '*' or '!'"
    if len(text) > _LONGEST or printable(text) != text or text.count("*") > 10:
        return "it is too long, or holds control characters or more than ten '*'"
    if text.startswith("/") or ".." in text.split("/"):
        return "it begins in the run directory"
    return None


def _place_complaint(text: object) -> str | None:
    """Return why `text` is not a path outside of the run directory, or None if it is one."""
    if not isinstance(text, str):
        return "a path from the tool's directory is expected here"
    place = posixpath.normpath(text)
    inner = place.removeprefix("../../")  # the stash
    if place in (".", "..", "../.."):
        return "a path below the tool or the stash is expected here, not all of it"
    if pattern_complaint(inner):
        return f"{text!r} leads out of the stash, or is no pattern"
    return None


def _tolerance(text: str) -> float | None:
    number = float(text) if _NUMBER.fullmatch(text) and len(text) < 50 else math.inf
    return number if math.isfinite(number) else None


def rules_of_words(
    rtol: Sequence[str] = (), atol: Sequence[str] = (), ignore: Sequence[str] = (), ignore_keys: Sequence[str] = ()
) -> Rules:
    """Parse the options of the command line, to extend the registry's with `Rules.then`.

    Args:
        rtol: `1e-6`, or for some files `*.csv=1e-6`, or for some keys `*.csv::loss=1e-6` and `::loss=1e-6`.
        atol: the same.
        ignore: patterns of files.
        ignore_keys: patterns of keys, or for some files `*.csv::*_seconds`.

    Raises:
        UsageError: one of them means nothing.
    """
    settings = [_setting("rtol", word) for word in rtol] + [_setting("atol", word) for word in atol]
    keys = [_place(word if "::" in word else f"::{word}", "--ignore-keys", word) for word in ignore_keys]
    for word in ignore:
        _check(word, "--ignore", word)
    return Rules(tuple(ignore), tuple(keys), tuple(settings))


def _setting(name: str, word: str) -> Setting:
    place, _, number = word.rpartition("=")
    value = _tolerance(number)
    if value is None:
        raise UsageError(f"--{name} {word}: a non-negative number is expected, as in --{name} '*.csv=1e-6'")
    file, key = _place(place, f"--{name}", word)
    return Setting(file, key, value, None) if name == "rtol" else Setting(file, key, None, value)


def _place(text: str, option: str, word: str) -> tuple[str, str]:
    file, _, key = text.partition("::")
    for pattern in (file or "*", key or "*"):
        _check(pattern, option, word)
    return file or "*", key or "*"


def _check(pattern: str, option: str, word: str) -> None:
    if complaint := pattern_complaint(pattern):
        raise UsageError(f"{option} {word}: {pattern!r} is no pattern: {complaint}")
