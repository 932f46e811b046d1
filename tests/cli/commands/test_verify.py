"""`verify`: every way in which a pin, a snapshot or a tag goes wrong, and the histories that only look wrong."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from conftest import Ran, estash, git, run, write
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

ONE, TWO, THREE, FOUR, FIVE = (pin_id(name) for name in ("one", "two", "three", "four", "five"))


def short(root: Path, rev: str) -> str:
    return git("rev-parse", rev, cwd=root)[:12]


def holds(count: int) -> Ran:
    return Ran(0, f"{count} snapshot{' holds' if count == 1 else 's hold'}\n", "")


def findings(ran: Ran) -> list[str]:
    """Return the first line of each finding; the second is its repair."""
    lines = ran.err.splitlines()
    assert ran.code == (1 if lines else 0), ran
    assert all(line.startswith("    fix: ") and len(line) > 10 for line in lines[1::2]), ran.err
    return lines[::2]


def everywhere(root: Path) -> list[str]:
    """Return the findings of `verify --all`, which are those of the index too where it is what HEAD is."""
    return findings(estash("verify", "--all", cwd=root))


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ([], 3),
        (["--staged"], 3),
        (["HEAD"], 3),
        (["snapshot/tag-two"], 2),
        (["HEAD~4"], 0),
        (["HEAD~2..HEAD"], 1),
        (["HEAD~4.."], 3),
        (["--all"], 3),
        (["snapshot/tag-three", "--strict"], 1),
    ],
)
def test_a_healthy_stash_holds(tmp_path: Path, asked: list[str], count: int) -> None:
    """Three snapshots of one tool at three commits, and the tool has moved on."""
    root = healthy(tmp_path / "stash")
    if "--strict" in asked:
        assert len(findings(estash("verify", *asked, cwd=root))) == 2
        return
    assert estash("verify", *asked, cwd=root) == holds(count)
    write(root, {"notes/a.txt": "a"})
    assert estash("verify", *asked, cwd=root / "notes") == holds(count)


def test_a_stash_without_snapshots_holds(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    assert estash("verify", "--all", cwd=root) == holds(0)


def test_before_the_first_commit(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    stage(tmp_path, {"configs/meta.yaml": REGISTRY, snapshot_path("a", "v1"): snapshot_text("a", "v1", ONE)})
    assert findings(estash("verify", "--all", cwd=tmp_path)) == [
        (
            f"{snapshot_path('a', 'v1')}: pin: it records mytool at {ONE[:12]}, and the commit being made has no pin "
            "at tools/mytool"
        )
    ]
    pin(tmp_path, "one")
    assert estash("verify", cwd=tmp_path) == holds(1)
    assert estash("verify", "HEAD", cwd=tmp_path).err == (
        "experimentstash: 'HEAD' names no commit of this repository\n    fix: git fetch --all --tags\n"
    )


# the index


def test_a_new_snapshot_is_judged_against_the_pins_of_the_index(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    path = snapshot_path("new", "v9")
    stage(root, {path: snapshot_text("new", "v9", FOUR)})
    assert estash("verify", cwd=root) == holds(4)
    pin(root, "five")
    assert estash("verify", cwd=root) == Ran(
        1,
        "",
        f"{path}: pin: it records mytool at {FOUR[:12]}, and the commit being made pins {FIVE[:12]}\n"
        f"    fix: git -C tools/mytool checkout {FOUR} && git add tools/mytool\n",
    )


def test_the_pin_of_the_index_counts_and_not_what_is_checked_out(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("config", "diff.ignoreSubmodules", "all", cwd=root)
    (root / "tools/mytool").mkdir(parents=True)
    git("init", "-q", cwd=root / "tools/mytool")
    commit_index(root / "tools/mytool", "something else")
    stage(root, {snapshot_path("new", "v9"): snapshot_text("new", "v9", FOUR)})
    assert estash("verify", cwd=root) == holds(4)


def test_what_is_not_staged_is_not_judged(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    write(root, {snapshot_path("pca-one", "tag-one"): "rubbish", snapshot_path("x", "v9"): "rubbish"})
    assert estash("verify", cwd=root) == holds(3)


def test_the_index_that_a_hook_is_given(tmp_path: Path) -> None:
    """`git commit -a` hands a hook an index of its own; the old one would pass (traps.md, *Which index*)."""
    root = healthy(tmp_path / "stash")
    (root / ".git/hooks").mkdir(exist_ok=True)
    hook = root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexec experimentstash verify\n")
    hook.chmod(0o755)
    write(root, {snapshot_path("pca-one", "tag-one"): snapshot_text("pca-one", "tag-one", TWO)})
    for asked in (["-a"], [snapshot_path("pca-one", "tag-one")], ["-i", snapshot_path("pca-one", "tag-one")]):
        committed = run("git", "commit", "-m", "drift", *asked, cwd=root)
        assert committed.code == 1
        assert "frozen: it differs from what snapshot/tag-one froze" in committed.err
    assert estash("verify", cwd=root) == holds(3)


def test_a_conflict_cannot_be_judged(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    for side in ("left", "right"):
        git("checkout", "-q", "-B", side, "main", cwd=root)
        pin(root, side)
        commit_index(root)
    assert run("git", "merge", "left", cwd=root).code == 1
    assert estash("verify", cwd=root) == Ran(
        1,
        "",
        "experimentstash: tools/mytool: unmerged; resolve the conflict first\n"
        "    fix: git add tools/mytool  # once the conflicts are resolved\n",
    )
    assert estash("verify", "HEAD", cwd=root) == holds(3)


@pytest.mark.parametrize("kind", ["split", "sparse"])
def test_indexes_that_other_libraries_cannot_read(tmp_path: Path, kind: str) -> None:
    root = healthy(tmp_path / "stash")
    if kind == "split":
        git("update-index", "--split-index", cwd=root)
    else:
        git("sparse-checkout", "init", "--cone", "--sparse-index", cwd=root)
        git("sparse-checkout", "set", "configs/mytool/experiment", cwd=root)  # without the snapshots
    assert estash("verify", cwd=root) == holds(3)


# pin


def test_drift_in_a_commit(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", TWO)})
    head = commit_index(root)
    what = f"{snapshot_path('a', 'v1')}: pin: it records mytool at {TWO[:12]}, and {head[:12]} pins {ONE[:12]}"
    assert findings(estash("verify", "HEAD", cwd=root)) == [f"{head[:12]}:{what}"]
    assert findings(estash("verify", "HEAD~1..HEAD", cwd=root)) == [f"{head[:12]}:{what}"]
    assert everywhere(root) == [what]
    fix = f"fix: git rm --force {snapshot_path('a', 'v1')} && experimentstash snapshot mytool a --tag NEW-TAG\n"
    assert fix in estash("verify", cwd=root).err
    commit_index(root, "later")
    assert estash("verify", "HEAD~1..HEAD", cwd=root) == holds(0)  # it is not this commit's doing
    assert findings(estash("verify", "HEAD~2..HEAD", cwd=root)) == [f"{head[:12]}:{what}"]


def test_drift_under_a_tag(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", TWO)})
    commit_index(root)
    git("tag", "snapshot/v1", cwd=root)
    git("rm", "-q", snapshot_path("a", "v1"), cwd=root)
    commit_index(root)
    assert estash("verify", cwd=root) == holds(0)
    assert everywhere(root) == [
        f"snapshot/v1:{snapshot_path('a', 'v1')}: pin: it records mytool at {TWO[:12]}, and snapshot/v1 pins {ONE[:12]}"
    ]


def test_a_merge_that_records_an_old_pin(tmp_path: Path) -> None:
    """A green merge with a stale checkout swept in: the new snapshot records what the merge does not pin."""
    root = make_stash(tmp_path / "stash")
    git("checkout", "-q", "-b", "side", cwd=root)
    pin(root, "two")
    commit_index(root)
    git("merge", "-q", "--no-commit", "--no-ff", "main", cwd=root)
    git("checkout", "-q", "main", cwd=root)
    git("merge", "-q", "--no-commit", "--no-ff", "side", cwd=root)
    pin(root, "one")
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", TWO)})
    assert findings(estash("verify", cwd=root)) == [
        f"{snapshot_path('a', 'v1')}: pin: it records mytool at {TWO[:12]}, and the commit being made pins {ONE[:12]}"
    ]
    merge = commit_index(root, "merge")
    assert findings(estash("verify", "main^..main", cwd=root))[0].startswith(f"{merge[:12]}:configs/")


def test_snapshots_of_another_line_are_judged_where_they_came_in(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("checkout", "-q", "-b", "side", cwd=root)
    freeze(root, "a", "v1", "two", tagged=False)
    git("checkout", "-q", "main", cwd=root)
    pin(root, "three")
    commit_index(root)
    git("merge", "-q", "--no-commit", "-s", "ours", "side", cwd=root)
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", TWO)})
    assert estash("verify", cwd=root) == holds(1)  # the pin is three, and it was two where it came in
    commit_index(root)
    assert estash("verify", "--all", cwd=root) == holds(1)


@pytest.mark.parametrize("digits", [7, 12, 39])
def test_an_abbreviated_commit_holds(tmp_path: Path, digits: int) -> None:
    root = make_stash(tmp_path / "stash")
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", ONE[:digits])})
    assert estash("verify", cwd=root) == holds(1)
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", ONE[: digits - 1] + "z")})
    assert [line.split(": ")[1] for line in findings(estash("verify", cwd=root))] == ["header"]


def test_dependencies_are_pinned_too(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    path, other = snapshot_path("a", "v1"), pin_id("other")
    stage(root, {path: snapshot_text("a", "v1", ONE, more=f"# DEPENDS: second {other}\n")})
    assert findings(estash("verify", cwd=root)) == [
        f"{path}: pin: it records second at {other[:12]}, and the commit being made has no pin at tools/second",
        f"{path}: pin: the registry of the commit being made has no tool 'second'",
    ]
    pin(root, "other", tool="second")
    stage(root, {"configs/meta.yaml": REGISTRY + "  second:\n    entrypoint: '-m second'\n"})
    assert estash("verify", cwd=root) == holds(1)


def test_a_tool_that_is_not_registered_at_the_freeze_commit(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    stage(root, {"configs/meta.yaml": "tools: {}\n"})
    freeze(root, "a", "v1", "one")
    stage(root, {"configs/meta.yaml": REGISTRY})
    commit_index(root)
    what = f"{snapshot_path('a', 'v1')}: pin: the registry of snapshot/v1 has no tool 'mytool'"
    assert everywhere(root) == findings(estash("verify", cwd=root)) == [what]


def test_a_registry_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    stage(root, {"configs/meta.yaml": "tools: [\n"})
    freeze(root, "a", "v1", "one")
    freeze(root, "b", "v2", "one")
    (found,) = everywhere(root)
    assert found.startswith("configs/meta.yaml: pin: line 2, column 1: ")
    git("rm", "-q", "--cached", "configs/meta.yaml", cwd=root)
    assert estash("verify", cwd=root).code == 1


def test_strict_wants_the_trees_own_pins(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    found = findings(estash("verify", "HEAD", "--strict", cwd=root))
    head = short(root, "HEAD")
    assert found == [
        f"{head}:{snapshot_path(f'pca-{number}', f'tag-{number}')}: pin: it records mytool at {commit[:12]}, "
        f"and {head} pins {FOUR[:12]}"
        for number, commit in (("one", ONE), ("three", THREE), ("two", TWO))
    ]
    assert len(findings(estash("verify", "HEAD~1..HEAD", "--strict", cwd=root))) == 3
    assert len(findings(estash("verify", "--strict", cwd=root))) == 3
    pin(root, "two")
    assert len(findings(estash("verify", "--strict", cwd=root))) == 2


# frozen


def test_an_edited_snapshot(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    path = snapshot_path("pca-two", "tag-two")
    stage(root, {path: snapshot_text("pca-two", "tag-two", TWO, body="lr: 0.2\n")})
    expected = Ran(
        1,
        "",
        f"{path}: frozen: it differs from what snapshot/tag-two froze\n"
        f"    fix: git checkout snapshot/tag-two -- {path}\n",
    )
    assert estash("verify", cwd=root) == expected
    head = commit_index(root)
    assert estash("verify", "--all", cwd=root) == expected
    assert findings(estash("verify", "HEAD~1..HEAD", cwd=root))[0].startswith(f"{head[:12]}:{path}: frozen: ")
    git("checkout", "-q", "snapshot/tag-two", "--", path, cwd=root)  # as it says
    assert estash("verify", cwd=root) == holds(3)


def test_an_edited_snapshot_whose_tag_does_not_exist(tmp_path: Path) -> None:
    """A clone without tags sees it too: the freeze commit is the one that brought the file in."""
    root = make_stash(tmp_path / "stash")
    path = snapshot_path("a", "v1")
    first = freeze(root, "a", "v1", "one", tagged=False)
    stage(root, {path: snapshot_text("a", "v1", ONE, body="lr: 0.2\n")})
    what = f"{path}: frozen: it differs from what {first[:12]} froze"
    assert findings(estash("verify", cwd=root)) == [what]
    head = commit_index(root)
    assert everywhere(root) == [what]
    assert findings(estash("verify", "HEAD~1..HEAD", cwd=root)) == [f"{head[:12]}:{what}"]


def test_a_file_added_to_a_tag(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    added, beside = snapshot_path("more", "tag-two"), "configs/mytool/snapshots/tag-two/results.json"
    stage(root, {added: snapshot_text("more", "tag-two", FOUR), beside: "{}\n"})
    found = findings(estash("verify", cwd=root))
    assert f"{added}: frozen: it was added to snapshot/tag-two after that was made" in found
    assert f"{beside}: frozen: it was added to snapshot/tag-two after that was made" in found
    other_tool = "configs/second/snapshots/tag-two/pca.yaml"
    stage(root, {other_tool: snapshot_text("pca", "tag-two", FOUR, tool="second")})
    assert any(line.startswith(f"{other_tool}: frozen: it was added") for line in findings(estash("verify", cwd=root)))


def test_a_renamed_snapshot(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    old, new = snapshot_path("pca-two", "tag-two"), snapshot_path("pca-two", "tag-new")
    (root / new).parent.mkdir(parents=True)
    git("mv", old, new, cwd=root)
    assert findings(estash("verify", cwd=root)) == [
        f"{new}: header: TAG says 'tag-two', the path says 'tag-new'",
        f"{new}: pin: it records mytool at {TWO[:12]}, and the commit being made pins {FOUR[:12]}",
    ]


def test_a_removed_snapshot_is_no_drift(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("rm", "-rq", "configs/mytool/snapshots", cwd=root)
    assert estash("verify", cwd=root) == holds(0)
    commit_index(root)
    assert estash("verify", "--all", cwd=root) == holds(3)  # each under its tag


def test_the_run_bit_is_no_drift_and_a_link_is(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    path = snapshot_path("pca-two", "tag-two")
    git("update-index", "--chmod=+x", path, cwd=root)
    assert estash("verify", cwd=root) == holds(3)
    (root / path).unlink()
    (root / path).symlink_to("elsewhere.yaml")
    git("add", path, cwd=root)
    assert findings(estash("verify", cwd=root)) == [
        f"{path}: frozen: a snapshot must be a regular file, not a symlink or a repository"
    ]


# tag


def test_a_deleted_tag(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("tag", "-d", "snapshot/tag-two", cwd=root)
    assert estash("verify", "--all", cwd=root) == holds(3)  # where it came in, it holds


def test_a_moved_tag(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    path = snapshot_path("pca-two", "tag-two")
    git("tag", "-f", "snapshot/tag-two", "HEAD", cwd=root)
    assert everywhere(root) == [f"{path}: pin: it records mytool at {TWO[:12]}, and snapshot/tag-two pins {FOUR[:12]}"]
    git("tag", "-f", "snapshot/tag-two", "snapshot/tag-one", cwd=root)
    tagged = short(root, "snapshot/tag-one^{}")
    assert everywhere(root) == [
        f"{path}: frozen: it was added to snapshot/tag-two after that was made",
        f"{path}: pin: it records mytool at {TWO[:12]}, and snapshot/tag-two pins {ONE[:12]}",
        f"refs/tags/snapshot/tag-two: tag: it names {tagged}, which contains no configs/*/snapshots/tag-two/*.yaml",
    ]


@pytest.mark.parametrize("kind", ["light", "annotated", "nested"])
def test_tags_of_every_kind(tmp_path: Path, kind: str) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "two", tagged=False)
    if kind != "light":
        git("tag", "-a", "-m", "x", "inner", cwd=root)
    git(
        "tag",
        *(["-a", "-m", "x"] if kind == "nested" else []),
        "snapshot/v1",
        "HEAD" if kind == "light" else "inner",
        cwd=root,
    )
    pin(root, "three")
    commit_index(root)
    assert estash("verify", "--all", cwd=root) == holds(1)


def test_a_tag_that_leads_to_no_commit(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("tag", "-f", "snapshot/tag-two", "HEAD^{tree}", cwd=root)
    git("tag", "snapshot/empty", cwd=root)
    head = short(root, "HEAD")
    assert everywhere(root) == [
        f"refs/tags/snapshot/empty: tag: it names {head}, which contains no configs/*/snapshots/empty/*.yaml",
        "refs/tags/snapshot/tag-two: tag: it leads to no commit",
    ]
    assert findings(estash("verify", cwd=root)) == ["refs/tags/snapshot/tag-two: tag: it leads to no commit"]


def test_one_tag_of_many_snapshots_and_tools(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    second = pin(root, "second", tool="second")
    stage(
        root,
        {
            "configs/meta.yaml": REGISTRY + "  second:\n    entrypoint: '-m second'\n",
            snapshot_path("figure1/pca", "v1"): snapshot_text("figure1/pca", "v1", ONE),
            snapshot_path("figure2", "v1"): snapshot_text("figure2", "v1", ONE),
            snapshot_path("figure2", "v1", "second"): snapshot_text("figure2", "v1", second, tool="second"),
            "configs/second/snapshots/v1/results.json": "{}\n",
            "configs/second/snapshots/README.md": "not a tag\n",
        },
    )
    commit_index(root)
    git("tag", "-a", "-m", "v1", "snapshot/v1", cwd=root)
    assert estash("verify", "--all", cwd=root) == holds(3)


# clones


def test_a_shallow_clone_says_what_to_fetch(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    url, clone = root.resolve().as_uri(), tmp_path / "clone"
    git("clone", "-q", "--no-tags", "--depth=1", url, clone, cwd=tmp_path)
    for asked in ([], ["HEAD"], ["--all"]):
        ran = estash("verify", *asked, cwd=clone)
        assert ran.code == 1
        assert "the commit that added it is beyond the edge of this shallow clone" in ran.err
        assert ran.err.endswith("    fix: git fetch --unshallow --tags\n")
    assert estash("verify", "HEAD~1..HEAD", cwd=clone).err == (
        "experimentstash: 'HEAD~1' names no commit of this repository\n    fix: git fetch --unshallow --tags\n"
    )
    git("fetch", "-q", "--unshallow", "--tags", cwd=clone)  # as it says
    assert estash("verify", "--all", cwd=clone) == holds(3)


def test_a_shallow_clone_with_its_tags_can_be_judged(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("clone", "-q", "--depth=1", root.resolve().as_uri(), tmp_path / "clone", cwd=tmp_path)
    git("fetch", "-q", "--depth=1", "origin", "refs/tags/*:refs/tags/*", cwd=tmp_path / "clone")
    assert estash("verify", "--all", cwd=tmp_path / "clone") == holds(3)


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_a_partial_clone(tmp_path: Path, kind: str) -> None:
    root = healthy(tmp_path / "stash")
    git("config", "uploadpack.allowFilter", "true", cwd=root)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=root)
    git("clone", "-q", f"--filter={kind}", root.resolve().as_uri(), tmp_path / "clone", cwd=tmp_path)
    assert estash("verify", "--all", cwd=tmp_path / "clone") == holds(3)


def test_a_partial_clone_without_its_remote(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("config", "uploadpack.allowFilter", "true", cwd=root)
    git("clone", "-q", "--bare", "--filter=blob:none", root.resolve().as_uri(), tmp_path / "clone.git", cwd=tmp_path)
    root.rename(tmp_path / "gone")
    ran = estash("verify", "--all", cwd=tmp_path / "clone.git")
    assert ran.code == 1
    assert ran.err.startswith("experimentstash: ")
    assert ran.err.splitlines()[-1].startswith("    fix: git fetch")


def test_a_clone_without_tags_and_submodules(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("clone", "-q", "--no-tags", root, tmp_path / "clone", cwd=tmp_path)
    assert estash("verify", "--all", cwd=tmp_path / "clone") == holds(3)


def test_a_bare_clone(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("clone", "-q", "--bare", root, tmp_path / "bare.git", cwd=tmp_path)
    bare = tmp_path / "bare.git"
    assert estash("verify", "--all", cwd=bare) == holds(3)
    assert estash("verify", "HEAD", cwd=bare) == holds(3)
    assert estash("verify", "HEAD~2..HEAD", cwd=bare) == holds(1)
    assert estash("verify", cwd=bare).err == (
        f"experimentstash: {bare.resolve()}: a bare repository has no index\n    fix: experimentstash verify HEAD\n"
    )


def test_a_linked_worktree_and_sha256(tmp_path: Path) -> None:
    root = tmp_path / "stash"
    make_stash(root, "--object-format=sha256")
    freeze(root, "a", "v1", "two")
    pin(root, "three")
    commit_index(root)
    git("worktree", "add", "-q", "--detach", tmp_path / "linked", cwd=root)
    assert estash("verify", "--all", cwd=tmp_path / "linked") == holds(1)
    stage(tmp_path / "linked", {snapshot_path("b", "v2"): snapshot_text("b", "v2", pin_id("two", root))})
    assert len(findings(estash("verify", cwd=tmp_path / "linked"))) == 1
    assert estash("verify", cwd=root) == holds(1)


def test_replaced_objects(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("replace", "snapshot/tag-two^{}", "snapshot/tag-three^{}", cwd=root)
    assert estash("verify", "--all", cwd=root) == holds(3)  # nobody else has what is replaced here


def test_a_missing_object_is_not_silence(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    gone = git("rev-parse", f"HEAD:{snapshot_path('pca-two', 'tag-two')}", cwd=root)
    (root / ".git/objects" / gone[:2] / gone[2:]).unlink()
    assert estash("verify", "--all", cwd=root) == Ran(
        1, "", f"experimentstash: {root.resolve()}: the object {gone} is missing\n    fix: git fetch --refetch\n"
    )


# hostile files


def test_hostile_snapshots_are_answered(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    bodies = {
        "bomb": "a: &a [x]\n" + "".join(f"b{n}: &a [*a, *a]\n" for n in range(40)),
        "tag": "a: !!python/object/apply:os.system [touch /tmp/pwned]\n",
        "deep": "a: " + "[" * 50_000,
        "wide": "{" + ", ".join(f"k{n}: 1" for n in range(10_000)) + "}",
    }
    stage(root, {snapshot_path(key, "v1"): snapshot_text(key, "v1", ONE, body=body) for key, body in bodies.items()})
    (root / snapshot_path("bytes", "v1")).write_bytes(b"# SNAPSHOT: mytool/bytes\n\xff\n")
    (root / snapshot_path("large", "v1")).write_bytes(b"a" * (51 * 1024 * 1024))
    (root / snapshot_path("endless", "v1")).write_bytes(b"# A: b\n" * 30_000)
    git("add", "configs", cwd=root)
    found = findings(estash("verify", cwd=root))
    paths = {line.split("v1/")[1].split(".yaml")[0] for line in found}
    assert paths == {"bomb", "tag", "deep", "bytes", "large", "endless"}
    large = snapshot_path("large", "v1")
    assert f"{large}: header: 53477376 bytes, of at most 52428800" in found
    assert f"{snapshot_path('bytes', 'v1')}: header: not UTF-8 (byte 25)" in found


def test_control_sequences_do_not_reach_the_terminal(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    folder = root / "configs/mytool/snapshots/v1"
    folder.mkdir(parents=True)
    for name in (b"\x1b[2J\n\xff.yaml", b"\xe2\x80\xaex.yaml"):
        (folder / os.fsdecode(name)).write_text(snapshot_text("\x1b]0;x\x07", "v1", "\x9b2J"))
    git("add", "configs", cwd=root)
    for asked in (["verify"], ["verify", "--json"]):
        ran = estash(*asked, cwd=root)
        assert ran.code == 1
        told = ran.out + ran.err
        assert told.replace("\n", "").isprintable()
        assert "\\x1b[2J" in told or "\\u001b[2J" in told


def test_the_line_of_a_finding_is_that_of_the_file(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    path = snapshot_path("a", "v1")
    stage(root, {path: snapshot_text("a", "v1", ONE, body="a: 1\nb: ${a}\n")})
    assert findings(estash("verify", cwd=root)) == [f"{path}:7: flat: an interpolation: '${{a}}'"]
    assert (root / path).read_text().splitlines()[6] == "b: ${a}"


# how it is asked, and what it answers


def test_json(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    ran = estash("verify", "--json", cwd=root)
    assert (ran.code, json.loads(ran.out), ran.err) == (0, {"snapshots": 3, "problems": []}, "")
    path = snapshot_path("pca-two", "tag-two")
    stage(root, {path: snapshot_text("pca-two", "tag-two", TWO, body="a: 2\n")})
    ran = estash("verify", "--json", "--all", cwd=root)
    assert (ran.code, ran.err) == (1, "")
    assert json.loads(ran.out) == {
        "snapshots": 4,
        "problems": [
            {
                "where": path,
                "rule": "frozen",
                "what": "it differs from what snapshot/tag-two froze",
                "fix": f"git checkout snapshot/tag-two -- {path}",
            }
        ],
    }


@pytest.mark.parametrize("asked", [["--all", "HEAD"], ["--staged", "--all"], ["--staged", "A..B"], ["a...b"], [".."]])
def test_wrong_usage(tmp_path: Path, asked: list[str]) -> None:
    root = make_stash(tmp_path / "stash")
    ran = estash("verify", *asked, cwd=root)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("experimentstash: ")


@pytest.mark.parametrize("rev", ["nope", "nope..HEAD", "HEAD..nope", "0000000000..HEAD", "HEAD:configs"])
def test_an_unknown_revision(tmp_path: Path, rev: str) -> None:
    root = make_stash(tmp_path / "stash")
    ran = estash("verify", rev, cwd=root)
    assert (ran.code, ran.out) == (1, "")
    assert "names no commit of this repository\n    fix: git fetch --all --tags\n" in ran.err


def test_where_there_is_no_stash(tmp_path: Path) -> None:
    assert estash("verify", cwd=tmp_path).err.endswith("    fix: experimentstash init\n")
    git("init", "-q", cwd=tmp_path)
    assert "not a stash: it has no configs/meta.yaml" in estash("verify", cwd=tmp_path).err


def test_what_lies_beside_a_snapshot_stays_as_it_was_brought_in(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "one", tagged=False)
    beside = "configs/mytool/snapshots/v1/results.json"
    stage(root, {beside: "{}\n"})
    assert estash("verify", cwd=root) == holds(1)
    brought = commit_index(root)
    stage(root, {beside: "[]\n"})
    assert findings(estash("verify", cwd=root)) == [f"{beside}: frozen: it differs from what {brought[:12]} froze"]
    git("tag", "snapshot/v1", cwd=root)
    stage(root, {beside: "3\n"})
    assert findings(estash("verify", cwd=root)) == [f"{beside}: frozen: it differs from what snapshot/v1 froze"]
