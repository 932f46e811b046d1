"""The fixes that whoever makes a stash is told, and who types half a command."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from conftest import commit, estash, git, run, write
from plays import fixes, paste, play
from preloaded import BIN, script
from stashes import healthy, make_stash

UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""What takes from root the right to write everywhere."""


def test_a_new_stash_is_committed(tmp_path: Path) -> None:
    ran = estash("init", cwd=tmp_path)
    (commit_it,) = fixes(ran.out)
    paste(commit_it, tmp_path)
    assert git("status", "--porcelain", cwd=tmp_path) == ""


def test_a_directory_that_is_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"it is/one": ""})
    fix = play(tmp_path, "init", "it is/one", again=())
    assert fix == f"experimentstash init '{tmp_path}/it is/one-stash'"
    assert (tmp_path / "it is/one-stash/configs/meta.yaml").exists()


def test_a_bare_repository(tmp_path: Path) -> None:
    commit(tmp_path / "work", {"x": ""})
    git("clone", "-q", "--bare", "work", "x.git", cwd=tmp_path)
    play(tmp_path, "init", "x.git", again=())
    assert estash("verify", cwd=tmp_path / "x.git-stash").code == 0


def test_a_directory_of_a_repository(tmp_path: Path) -> None:
    commit(tmp_path, {"sub/x": ""})
    play(tmp_path, "init", "sub", again=())
    assert (tmp_path / "configs/meta.yaml").exists()


def test_git_ignores_the_registry(tmp_path: Path) -> None:
    commit(tmp_path, {".gitignore": "*.log\nconfigs/\n"})
    ignoring = tmp_path / ".gitignore"
    fix = play(tmp_path, "init", edit=lambda: ignoring.write_text("*.log\n"))
    assert fix == "delete line 2 of .gitignore"


@pytest.mark.parametrize("path", [".gitignore", "configs"])
def test_a_link_in_the_way(tmp_path: Path, path: str) -> None:
    (tmp_path / "stash").mkdir()
    (tmp_path / "stash" / path).symlink_to(tmp_path)
    fix = play(tmp_path / "stash", "init")
    assert fix == f"rm {tmp_path}/stash/{path}"


def test_a_file_in_the_way(tmp_path: Path) -> None:
    write(tmp_path, {"configs": ""})
    assert play(tmp_path, "init") == f"mv {tmp_path}/configs {tmp_path}/configs.old"


def test_a_directory_in_the_way_of_a_file(tmp_path: Path) -> None:
    (tmp_path / ".pre-commit-config.yaml").mkdir()
    assert play(tmp_path, "init", "--hooks", "prek").endswith(f"{tmp_path}/.pre-commit-config.yaml.old")


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="root writes everywhere")
def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir(mode=0o555)
    init: list[str | Path] = [*UNPRIVILEGED, BIN / "experimentstash", "init", "x"]
    (fix,) = fixes(run(*init, cwd=tmp_path).err)
    paste(fix, tmp_path)
    assert run(*init, cwd=tmp_path).code == 0


def test_outside_of_a_stash(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    play(tmp_path / "empty", "verify")
    commit(tmp_path / "repository", {"x": ""})
    play(tmp_path / "repository", "verify")


def test_in_a_bare_repository(tmp_path: Path) -> None:
    git("clone", "-q", "--bare", healthy(tmp_path / "stash"), "bare.git", cwd=tmp_path)
    play(tmp_path / "bare.git", "verify", again=("verify", "HEAD"))
    fix = play(tmp_path / "bare.git", "tag", again=())
    assert fix == f"git clone {tmp_path}/bare.git {tmp_path}/bare-clone"
    assert estash("verify", cwd=tmp_path / "bare-clone").code == 0


@pytest.mark.parametrize("words", [("--snapshot",), ("--any-commit",)])
def test_options_of_run_without_a_tag(tmp_path: Path, words: tuple[str, ...]) -> None:
    root = healthy(tmp_path / "stash")
    ran = estash("run", "mytool", "pca-one", *words, cwd=root)
    (fix,) = fixes(ran.err)
    assert ran.code == 2
    tried = run("sh", "-c", fix.replace("TAG", "tag-one"), cwd=root)
    assert "tools/mytool" in tried.err  # the next thing that is missing is the tool: these stashes have none


def test_options_of_snapshot(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    fix = play(root, "snapshot", "mytool", "pca", "--tag", "v1", "--frozen", again=(), code=2)
    assert fix == "experimentstash snapshot --help"
    (named,) = fixes(estash("snapshot", "mytool", "--tag", "v1", cwd=root).err)
    assert named == "experimentstash snapshot mytool EXPERIMENT --tag v1"
    tried = run(script(BIN / "experimentstash"), *named.replace("EXPERIMENT", "pca").split()[1:], cwd=root)
    assert "tools/mytool" in tried.err


def test_a_registry_without_tools(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    write(root, {"configs/meta.yaml": "# nothing yet\n"})
    fix = play(root, "run", "mytool", "pca", again=())
    assert fix == "echo 'tools: {}' >> configs/meta.yaml"
    assert "no tool 'mytool'" in estash("run", "mytool", "pca", cwd=root).err


def test_a_registry_that_cannot_be_read(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    registry = root / "configs/meta.yaml"
    good = registry.read_text()
    registry.write_text(good + "  other: [\n")
    assert "correct that line" in play(root, "init", edit=lambda: registry.write_text(good))
    registry.write_bytes(good.encode() + b"# \xff\n")
    assert "save the file as UTF-8" in play(root, "init", edit=lambda: registry.write_text(good))
