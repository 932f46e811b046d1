"""Long lists in messages are cut, and say by how much."""

from __future__ import annotations

from experimentstash.core.errors import first_lines, listed


def test_a_list_in_a_sentence() -> None:
    assert listed([], 2) == ""
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listed(["x"] * 1002, 1) == "x and 1,001 more"


def test_a_list_of_lines() -> None:
    assert first_lines(["a", "b"], 2) == ["a", "b"]
    assert first_lines(["a", "b", "c", "d"], 2) == ["a", "b", "and 2 more"]
    assert first_lines(["a", "b"], 1, "  and {} more of that kind") == ["a", "  and 1 more of that kind"]
