"""`drop`: an unpublished snapshot is taken back whole, and nothing else changes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BIN, Ran, estash, git, write
from interrupted import interrupt, journal_of
from plays import fixes, paste
from stashes import (
    commit_index,
    freeze,
    healthy,
    make_stash,
    pin,
    pin_id,
    snapshot_path,
    snapshot_text,
    stage,
)


def state(root: Path) -> tuple[str, str, str, str]:
    """Return what a stash holds: refs, index, working tree and HEAD."""
    files = sorted(str(path.relative_to(root)) for path in (root / "configs").rglob("*") if path.is_file())
    return (
        git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags", cwd=root),
        git("ls-files", "-s", cwd=root),
        "\n".join(files),
        git("rev-parse", "HEAD", cwd=root),
    )


def with_remote(root: Path) -> Path:
    """Give a stash a remote `origin` that has its branch."""
    remote = root.with_name("origin.git")
    git("init", "-q", "--bare", str(remote), cwd=root)
    git("remote", "add", "origin", str(remote), cwd=root)
    git("push", "-q", "--no-verify", "origin", "main", cwd=root)
    return remote


def test_the_newest_snapshot_goes_with_its_commit(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    before = state(root)
    made = freeze(root, "pca", "v1", "two")
    ran = estash("drop", "snapshot/v1", cwd=root)
    assert ran == Ran(
        0,
        f"dropped snapshot/v1: mytool/pca\nremoved the freeze commit {made[:12]}; HEAD is at {before[3][:12]} again\n",
        "",
    )
    assert state(root) == before
    assert not (root / "configs/mytool/snapshots").exists()
    assert estash("verify", "--all", cwd=root).code == 0


def test_an_older_snapshot_is_removed_by_a_new_commit(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    head = git("rev-parse", "HEAD", cwd=root)
    write(root, {"notes.txt": "mine\n"})
    git("add", "notes.txt", cwd=root)
    ran = estash("drop", "tag-two", cwd=root)
    assert ran.code == 0, ran.err
    made = git("rev-parse", "HEAD", cwd=root)
    assert f"committed {made[:12]}, which removes its files" in ran.out
    assert git("rev-parse", "HEAD^", cwd=root) == head
    assert git("show", "--name-status", "--format=%s", made, cwd=root) == (
        f"Drop snapshot/tag-two\n\nD\t{snapshot_path('pca-two', 'tag-two')}"
    )
    assert git("status", "--porcelain", "-uno", "notes.txt", "configs", cwd=root) == "A  notes.txt"
    assert git("tag", cwd=root).split() == ["snapshot/tag-one", "snapshot/tag-three"]
    assert estash("tag", cwd=root) == Ran(0, "", "")
    assert estash("verify", "--all", cwd=root).code == 0


def test_what_else_is_in_the_commit_stays(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    commit = pin(root, "two")
    stage(root, {snapshot_path("pca", "v1"): snapshot_text("pca", "v1", commit), "paper.tex": "text\n"})
    commit_index(root, "freeze and write")
    assert estash("tag", cwd=root).code == 0
    assert "committed" in estash("drop", "v1", cwd=root).out
    assert (root / "paper.tex").read_text() == "text\n"
    assert git("rev-parse", "HEAD:tools/mytool", cwd=root) == pin_id("two")


def test_snapshots_that_are_in_no_commit(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    before = state(root)
    commit = pin_id("one")
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", commit)})
    write(root, {snapshot_path("b", "v1"): snapshot_text("b", "v1", commit), "configs/mytool/snapshots/v1/own.txt": ""})
    ran = estash("drop", "v1", cwd=root)
    assert ran == Ran(0, "dropped snapshot/v1: mytool/a, mytool/b\n", "")
    assert (root / "configs/mytool/snapshots/v1/own.txt").exists()  # no snapshot names it
    (root / "configs/mytool/snapshots/v1/own.txt").unlink()
    assert state(root) == before


@pytest.mark.parametrize("pushed", ["main snapshot/v1", "main", "snapshot/v1"])
def test_a_published_one_is_refused(tmp_path: Path, pushed: str) -> None:
    root = make_stash(tmp_path / "stash")
    with_remote(root)
    freeze(root, "pca", "v1", "one")
    git("push", "-q", "--no-verify", "origin", *pushed.split(), cwd=root)
    before = state(root)
    ran = estash("drop", "v1", cwd=root)
    assert ran.code == 1
    assert "snapshot/v1 is published" in ran.err
    assert "fix: experimentstash snapshot mytool pca --tag NEW" in ran.err
    assert state(root) == before


def test_a_remote_that_does_not_answer(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    remote = with_remote(root)
    freeze(root, "pca", "v1", "one")
    shutil.rmtree(remote)
    ran = estash("drop", "v1", cwd=root)
    assert ran.code == 1
    assert "the remote 'origin' does not answer: it may have snapshot/v1" in ran.err
    assert "fix: experimentstash drop v1 --offline" in ran.err
    assert paste(fixes(ran.err)[0], root).code == 0
    git("update-ref", "refs/remotes/origin/main", freeze(root, "pca", "v2", "one"), cwd=root)
    assert "is published: a branch of the remote 'origin'" in estash("drop", "v2", "--offline", cwd=root).err


def test_a_branch_of_the_remote_that_grew_on_what_was_pushed(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    with_remote(root)
    freeze(root, "pca", "v1", "one")
    git("push", "-q", "--no-verify", "origin", "main", cwd=root)
    other = tmp_path / "other"
    git("clone", "-q", str(root.with_name("origin.git")), str(other), cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "more", cwd=other)
    git("push", "-q", "--no-verify", "origin", "main", cwd=other)
    assert "is published: a branch of the remote 'origin'" in estash("drop", "v1", cwd=root).err


def test_uncommitted_changes_are_not_lost(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "pca", "v1", "one")
    path = root / snapshot_path("pca", "v1")
    path.write_text(path.read_text() + "more: 1\n")
    before = state(root)
    ran = estash("drop", "v1", cwd=root)
    assert ran.code == 1
    assert f"{snapshot_path('pca', 'v1')}: has uncommitted changes" in ran.err
    assert state(root) == before
    assert path.read_text().endswith("more: 1\n")
    assert paste(fixes(ran.err)[0], root).code == 0
    assert estash("drop", "v1", cwd=root).code == 0


def test_a_tag_of_another_branch(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("checkout", "-q", "-b", "other", cwd=root)
    freeze(root, "pca", "v1", "one")
    git("checkout", "-q", "main", cwd=root)
    head = git("rev-parse", "HEAD", cwd=root)
    ran = estash("drop", "v1", cwd=root)
    assert (ran.code, git("rev-parse", "HEAD", cwd=root), git("tag", cwd=root)) == (0, head, "")
    assert "still on the branch other" in ran.out


def test_during_a_merge(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "pca", "v1", "one")
    (root / ".git/MERGE_HEAD").write_text(git("rev-parse", "HEAD", cwd=root) + "\n")
    assert "another git operation is in progress (MERGE_HEAD)" in estash("drop", "v1", cwd=root).err


@pytest.mark.parametrize("name", ["nothing", "v2"])
def test_a_tag_that_does_not_exist(tmp_path: Path, name: str) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "pca", "v1", "one")
    ran = estash("drop", name, cwd=root)
    assert ran.code == 1
    assert f"no snapshot '{name}'" in ran.err
    assert "v1" in paste(fixes(ran.err)[0], root).out


def test_a_tag_that_leads_to_no_commit(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    blob = git("hash-object", "-w", "configs/meta.yaml", cwd=root)
    git("tag", "snapshot/v1", blob, cwd=root)
    ran = estash("drop", "v1", cwd=root)
    assert (ran.code, paste(fixes(ran.err)[0], root).code, git("tag", cwd=root)) == (1, 0, "")


@pytest.mark.first(1)
@pytest.mark.parametrize("newest", [True, False])
def test_whenever_it_is_killed_the_next_command_finds_it_done_or_not_begun(tmp_path: Path, newest: bool) -> None:
    stash = make_stash(tmp_path / "stash")
    freeze(stash, "pca", "v1", "one")
    if not newest:
        pin(stash, "two")
        commit_index(stash, "the tool moves on")
    before = state(stash)[0:3]
    start = time.monotonic()
    whole = tmp_path / "whole"
    shutil.copytree(stash, whole)
    assert estash("drop", "v1", cwd=whole).code == 0
    after = state(whole)[1:3]
    moments = random.Random(11)
    took = time.monotonic() - start
    for number in range(6):
        root = tmp_path / f"killed-{number}"
        shutil.copytree(stash, root)
        process = subprocess.Popen([BIN / "experimentstash", "drop", "v1"], cwd=root, start_new_session=True)
        time.sleep(moments.uniform(0.3, 1.0) * took)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for lock in root.glob(".git/**/*.lock"):
            lock.unlink()
        assert estash("status", cwd=root).code == 0  # completes what was begun
        assert not (root / ".git/experimentstash-change").exists()
        now = state(root)
        assert now[0:3] == before or (now[1:3] == after and "snapshot/v1" not in now[0])
        assert estash("verify", "--all", cwd=root).code == 0


def test_a_killed_drop_whose_journal_is_left_is_completed(tmp_path: Path) -> None:
    """Every step may be the last one before a kill: the journal of a whole change is applied to each such state."""
    root = make_stash(tmp_path / "stash")
    made = freeze(root, "pca", "v1", "two")
    copies = [shutil.copytree(root, tmp_path / f"copy-{number}") for number in range(3)]
    journal = journal_of(root, "drop", "v1")
    after = state(root)
    parent = git("rev-parse", f"{made}^", cwd=root)
    for number, copy in enumerate(copies):
        if number > 0:
            git("update-ref", "HEAD", parent, cwd=copy)
            git("update-ref", "-d", "refs/tags/snapshot/v1", cwd=copy)
        if number > 1:
            git("read-tree", parent, cwd=copy)
        interrupt(copy, journal)
        ran = estash("status", cwd=copy)
        assert "completed an interrupted change: drop v1" in ran.err
        assert state(copy) == after


def test_a_lock_of_a_killed_git_is_named_until_it_is_gone(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "pca", "v1", "one")
    done = shutil.copytree(root, tmp_path / "done")
    interrupt(root, journal_of(done, "drop", "v1"))
    write(root, {".git/index.lock": ""})
    ran = estash("log", cwd=root)
    assert ran.code == 1
    assert "cannot complete the interrupted change 'drop v1'" in ran.err
    assert fixes(ran.err)[0].startswith(f"rm {root}/.git/index.lock")
    paste(fixes(ran.err)[0], root)
    assert "completed an interrupted change: drop v1" in estash("log", cwd=root).err
    assert state(root) == state(done)


def test_in_a_linked_worktree_and_on_no_branch(tmp_path: Path) -> None:
    main = make_stash(tmp_path / "stash")
    root = tmp_path / "linked"
    git("worktree", "add", "-q", "--detach", str(root), cwd=main)
    before, main_before = state(root), state(main)
    freeze(root, "pca", "v1", "two")
    assert estash("drop", "v1", cwd=root).code == 0
    assert (state(root), state(main)) == (before, main_before)


def test_a_journal_that_no_longer_fits_says_how_to_give_it_up(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    ids = f'"old": "{"1" * 40}", "new": "{"2" * 40}"'
    refs = f'[{{"name": "HEAD", {ids}}}]'
    rest = '"entries": [], "files": [], "checkouts": [], "moves": [], "is_undo": false'
    change = f'{{"title": "drop v1", "refs": {refs}, {rest}}}'
    write(root, {".git/experimentstash-change": change})
    ran = estash("status", cwd=root)
    assert ran.code == 1
    assert "cannot complete the interrupted change 'drop v1'" in ran.err
    assert paste(fixes(ran.err)[0], root).code == 0
    assert estash("status", cwd=root).code == 0


def test_the_hooks_accept_the_commit_and_the_push(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    with_remote(root)
    git("config", "--global", "--unset", "experimentstash.hooks", cwd=root)
    assert estash("install", cwd=root).code == 0
    freeze(root, "pca", "v1", "one", tagged=False)  # the hook tags it
    commit_index(root, "later")
    assert git("tag", cwd=root) == "snapshot/v1"
    assert estash("drop", "v1", cwd=root).code == 0
    assert git("tag", cwd=root) == ""
    git("push", "-q", "origin", "main", cwd=root)
    assert git("ls-remote", "origin", "refs/heads/main", cwd=root).startswith(git("rev-parse", "HEAD", cwd=root))
