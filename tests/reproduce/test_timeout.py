"""A run that hangs: ended with all that it started when its time is over, told, and run again when it is run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import write
from scene import Scene, make_scene

from experimentstash.core.process import run_through

pytestmark = pytest.mark.usefixtures("fresh_tools")

STUBBORN = """
import os, pathlib, signal, subprocess, sys, time
if sys.argv[1:] == ["deaf"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pathlib.Path("child").write_text(str(os.getpid()))
    time.sleep(1000)
subprocess.Popen([sys.executable, __file__, "deaf"], start_new_session=True)
while not pathlib.Path("child").exists():
    time.sleep(0.01)
signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path("asked").touch(), sys.exit(0)))
pathlib.Path("ready").touch()
time.sleep(1000)
"""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with the experiments `first` and `second` frozen under `v1`; the first one hangs."""
    made = make_scene(tmp_path)
    made.freeze("first")
    made.freeze("second")
    made.hold("first")
    return made


def is_alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        return state.exists() and state.read_text().rpartition(")")[2].split()[0] not in "ZX"
    return subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode == 0


def test_it_is_ended_and_told_and_the_others_run(scene: Scene) -> None:
    report = scene.root / "report"
    ran = scene.reproduce("v1", "--check", "--timeout", "8", "--report", report)
    assert ran.code == 124, ran.err
    assert "mytool/first: it did not end within 8 seconds, and was ended" in ran.out
    assert "mytool/second: the results hold, bit by bit" in ran.out
    told = json.loads((scene.root / "report.json").read_text())
    assert told["exit_code"] == 124
    assert told["experiments"][0]["verdict"] == "it did not end within 8 seconds, and was ended"
    assert "did not end within 8 seconds" in (scene.root / "report.md").read_text()

    left = scene.into / "outputs/mytool/first/@run/v1/left"
    left.touch()
    scene.let_go("first")
    again = scene.reproduce("v1", "--check", "--timeout", "500")
    assert again.code == 0, again.err + again.out
    assert not left.exists()
    assert scene.runs() == ["first", "second", "first"]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon", "1e300"])
def test_what_is_no_time(scene: Scene, seconds: str) -> None:
    ran = scene.reproduce("v1", "--timeout", seconds)
    assert ran.code == 2
    assert "--timeout" in ran.err
    assert scene.runs() == []


@pytest.mark.every
def test_children_that_do_not_listen_are_killed(tmp_path: Path) -> None:
    write(tmp_path, {"stubborn.py": STUBBORN})
    command = [sys.executable, str(tmp_path / "stubborn.py")]
    begun = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run_through(command, cwd=tmp_path, env=os.environ, limit=4)
    assert time.monotonic() - begun >= 4
    assert (tmp_path / "asked").exists()  # before it was killed
    assert not is_alive(int((tmp_path / "child").read_text()))


def test_one_that_ends_in_time(tmp_path: Path) -> None:
    assert run_through([sys.executable, "-c", "raise SystemExit(3)"], cwd=tmp_path, env=os.environ, limit=500) == 3


@pytest.mark.every
def test_somebody_who_asked_us_to_end_is_heard_when_the_time_is_over(tmp_path: Path) -> None:
    """A tool that does not listen to ^C is ended when its time is over, and the next run does not begin."""
    made = make_scene(tmp_path)
    made.freeze("first", body="deaf: true\n")
    made.freeze("second")
    made.hold("first")
    ran = made.interrupted("v1", "--no-build", "--timeout", "10")
    assert ran.code == 130, ran.err
    assert "mytool/first was stopped; run the same command to resume" in ran.err
    assert made.runs() == ["first"]
