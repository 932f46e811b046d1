"""A reproduction that somebody stops, at any step, and says again."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
from pathlib import Path

import pytest
from conftest import git, write
from scene import SMALL, Scene, make_scene
from tiny_packages import HERE, declare, hashed, no_settings, wheel

pytestmark = pytest.mark.usefixtures("fresh_tools")


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


@pytest.mark.first(1)
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


@pytest.mark.first(1)
@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_while_a_tool_runs(scene: Scene, by: int, code: int) -> None:
    scene.hold("second")
    ran = scene.interrupted(by=by)
    assert ran.code == code
    assert "mytool/second was stopped; run the same command to resume" in ran.err
    scene.let_go("second")
    again = scene.reproduce("v1", "--check")
    assert again.code == 0, again.err
    assert "mytool/first ran before" in again.err
    assert scene.runs() == ["first", "second", "second"]
    assert "fetching" not in again.err


@pytest.mark.every
def test_a_tool_that_ends_as_if_all_were_well_when_it_is_interrupted(scene: Scene) -> None:
    scene.freeze("a", body="polite: true\n")
    scene.hold("a")
    assert scene.interrupted().code == 130
    assert scene.runs() == ["a"]  # nor did those after it begin
    scene.let_go("a")
    assert scene.reproduce("v1", "--check").code == 0
    assert scene.runs() == ["a", "a", "first", "second"]


@pytest.mark.every
def test_what_an_interrupted_run_left_is_not_there_for_the_next(scene: Scene) -> None:
    scene.freeze("third", body="leaves: true\n")
    scene.hold("third")
    assert scene.interrupted().code == 130
    assert (scene.into / "tools/mytool/state").exists()
    scene.let_go("third")
    ran = scene.reproduce("v1", "--check")
    assert "mytool/third: the results do not hold" in ran.out  # the file that it leaves is new
    assert '"resumed": 0' in (scene.into / "outputs/mytool/third/@run/v1/results.json").read_text()


@pytest.mark.every
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
    assert "does not answer; continuing with what was fetched before" in ran.err
    assert scene.runs() == ["first", "second", "second"]


@pytest.mark.every
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
    assert "another reproduction is running there\n    fix: wait until it has ended, and run the same" in told[0]
    scene.let_go("first")
    assert scene.reproduce().code == 0


def lock_of(scene: Scene, tool: str, tag: str) -> str:
    """Write a lock beside the snapshots of a tool, for a package beside it; return the header lines that name it."""
    made = wheel(scene.stash / f"configs/{tool}/snapshots/{tag}/vendor", f"tiny-{tool}", "1.0")
    name = f"configs/{tool}/snapshots/{tag}/requirements-{'0' * 12}.txt"
    write(scene.stash, {name: f"--no-index\n--find-links vendor\n{hashed(made)}"})
    digest = hashlib.sha256((scene.stash / name).read_bytes()).hexdigest()
    return f"# PYTHON: {HERE}\n# LOCK: {name} sha256:{digest}\n"


def test_while_an_environment_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two locks; the second build waits. The first is not built again, and what builds left in a tool stays."""
    no_settings(monkeypatch)
    scene = make_scene(tmp_path, tools=("mytool", "other"))
    for name in ("mytool", "other"):
        scene.freeze(tool=name, more=lock_of(scene, name, "v1"))
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


@pytest.mark.every
def test_what_a_build_left_in_a_tool_stays_and_what_a_run_left_goes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Build backends write `_version.py` and compiled modules into a checkout: git ignores what the code needs."""
    no_settings(monkeypatch)
    tool = scene.stash / "tools/mytool"
    declare(tool, "mytool")
    begin = "def build_editable(folder, settings=None, metadata=None):\n"
    backend = (tool / "own_backend.py").read_text()
    backend = backend.replace(begin, f"{begin}    open('src/mytool/_version.py', 'w').write('V = 1')\n")
    program = SMALL.format(
        "import os, pathlib, time\n    import mytool._version\n    signs = pathlib.Path(os.environ['SIGNS'])\n"
        "    print('left:', pathlib.Path('left').exists())\n    pathlib.Path('left').touch()\n"
        "    if (signs / 'hold first').exists():\n        (signs / 'ready').touch()\n        time.sleep(1000)"
    )
    write(
        tool,
        {
            "vendor/x": "",
            "own_backend.py": backend,
            "main.py": program,
            ".gitignore": "_version.py\n__pycache__/\nleft\n",
        },
    )
    git("add", "-A", cwd=tool)
    git("commit", "-qm", "a package", cwd=tool)
    scene.freeze("first", "v2", more=lock_of(scene, "mytool", "v2") + "# PROJECT: tools/mytool\n")
    scene.hold()
    ran = scene.interrupted("v2", "--check")
    assert ran.code == 130, ran.err
    scene.let_go()
    again = scene.strictly("v2", "--yes", "--allow-local")
    assert again.code == 0, again.err
    assert "left: False" in again.out
    assert "building" not in again.err
    assert "on top of it" not in again.err
