"""A reproduction that somebody stops, at any step, and says again."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import sys
from pathlib import Path

import pytest
from conftest import git, write
from scene import Scene, make_scene
from tiny_packages import hashed, no_settings, wheel


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with the experiments `first` and `second` frozen under `v1`."""
    made = make_scene(tmp_path)
    made.freeze("first")
    made.freeze("second")
    return made


def slow_git(scene: Scene, pattern: str) -> Path:
    """Put a git before the real one that waits, once, before it runs a command of a pattern."""
    real = os.environ["PATH"].split(os.pathsep)
    git_path = next(Path(place, "git") for place in real if Path(place, "git").exists())
    program = scene.root / "programs/git"
    write(
        scene.root,
        {
            "programs/git": f'#!/bin/sh\nif [ -e "$SIGNS/slow" ]; then case "$*" in {pattern}) : > "$SIGNS/ready"; '
            f'while [ -e "$SIGNS/slow" ]; do sleep 0.05; done;; esac; fi\nexec {git_path} "$@"\n'
        },
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    scene.signs.mkdir(exist_ok=True)
    (scene.signs / "slow").touch()
    return program.parent


@pytest.mark.parametrize("pattern", ["*fetch\\ --*refs/tags*", "*fetch\\ --*/modules/*", "*checkout\\ --*"])
def test_while_git_works(scene: Scene, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{slow_git(scene, pattern)}{os.pathsep}{before}")
    ran = scene.interrupted()
    assert ran.code == 130, ran.err
    assert "interrupted" in ran.err
    (scene.signs / "slow").unlink()
    monkeypatch.setenv("PATH", before)
    assert scene.runs() == []
    assert scene.reproduce().code == 0
    assert sorted(scene.runs()) == ["first", "second"]


def test_a_git_that_was_killed_leaves_locks_that_nobody_trips_over(scene: Scene) -> None:
    scene.hold()
    assert scene.interrupted().code == 130
    for lock in ("index.lock", "HEAD.lock", "modules/tools/mytool/index.lock", "refs/tags/snapshot/v1.lock"):
        (scene.into / ".git" / lock).touch()
    scene.let_go()
    assert scene.reproduce().code == 0


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_while_a_tool_runs(scene: Scene, by: int, code: int) -> None:
    scene.hold("second")
    ran = scene.interrupted(by=by)
    assert ran.code == code
    assert "mytool/second was stopped; the same command goes on from here" in ran.err
    scene.let_go("second")
    again = scene.reproduce("v1", "--check")
    assert again.code == 0, again.err
    assert "mytool/first ran before" in again.err
    assert scene.runs() == ["first", "second", "second"]
    assert "fetching" not in again.err


def test_a_tool_that_ends_as_if_all_were_well_when_it_is_interrupted(scene: Scene) -> None:
    scene.freeze("third", body="polite: true\n")
    scene.hold("third")
    assert scene.interrupted().code == 130
    scene.let_go("third")
    assert scene.reproduce("v1", "--check").code == 0
    assert scene.runs() == ["first", "second", "third", "third"]


def test_what_an_interrupted_run_left_is_not_there_for_the_next(scene: Scene) -> None:
    scene.freeze("third", body="leaves: true\n")
    scene.hold("third")
    assert scene.interrupted().code == 130
    assert (scene.into / "tools/mytool/state").exists()
    scene.let_go("third")
    ran = scene.reproduce("v1", "--check")
    assert "mytool/third: the results do not hold" in ran.out  # the file that it leaves is new
    assert '"resumed": 0' in (scene.into / "outputs/mytool/third/@run/v1/results.json").read_text()


def test_without_the_remotes_it_goes_on_with_what_came(scene: Scene) -> None:
    theirs = scene.root / "theirs"
    scene.hold("second")
    origin = ("--from", f"file://{scene.stash}")
    assert scene.interrupted("v1", "--no-build", *origin).code == 130
    scene.let_go("second")
    scene.stash.rename(theirs)
    (scene.root / "remotes").rename(scene.root / "gone")
    ran = scene.reproduce("v1", *origin, cwd=scene.root)
    assert ran.code == 0, ran.err
    assert "gives no answer; going on with what came before" in ran.err
    assert scene.runs() == ["first", "second", "second"]


def test_two_at_once_in_one_folder(scene: Scene) -> None:
    scene.hold("first")
    told: list[str] = []

    def other() -> bool:
        if not (scene.signs / "ready").exists():
            return False
        ran = scene.reproduce()
        told.append(ran.err)
        return ran.code == 1

    assert scene.interrupted(when=other).code == 130
    assert "another reproduction is at work there" in told[0]


def test_while_an_environment_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two locks; the second build waits. The first is not built again, and what builds left in a tool stays."""
    no_settings(monkeypatch)
    scene = make_scene(tmp_path, tools=("mytool", "other"))
    for name in ("mytool", "other"):
        path = scene.stash / f"configs/{name}/snapshots/v1/vendor"
        made = wheel(path, f"tiny-{name}", "1.0")
        lock = f"configs/{name}/snapshots/v1/requirements-{'0' * 12}.txt"
        write(scene.stash, {lock: f"--no-index\n--find-links vendor\n{hashed(made)}"})
        digest = hashlib.sha256((scene.stash / lock).read_bytes()).hexdigest()
        version = ".".join(map(str, sys.version_info[:3]))
        scene.freeze(tool=name, more=f"# PYTHON: {version}\n# LOCK: {lock} sha256:{digest}\n")
    programs = scene.root / "programs"
    uv = next(Path(p, "uv") for p in os.environ["PATH"].split(os.pathsep) if Path(p, "uv").exists())
    script = (
        f'#!/bin/sh\ncase "$PWD$*" in *other*) [ -e "$SIGNS/slow" ] && : > "$SIGNS/ready"; '
        f'while [ -e "$SIGNS/slow" ]; do sleep 0.05; done;; esac\nexec {uv} "$@"\n'
    )
    write(scene.root, {"programs/uv": script})
    (programs / "uv").chmod(0o755)
    scene.signs.mkdir()
    (scene.signs / "slow").touch()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    ran = scene.interrupted("v1", "--check")
    assert ran.code == 130, ran.err
    assert "building the environment of configs/mytool" in ran.err
    (scene.signs / "slow").unlink()
    again = scene.strictly("v1", "--yes", "--allow-local")
    assert "building the environment of configs/mytool" not in again.err
    assert "building the environment of configs/other" in again.err
    assert git("status", "--porcelain", cwd=scene.into) == ""
