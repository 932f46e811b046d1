"""What git tells of a push, taken at its word or not at all."""

from __future__ import annotations

import io

import pytest

from experimentstash.core.errors import StashError
from experimentstash.git.ref_updates import RefUpdate, ref_update, told_lines

A, B = "a" * 40, "b" * 40


@pytest.mark.parametrize("width", [40, 64])
def test_an_id_of_zeros_is_none(width: int) -> None:
    some, zeros = "a" * width, "0" * width
    assert ref_update("refs/heads/main", zeros, some) == RefUpdate("refs/heads/main", None, some)
    assert ref_update("refs/heads/main", some, zeros) == RefUpdate("refs/heads/main", some, None)


def test_a_snapshot_tag_is_known_by_its_ref() -> None:
    assert ref_update("refs/tags/snapshot/v1", A, B).tag == "v1"
    assert ref_update("refs/tags/snapshot/a/b", A, B).tag == "a/b"
    for ref in ("refs/tags/v1", "refs/tags/snapshot", "refs/tags/snapshots/v1", "refs/heads/refs/tags/snapshot/v1"):
        assert ref_update(ref, A, B).tag is None


@pytest.mark.parametrize(
    ("ref", "old", "new"),
    [
        ("main", A, B),
        ("", A, B),
        ("refs/heads/a b", A, B),
        ("refs/heads/a\x1b[2J", A, B),
        ("refs/heads/main", "HEAD", B),
        ("refs/heads/main", A[:39], B),
        ("refs/heads/main", A, B.upper()),
        ("refs/heads/main", "--all", B),
        ("refs/heads/main", "", ""),
    ],
)
def test_what_git_would_not_say_is_no_update(ref: str, old: str, new: str) -> None:
    with pytest.raises(StashError, match="invalid input on stdin") as caught:
        ref_update(ref, old, new)
    assert "\x1b" not in str(caught.value)


def test_lines_are_read_one_by_one_and_none_without_an_end() -> None:
    assert list(told_lines(io.BytesIO(b"a b c\n\xff\nlast"))) == ["a b c", "\udcff", "last"]
    endless = io.BytesIO(b"x" * 1_000_000)
    with pytest.raises(StashError, match="a line of 65536 bytes or more"):
        list(told_lines(endless))
    assert endless.tell() == 65_536
