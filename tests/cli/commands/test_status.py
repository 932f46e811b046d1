"""`status`: tools, tags and hooks as they are, and what cannot be read is shown as such."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from conftest import estash, git, write
from stashes import REGISTRY, commit_index, freeze, healthy, make_stash, pin_id, snapshot_path, snapshot_text, stage
from submodules import make_lab

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = "\x1b[31m"


def status(root: Path, *more: str) -> dict[str, Any]:
    ran = estash("status", "--json", *more, cwd=root)
    assert (ran.code, ran.err) == (0, "")
    told: dict[str, Any] = json.loads(ran.out)
    return told


def tags(root: Path) -> dict[str, Any]:
    return {one["tag"]: one for one in status(root)["tags"]}


def test_a_healthy_stash(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    ran = estash("status", cwd=root)
    lines = ran.out.splitlines()
    head = git("rev-parse", "HEAD", cwd=root)
    assert (ran.code, ran.err) == (0, "")
    assert lines[0] == f"on main at {head[:12]}: 3 snapshots under 3 tags, all hold"
    assert lines[5:9] == [
        "tag        experiments       holds  on branch  published",
        "tag-one    mytool/pca-one    yes    yes        unknown",
        "tag-three  mytool/pca-three  yes    yes        unknown",
        "tag-two    mytool/pca-two    yes    yes        unknown",
    ]


def test_what_does_not_hold_is_shown_and_stops_nothing(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("tag", "snapshot/foreign", "HEAD~4", cwd=root)
    git("update-ref", "refs/tags/snapshot/a-blob", git("rev-parse", "HEAD:configs/meta.yaml", cwd=root), cwd=root)
    git("tag", "-d", "snapshot/tag-two", cwd=root)
    stage(root, {snapshot_path("pca-three", "tag-three"): "lr: 0.2\n"})
    found = tags(root)
    rules = {tag: sorted({problem["rule"] for problem in one["problems"]}) for tag, one in found.items()}
    assert rules["foreign"] == rules["a-blob"] == rules["tag-two"] == ["tag"]
    assert "frozen" in rules["tag-three"]
    assert [tag for tag, one in found.items() if one["holds"]] == ["tag-one"]
    assert found["tag-two"]["commit"] is None
    assert found["tag-two"]["problems"][0]["fix"] == "experimentstash tag"
    assert "tag-three  mytool/pca-three  no: " in estash("status", cwd=root).out


def test_a_lost_object_is_told_of_the_tag_that_needs_it(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    tree = git("rev-parse", "snapshot/tag-two:configs/mytool/snapshots/tag-two", cwd=root)
    (root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    found = tags(root)
    assert found["tag-one"]["holds"]
    assert not found["tag-two"]["holds"]
    assert tree in found["tag-two"]["problems"][0]["what"]


def test_a_broken_registry_is_a_finding(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    write(root, {"configs/meta.yaml": "tools: ["})
    told = status(root)
    assert [problem["rule"] for problem in told["problems"]] == ["registry"]
    assert all(one["holds"] for one in told["tags"])


def test_the_branch_that_has_a_tag_and_the_remote_that_has_it(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("init", "-q", "--bare", tmp_path / "theirs.git", cwd=tmp_path)
    git("remote", "add", "origin", tmp_path / "theirs.git", cwd=root)
    git("push", "-q", "origin", "snapshot/tag-one^{}:refs/heads/main", "snapshot/tag-one", cwd=root)
    git("checkout", "-q", "--detach", "snapshot/tag-two", cwd=root)
    found = tags(root)
    assert {tag: one["on_branch"] for tag, one in found.items()} == {
        "tag-one": True,
        "tag-two": True,
        "tag-three": False,
    }
    assert {tag: one["published"] for tag, one in found.items()} == {
        "tag-one": True,
        "tag-two": False,
        "tag-three": False,
    }
    git("push", "-q", "origin", ":snapshot/tag-one", cwd=root)
    online = status(root, "--online")
    assert [one["published"] for one in online["tags"]] == [False, False, False]
    assert online["branch"] is None


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A stash with a tool that is checked out, and a copy of each of its three experiments."""
    lab = make_lab(tmp_path)
    for number in (1, 2):
        write(lab.tool, {f"conf/experiment/{name}.yaml": f"lr: {number}\n" for name in ("a", "b", "c")})
        write(lab.tool, {"mytool/main.py": "import hydra\n@hydra.main(config_path='../conf')\ndef main(cfg): ...\n"})
        git("add", "-A", cwd=lab.tool)
        git("commit", "-q", "-m", f"number {number}", cwd=lab.tool)
    write(lab.stash, {"configs/meta.yaml": REGISTRY})
    copies = {f"configs/mytool/experiment/{name}.yaml": f"lr: {lr}\n" for name, lr in (("a", 2), ("b", 1), ("c", 7))}
    stage(lab.stash, copies)
    git("add", "tools/mytool", cwd=lab.stash)
    commit_index(lab.stash)
    return lab.stash


def test_a_tool_at_its_pin_and_its_copied_configs(lab: Path) -> None:
    (tool,) = status(lab)["tools"]
    assert (tool["checkout"], tool["changes"], tool["fix"]) == ("at the pin", [], None)
    assert {one["experiment"]: one["state"] for one in tool["configs"]} == {"a": "same", "b": "outdated", "c": "edited"}
    refresh = "    fix: cp tools/mytool/conf/experiment/b.yaml configs/mytool/experiment/b.yaml"
    out = estash("status", cwd=lab).out
    assert refresh in out.splitlines()
    assert "1 same, 1 outdated, 1 edited" in out


def test_where_the_checkout_of_a_tool_stands(lab: Path) -> None:
    tool = lab / "tools/mytool"
    git("checkout", "-q", "HEAD~2", cwd=tool)
    git("commit", "-q", "--allow-empty", "-m", "aside", cwd=tool)
    git("update-index", "--assume-unchanged", "main.py", cwd=tool)
    write(tool, {"main.py": "print(2)\n"})
    (told,) = status(lab)["tools"]
    assert told["checkout"] == "1 ahead, 2 behind"
    assert told["changes"] == ["main.py (git status does not show it: assume-unchanged)"]
    assert "submodule update" in told["fix"]


def test_a_tool_that_is_not_checked_out(tmp_path: Path) -> None:
    (tool,) = status(make_stash(tmp_path / "stash"))["tools"]
    assert (tool["commit"], tool["pin"]) == (None, pin_id("one"))
    assert tool["checkout"] == "the tool 'mytool' is not checked out"


def test_what_a_stash_says_cannot_move_the_cursor(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    path = f"configs/mytool/snapshots/v1/{HIDDEN}.yaml"
    stage(root, {path: snapshot_text("x", "v1", pin_id("one"))})
    commit_index(root)
    git("tag", "snapshot/v1", cwd=root)
    out = estash("status", cwd=root).out
    assert "\x1b" not in out
    assert r"mytool/\x1b[31m" in out


def test_many_tags_are_cut_to_the_newest_that_hold(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    for number in range(12):
        freeze(root, "pca", f"v{number:02}", "one")
    lines = estash("status", cwd=root).out.splitlines()
    assert "and 2 older tags that hold (status --all)" in lines
    assert len([line for line in estash("status", "--all", cwd=root).out.splitlines() if line.startswith("v")]) == 12
