"""What is known of an override without Hydra's parser is what the parser says."""

from __future__ import annotations

import random

import pytest
from experimentstash_inside import overridetext
from experimentstash_inside.overridetext import override, parse, read

KEYS = ("a", "a.b", "a.0", "++a.b", "01", "0.a", "null.x", "_a.10")
PIECES = (
    *("a", "b1", "true", "NaN", "1", "2.5", "01", "-", ".", "/", " ", "é", "'", "\\", "(", "{", "}", ",", ":", "="),
    *("${a}", "${a.b}", "${.a}", "${..a.0}", "${f:a,b}", "${f:${a},2}", "${f:'x'}"),
)


def texts(count: int) -> list[str]:
    """Texts from the pieces, the same at each run."""
    draw = random.Random(9)
    return ["".join(draw.choices(PIECES, k=draw.randint(1, 5))) for _ in range(count)]


@pytest.mark.parametrize("key", KEYS)
def test_an_override_is_what_hydra_reads(key: str) -> None:
    for text in texts(120):
        line = override(key, text)
        if line is not None:
            parsed = parse(line)
            assert (parsed.key_or_group, parsed.value()) == (key.lstrip("+"), text) == read(line)


def test_plain_texts_need_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overridetext, "parse", lambda line: pytest.fail(f"parsed: {line}"))
    for text in ("name", "${a}", "${.a.0}", "part 2 of ${a} and ${b}"):
        assert override("a.b", text) == f"a.b={text}"
        assert read(f"a.b={text}") == ("a.b", text)
    assert override("a", "${f:${b},2}") == "a='${f:${b},2}'"
    assert read("a='${f:${b},2}'") == ("a", "${f:${b},2}")
