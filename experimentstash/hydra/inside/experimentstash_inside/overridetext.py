"""Values written as Hydra overrides, each one read back with Hydra's own parser before it is trusted."""

from __future__ import annotations

import math
import re
from typing import Any, List, Optional, Tuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import OmegaConf

_parser: Optional[OverridesParser] = None
# Hydra's parser takes milliseconds for a line. These patterns match what its grammar reads in one way only, in every
# version: a name, interpolations alone or among plain words, and a text in quotes that needs no escape.
_KEY = r"[A-Za-z_][A-Za-z0-9_]*(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|0|[1-9][0-9]*))*"
_INTERPOLATION = r"\$\{\.*%s\}" % _KEY
_NAME = r"(?!(?i:null|true|false|inf|nan)$)[A-Za-z_][A-Za-z0-9_]*"
_WORDS = r"[A-Za-z0-9_/. -]*"
_IS_KEY = re.compile(r"\+{0,2}" + _KEY)
_IS_TEXT = re.compile("%s|(?! )%s(?:%s%s)+(?<! )" % (_NAME, _WORDS, _INTERPOLATION, _WORDS))
_IS_QUOTED = re.compile(r"'([ -&(-\[\]-~]+)'")
_TOKEN = re.compile(r"\$\{[^}]+\}")
_NO_TEXT = re.compile(r"[,{}]")
"""Characters that an unquoted text cannot have outside the interpolations as Hydra finds them."""


def parse(line: str) -> Any:
    """Return what Hydra reads in an override."""
    global _parser
    if _parser is None:
        _parser = OverridesParser.create()
    return _parser.parse_override(line)


def read(line: str) -> Tuple[str, Any]:
    """Return the key of an override, and the value that it sets."""
    key, _, said = line.partition("=")
    if _IS_KEY.fullmatch(key):
        quoted = _IS_QUOTED.fullmatch(said)
        if quoted or _IS_TEXT.fullmatch(said):
            return key.lstrip("+"), quoted[1] if quoted else said
    override = parse(line)
    return override.key_or_group, override.value()


def override(key: str, value: Any) -> Optional[str]:
    """Return `key=value` as a Hydra override, or None if Hydra's grammar has no way to say it.

    Args:
        key: the key, with its `+` or `++` if it needs one.
        value: None, a bool, a number, a text (interpolations included), or lists and mappings of these.
    """
    if isinstance(value, str) and _IS_KEY.fullmatch(key):
        if _IS_TEXT.fullmatch(value):
            return "%s=%s" % (key, value)
        if _NO_TEXT.search(_TOKEN.sub("", value)) and _IS_QUOTED.fullmatch("'%s'" % value):
            return "%s='%s'" % (key, value)
    forms = [value] if isinstance(value, str) else []
    for text in [*forms, literal(value)]:
        line = "%s=%s" % (key, text)
        if "\n" not in line and "\r" not in line and _reads_as(line, key.lstrip("+"), value):
            return line
    return None


def _reads_as(line: str, key: str, value: Any) -> bool:
    try:
        read = parse(line)
        return bool(read.key_or_group == key and not read.is_sweep_override() and _same(read.value(), value))
    except Exception:  # noqa: BLE001  (the parser's errors differ between Hydra's versions; any means no)
        return False


def _same(read: Any, value: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(read, dict) and list(read) == list(value) and all(_same(read[k], value[k]) for k in value)
    if isinstance(value, list):
        return isinstance(read, list) and len(read) == len(value) and all(map(_same, read, value))
    return type(read) is type(value) and bool(read == value or read != read)


def literal(value: Any) -> str:
    """Return a value in the grammar of Hydra's overrides."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if value != value else "inf" if value > 0 else "-inf"
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s:%s" % (key, literal(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return "[%s]" % ",".join(map(literal, value))
    if isinstance(value, str):
        return _quoted(value)
    return repr(value)


def _quoted(text: str) -> str:
    quoted = QuotedString(text=text, quote=Quote.single)
    if hasattr(quoted, "with_quotes"):
        return str(quoted.with_quotes())
    return "'%s'" % text.replace("\\'", "\\\\'").replace("'", "\\'")


def raw_lines(overrides: Any) -> List[str]:
    """Return overrides that Hydra's own node lists, their interpolations as they are."""
    raw: Any = OmegaConf.to_container(overrides, resolve=False)
    return list(raw)
