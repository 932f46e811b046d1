"""What OmegaConf's loader makes of a YAML scalar, told without loading OmegaConf (68 ms)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Hashable

YAML = "tag:yaml.org,2002:"
KINDS = frozenset(YAML + kind for kind in ("str", "int", "float", "bool", "null", "binary"))
"""The tags of plain config values. OmegaConf takes no other: no date, no set, no object."""
_NUMBERS = frozenset({f"{YAML}int", f"{YAML}float"})
_LONGEST_NUMBER = 4300  # digits; CPython's `int()` refuses more, and base 60 is quadratic before that
_MOST_BITS = 14_284  # of so many digits; CPython's `str()` refuses more, and hexadecimal ones come to more


class _Reader(yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
    """PyYAML's safe reader with the two changes of OmegaConf 2.3 (omegaconf/_utils.py, get_yaml_loader)."""

    def __init__(self) -> None:
        yaml.constructor.SafeConstructor.__init__(self)
        yaml.resolver.Resolver.__init__(self)


_Reader.add_implicit_resolver(
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
_Reader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != f"{YAML}timestamp"]
    for first, resolvers in _Reader.yaml_implicit_resolvers.items()
}
_READER: Any = _Reader()  # PyYAML's own methods are not annotated


def kind(event: Any) -> str:
    """Return the tag of a scalar: its own, or the one that its text has in the eyes of OmegaConf."""
    if event.tag is not None and event.tag != "!":
        return str(event.tag)
    return str(_READER.resolve(yaml.ScalarNode, event.value, event.implicit))


def construct(tag: str, text: str) -> Hashable:
    """Return the value of a scalar.

    Raises:
        ValueError: the text is none of that kind (`!!int x`, a plain `0b_`, a number of 5,000 digits), or
            the kind is none of `KINDS`.
    """
    if tag == f"{YAML}str":
        return text
    if tag not in KINDS or (tag in _NUMBERS and len(text) > _LONGEST_NUMBER):
        raise ValueError(tag)
    try:
        value: Hashable = _READER.yaml_constructors[tag](_READER, yaml.ScalarNode(tag, text))
    except (IndexError, KeyError, OverflowError, yaml.YAMLError) as error:  # `!!int ''`, `!!bool x`, …
        raise ValueError(tag) from error
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ValueError(tag)
    return value
