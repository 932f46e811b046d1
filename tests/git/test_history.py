"""Revisions, ranges, and which commit brought a snapshot in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import git, run
from stashes import (
    commit_index,
    freeze,
    healthy,
    make_stash,
    pin_id,
    snapshot_path,
    snapshot_text,
    stage,
)

from experimentstash.core.errors import StashError, UsageError
from experimentstash.git.entries import FILE, Entry

if TYPE_CHECKING:
    pass

from reading import blob, opened


@pytest.mark.parametrize("rev", ["nope", "-x", "--all", "HEAD:configs", "HEAD~99", "a b", "", "main..main", "1" * 40])
def test_a_revision_that_is_none(tmp_path: Path, rev: str) -> None:
    root = healthy(tmp_path / "stash")
    with opened(root) as repository, pytest.raises(StashError, match="names no commit of this repository") as error:
        repository.resolve(rev)
    assert error.value.fix == "git fetch --all --tags"


def test_revisions_and_ranges(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    ids = git("rev-list", "HEAD", cwd=root).splitlines()
    with opened(root) as repository:
        assert repository.resolve("HEAD~1") == repository.resolve(ids[1][:10]) == repository.resolve("main^") == ids[1]
        assert repository.resolve("snapshot/tag-three") == ids[1]
        assert repository.range("HEAD~2..HEAD") == repository.range("main~2..") == ids[:2]
        assert repository.range("HEAD..HEAD~2") == []
        assert repository.newest(ids[1:3]) == ids[1]
        assert repository.newest([ids[3]]) == ids[3]
        for wrong in ("HEAD", "a...b", "HEAD~1...HEAD", ".."):
            with pytest.raises(UsageError, match="is no range"):
                repository.range(wrong)
        with pytest.raises(StashError, match="'nope' names no commit of this repository"):
            repository.range("nope..HEAD")


def test_newest_of_two_lines_is_none(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    one = commit_index(root, "one")
    git("checkout", "-q", "-b", "side", "HEAD~1", cwd=root)
    two = commit_index(root, "two")
    with opened(root) as repository:
        assert repository.newest([one, two]) is None


def test_changes_are_what_no_parent_has(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    first = freeze(root, "a", "v1", "one", tagged=False)
    git("checkout", "-q", "-b", "side", cwd=root)
    side = freeze(root, "b", "v1", "one", tagged=False)
    git("checkout", "-q", "main", cwd=root)
    stage(root, {snapshot_path("a", "v1"): "edited"})
    edited = commit_index(root)
    git("merge", "-q", "--no-commit", "side", cwd=root)
    stage(root, {snapshot_path("c", "v1"): "evil", snapshot_path("b", "v1"): "evil"})
    merge = commit_index(root)
    git("rm", "-q", snapshot_path("c", "v1"), cwd=root)
    removed = commit_index(root)
    with opened(root) as repository:
        found = repository.changes([first, side, edited, merge, removed])
    told = {c: [(change.path[-6], change.new) for change in changes] for c, changes in found.items()}
    assert told == {
        first: [("a", True)],
        side: [("b", True)],
        edited: [("a", False)],
        merge: [("b", False), ("c", True)],
        removed: [],
    }
    assert found[edited][0].entry == Entry(FILE, blob(root, f"{edited}:{snapshot_path('a', 'v1')}"))


def test_the_bringing_commit(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    one = freeze(root, "a", "v1", "one", tagged=False)
    stage(root, {snapshot_path("a", "v1"): "edited"})  # an edit brings nothing in
    commit_index(root)
    git("checkout", "-q", "-b", "side", cwd=root)
    two = freeze(root, "b", "v2", "one", tagged=False)
    commit_index(root, "more")
    git("checkout", "-q", "main", cwd=root)
    three = freeze(root, "c", "v3", "one", tagged=False)
    git("merge", "-q", "--no-commit", "side", cwd=root)
    stage(root, {snapshot_path("d", "v4"): "evil"})
    merge = commit_index(root)
    git("rm", "-q", snapshot_path("c", "v3"), cwd=root)
    commit_index(root)
    again = freeze(root, "c", "v3", "one", tagged=False)
    for _ in range(40):  # more than is read at once
        commit_index(root)
    paths = {letter: snapshot_path(letter, f"v{number}") for number, letter in enumerate("abcd", 1)}
    with opened(root) as repository:
        found = repository.bringing(paths.values(), repository.resolve("HEAD"))
    assert found == {paths["a"]: one, paths["b"]: two, paths["c"]: again, paths["d"]: merge}
    assert three != again


def test_a_shallow_clone_does_not_guess(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("clone", "-q", "--no-tags", "--depth=2", root.resolve().as_uri(), tmp_path / "shallow", cwd=tmp_path)
    shallow = tmp_path / "shallow"
    head = blob(root, "HEAD")
    with opened(shallow) as repository:
        for path in repository.tree(head).files:
            with pytest.raises(StashError, match="beyond the edge of this shallow clone") as error:
                repository.bringing([path], head)
            assert error.value.fix == "git fetch --unshallow --tags"
        with pytest.raises(StashError, match="names no commit of this repository") as error:
            repository.range(f"{blob(root, 'HEAD~3')}..HEAD")
        assert error.value.fix == "git fetch --unshallow --tags"
        # at the edge everything looks new, and nothing is known to be
        edge = repository.resolve("HEAD~1")
        assert {change.new for change in repository.changes([edge])[edge]} == {False}


def test_a_rebase_is_seen(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    assert not opened(root).rebasing
    run("git", "rebase", "-q", "--exec", "false", "HEAD~1", cwd=root)
    assert opened(root).rebasing
    git("rebase", "--abort", cwd=root)
    assert not opened(root).rebasing


def test_many_files_cost_nothing_at_commits(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    registry = blob(root, "HEAD:configs/meta.yaml")
    lines = [f"100644 {registry} 0\tother/d{n % 100}/f{n}" for n in range(20_000)]
    git("update-index", "--index-info", cwd=root, stdin="\n".join(lines) + "\n")
    head = commit_index(root)
    with opened(root) as repository:
        repository.tree(head)
        known = {name for tree in repository._objects._trees.values() for name in tree}
        assert {"configs", "tools", "mytool"} <= known
        assert "other" not in known


def test_a_snapshot_text_of_the_tests_is_one(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    text = snapshot_text("pca-one", "tag-one", pin_id("one"))
    with opened(root) as repository:
        path = snapshot_path("pca-one", "tag-one")
        assert repository.read(blob(root, f"HEAD:{path}"), 1000).decode() == text
