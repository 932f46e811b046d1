"""A program whose words are handed on as it says them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from experimentstash.core.errors import StashError
from experimentstash.core.process import run_streaming


def said(tmp_path: Path, program: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = run_streaming([sys.executable, "-c", program], cwd=tmp_path, env=os.environ, on_line=lines.append)
    return code, lines


def test_both_streams_are_heard_line_by_line(tmp_path: Path) -> None:
    program = "import sys; print('one', flush=True); print('two', file=sys.stderr, flush=True); sys.exit(3)"
    assert said(tmp_path, program) == (3, ["one", "two"])


def test_lines_come_while_the_program_runs(tmp_path: Path) -> None:
    program = "import pathlib, sys; print('x', flush=True)\nwhile not pathlib.Path('go').exists(): pass\nprint('y')"
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        (tmp_path / "go").touch()  # the program waits for it: it never ends unless its first line arrives

    assert run_streaming([sys.executable, "-c", program], cwd=tmp_path, env=os.environ, on_line=on_line) == 0
    assert lines == ["x", "y"]


def test_progress_drawn_over_itself_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    program = "import sys; sys.stdout.buffer.write(b'10%\\r20%\\r\\nend \\xff')"
    assert said(tmp_path, program) == (0, ["10%", "20%", "end \ufffd"])


def test_it_has_no_input_and_its_signal_is_told(tmp_path: Path) -> None:
    program = "import os, signal, sys; print(repr(sys.stdin.read())); sys.stdout.flush(); os.kill(os.getpid(), 9)"
    assert said(tmp_path, program) == (137, ["''"])


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StashError, match="cannot start nothing-here in"):
        run_streaming(["nothing-here"], cwd=tmp_path, env=os.environ, on_line=print)
