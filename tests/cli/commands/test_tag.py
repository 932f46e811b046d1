"""`tag`: the tags that are missing, where the snapshots came in, and only for what holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conftest import Ran, estash, git, run
from stashes import (
    REGISTRY,
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

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO, THREE = (pin_id(name) for name in ("one", "two", "three"))


def tags(root: Path) -> dict[str, str]:
    """Return each tag and its commit."""
    asked = ("for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags")
    return {tag: git("rev-parse", f"{tag}^{{}}", cwd=root) for tag in git(*asked, cwd=root).split()}


def test_a_healthy_stash_needs_none(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    before = tags(root)
    assert estash("tag", cwd=root) == Ran(0, "", "")
    assert tags(root) == before


def test_missing_tags_are_made_where_the_snapshots_came_in(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    before = tags(root)
    git("tag", "-d", "snapshot/tag-one", "snapshot/tag-three", cwd=root)
    assert estash("tag", cwd=root) == Ran(
        0,
        f"snapshot/tag-one {before['snapshot/tag-one']}\nsnapshot/tag-three {before['snapshot/tag-three']}\n",
        "",
    )
    assert tags(root) == before
    assert estash("verify", "--all", cwd=root).code == 0
    assert estash("tag", cwd=root) == Ran(0, "", "")


def test_the_tag_is_annotated_with_what_the_headers_say(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    second = pin(root, "second", tool="second")
    stage(
        root,
        {
            "configs/meta.yaml": REGISTRY + "  second:\n    entrypoint: '-m second'\n",
            snapshot_path("f/b", "v1"): snapshot_text("f/b", "v1", ONE, more=f"# DEPENDS: second {second}\n"),
            snapshot_path("a", "v1"): snapshot_text("a", "v1", ONE).replace("2026-01-12T09", "2026-01-13T09"),
        },
    )
    made = commit_index(root)
    commit_index(root, "later")
    assert estash("tag", cwd=root) == Ran(0, f"snapshot/v1 {made}\n", "")
    assert git("cat-file", "tag", "snapshot/v1", cwd=root) == (
        f"object {made}\ntype commit\ntag snapshot/v1\ntagger Ada Tester <ada@example.org> 1768296600 +0000\n\n"
        f"Snapshot v1\n\nwork\n\nmytool/a: mytool {ONE}\nmytool/f/b: mytool {ONE}, second {second}"
    )


def test_json(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    made = freeze(root, "a", "v1", "one", tagged=False)
    path = snapshot_path("b", "v2")
    stage(root, {path: snapshot_text("b", "v2", TWO)})
    bad = commit_index(root)
    ran = estash("tag", "--json", cwd=root)
    assert (ran.code, ran.err) == (1, "")
    assert json.loads(ran.out) == {
        "tags": [{"tag": "snapshot/v1", "commit": made}],
        "problems": [
            {
                "where": f"{bad[:12]}:{path}",
                "rule": "pin",
                "what": f"it records mytool at {TWO[:12]}, and {bad[:12]} pins {ONE[:12]}",
                "fix": f"git rm --force {path} && experimentstash snapshot mytool b --tag NEW-TAG",
            }
        ],
    }
    assert tags(root) == {"snapshot/v1": made}
    ran = estash("tag", cwd=root)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"{bad[:12]}:{path}: pin: ")


def test_several_commits_bring_in_one_tag(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "two", tagged=False)
    commit_index(root)
    last = freeze(root, "b", "v1", "two", tagged=False)
    pin(root, "three")
    commit_index(root)
    assert estash("tag", cwd=root) == Ran(0, f"snapshot/v1 {last}\n", "")
    assert estash("verify", "--all", cwd=root) == Ran(0, "2 snapshots hold\n", "")


def test_the_tool_moved_between_two_snapshots_of_one_tag(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "two", tagged=False)
    last = freeze(root, "b", "v1", "three", tagged=False)
    ran = estash("tag", cwd=root)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[0] == (
        f"{last[:12]}:{snapshot_path('a', 'v1')}: pin: it records mytool at {TWO[:12]}, "
        f"and {last[:12]} pins {THREE[:12]}"
    )
    assert tags(root) == {}


def test_an_edit_before_the_tag_was_made(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    first = freeze(root, "a", "v1", "two", tagged=False)
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", TWO, body="a: 2\n")})
    commit_index(root)
    ran = estash("tag", cwd=root)
    path = snapshot_path("a", "v1")
    assert ran.err == (
        f"{first[:12]}:{path}: frozen: it differs from what {first[:12]} froze\n"
        f"    fix: git checkout {first[:12]} -- {path}\n"
    )
    assert tags(root) == {}


def test_two_lines_of_history_bring_in_one_tag(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("checkout", "-q", "-b", "side", cwd=root)
    freeze(root, "a", "v1", "one", tagged=False)
    git("checkout", "-q", "main", cwd=root)
    freeze(root, "b", "v1", "one", tagged=False)
    good = freeze(root, "c", "v2", "one", tagged=False)
    git("merge", "-q", "--no-edit", "side", cwd=root)
    ran = estash("tag", cwd=root)
    assert (ran.code, ran.out) == (1, f"snapshot/v2 {good}\n")
    assert ran.err == (
        "refs/tags/snapshot/v1: tag: its snapshots were added on two branches, and no commit that added one "
        f"has them all\n    fix: git tag -a -m v1 snapshot/v1 {git('rev-parse', 'HEAD', cwd=root)[:12]}\n"
    )


def test_an_unregistered_tool_and_a_registry_that_cannot_be_read_get_no_tag(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    stage(root, {"configs/meta.yaml": "tools: {}\n"})
    freeze(root, "a", "v1", "one", tagged=False)
    stage(root, {"configs/meta.yaml": "tools: [\n"})
    freeze(root, "b", "v2", "one", tagged=False)
    ran = estash("tag", cwd=root)
    assert (ran.code, ran.out) == (1, "")
    assert "has no tool 'mytool'" in ran.err
    assert ":configs/meta.yaml: pin: line 2, column 1: " in ran.err
    assert tags(root) == {}


@pytest.mark.parametrize("name", ["a b", "v1..2", "x.lock", "-x"])
def test_a_folder_that_is_no_tag_gets_none(tmp_path: Path, name: str) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", name, "one", tagged=False)
    ran = estash("tag", cwd=root)
    assert (ran.code, ran.out) == (1, "")
    assert ": header: " in ran.err
    assert tags(root) == {}


def test_what_lies_beside_a_snapshot_is_frozen_with_it_and_alone_is_nothing(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "one", tagged=False)
    stage(root, {"configs/mytool/snapshots/v1/results.json": "{}\n", "configs/mytool/snapshots/v2/notes.txt": "x\n"})
    last = commit_index(root)
    assert estash("tag", cwd=root) == Ran(0, f"snapshot/v1 {last}\n", "")


@pytest.mark.parametrize("taken", ["snapshot/V1", "snapshot/v1/below", "snapshot"])
def test_a_name_that_is_taken_in_another_way(tmp_path: Path, taken: str) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "one", tagged=False)
    git("tag", taken, cwd=root)
    git("pack-refs", "--all", cwd=root)
    other = freeze(root, "b", "v2", "one", tagged=False)
    ran = estash("tag", cwd=root)
    assert ran.code == 1
    assert "refs/tags/snapshot/v1: tag: " in ran.err
    assert ran.out == ("" if taken == "snapshot" else f"snapshot/v2 {other}\n")
    assert tags(root).keys() == ({taken} if taken == "snapshot" else {taken, "snapshot/v2"})


def test_a_tag_that_leads_to_no_commit_is_told(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("tag", "-f", "snapshot/tag-one", "HEAD^{tree}", cwd=root)
    ran = estash("tag", cwd=root)
    assert (ran.code, ran.out) == (1, "")
    fix = "git tag -d snapshot/tag-one && experimentstash tag"
    assert ran.err == f"refs/tags/snapshot/tag-one: tag: it leads to no commit\n    fix: {fix}\n"
    assert run("sh", "-c", fix, cwd=root).code == 0
    assert estash("tag", cwd=root) == Ran(0, "", "")


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_nothing_is_tagged_in_the_middle_of_a_rebase(tmp_path: Path, backend: str) -> None:
    root = make_stash(tmp_path / "stash")
    git("checkout", "-q", "-b", "side", cwd=root)
    stage(root, {"a.txt": "side\n"})
    commit_index(root)
    git("checkout", "-q", "main", cwd=root)
    stage(root, {"a.txt": "main\n"})
    freeze(root, "a", "v1", "one", tagged=False)
    assert run("git", "rebase", backend, "side", cwd=root).code == 1
    assert estash("tag", cwd=root) == Ran(
        1,
        "",
        "experimentstash: a rebase is in progress: tags made now would stay on abandoned commits\n"
        "    fix: git rebase --continue && experimentstash tag  # once conflicts are resolved\n",
    )
    git("rebase", "--abort", cwd=root)
    assert estash("tag", cwd=root).code == 0


def test_a_shallow_clone_does_not_guess(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("clone", "-q", "--no-tags", "--depth=1", root.resolve().as_uri(), tmp_path / "clone", cwd=tmp_path)
    ran = estash("tag", cwd=tmp_path / "clone")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith("    fix: git fetch --unshallow --tags\n")
    assert tags(tmp_path / "clone") == {}


def test_before_the_first_commit(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    stage(tmp_path, {"configs/meta.yaml": REGISTRY})
    assert estash("tag", cwd=tmp_path) == Ran(0, "", "")


def test_from_a_folder_of_a_linked_worktree(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("worktree", "add", "-q", "-b", "side", tmp_path / "linked", cwd=root)
    made = freeze(tmp_path / "linked", "a", "v1", "two", tagged=False)
    assert estash("tag", cwd=root) == Ran(0, "", "")  # HEAD here does not have it
    assert estash("tag", cwd=tmp_path / "linked/configs") == Ran(0, f"snapshot/v1 {made}\n", "")


def test_gits_reason_is_given_when_it_makes_no_tag(tmp_path: Path, sealed_home: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "one", tagged=False)
    (sealed_home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    ran = estash("tag", cwd=root)
    assert (ran.code, ran.out) == (1, "")
    assert "refs/tags/snapshot/v1: tag: git tag failed in" in ran.err
    assert "user.email" in ran.err
