"""The fixes that whoever clones a stash, or reproduces a tag of it, is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import estash, git, run
from plays import fixes, mended, paste
from stashes import healthy

sys.path.append(str(Path(__file__).parents[1] / "reproduce"))
from scene import Scene, make_scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A stash with the experiment `first` frozen under `v1`, whose tool comes from a path of this machine."""
    patch = pytest.MonkeyPatch()
    patch.setenv("GIT_CONFIG_COUNT", "1")
    patch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    patch.setenv("GIT_CONFIG_VALUE_0", "always")
    for role in ("AUTHOR", "COMMITTER"):
        patch.setenv(f"GIT_{role}_NAME", "Ada Tester")
        patch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
    made = make_scene(tmp_path_factory.mktemp("scene"))
    made.freeze()
    patch.undo()
    return made


def test_a_tool_that_is_not_checked_out(scene: Scene, tmp_path: Path) -> None:
    """From a path of this machine too, where git refuses submodules unless it is told."""
    git("config", "--global", "protocol.file.allow", "user", cwd=tmp_path)
    git("clone", "-q", scene.stash, "clone", cwd=tmp_path)
    ran = estash("run", "mytool", "first", cwd=tmp_path / "clone")
    (fix,) = fixes(ran.err)
    assert fix == "git -c protocol.file.allow=always submodule update --init --recursive tools/mytool"
    paste(fix, tmp_path / "clone")
    assert git("rev-parse", "HEAD", cwd=tmp_path / "clone/tools/mytool") == scene.head()
    assert "not checked out" not in estash("run", "mytool", "first", cwd=tmp_path / "clone").err


def test_what_a_reproduction_asks_for(scene: Scene, tmp_path: Path) -> None:
    """Without a terminal, and for a tool from a path of this machine: each names the whole command."""
    words = ["reproduce", "v1", "--no-build", "--from", str(scene.stash)]
    asked = run("experimentstash", *words, cwd=tmp_path, env=scene.env)
    (yes,) = fixes(asked.err)
    assert yes.startswith(f"experimentstash {' '.join(words)} --yes  # ")
    local = run("sh", "-c", yes, cwd=tmp_path, env=scene.env)
    (allowed,) = fixes(local.err)
    assert allowed == f"experimentstash {' '.join(words)} --yes --allow-local"
    done = run("sh", "-c", allowed, cwd=tmp_path, env=scene.env)
    assert (done.code, scene.runs()) == (0, ["first"]), done.err


def test_a_shallow_clone(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("clone", "-q", "--depth=1", f"file://{root}", "shallow", cwd=tmp_path)
    pasted = mended(tmp_path / "shallow", "verify", "--all")
    assert pasted == ["git fetch --unshallow --tags"]
