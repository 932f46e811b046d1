"""What is captured in a tool's process is told, or the process fails."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest
from experimentstash_inside import capture


def test_an_answer_that_cannot_be_written_is_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[dict[str, Any]] = []

    def answer(said: dict[str, Any]) -> None:
        told.append(said)
        raise OSError(errno.ENOSPC, "No space left on device")

    def end(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr("os._exit", end)
    order: Any = SimpleNamespace(answer=answer, report="/report.json")
    with pytest.raises(SystemExit, match="1"):
        capture.leave_with_answer(order, lambda: {"x": 1})
    assert told == [{"x": 1}]
    assert capsys.readouterr().err == "experimentstash: /report.json: No space left on device\n"
