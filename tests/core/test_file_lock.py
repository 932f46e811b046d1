"""A lock keeps other processes out until its file is closed."""

from __future__ import annotations

import sys
from pathlib import Path

from conftest import run

from experimentstash.core.file_lock import take_lock

ASK = "import sys; from experimentstash.core.file_lock import take_lock; print(take_lock(open(sys.argv[1], 'ab')))"


def test_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("ab") as file:
        assert take_lock(file) is True
        assert run(sys.executable, "-c", ASK, str(path), cwd=tmp_path).out == "False\n"
    assert run(sys.executable, "-c", ASK, str(path), cwd=tmp_path).out == "True\n"
