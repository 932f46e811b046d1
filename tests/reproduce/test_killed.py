"""A reproduction that is killed outright, at any step (the kernel does so where memory is short), and run again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from conftest import commit, git
from scene import Scene, make_scene
from test_interrupted import slow_git

from experimentstash.core.process import with_variable

pytestmark = pytest.mark.usefixtures("fresh_tools")

ORPHAN = """
import os, pathlib, subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True, stdout=-3, stderr=-3
)
(pathlib.Path(os.environ["SIGNS"]) / "child").write_text(str(child.pid))
"""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with the experiments `first` and `second` frozen under `v1`."""
    made = make_scene(tmp_path)
    made.freeze("first")
    made.freeze("second")
    return made


@pytest.mark.first(1)
@pytest.mark.parametrize(
    "pattern", ["*init\\ --*", "*fetch\\ --*refs/tags*", "*checkout\\ --*", "*fetch\\ --*/modules/*", "*log\\ --*"]
)
def test_while_git_works(scene: Scene, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{slow_git(scene, pattern)}{os.pathsep}{before}")
    assert scene.interrupted(by=signal.SIGKILL).code == -signal.SIGKILL
    monkeypatch.setenv("PATH", before)
    again = scene.reproduce("v1", "--check")
    (scene.signs / "slow").unlink()  # what was left of the first one goes on now
    assert again.code == 0, again.err
    assert sorted(scene.runs()) == ["first", "second"]


def test_while_a_tool_runs(scene: Scene) -> None:
    """The tool ends with us: it does not write into the directory of the next try."""
    scene.hold("second")
    assert scene.interrupted(by=signal.SIGKILL).code == -signal.SIGKILL
    scene.let_go("second")
    again = scene.reproduce("v1", "--check")
    assert again.code == 0, again.err
    assert scene.runs() == ["first", "second", "second"]
    assert "mytool/first ran before" in again.err


@pytest.mark.every
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not tell what a process is of")
def test_while_what_an_earlier_run_started_is_still_at_work(scene: Scene) -> None:
    main = scene.stash / "tools/mytool/main.py"
    started = main.read_text().replace("    value = cfg", f"    exec({ORPHAN!r})\n    value = cfg")
    commit(scene.stash / "tools/mytool", {"main.py": started})
    git("push", "-q", "origin", "HEAD:refs/heads/more", cwd=scene.stash / "tools/mytool")
    scene.freeze("third", "v2")
    assert scene.reproduce("v2").code == 0
    child = int((scene.signs / "child").read_text())
    marker = scene.into / ".git/experimentstash/reproduction.json"
    marker.write_text(marker.read_text().replace('"exit_code": 0', '"exit_code": 1'))  # as if it had failed
    try:
        refused = scene.reproduce("v2")
        assert refused.code == 1
        assert "a process of an earlier run is still writing there" in refused.err
        assert f"kill {child}" in refused.err
        assert scene.runs() == ["third"]
    finally:
        os.kill(child, signal.SIGKILL)
    while with_variable("EXPERIMENTSTASH_RUN", str(scene.into / "outputs/mytool/third/@run/v2")):
        time.sleep(0.02)
    assert scene.reproduce("v2").code == 0
    os.kill(int((scene.signs / "child").read_text()), signal.SIGKILL)
