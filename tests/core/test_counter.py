"""The count of a long command: on a terminal, after a second, and gone at the end."""

from __future__ import annotations

import os
import pty
import sys
import time

import pytest

from experimentstash.core.counter import counted


def shown(monkeypatch: pytest.MonkeyPatch, seconds: float, *, fails: bool = False) -> str:
    """Return what a terminal gets while three items are done that take some seconds each."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        done = []
        for item in counted(["a", "b", "c"], "checking tags"):
            done.append(item)
            clock[0] += seconds
            if fails:
                break
        assert done == ["a", "b", "c"][: 1 if fails else 3]
        print(".", end="", file=terminal, flush=True)
    data = os.read(ours, 10_000)
    os.close(ours)
    return data.decode().removesuffix(".")


def test_it_appears_after_a_second_and_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    clear = "\r\x1b[K"
    assert shown(monkeypatch, 0.1) == ""
    assert shown(monkeypatch, 0.6) == f"{clear}checking tags: 2 of 3{clear}"
    assert shown(monkeypatch, 1.5) == f"{clear}checking tags: 1 of 3{clear}checking tags: 2 of 3{clear}"
    assert shown(monkeypatch, 9.0, fails=True) == ""


def test_a_pipe_gets_nothing(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    assert list(counted({"a": 1, "b": 2}.items(), "checking")) == [("a", 1), ("b", 2)]
    assert capfd.readouterr().err == ""
