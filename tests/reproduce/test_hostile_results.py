"""What a run leaves, made to harm whoever compares it, or who runs it again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import run
from scene import Scene, make_scene

from experimentstash.core.errors import printable

DEEP = """
import os
os.chdir(out)
for _ in range({depth}):
    os.mkdir("d")
    os.chdir("d")
"""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with nothing frozen yet."""
    return make_scene(tmp_path)


def freeze(scene: Scene, experiment: str, does: str) -> None:
    scene.freeze(experiment, body=f"does: {json.dumps(does)}\n")


@pytest.mark.every
def test_folders_that_are_too_deep_are_told_and_the_others_run(scene: Scene) -> None:
    freeze(scene, "first", DEEP.format(depth=100))
    freeze(scene, "second", "")
    report = scene.root / "report"
    ran = scene.reproduce("v1", "--check", "--report", report)
    assert ran.code == 1, ran.err
    assert "mytool/first: its results were not compared: " in ran.out
    assert "directories are nested more than 64 deep" in ran.out
    assert "mytool/second: the results hold, bit by bit" in ran.out
    assert "1 of 2 experiments hold" in ran.out
    assert "nested more than 64 deep" in (scene.root / "report.md").read_text()


@pytest.mark.every
def test_what_a_run_left_is_taken_away_however_deep_it_is_or_told(scene: Scene) -> None:
    freeze(scene, "first", f"{DEEP.format(depth=3000)}\nsys.exit(5)")
    assert scene.reproduce().code == 5
    again = scene.reproduce()  # before Python 3.13 nobody takes them away
    assert again.code in (1, 5), again.err
    assert again.code == 5 or "fix: rm -rf" in again.err
    run("rm", "-rf", scene.into, cwd=scene.root)  # nor does pytest


def test_what_is_no_file_is_told_and_not_read(scene: Scene) -> None:
    does = (
        "os.mkfifo(out / 'pipe'); (out / 'link').symlink_to('/etc/passwd'); (out / 'zero').symlink_to('/dev/zero');"
        "(out / 'a\\n\\x1b[2J\\u202eb.json').write_text('{}'); (out / 'loop').symlink_to('loop');"
        "(out / 'folder').symlink_to('/')"
    )
    freeze(scene, "first", does)
    ran = scene.reproduce("v1", "--check", "--report", scene.root / "report")
    assert ran.code == 0, ran.out + ran.err  # they are told, and no results
    for told in (
        "pipe: no regular file",
        "link: a link, which is not followed",
        "zero: a link, which is not followed",
        "loop: a link, which is not followed",
        "folder: a link, which is not followed",
        "a\\n\\x1b[2J\\u202eb.json: a name that not every machine can carry",
    ):
        assert f"not compared: {told}" in ran.out
    for text in (ran.out, (scene.root / "report.md").read_text(), (scene.root / "report.json").read_text()):
        assert printable(text, keep="\n") == text


def test_thousands_of_files_beside_the_run_folder(scene: Scene) -> None:
    """Progress is kept in a file that is read again: it must not grow with what a tool leaves."""
    freeze(scene, "first", "os.mkdir('many'); [open(f'many/{n}', 'w').close() for n in range(1500)]")
    ran = scene.reproduce("v1", "--check")
    assert ran.code == 0, ran.err
    assert "and 500 more files" in (scene.into / ".git/experimentstash/reproduction.json").read_text()
    assert "mytool/first ran before" in scene.reproduce("v1", "--check").err
