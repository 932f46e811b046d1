"""The tags of a tool's pinned history come along: its version may be taken from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import commit, git
from scene import Scene, make_scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A tool with a tag below the pin, one at the pin, one on top of it, and one on another branch."""
    made = make_scene(tmp_path)
    remote = made.remote("mytool")
    git("tag", "v1.0", cwd=remote)
    commit(remote, {"notes": "1"}, "more")
    git("tag", "-a", "-m", "v1.1", "v1.1", cwd=remote)
    pin = git("rev-parse", "HEAD", cwd=remote)
    commit(remote, {"notes": "2"}, "later")
    git("tag", "v1.2", cwd=remote)
    git("checkout", "-q", "-b", "other", "v1.0", cwd=remote)
    commit(remote, {"notes": "3"}, "aside")
    git("tag", "v0.9-other", cwd=remote)
    tool = made.stash / "tools/mytool"
    git("fetch", "-q", "--tags", cwd=tool)
    git("checkout", "-q", pin, cwd=tool)
    made.freeze()
    return made


def test_the_tags_of_the_pinned_history_come_along(scene: Scene, tmp_path: Path) -> None:
    git("clone", "-q", "--bare", scene.stash, tmp_path / "stash.git", cwd=tmp_path)
    for name, words in (("near", ["--from", str(scene.stash)]), ("far", ["--from", str(tmp_path / "stash.git")])):
        done = scene.reproduce("v1", *words, "--into", tmp_path / name, cwd=tmp_path)
        assert done.code == 0, done.err
        tool = tmp_path / name / "tools/mytool"
        assert git("tag", "--list", cwd=tool).split() == ["v1.0", "v1.1"]
        assert git("describe", "--tags", cwd=tool) == "v1.1"
