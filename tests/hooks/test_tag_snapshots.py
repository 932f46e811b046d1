"""`tag-snapshots`: what the tags say, what is told of those that are not made, and two at work at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import BIN, Ran, estash, git, run
from stashes import commit_index, freeze, make_stash, pin, pin_id, snapshot_path, snapshot_text, stage

PATH = snapshot_path("a", "v1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_stash(tmp_path / "stash")


def tag(root: Path, *arguments: str, **env: str) -> Ran:
    return run(BIN / "tag-snapshots", *arguments, cwd=root, env=env)


def tags(root: Path) -> list[str]:
    return git("for-each-ref", "--format=%(refname:lstrip=2) %(*objectname)", "refs/tags", cwd=root).splitlines()


def test_the_tag_is_annotated_with_what_the_headers_say(root: Path) -> None:
    made = freeze(root, "a", "v1", "two", tagged=False)
    assert tag(root) == Ran(0, "", "")
    assert git("cat-file", "tag", "snapshot/v1", cwd=root) == (
        f"object {made}\ntype commit\ntag snapshot/v1\ntagger Ada Tester <ada@example.org> 1768210200 +0000\n\n"
        f"Snapshot v1\n\nfreeze v1\n\nmytool/a: mytool {pin_id('two')}"
    )


def test_of_the_last_commit_it_says_how_to_amend_it(root: Path) -> None:
    stage(root, {PATH: snapshot_text("a", "v1", pin_id("two"))})
    head = commit_index(root)
    ran = tag(root)
    assert (ran.code, tags(root)) == (1, [])
    assert ran.err == (
        f"{head[:12]}:{PATH}: pin: it records mytool at {pin_id('two')[:12]}, and {head[:12]} pins "
        f"{pin_id('one')[:12]}\n    fix: git -C tools/mytool checkout {pin_id('two')} && git add tools/mytool"
        " && git commit --amend --no-edit --allow-empty\n"
    )


def test_of_another_commit_it_says_how_to_open_it(root: Path) -> None:
    git("checkout", "-q", "-b", "side", cwd=root)
    stage(root, {PATH: snapshot_text("a", "v1", pin_id("two"))})
    bad = commit_index(root)
    commit_index(root, "later")
    git("checkout", "-q", "main", cwd=root)
    git("merge", "-q", "--ff-only", "side", cwd=root)
    ran = tag(root, "--stage", "post-merge", "0")
    open_it = """git -c sequence.editor="sed -i.bak '1s/^pick/edit/'" rebase --interactive"""
    assert f"    fix: {open_it} {bad[:12]}~ && git -C tools/mytool checkout " in ran.err
    assert ran.err.endswith(
        " && git add tools/mytool && git commit --amend --no-edit --allow-empty && git rebase --continue\n"
    )


def test_prek_says_of_which_type_the_hook_is(root: Path, tmp_path: Path) -> None:
    git("clone", "-q", "--no-tags", root, tmp_path / "clone", cwd=tmp_path)
    freeze(root, "a", "v1", "two", tagged=False)
    git("pull", "-q", "--ff-only", cwd=tmp_path / "clone")
    assert tag(tmp_path / "clone", PREK_HOOK_STAGE="post-merge") == Ran(0, "", "")
    assert tags(tmp_path / "clone") == []  # others tag their own
    assert tag(tmp_path / "clone", PREK_HOOK_STAGE="post-commit") == Ran(0, "", "")
    assert len(tags(tmp_path / "clone")) == 1


@pytest.mark.parametrize("same", [False, True])
def test_two_at_once(root: Path, tmp_path: Path, same: bool) -> None:
    git("config", "gc.auto", "0", cwd=root)
    assert estash("install", cwd=root).code == 0
    places = []
    for number in (1, 2):
        place = tmp_path / f"linked{number}"
        git("worktree", "add", "-q", "-b", f"side{number}", place, cwd=root)
        name = "v1" if same else f"v{number}"
        commit = pin(place, f"number{number}")
        stage(place, {snapshot_path("a", name): snapshot_text("a", name, commit)})
        places.append(place)
    commits = [subprocess.Popen(["git", "commit", "-qm", "freeze"], cwd=place) for place in places]
    codes = [commit.wait(60) for commit in commits]
    heads = [git("rev-parse", "HEAD", cwd=place) for place in places]
    if same:  # the first one has the name; the other one is refused, or told of
        assert 0 in codes
        assert tags(root) in ([f"snapshot/v1 {heads[0]}"], [f"snapshot/v1 {heads[1]}"])
    else:
        assert (codes, tags(root)) == ([0, 0], [f"snapshot/v{number} {heads[number - 1]}" for number in (1, 2)])
