"""Commits, trees and blobs: replaced, borrowed, missing, damaged, endless."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import commit, git, run
from stashes import (
    REGISTRY,
    commit_index,
    healthy,
    make_stash,
    pin,
    pin_id,
    snapshot_path,
    stage,
)

from experimentstash.core.errors import StashError
from experimentstash.git.location import find
from experimentstash.git.objects import Objects
from experimentstash.git.repository import TooLargeError

if TYPE_CHECKING:
    pass

from reading import blob, check_healthy, object_file, opened, partial


def test_what_git_replaces_here_is_not_seen(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    head = blob(root, "HEAD")
    git("replace", head, blob(root, "HEAD~1"), cwd=root)
    with opened(root) as repository:
        assert repository.tree(head).pins == {"mytool": pin_id("four")}


def test_alternates_and_a_quarantine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = healthy(tmp_path / "stash")
    git("clone", "-q", "--bare", root, tmp_path / "server.git", cwd=tmp_path)
    server = tmp_path / "server.git"
    hook = server / "hooks/pre-receive"
    hook.write_text(
        f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n"
        "from experimentstash.git.repository import Repository\n"
        "new = sys.stdin.readline().split()[1]\n"
        "with Repository.open(Path.cwd()) as repository:\n"
        "    print(repository.tree(new).pins['mytool'], repository.range(f'main..{new}') == [new])\n"
    )
    hook.chmod(0o755)
    pinned = pin(root, "five")
    commit_index(root)
    pushed = run("git", "push", "-q", server, "main", cwd=root)
    assert pushed.code == 0, pushed.err
    assert f"remote: {pinned} True" in pushed.err


@pytest.mark.parametrize("what", ["HEAD:configs/mytool/snapshots", "HEAD:tools", "HEAD^{tree}"])
def test_a_missing_tree_is_told_and_is_no_empty_one(tmp_path: Path, what: str) -> None:
    root = healthy(tmp_path / "stash")
    gone = blob(root, what)
    object_file(root, gone).unlink()
    with opened(root) as repository, pytest.raises(StashError, match=r"is missing|cannot read") as error:
        repository.tree(repository.resolve("HEAD"))
    assert error.value.fix == "git fetch --refetch"


def test_a_missing_blob_and_a_missing_commit_are_told(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    gone = blob(root, f"HEAD:{snapshot_path('pca-one', 'tag-one')}")
    object_file(root, gone).unlink()
    with opened(root) as repository:
        with pytest.raises(StashError, match=f"the object {gone} is missing"):
            repository.read(gone, 1000)
        with pytest.raises(StashError, match="is missing"):
            repository.tree("1" * 40)
        with pytest.raises(StashError, match="is missing"):  # a tree is no blob
            repository.read(blob(root, "HEAD^{tree}"), 1000)
        with pytest.raises(StashError, match="is missing"):
            repository.tree(blob(root, "HEAD:configs/meta.yaml"))


def test_a_truncated_object_is_told(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    broken = blob(root, "HEAD:configs/meta.yaml")
    file = object_file(root, broken)
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:10])
    with opened(root) as repository:
        with pytest.raises(StashError, match=r"cannot read an object|is missing"):
            repository.read(broken, 1000)
        assert repository.tree(blob(root, "HEAD")).pins == {"mytool": pin_id("four")}  # and goes on


@pytest.mark.parametrize(
    "lines",
    [
        b"40000 ..\0" + b"\1" * 20,
        b"40000 a/b\0" + b"\1" * 20,
        b"40000 a\0" + b"\1" * 20 + b"40000 a\0" + b"\2" * 20,
        b"40000 a\0" + b"\1" * 5,
        b"77 a\0" + b"\1" * 20,
        b"x a\0" + b"\1" * 20,
        b"40000 a",
    ],
)
def test_a_damaged_tree_is_told(tmp_path: Path, lines: bytes) -> None:
    git("init", "-q", cwd=tmp_path)
    asked = ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"]
    done = subprocess.run(asked, cwd=tmp_path, input=lines, capture_output=True, check=True)
    objects = Objects(find(tmp_path))
    with pytest.raises(StashError, match="is damaged"):
        objects.tree(done.stdout.decode().strip())
    objects.close()


def test_a_tree_that_holds_itself_without_end(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    tree = git("mktree", cwd=root, stdin=f"100644 blob {blob(root, 'HEAD:configs/meta.yaml')}\ta.yaml\n")
    for _ in range(12):
        tree = git("mktree", cwd=root, stdin="".join(f"040000 tree {tree}\td{n}\n" for n in range(10)))
    for name in ("v1", "snapshots", "mytool", "configs"):
        tree = git("mktree", cwd=root, stdin=f"040000 tree {tree}\t{name}\n")
    head = git("commit-tree", "-m", "bomb", tree, cwd=root)
    with opened(root) as repository, pytest.raises(StashError, match="more than 200000 files"):
        repository.tree(head)


def test_a_tree_of_great_depth(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    stdin = f"100644 blob {blob(root, 'HEAD:configs/meta.yaml')}\ta.yaml\n"
    objects = []
    for _ in range(600):
        objects.append(git("mktree", cwd=root, stdin=stdin))
        stdin = f"040000 tree {objects[-1]}\td\n"
    tree = objects[-1]
    for name in ("v1", "snapshots", "mytool", "configs"):
        tree = git("mktree", cwd=root, stdin=f"040000 tree {tree}\t{name}\n")
    with opened(root) as repository:
        files = repository.tree(git("commit-tree", "-m", "deep", tree, cwd=root)).files
    assert list(files) == [f"configs/mytool/snapshots/v1/{'d/' * 599}a.yaml"]


def test_a_large_blob_is_not_read(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    stage(root, {"large": "x" * 3_000_000})
    large, small = blob(root, ":large"), blob(root, ":configs/meta.yaml")
    with opened(root) as repository:
        with pytest.raises(TooLargeError, match="3000000 bytes, of at most 1000"):
            repository.read(large, 1000)
        assert repository.read(small, 1000).decode() == REGISTRY
    objects = Objects(find(root))
    found = objects.find([small, large, small, "1" * 40, large, small], limit=1000)
    assert [one and one.size for one in found] == [
        len(REGISTRY),
        3_000_000,
        len(REGISTRY),
        None,
        3_000_000,
        len(REGISTRY),
    ]
    objects.close()


def test_folders_of_other_kinds_are_no_stash(tmp_path: Path) -> None:
    root = tmp_path / "r"
    head = commit(root, {"configs": "a file\n", "tools": "a file\n"})
    other = commit(tmp_path / "s", {"configs/a": "1", "configs/b/snapshots": "1", "configs/c/snapshots/v1": "1"})
    with opened(root) as repository:
        assert repository.tree(head) == repository.tree(head, "v1")
        assert (repository.tree(head).files, repository.tree(head).pins) == ({}, {})
    with opened(tmp_path / "s") as repository:
        assert (repository.tree(other).files, repository.tree(other, "v1").files) == ({}, {})


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_a_partial_clone_fetches_what_it_lacks(tmp_path: Path, kind: str) -> None:
    root = healthy(tmp_path / "stash")
    check_healthy(partial(root, tmp_path / "partial.git", kind), blob(root, "HEAD"))


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_a_partial_clone_without_its_remote_says_so(tmp_path: Path, kind: str) -> None:
    root = healthy(tmp_path / "stash")
    clone = partial(root, tmp_path / "partial.git", kind)
    registry = blob(root, "HEAD:configs/meta.yaml")
    root.rename(tmp_path / "gone")
    with opened(clone) as repository, pytest.raises(StashError, match=r"promisor|is missing") as error:  # noqa: PT012  (the one lacks trees, the other blobs)
        repository.tree(repository.resolve("HEAD"))
        repository.read(registry, 1000)
    assert error.value.fix.startswith("git fetch")
