"""What was found flat is not parsed again by commands that show many snapshots, and nobody else relies on that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from experimentstash.core.names import SnapshotName
from experimentstash.stash.snapshot_file import parse
from experimentstash.verify import flat
from experimentstash.verify.flat import flat_problems
from experimentstash.verify.flat_memory import remembering

if TYPE_CHECKING:
    from pathlib import Path

NAME = SnapshotName("mytool", "v1", "a")
GOOD, BAD = (parse(f"# TAG: v1\n\na: {value}\n".encode(), "a.yaml") for value in ("1", "${b}"))


def test_a_flat_text_is_parsed_once_and_another_one_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with remembering(tmp_path / "own"):
        assert flat_problems(GOOD, NAME) == []
        told = flat_problems(BAD, NAME)
    monkeypatch.setattr(flat, "_complaints", lambda _: [(0, "parsed")])
    with remembering(tmp_path / "own"):
        assert flat_problems(GOOD, NAME) == []
        assert [problem.what for problem in flat_problems(BAD, NAME)] == ["parsed"] != [one.what for one in told]
    assert [problem.what for problem in flat_problems(GOOD, NAME)] == ["parsed"]


def test_a_memory_that_is_damaged_or_cannot_be_kept_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with remembering(tmp_path / "file"):
        assert len(flat_problems(BAD, NAME)) == 1
        assert flat_problems(GOOD, NAME) == []
    with remembering(tmp_path):
        flat_problems(GOOD, NAME)
    (kept,) = tmp_path.glob("flat-*")
    kept.write_bytes(kept.read_bytes()[:5])
    with remembering(tmp_path):
        assert flat_problems(GOOD, NAME) == []
    assert len(kept.read_bytes()) == 16
