"""One's own git server refuses what the gate refuses, while it is in quarantine, whatever hooks the pusher has."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from conftest import Ran, commit, git, run
from stashes import TOOL, commit_index, freeze, make_stash, pin, pin_id, snapshot_path, snapshot_text, stage

HOOKS = Path(__file__).parents[2] / "hooks"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stash without hooks, whose remote is a bare server with ours."""
    root = make_stash(tmp_path / "stash")
    server = tmp_path / "server.git"
    git("init", "-q", "--bare", server, cwd=tmp_path)
    git("config", "core.hooksPath", HOOKS, cwd=server)
    git("config", "experimentstash.python", sys.executable, cwd=server)
    git("remote", "add", "origin", server, cwd=root)
    return root


def push(root: Path, *refs: str) -> Ran:
    return run("git", "push", "-q", "origin", *refs, cwd=root)


def there(root: Path) -> set[str]:
    return set(
        git("for-each-ref", "--format=%(refname:short)", cwd=Path(git("remote", "get-url", "origin", cwd=root))).split()
    )


def drift(root: Path, tag: str) -> str:
    stage(root, {snapshot_path("a", tag): snapshot_text("a", tag, pin_id("elsewhere"))})
    return commit_index(root, f"drift {tag}")


def test_a_healthy_push_is_received_in_silence(root: Path) -> None:
    freeze(root, "a", "v1", "two")
    pin(root, "three")
    commit_index(root)
    assert push(root, "main", "snapshot/v1") == Ran(0, "", "")
    assert there(root) == {"main", "snapshot/v1"}


def test_drift_is_refused_with_the_ref_the_commit_the_file_and_the_repair(root: Path) -> None:
    commit_id = drift(root, "v1")
    ran = push(root, "main")
    assert ran.code == 1
    place = f"remote: refs/heads/main {commit_id[:12]}:{snapshot_path('a', 'v1')}: pin: it records {TOOL} at "
    assert place in ran.err
    assert "pre-receive hook declined" in ran.err
    assert f"git -C tools/mytool checkout {pin_id('elsewhere')} && git add tools/mytool" in ran.err
    assert there(root) == set()
    assert "Traceback" not in ran.err


def test_one_bad_ref_stops_the_push_and_leaves_nothing_behind(root: Path) -> None:
    freeze(root, "a", "v1", "two")
    git("branch", "good", cwd=root)
    drift(root, "v2")
    ran = push(root, "good", "main", "snapshot/v1")
    assert ran.code == 1
    assert "refs/heads/main" in ran.err
    assert "refs/heads/good " not in ran.err.partition("pre-receive hook declined")[0]
    assert there(root) == set()


def test_drift_below_a_healthy_head_is_found(root: Path) -> None:
    assert push(root, "main").code == 0
    bad = drift(root, "v1")
    git("rm", "-q", snapshot_path("a", "v1"), cwd=root)
    commit_index(root, "out again")
    ran = push(root, "main")
    assert (ran.code, bad[:12] in ran.err) == (1, True)


def test_a_tag_is_neither_moved_nor_deleted_nor_forced(root: Path) -> None:
    frozen = freeze(root, "a", "v1", "two")
    assert push(root, "main", "snapshot/v1").code == 0
    pin(root, "three")
    commit_index(root)
    git("tag", "-f", "-a", "-m", "moved", "snapshot/v1", cwd=root)
    moved = push(root, "+refs/tags/snapshot/v1")
    assert moved.code == 1
    assert "refs/tags/snapshot/v1: tag: it is published at" in moved.err
    deleted = push(root, ":refs/tags/snapshot/v1")
    assert (deleted.code, "it is published: it is not deleted" in deleted.err) == (1, True)
    server = Path(git("remote", "get-url", "origin", cwd=root))
    assert git("rev-parse", "snapshot/v1^{commit}", cwd=server) == frozen


def test_a_tag_is_judged_with_the_branch_that_comes_along(root: Path) -> None:
    drift(root, "v1")
    pin(root, "elsewhere")
    commit_index(root, "the pin comes later")
    assert push(root, "main").code == 1  # by itself: judged at the commit that brought it in
    git("tag", "-a", "-m", "v1", "snapshot/v1", cwd=root)
    assert push(root, "main", "snapshot/v1") == Ran(0, "", "")  # as the tag says: at the commit where it holds


@pytest.mark.parametrize("what", ["HEAD^{tree}", "HEAD:configs/meta.yaml", "HEAD~1"])
def test_a_tag_of_no_snapshot_is_refused(root: Path, what: str) -> None:
    freeze(root, "a", "v1", "two", tagged=False)
    git("tag", "snapshot/v1", what, cwd=root)
    ran = push(root, "main", "snapshot/v1")
    assert (ran.code, "refs/tags/snapshot/v1: tag: " in ran.err, there(root)) == (1, True, set())


@pytest.mark.parametrize("name", ["snapshot/a/b", "snapshot/-x", "snapshot/$(touch pwned)", "snapshot/ü"])
def test_a_tag_of_no_good_name_is_refused(root: Path, name: str) -> None:
    freeze(root, "a", "v1", "two")
    git("update-ref", f"refs/tags/{name.replace(' ', '_')}", "HEAD", cwd=root)
    ran = push(root, "main", f"refs/tags/{name.replace(' ', '_')}")
    assert (ran.code, "it is no snapshot's tag: " in ran.err, there(root)) == (1, True, set())


def test_what_is_no_snapshots_business_passes(root: Path) -> None:
    git("tag", "-a", "-m", "a release", "v1.0", cwd=root)
    git("tag", "a-blob", "HEAD:configs/meta.yaml", cwd=root)
    git("notes", "add", "-m", "a note", cwd=root)
    assert push(root, "main", "v1.0", "a-blob", "refs/notes/*:refs/notes/*") == Ran(0, "", "")
    assert push(root, ":v1.0") == Ran(0, "", "")


def test_what_the_server_has_is_not_judged_again(root: Path) -> None:
    server = Path(git("remote", "get-url", "origin", cwd=root))
    drift(root, "v1")
    git("config", "core.hooksPath", "/dev/null", cwd=server)
    assert push(root, "main").code == 0  # before the hook was there
    git("config", "core.hooksPath", HOOKS, cwd=server)
    pin(root, "three")
    commit_index(root)
    assert push(root, "main", "main:refs/heads/other") == Ran(0, "", "")


def test_a_server_whose_python_is_gone_refuses_and_says_so(root: Path) -> None:
    server = Path(git("remote", "get-url", "origin", cwd=root))
    git("config", "experimentstash.python", "/nowhere/python", cwd=server)
    ran = push(root, "main")
    assert (ran.code, "/nowhere/python" in ran.err, there(root)) == (1, True, set())


@pytest.mark.parametrize("stdin", ["rubbish\n", "a b c\n", f"{'0' * 40} {'g' * 40} refs/heads/x\n", "\0\0 \n"])
def test_stdin_that_is_no_push(root: Path, stdin: str) -> None:
    server = Path(git("remote", "get-url", "origin", cwd=root))
    ran = run(HOOKS / "pre-receive", cwd=server, stdin=stdin)
    assert (ran.code, ran.out, ran.err.startswith("experimentstash: ")) == (1, "", True)


def test_sha256(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash", "--object-format=sha256")
    server = tmp_path / "server.git"
    git("init", "-q", "--bare", "--object-format=sha256", server, cwd=tmp_path)
    git("config", "core.hooksPath", HOOKS, cwd=server)
    git("config", "experimentstash.python", sys.executable, cwd=server)
    git("remote", "add", "origin", server, cwd=root)
    freeze(root, "a", "v1", "two")
    assert push(root, "main", "snapshot/v1") == Ran(0, "", "")
    drift(root, "v2")
    assert push(root, "main").code == 1


def test_a_repository_that_is_no_stash_is_left_alone(tmp_path: Path) -> None:
    commit(tmp_path / "code", {"main.py": "print()\n"})
    server = tmp_path / "server.git"
    git("init", "-q", "--bare", server, cwd=tmp_path)
    shutil.copytree(HOOKS, server / "hooks", dirs_exist_ok=True)
    git("config", "experimentstash.python", sys.executable, cwd=server)
    git("remote", "add", "origin", server, cwd=tmp_path / "code")
    assert push(tmp_path / "code", "main") == Ran(0, "", "")
