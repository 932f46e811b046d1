"""`snapshot --run` where the run does not go well: nothing is frozen, and run again it is."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BIN, Ran, git, run, write
from scene import Scene, make_scene

pytestmark = pytest.mark.usefixtures("fresh_tools")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with the working configs `fine`, `fails`, `dies` and `nothing`."""
    made = make_scene(tmp_path)
    bodies = {
        "fine": "",
        "fails": "exit: 7\n",
        "dies": "dies: true\n",
        "nothing": "does: (out/'results.json').unlink()\n",
    }
    head = "# @package _global_\n"
    write(
        made.stash,
        {
            f"configs/mytool/experiment/{name}.yaml": f"{head}name: {name}\nvalue: 1.0\n{body}"
            for name, body in bodies.items()
        },
    )
    made.commit_all()
    return made


def command(*experiments: str) -> list[str]:
    return [str(BIN / "experimentstash"), "snapshot", "mytool", *experiments, "--tag", "t", "--run", "--commit"]


def freeze(scene: Scene, *experiments: str) -> Ran:
    return run(*command(*experiments), cwd=scene.stash, env=scene.env)


def is_untouched(scene: Scene) -> bool:
    return not git("status", "--porcelain", "-uall", cwd=scene.stash) and not git("tag", "--list", cwd=scene.stash)


@pytest.mark.every
@pytest.mark.parametrize(
    ("experiment", "code", "said"),
    [
        ("fails", 7, "mytool/fails failed with exit code 7: nothing is frozen"),
        ("dies", 137, "mytool/dies failed with exit code 137: nothing is frozen"),
        ("nothing", 1, "mytool/nothing: it wrote no results into its run directory"),
    ],
)
def test_a_run_that_gives_no_results(scene: Scene, experiment: str, code: int, said: str) -> None:
    ran = freeze(scene, "fine", experiment)
    assert ran.code == code, ran.err
    assert said in ran.err
    assert is_untouched(scene)
    assert freeze(scene, "fine").code == 0


@pytest.mark.first(1)
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_freeze_that_is_ended_while_it_runs(scene: Scene, by: int) -> None:
    scene.hold("fine")
    with subprocess.Popen(
        ["env", *(f"{key}={value}" for key, value in scene.env.items()), *command("fine")],
        cwd=scene.stash,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        while not (scene.signs / "ready").exists():
            assert child.poll() is None
            time.sleep(0.02)
        child.send_signal(by)
    assert child.returncode in (128 + by, -by)
    assert by == signal.SIGKILL or is_untouched(scene)
    scene.let_go("fine")
    again = freeze(scene, "fine")
    assert again.code == 0, again.err
    assert git("tag", "--list", cwd=scene.stash) == "snapshot/t"
    assert not git("status", "--porcelain", "-uall", cwd=scene.stash)
    assert scene.runs() == ["fine", "fine"]
