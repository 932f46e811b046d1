"""A tool is resolved once for each command, however often its program, configs and interpreter are asked for."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import commit
from shapes import EXPERIMENT, hard_coded

from experimentstash.hydra.launch import capturing, keep_clean, running
from experimentstash.hydra.resolved_tool import ResolvedTool
from experimentstash.hydra.selection import run_request
from experimentstash.stash.stash import Stash
from experimentstash.stash.tool import Tool

_counted: Counter[str] | None = None


def _count(event: str, arguments: tuple[Any, ...]) -> None:
    """Count the files that are opened and the programs that are started, by the end of their paths or command lines."""
    if _counted is None:
        return
    if event == "open" and isinstance(arguments[0], str):
        _counted[arguments[0].rpartition("/tools/")[2]] += 1
    elif event == "subprocess.Popen":
        _counted[os.fsdecode(arguments[1][-1])] += 1


@pytest.fixture(scope="module")
def counting() -> None:
    sys.addaudithook(_count)  # it stays in the process, and counts only where a test asks for it


@pytest.fixture
def tool(tmp_path: Path) -> ResolvedTool:
    commit(tmp_path / "tools/mytool", hard_coded())
    commit(tmp_path, {"configs/mytool/experiment/first.yaml": EXPERIMENT})
    return ResolvedTool(Stash(tmp_path), Tool("mytool", "-m mytool.main"))


@pytest.mark.usefixtures("counting")
def test_what_a_command_asks_of_a_tool_is_read_once(tool: ResolvedTool, tmp_path: Path) -> None:
    global _counted
    _counted = Counter()
    try:
        asked = run_request(tool, "first")  # as `snapshot` does: chosen, composed twice, and run
        keep_clean(asked)
        starts = [capturing(asked, tmp_path / "report"), capturing(asked, tmp_path / "report"), running(asked)]
        assert asked.resolved.config_directory == tool.root / "conf"
    finally:
        counted, _counted = _counted, None
    assert counted["mytool/mytool/main.py"] == 1
    assert counted["experimentstash.toolPython"] == 1
    assert {start.command[0] for start in starts} == {str(tool.interpreter)}
