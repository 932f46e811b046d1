"""Code that is not of the tag, in a run that is recorded and in one that reproduces it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import commit, estash, git, write
from scene import Scene, make_scene

TAKES_OTHER = "does: \"import sys; sys.path.insert(0, os.environ['OTHER']); import helper\"\n"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = make_scene(tmp_path)
    commit(scene.remote("mytool"), {"helper/__init__.py": "FACTOR = 1\n", ".gitignore": "__pycache__/\nlocal.py\n"})
    git("pull", "-q", cwd=scene.stash / "tools/mytool")
    scene.commit_all()
    return scene


@pytest.mark.every
def test_a_package_from_another_checkout_says_nothing_about_the_snapshot(scene: Scene, tmp_path: Path) -> None:
    scene.freeze(body=TAKES_OTHER)
    write(tmp_path / "other", {"helper/__init__.py": "FACTOR = 2\n"})
    ran = scene.reproduce("v1", "--check", OTHER=str(tmp_path / "other"))
    assert ran.code == 1
    assert ran.out.splitlines()[:2] == [
        f"mytool/first: it ran code of {tmp_path}/other/helper/__init__.py, not of tools/mytool at"
        f" {scene.head()[:12]}: its results say nothing about the snapshot",
        f"    fix: experimentstash reproduce v1 --into {scene.into} --yes --allow-local --check "
        f"--into {scene.root}/stash-v1",
    ]
    assert ran.out.splitlines()[-1].endswith(": 1 of 1 experiments ran other code than the tag's")
    again = scene.reproduce("v1", "--check", OTHER=str(tmp_path / "other"))  # it does not run again
    assert (again.code, again.out.splitlines()[-1]) == (1, ran.out.splitlines()[-1])

    write(tmp_path / "other", {"helper/__init__.py": "FACTOR = 1\n"})  # the same code, wherever it lies
    held = scene.reproduce("v1", "--check", "--into", tmp_path / "held", OTHER=str(tmp_path / "other"))
    assert held.code == 0, held.out
    assert held.out.splitlines()[-1].endswith(": 1 of 1 experiments hold")


def test_a_module_that_only_the_task_imports_is_found_by_the_run(scene: Scene) -> None:
    write(
        scene.stash,
        {"configs/mytool/experiment/e.yaml": '# @package _global_\nname: e\nvalue: 1.0\ndoes: "import local"\n'},
    )
    scene.commit_all()
    write(scene.stash / "tools/mytool", {"local.py": "SCALE = 2\n"})
    ran = estash("snapshot", "mytool", "e", "--tag", "v1", "--run", "--commit", cwd=scene.stash, env=scene.env)
    assert ran.code == 1
    assert ran.err.endswith(
        "experimentstash: tools/mytool/local.py: the program loads it, but the commit of 'mytool' does not contain it\n"
        "    fix: git -C tools/mytool add --force -- local.py && git -C tools/mytool commit -m 'Add local.py'"
        "  # or name it in `unversioned:` of the tool in configs/meta.yaml\n"
    )
    assert not (scene.stash / "configs/mytool/snapshots").exists()
    assert git("status", "--porcelain", cwd=scene.stash) == ""


def test_the_example_of_three_header_lines_holds_runs_and_reproduces(scene: Scene) -> None:
    """An abbreviated commit, a date without a time, and nothing else (spec.md, *The snapshot file*)."""
    text = f"# SNAPSHOT: mytool/first\n# TOOL_COMMIT: {scene.head()[:7]}\n# TIMESTAMP: 2026-01-12\n\n"
    path = "configs/mytool/snapshots/v1/first.yaml"
    write(scene.stash, {path: text + "name: first\nvalue: 1.0\n"})
    scene.commit_all()
    assert estash("tag", cwd=scene.stash).code == 0
    assert estash("verify", "--all", cwd=scene.stash).out == "1 snapshot holds\n"
    ran = estash("run", "mytool", "first", "--snapshot", "v1", cwd=scene.stash, env=scene.env)
    assert (ran.code, ran.err) == (0, "")
    reproduced = scene.reproduce("v1")
    assert reproduced.code == 0, reproduced.err
    assert reproduced.out.splitlines()[-1].endswith(": 1 of 1 experiments ran")
    assert scene.runs() == ["first", "first"]
