"""The fixes of the commands that show and compare snapshots."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ran, estash, git
from plays import fixes, paste
from stashes import REGISTRY, commit_index, freeze, healthy, make_stash, pin, snapshot_path, snapshot_text, stage
from submodules import make_lab, work_and_push


def fix_of(ran: Ran) -> str:
    """Return the only fix of a command that failed."""
    assert ran.code == 1, ran.out
    (fix,) = fixes(ran.err)
    return fix


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return healthy(tmp_path_factory.mktemp("showing") / "stash")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("log", "pcb"), "tag-two"),
        (("show", "tag-tow"), "tag-two"),
        (("show", "tag-two:pcb"), "mytool/pca-two"),
    ],
)
def test_a_name_that_does_not_exist(root: Path, words: tuple[str, ...], shown: str) -> None:
    assert shown in paste(fix_of(estash(*words, cwd=root)), root).out


def test_a_tag_that_cannot_be_read(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("update-ref", "refs/tags/snapshot/a-blob", git("rev-parse", "HEAD:configs/meta.yaml", cwd=root), cwd=root)
    assert fix_of(estash("show", "a-blob", cwd=root)) == "experimentstash verify --all"
    paste(fix_of(estash("verify", "--all", cwd=root)), root)
    assert "no tag 'a-blob'" in estash("show", "a-blob", cwd=root).err


def two_tools(root: Path) -> Path:
    """Make a stash with the tag `v1` of one tool, and `v2` of another."""
    make_stash(root)
    freeze(root, "a", "v1", "one")
    stage(root, {"configs/meta.yaml": REGISTRY + "  second:\n    entrypoint: '-m second'\n"})
    second = pin(root, "second", tool="second")
    stage(root, {snapshot_path("b", "v2", "second"): snapshot_text("b", "v2", second, tool="second")})
    commit_index(root)
    assert estash("tag", cwd=root).code == 0
    return root


def test_snapshots_of_different_tools(tmp_path: Path) -> None:
    root = two_tools(tmp_path / "stash")
    assert "mytool/a" in paste(fix_of(estash("diff", "v1:a", "v2:b", cwd=root)), root).out
    asked = ("bisect", "v1", "--bad", "v2", "--metric", "a.json::x", "--yes")
    assert "second/b" in paste(fix_of(estash(*asked, cwd=root)), root).out


def test_a_missing_tag(tmp_path: Path) -> None:
    root = two_tools(tmp_path / "stash")
    git("tag", "-d", "snapshot/v1", cwd=root)
    told = estash("status", cwd=root)
    assert "tag: the git tag is missing" in told.out
    asked = ("bisect", "v1", "--bad", "v2", "--metric", "a.json::x", "--yes")
    assert fix_of(estash(*asked, cwd=root)) == "experimentstash tag"
    assert "experimentstash tag" in fixes(told.out)
    paste("experimentstash tag", root)
    assert "tag: the git tag is missing" not in estash("status", cwd=root).out
    assert "experimentstash tag" not in fixes(estash(*asked, cwd=root).err)


def test_a_tool_that_is_not_at_its_pin(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    pinned = git("rev-parse", "HEAD", cwd=lab.tool)
    work_and_push(lab.tool)
    (fix,) = [fix for fix in fixes(estash("status", cwd=lab.stash).out) if "submodule" in fix]
    paste(fix, lab.stash)
    assert git("rev-parse", "HEAD", cwd=lab.tool) == pinned
    assert "at the pin" in estash("status", cwd=lab.stash).out


def test_pins_that_the_clone_of_the_tool_does_not_have(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    for tag in ("v1", "v2"):
        made = work_and_push(lab.theirs)
        git("update-index", "--cacheinfo", f"160000,{made},tools/mytool", cwd=lab.stash)
        stage(lab.stash, {snapshot_path("a", tag): snapshot_text("a", tag, made)})
        commit_index(lab.stash, tag)
    assert estash("tag", cwd=lab.stash).code == 0
    asked = ("bisect", "v1", "--bad", "v2", "--metric", "a.json::x", "--yes")
    fix = fix_of(estash(*asked, cwd=lab.stash))
    assert fix == "git -C tools/mytool fetch --all --tags"
    paste(fix, lab.stash)
    assert fix not in fixes(estash(*asked, cwd=lab.stash).err)
