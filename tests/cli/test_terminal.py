"""Tables for terminals, spreadsheets and reviews: aligned, and nothing that a stash says is more than text."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from conftest import git, run
from stashes import make_stash

from experimentstash.cli.terminal import BAD, Cell, Table, show

if TYPE_CHECKING:
    from pathlib import Path

TABLE = Table(("name", "value"), [["a", Cell("1", BAD)], ["日本", "x | y"], ["=SUM(A1)", "-1e-05"]])


def test_columns_are_aligned_also_with_wide_letters(capsys: pytest.CaptureFixture[str]) -> None:
    show(TABLE.lines())
    assert capsys.readouterr().out == (
        "name      value\n"
        "a         1\n"
        "日本      x | y\n"
        "=SUM(A1)  -1e-05\n"
    )  # fmt: skip


def test_csv_holds_no_formula() -> None:
    assert TABLE.csv() == "name,value\na,1\n日本,x | y\n'=SUM(A1),-1e-05\n"


def test_markdown_holds_no_markup() -> None:
    table = Table(("name",), [["<script>|*x*\n[a](b)"]])
    assert table.markdown() == "| name |\n| --- |\n| &#60;script&#62;&#124;&#42;x&#42;&#92;n&#91;a&#93;(b) |\n"


@pytest.mark.parametrize(("env", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_on_a_terminal_unless_it_is_not_wanted(tmp_path: Path, env: dict[str, str], is_coloured: bool) -> None:
    root = make_stash(tmp_path / "stash")
    git("tag", "snapshot/v1", cwd=root)
    program = f"import pty, sys; sys.exit(pty.spawn([{sys.executable!r}, '-m', 'experimentstash', 'status']) >> 8)"
    ran = run(sys.executable, "-c", program, cwd=root, env={**env, "PAGER": "cat", "TERM": "xterm"})
    assert "no: tag" in ran.out
    assert ("\x1b[31m" in ran.out) == is_coloured
