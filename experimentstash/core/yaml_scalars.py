"""Types and values of YAML scalars as OmegaConf's loader reads them, without importing OmegaConf (68 ms)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Hashable

YAML = "tag:yaml.org,2002:"
KINDS = frozenset(YAML + kind for kind in ("str", "int", "float", "bool", "null", "binary"))
"""The tags of plain config values. OmegaConf accepts no others (dates, sets, objects)."""
_NUMBERS = frozenset({f"{YAML}int", f"{YAML}float"})
_MAX_DIGITS = 4300  # CPython's `int()` refuses more, and base 60 takes quadratic time
_MAX_BITS = 14_284  # of 4300 digits: CPython's `str()` refuses more, and a hexadecimal number can have more


class _ScalarLoader(yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
    """PyYAML's safe constructor with the two changes of OmegaConf 2.3 (omegaconf/_utils.py, get_yaml_loader)."""

    def __init__(self) -> None:
        yaml.constructor.SafeConstructor.__init__(self)
        yaml.resolver.Resolver.__init__(self)


_ScalarLoader.add_implicit_resolver(
    f"{YAML}float",
    re.compile(
        r"""^(?:[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
        |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
        |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
        |[-+]?\.(?:inf|Inf|INF)
        |\.(?:nan|NaN|NAN))$""",
        re.VERBOSE,
    ),
    list("-+0123456789."),
)
_ScalarLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != f"{YAML}timestamp"]
    for first, resolvers in _ScalarLoader.yaml_implicit_resolvers.items()
}
_READER: Any = _ScalarLoader()  # PyYAML's methods have no annotations


def kind(event: Any) -> str:
    """Return the tag of a scalar: the explicit one, or the one that OmegaConf derives from its text."""
    if event.tag is not None and event.tag != "!":
        return str(event.tag)
    return str(_READER.resolve(yaml.ScalarNode, event.value, event.implicit))


def construct(tag: str, text: str) -> Hashable:
    """Return the value of a scalar.

    Raises:
        ValueError: the text is not valid for the tag (`!!int x`, a plain `0b_`, a number of 5,000 digits), or the tag
            is not one of `KINDS`.
    """
    if tag == f"{YAML}str":
        return text
    if tag not in KINDS or (tag in _NUMBERS and len(text) > _MAX_DIGITS):
        raise ValueError(tag)
    try:
        value: Hashable = _READER.yaml_constructors[tag](_READER, yaml.ScalarNode(tag, text))
    except (IndexError, KeyError, OverflowError, yaml.YAMLError) as error:  # `!!int ''`, `!!bool x`, …
        raise ValueError(tag) from error
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise ValueError(tag)
    return value
