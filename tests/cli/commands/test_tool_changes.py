"""`update-tool`, `rename-tool` and `remove-tool`: the tool changes, and every snapshot stays what it was."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BIN, commit, estash, git, run, write
from interrupted import interrupt, journal_of
from plays import fixes, paste
from shapes import EXPERIMENT, Shape, hard_coded, make_stash


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stash with one snapshot, whose tool has a remote with a newer commit."""
    root = tmp_path_factory.mktemp("made")
    make_stash(root, Shape(hard_coded()))
    stash, tool, remote = root / "stash", root / "stash/tools/mytool", root / "mytool"
    commit(remote, {f"conf/experiment/{name}.yaml": EXPERIMENT for name in ("second", "third")}, "more experiments")
    git("pull", "-q", cwd=tool)
    git("checkout", "-q", "--detach", cwd=tool)
    commit(stash, {f"configs/mytool/experiment/{name}.yaml": EXPERIMENT for name in ("second", "third")}, "take them")
    assert estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash).code == 0
    newer = {
        "conf/experiment/second.yaml": f"{EXPERIMENT}extra: 1\n",
        "conf/experiment/third.yaml": f"{EXPERIMENT}extra: 3\n",
        "conf/experiment/fourth.yaml": EXPERIMENT,
    }
    commit(remote, newer, "newer")
    assert git("status", "--porcelain", cwd=stash) == ""
    return root


@pytest.fixture
def stash(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "made", symlinks=True)
    stash = tmp_path / "made/stash"
    tool = stash / "tools/mytool"
    old, new = str(made), str(tmp_path / "made")
    url = git("remote", "get-url", "origin", cwd=tool)
    git("remote", "set-url", "origin", url.replace(old, new), cwd=tool)
    return stash


def state(stash: Path) -> tuple[str, ...]:
    """Return what a stash and the checkout of its tool hold."""
    tool = stash / "tools/mytool"
    return (
        git("for-each-ref", cwd=stash),
        git("ls-files", "-s", cwd=stash),
        git("status", "--porcelain", cwd=stash),
        git("rev-parse", "HEAD", cwd=tool) if tool.exists() else "",
    )


def test_update_moves_the_pin_and_refreshes_what_nobody_edited(stash: Path) -> None:
    edited = stash / "configs/mytool/experiment/third.yaml"
    edited.write_text(edited.read_text() + "mine: 1\n")
    tool = stash / "tools/mytool"
    old = git("rev-parse", "HEAD", cwd=tool)
    ran = estash("update-tool", "mytool", cwd=stash)
    assert ran.code == 0, ran.err
    new = git("rev-parse", "HEAD", cwd=tool)
    assert new == git("rev-parse", "origin/main", cwd=tool) != old
    assert f"tools/mytool at {new[:12]}: the pin moves forward by 1 commit from {old[:12]}" in ran.out
    assert "refreshed: configs/mytool/experiment/second.yaml" in ran.out
    assert "third: edited here, so the copy is unchanged" in ran.out
    assert "+extra: 3" in ran.out
    assert "-mine: 1" in ran.out
    assert "new in the tool: fourth" in ran.out
    assert git("status", "--porcelain", cwd=stash).splitlines() == [
        "M  configs/mytool/experiment/second.yaml",
        " M configs/mytool/experiment/third.yaml",
        "M  tools/mytool",
    ]
    assert edited.read_text().endswith("mine: 1\n")
    assert paste(fixes(ran.out)[-1], stash).code == 0
    assert estash("verify", "--all", cwd=stash).code == 0
    assert f"tools/mytool is at {new[:12]} already" in estash("update-tool", "mytool", cwd=stash).out
    back = estash("update-tool", "mytool", old, cwd=stash)
    assert "the pin moves back by 1 commit" in back.out


def test_update_refuses_what_would_be_lost(stash: Path) -> None:
    tool = stash / "tools/mytool"
    write(tool, {"new.py": "x = 1\n"})
    before = state(stash)
    assert "uncommitted changes: new.py" in estash("update-tool", "mytool", cwd=stash).err
    assert state(stash) == before
    made = commit(tool, {"new.py": "x = 1\n"})
    before = state(stash)
    ran = estash("update-tool", "mytool", cwd=stash)
    assert f"the commit {made[:12]} is on no branch, and would be lost" in ran.err
    assert state(stash) == before
    assert paste(fixes(ran.err)[0], stash).code == 0
    assert estash("update-tool", "mytool", cwd=stash).code == 0


def test_update_to_what_is_not_there(stash: Path) -> None:
    before = state(stash)
    ran = estash("update-tool", "mytool", "v9", cwd=stash)
    assert (ran.code, "has no branch, tag or commit 'v9'" in ran.err) == (1, True)
    assert "origin/main" in paste(fixes(ran.err)[-1], stash).out
    assert "no tool 'mytol'" in estash("update-tool", "mytol", cwd=stash).err
    git("remote", "set-url", "origin", str(stash / "gone.git"), cwd=stash / "tools/mytool")
    ran = estash("update-tool", "mytool", cwd=stash)
    assert (ran.code, "git fetch failed" in ran.err) == (1, True)
    assert state(stash) == before


def test_update_follows_the_branch_of_gitmodules(stash: Path) -> None:
    tool = stash / "tools/mytool"
    git("push", "-q", "origin", "HEAD:refs/heads/stable", cwd=tool)
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.branch", "stable", cwd=stash)
    old = git("rev-parse", "HEAD", cwd=tool)
    assert f"tools/mytool is at {old[:12]} already" in estash("update-tool", "mytool", cwd=stash).out
    git("tag", "v2", "origin/stable", cwd=tool)
    assert f"tools/mytool is at {old[:12]} already" in estash("update-tool", "mytool", "v2", cwd=stash).out


def test_update_to_a_tag_that_the_remote_moved_and_to_a_commit_on_no_branch(stash: Path) -> None:
    tool, remote = stash / "tools/mytool", stash.parent / "mytool"
    git("tag", "nightly", "HEAD~1", cwd=remote)
    git("fetch", "-q", "--tags", cwd=tool)
    git("tag", "--force", "nightly", "HEAD", cwd=remote)
    assert estash("update-tool", "mytool", "nightly", cwd=stash).code == 0
    assert git("rev-parse", "HEAD", cwd=tool) == git("rev-parse", "nightly", cwd=remote)
    assert git("rev-parse", "nightly", cwd=tool) == git("rev-parse", "nightly~1", cwd=remote)  # it is the user's
    side = git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "side", cwd=remote)
    git("update-ref", "refs/pull/1/head", side, cwd=remote)
    assert "moves forward by 2 commits" in estash("update-tool", "mytool", side, cwd=stash).out


def test_a_commit_that_is_here_needs_no_network(stash: Path) -> None:
    tool = stash / "tools/mytool"
    git("remote", "set-url", "origin", str(stash / "gone.git"), cwd=tool)
    older = git("rev-parse", "--short", "HEAD~1", cwd=tool)
    assert "moves back by 1 commit" in estash("update-tool", "mytool", older, cwd=stash).out


def test_an_interrupted_change_of_a_tool_is_completed_from_each_of_its_steps(stash: Path, tmp_path: Path) -> None:
    def moved(root: Path) -> None:
        (root / "tools/mytool").rename(root / "tools/solver")

    def half_moved(root: Path) -> None:
        moved(root)
        git("config", "-f", ".gitmodules", "submodule.tools/mytool.path", "tools/solver", cwd=root)

    def half_removed(root: Path) -> None:
        git("update-index", "--force-remove", "tools/mytool", cwd=root)
        shutil.rmtree(root / "tools/mytool/conf")

    def fetched(root: Path) -> None:
        git("fetch", "-q", cwd=root / "tools/mytool")

    cases = {
        ("rename-tool", "mytool", "solver"): (lambda _: None, moved, half_moved),
        ("remove-tool", "mytool"): (lambda _: None, half_removed),
        ("update-tool", "mytool"): (fetched,),
    }
    for words, kills in cases.items():
        done = shutil.copytree(stash, tmp_path / words[0], symlinks=True)
        journal = journal_of(done, *words)
        for number, kill in enumerate(kills):
            root = shutil.copytree(stash, tmp_path / f"{words[0]}-{number}", symlinks=True)
            kill(root)
            interrupt(root, journal)
            assert "completed an interrupted change" in estash("log", cwd=root).err
            assert state(root) == state(done)
            for tool in (root / "tools").glob("*/"):
                assert git("status", "--porcelain", cwd=tool) == ""


def test_the_hooks_accept_the_commits_of_all_three_and_the_push(stash: Path) -> None:
    git("config", "--global", "--unset", "experimentstash.hooks", cwd=stash)
    assert estash("install", cwd=stash).code == 0
    git("init", "-q", "--bare", "../origin.git", cwd=stash)
    git("remote", "add", "origin", "../origin.git", cwd=stash)
    for words in (("update-tool", "mytool"), ("rename-tool", "mytool", "solver"), ("remove-tool", "solver")):
        paste(fixes(estash(*words, cwd=stash).out)[-1], stash)
        assert run("git", "push", "-q", "origin", "main", "snapshot/v1", cwd=stash).code == 0
    assert estash("verify", "--all", cwd=stash).code == 0
    assert estash("status", cwd=stash).code == 0


def test_whenever_update_is_killed_the_next_command_finds_it_done_or_not_begun(stash: Path, tmp_path: Path) -> None:
    before = state(stash)
    copy = tmp_path / "whole"
    shutil.copytree(stash, copy, symlinks=True)
    start = time.monotonic()
    assert estash("update-tool", "mytool", cwd=copy).code == 0
    took = time.monotonic() - start
    after = state(copy)
    moments = random.Random(5)
    for number in range(5):
        root = tmp_path / f"killed-{number}"
        shutil.copytree(stash, root, symlinks=True)
        process = subprocess.Popen([BIN / "experimentstash", "update-tool", "mytool"], cwd=root, start_new_session=True)
        time.sleep(moments.uniform(0.4, 1.0) * took)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for lock in root.glob(".git/**/*.lock"):
            lock.unlink()
        assert estash("log", cwd=root).code == 0  # completes what was begun
        assert state(root) in (before, after)


def test_rename_keeps_the_snapshots(stash: Path) -> None:
    ran = estash("rename-tool", "mytool", "solver", cwd=stash)
    assert ran.code == 0, ran.err
    assert "next: git commit -m 'Rename mytool to solver'" in ran.out
    assert paste(fixes(ran.out)[-1], stash).code == 0
    assert git("status", "--porcelain", cwd=stash) == ""
    assert not (stash / "configs/mytool/experiment").exists()
    assert estash("run", "solver", "first", cwd=stash).code == 0
    assert estash("verify", "--all", cwd=stash).code == 0
    assert "mytool/first" in estash("show", "v1", cwd=stash).out
    assert estash("snapshot", "solver", "first", "--tag", "v2", "--commit", cwd=stash).code == 0
    assert estash("verify", "--all", cwd=stash).code == 0


def test_rename_back_and_the_old_name_for_another_tool(stash: Path) -> None:
    before = state(stash)[1:]
    paste(fixes(estash("rename-tool", "mytool", "solver", cwd=stash).out)[-1], stash)
    ran = estash("add-tool", "mytool", stash.parent / "mytool", cwd=stash)
    assert (ran.code, "for the submodule of tools/solver, which was renamed" in ran.err) == (1, True)
    assert fixes(ran.err) == ["choose another name"]
    paste(fixes(estash("rename-tool", "solver", "mytool", cwd=stash).out)[-1], stash)
    assert state(stash)[1:] == before
    assert estash("add-tool", "another", stash.parent / "mytool", cwd=stash).code == 0


def test_rename_refuses_a_name_that_is_taken(stash: Path) -> None:
    before = state(stash)
    assert estash("rename-tool", "mytool", "mytool", cwd=stash).code == 1
    assert estash("rename-tool", "other", "new", cwd=stash).code == 1
    (stash / "tools/new").mkdir()
    assert "tools/new: already exists" in estash("rename-tool", "mytool", "new", cwd=stash).err
    (stash / "tools/new").rmdir()
    write(stash, {"configs/mytool/experiment/second.yaml": "edited: 1\n"})
    ran = estash("rename-tool", "mytool", "new", cwd=stash)
    assert "configs/mytool/experiment: uncommitted changes" in ran.err
    git("checkout", "-q", "--", "configs", cwd=stash)
    assert state(stash) == before


def test_remove_keeps_the_snapshots_reproducible(stash: Path, tmp_path: Path) -> None:
    text = (stash / "configs/meta.yaml").read_text()
    ran = estash("remove-tool", "mytool", cwd=stash)
    assert ran.code == 0, ran.err
    assert not (stash / "tools/mytool").exists()
    assert not (stash / ".gitmodules").exists()
    assert (stash / "configs/meta.yaml").read_text() != text
    assert paste(fixes(ran.out)[-1], stash).code == 0
    assert git("status", "--porcelain", cwd=stash) == ""
    assert estash("verify", "--all", cwd=stash).code == 0
    assert (stash / "configs/mytool/snapshots/v1/first.yaml").exists()
    asked = ("reproduce", "v1", "--yes", "--allow-local", "--no-build", "--into", tmp_path / "again")
    ran = estash(*asked, cwd=stash)
    assert (ran.code, "1 of 1 experiments ran" in ran.out) == (0, True)


def test_remove_keeps_a_repository_that_is_in_the_checkout(stash: Path) -> None:
    tool, modules = stash / "tools/mytool", stash / ".git/modules/tools/mytool"
    (tool / ".git").unlink()
    modules.rename(tool / ".git")
    git("config", "-f", str(tool / ".git/config"), "--unset", "core.worktree", cwd=stash.parent)
    ran = estash("remove-tool", "mytool", cwd=stash)
    assert (ran.code, "contains its own repository, which would be deleted" in ran.err) == (1, True)
    paste(fixes(ran.err)[0], stash)
    assert estash("remove-tool", "mytool", cwd=stash).code == 0
    assert (modules / "HEAD").exists()


def test_remove_refuses_what_would_be_lost(stash: Path) -> None:
    write(stash / "tools/mytool", {"new.py": "x = 1\n"})
    before = state(stash)
    assert "uncommitted changes: new.py" in estash("remove-tool", "mytool", cwd=stash).err
    assert state(stash) == before
    (stash / "tools/mytool/new.py").unlink()
    git("config", "core.excludesFile", str(stash.parent / "ignored"), cwd=stash / "tools/mytool")
    write(stash.parent, {"ignored": "data/\n"})
    write(stash / "tools/mytool", {"outputs/today/loss.txt": "0.1\n", "data/set.bin": "1", "__pycache__/x.pyc": ""})
    before = state(stash)
    ran = estash("remove-tool", "mytool", cwd=stash)
    assert "files that are in no commit, and would be deleted: data/, outputs/" in ran.err
    assert state(stash) == before
    paste(fixes(ran.err)[0], stash)
    assert len(list((stash / "outputs").rglob("loss.txt"))) == 1
    write(stash, {"configs/mytool/experiment/mine.yaml": "lr: 1\n"})
    ran = estash("remove-tool", "mytool", cwd=stash)
    assert "configs/mytool/experiment: uncommitted changes" in ran.err
    assert paste(fixes(ran.err)[0], stash).code == 0
    assert estash("remove-tool", "mytool", cwd=stash).code == 0
    assert "no tool 'mytool'" in estash("remove-tool", "mytool", cwd=stash).err
