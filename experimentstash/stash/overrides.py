"""Recognises Hydra overrides of the form `KEY=VALUE` without importing Hydra (130 ms).

Accepts a part of Hydra's grammar (`hydra/grammar/OverrideLexer.g4` and `OverrideParser.g4`, the same from Hydra 1.1 to
1.4): a dotted key and one value. Group choices, deletions, functions and sweeps do not match, since they do not give
one value to one key. A test compares this module with Hydra's parser.
"""

from __future__ import annotations

import functools
import re

_INT = r"(?:0|[1-9](?:_?[0-9])*)"
_WORD = r"[A-Za-z_$][A-Za-z0-9_$-]*"
_KEY = rf"(?:\+\+)?(?:{_WORD}|(?:{_WORD}|{_INT})(?:\.(?:{_WORD}|{_INT}))+)"
_POINT = rf"(?:{_INT}?\.[0-9](?:_?[0-9])*|{_INT}\.)"
_FLOAT = rf"[+-]?(?:(?:{_POINT}|{_INT})[eE][+-]?[0-9](?:_?[0-9])*|{_POINT}|(?i:inf|nan))"
_TOKENS = (
    ("(", r"[ \t]*\([ \t]*"),
    (",", r"[ \t]*,[ \t]*"),
    (")", r"[ \t]*\)"),
    ("[", r"\[[ \t]*"),
    ("]", r"[ \t]*\]"),
    ("{", r"\{[ \t]*"),
    ("}", r"[ \t]*\}"),
    (":", r"[ \t]*:[ \t]*"),
    ("=", r"[ \t]*=[ \t]*"),
    ("word", _FLOAT),
    ("word", rf"[+-]?{_INT}"),
    ("word", r"[/\-\\+.$%*@?|]"),
    ("word", r"[A-Za-z_][A-Za-z0-9_-]*"),
    ("word", r"(?:\\[\\()\[\]{}:=, \t])+"),
    ("word", r"[ \t]+"),
    ("quoted", r'"(?:(?:\\\\)*|.*?[^\\](?:\\\\)*)"'),
    ("quoted", r"'(?:(?:\\\\)*|.*?[^\\](?:\\\\)*)'"),
    ("interpolation", r"\$\{[^}]+\}"),
)
_DEEPEST = 50
"""The maximum depth of nested lists and mappings."""


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)  # on first use: compiling takes 2 ms, and most snapshots need none


class _NoValueError(Exception):
    """The text is not a value."""


def is_override(line: str) -> bool:
    """Return whether a line gives one key one value, as Hydra's parser reads it: `a.b=VALUE`, `++a.b=VALUE`."""
    key, equals, value = line.partition("=")
    if not equals or not _compiled(_KEY).fullmatch(key):
        return False
    try:
        tokens = _tokens(value.lstrip(" \t") if value[:1] in (" ", "\t") else value)
        if tokens:
            _element(tokens, 0)
    except _NoValueError:
        return False
    return not tokens


def _tokens(text: str) -> list[str]:
    """Return the kinds of the tokens of a text, in reverse order. The longest match wins."""
    found = []
    start = 0
    while start < len(text):
        kinds = [(match.end(), name) for name, pattern in _TOKENS if (match := _compiled(pattern).match(text, start))]
        if not kinds:
            raise _NoValueError
        longest = max(end for end, _ in kinds)
        found.append(next(name for end, name in kinds if end == longest))
        start = longest
    return found[::-1]


def _element(tokens: list[str], depth: int) -> None:
    """Remove one value from the tokens."""
    if depth > _DEEPEST:
        raise _NoValueError
    if _took(tokens, "["):
        _items(tokens, "]", depth)
    elif _took(tokens, "{"):
        _items(tokens, "}", depth)
    elif not _took(tokens, "quoted"):
        _words(tokens, "word", ":", "interpolation")


def _items(tokens: list[str], end: str, depth: int) -> None:
    if _took(tokens, end):
        return
    while True:
        if end == "}":
            _words(tokens, "word")
            _take(tokens, ":")
        _element(tokens, depth + 1)
        if _took(tokens, end):
            return
        _take(tokens, ",")


def _words(tokens: list[str], *kinds: str) -> None:
    if not tokens or tokens[-1] not in kinds:
        raise _NoValueError
    while tokens and tokens[-1] in kinds:
        tokens.pop()


def _took(tokens: list[str], kind: str) -> bool:
    if tokens and tokens[-1] == kind:
        tokens.pop()
        return True
    return False


def _take(tokens: list[str], kind: str) -> None:
    if not _took(tokens, kind):
        raise _NoValueError
