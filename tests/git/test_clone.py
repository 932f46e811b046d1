"""A clone says what it has: commits by any abbreviation, what lies behind what, and what its remotes had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import commit, git

from experimentstash.git.clone import Clone

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A repository with 600 commits, some of whose ids begin alike."""
    git("init", "-q", cwd=tmp_path)
    told = [f"commit refs/heads/main\ncommitter A <a@b> {number} +0000\ndata 1\nx\n" for number in range(600)]
    git("fast-import", "--quiet", cwd=tmp_path, stdin="\n".join(told))
    return tmp_path


def test_an_abbreviation_may_name_several(history: Path) -> None:
    ids = git("rev-list", "main", cwd=history).splitlines()
    alike = {one[:4]: [other for other in ids if other.startswith(one[:4])] for one in ids}
    short, several = next((short, found) for short, found in alike.items() if len(found) > 1)
    git("branch", "-q", short, "main", cwd=history)
    clone = Clone(history / ".git", history)
    tree = git("rev-parse", "main^{tree}", cwd=history)
    found = clone.commits([short, ids[0], ids[0][:20], tree, tree[:20], "0" * 40, "0" * 20, "f" * 64])
    assert sorted(found.pop(short)) == sorted(several)
    assert found == {
        ids[0]: [ids[0]],
        ids[0][:20]: [ids[0]],
        **{key: [] for key in (tree, tree[:20], "0" * 40, "0" * 20, "f" * 64)},
    }
    assert clone.commits([]) == {}


def test_what_lies_behind_what(history: Path) -> None:
    clone = Clone(history / ".git", history)
    newest, middle, oldest = git("rev-parse", "main", "main~9", "main~99", cwd=history).splitlines()
    assert clone.beyond([newest, middle, oldest], [middle]) == {newest}
    assert clone.beyond([newest, oldest], []) == {newest, oldest}
    assert clone.beyond([], [middle]) == set()
    assert clone.beyond([newest], ["1" * 40]) is None
    git("replace", "--graft", middle, cwd=history)  # the remote knows nothing of that
    assert clone.beyond([oldest], [newest]) == set()


def test_the_branch_that_is_checked_out_comes_first(tmp_path: Path) -> None:
    made = commit(tmp_path, {"a": "1"})
    clone = Clone(tmp_path / ".git", tmp_path)
    git("branch", "-q", "a\u2028b", cwd=tmp_path)
    assert clone.branch_with(made) == "main"
    git("checkout", "-q", "--detach", cwd=tmp_path)
    assert clone.branch_with(made) == "a\u2028b"
    later = commit(tmp_path, {"a": "2"})
    assert clone.branch_with(later) == ""


def test_remotes(tmp_path: Path) -> None:
    made = commit(tmp_path / "work", {"a": "1"})
    for key, value in (
        ("remote.up.url", "../up"),
        ("remote.up.url", "https://second"),
        ("remote.up.pushurl", "host:up"),
        ("remote.up.fetch", "+refs/heads/*:refs/remotes/up/*"),
        ("remote.up.fetch", "+refs/merge/*/head:refs/remotes/up/merge/*"),
        ("remote.up.fetch", "^refs/heads/no"),
        ("remote.tags.url", "https://tags"),
        ("remote.tags.fetch", "refs/tags/*:refs/remotes/tags/*"),
        ("remote.twice.url", "/twice"),
        ("remote.twice.fetch", "refs/heads/*:refs/remotes/both/*"),
        ("remote.again.url", "/again"),
        ("remote.again.fetch", "refs/heads/*:refs/remotes/both/*"),
        ("remote.a.b.url", "/dots"),
        ("remote.a.b.fetch", "refs/heads/x*:refs/remotes/dots/y*z"),
        ("remote.none.skipDefaultUpdate", "true"),
    ):
        git("config", "--add", key, value, cwd=tmp_path / "work")
    tips = {}
    for ref in ("up/main", "up/merge/1", "tags/v1", "both/main", "dots/y1z", "dots/yz", "dots/y", "elsewhere/main"):
        tips[ref] = commit(tmp_path / "work", {"a": ref})
        git("update-ref", f"refs/remotes/{ref}", tips[ref], cwd=tmp_path / "work")
    git("symbolic-ref", "refs/remotes/up/HEAD", "refs/remotes/up/main", cwd=tmp_path / "work")
    git("symbolic-ref", "refs/remotes/up/gone", "refs/remotes/up/nothing", cwd=tmp_path / "work")
    found = Clone(tmp_path / "work/.git", tmp_path / "work").remotes
    assert {remote.name: (remote.url, remote.push_urls, set(remote.tips)) for remote in found} == {
        "up": (str(tmp_path / "up"), ("host:up",), {tips["up/main"]}),
        "tags": ("https://tags", (), {tips["tags/v1"]}),
        "twice": ("/twice", (), set()),
        "again": ("/again", (), set()),
        "a.b": ("/dots", (), {tips["dots/y1z"], tips["dots/yz"]}),
    }
    assert made not in tips.values()
