"""Overrides of Hydra, recognised without Hydra: held against Hydra's own parser."""

from __future__ import annotations

import itertools
import random

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from experimentstash.stash.overrides import is_override

PARSER = OverridesParser.create()
PIECES = (
    *("a", "null", "true", "1", "1e3", "00", "_", "-", "+", ".", "\\", "/", "@", "$", "%", "~", "#", "é", " ", "\t"),
    *("'", '"', "[", "]", "{", "}", "(", ")", ":", ",", "=", "${x}", "${", "\\,", "'q'", "!", "<", "${oc.env:A,b}"),
)


def hydra_key(line: str) -> str | None:
    """Return the key to which Hydra gives one value, or None."""
    try:
        override = PARSER.parse_override(line)
        if override.is_sweep_override() or override.is_delete():
            return None
        override.value()
    except (HydraException, ValueError):
        return None
    return str(override.key_or_group)


def agree(line: str) -> None:
    key = line.partition("=")[0].removeprefix("++")
    assert is_override(line) == (hydra_key(line) == key), line


def test_values_are_those_of_hydra() -> None:
    choose = random.Random(1)
    for length in (0, 1, 2):
        for pieces in itertools.product(PIECES, repeat=length):
            agree("a=" + "".join(pieces))
    for _ in range(1500):
        agree("a=" + "".join(choose.choices(PIECES, k=choose.randint(3, 9))))


@pytest.mark.every
def test_more_values_are_those_of_hydra() -> None:
    choose = random.Random(2)
    for _ in range(50_000):
        agree("a=" + "".join(choose.choices(PIECES, k=choose.randint(3, 12))))


@pytest.mark.parametrize(
    "key", ["a", "a.b", "a-b", "$a", "a.0", "0.a", "++a", "a.00", "0", "a.", "a..b", ".a", "a b", "é"]
)
def test_keys_are_those_of_hydra(key: str) -> None:
    agree(f"{key}=1")
    assert not is_override(key)


@pytest.mark.parametrize("line", ["a@b=1", "a/b=1", "+a=1", "~a=1", "~a", "=1", "a=int(1)", "a=1,2", "a=choice(1,2)"])
def test_what_does_not_give_one_key_one_value_is_none(line: str) -> None:
    assert not is_override(line)


def test_hostile_values_are_answered() -> None:
    assert not is_override("a=" + "[" * 100_000)
    assert is_override("a=" + "x" * 100_000)
    assert not is_override("a='" + "\\'" * 20_000)
