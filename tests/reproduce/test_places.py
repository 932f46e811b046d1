"""Directories and files that a user names, and that cannot be what is asked for: told before anything runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import run, write
from scene import Scene, make_scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with the experiment `first` frozen under `v1`."""
    made = make_scene(tmp_path)
    made.freeze()
    return made


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("new\nline", r"git does not accept such a name"),
        ("escape\x1b[31m", r"git does not accept such a name"),
        ("bidi\u202e", r"git does not accept such a name"),
        ("circle", "a cycle of symlinks"),
        ("circle/in", "a cycle of symlinks"),
        ("file/in", "cannot be written: Not a directory"),
        ("x" * 300, "File name too long"),
        ("/".join(["y" * 200] * 25), "File name too long"),
    ],
)
def test_where_it_cannot_go(scene: Scene, name: str, said: str) -> None:
    write(scene.root, {"file": ""})
    (scene.root / "circle").symlink_to(scene.root / "circle")
    before = sorted(scene.root.iterdir())
    ran = scene.reproduce("v1", "--into", scene.root / name)
    assert ran.code == 1, ran.err
    assert said in ran.err
    assert "\x1b" not in ran.err
    assert sorted(path for path in scene.root.iterdir() if path != scene.signs) == before


@pytest.mark.every
def test_names_that_git_does_carry(scene: Scene) -> None:
    folder = scene.root / "-a folder, 'quoted' \"twice\" $HOME & ü ;"
    again = scene.reproduce("v1", "--into", folder, "--check")
    assert again.code == 0, again.err
    assert scene.reproduce("v1", "--into", folder, "--check").code == 0
    assert scene.runs() == ["first"]


def test_no_folder_at_all(scene: Scene) -> None:
    for words in (("--into", ""), ("--from", "")):
        ran = scene.reproduce("v1", *words)
        assert ran.code == 1
        assert f"{words[0]} ''" in ran.err
    assert scene.runs() == []


def test_an_archive_out_of_a_pipe(scene: Scene) -> None:
    os.mkfifo(scene.root / "pipe")
    ran = scene.reproduce("v1", "--from", scene.root / "pipe")
    assert ran.code == 1
    assert "neither a directory nor a regular file" in ran.err


@pytest.mark.parametrize("name", ["", "folder", "folder/..", "/dev/null", "file/report", "file/deeper/report"])
def test_a_report_that_no_file_can_be(scene: Scene, name: str) -> None:
    write(scene.root, {"file": "", "folder/x": ""})
    target = name if name in ("", "/dev/null") else scene.root / name
    ran = scene.reproduce("v1", "--report", target)
    assert ran.code == 1, ran.err
    assert "name another file" in ran.err
    assert scene.runs() == []


def test_a_report_in_a_folder_that_is_not_there_yet(scene: Scene) -> None:
    assert scene.reproduce("v1", "--report", scene.root / "new/er/report.md").code == 0
    assert sorted(path.name for path in (scene.root / "new/er").iterdir()) == ["report.json", "report.md"]


@pytest.mark.every
def test_a_relative_report_and_one_at_home(scene: Scene, sealed_home: Path) -> None:
    assert scene.reproduce("v1", "--report", "../report").code == 0
    assert (scene.root / "report.md").exists()
    assert (
        run(
            *scene.command("v1", "--no-build", "--yes", "--allow-local", "--report", "~/mine"),
            cwd=scene.stash,
            env=scene.env,
        ).code
        == 0
    )
    assert (sealed_home / "mine.json").exists()
