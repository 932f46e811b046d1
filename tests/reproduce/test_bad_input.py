"""What cannot be reproduced is told: where, what, and what to do; and nothing of it has run."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Ran, git, write
from plays import paste
from scene import SMALL, Scene, make_scene
from stashes import snapshot_path
from tiny_packages import no_settings, wheel

RESULTS = "configs/mytool/snapshots/v1/first.results.json"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with the experiment `first` frozen under `v1`."""
    made = make_scene(tmp_path)
    made.freeze()
    return made


def refused(scene: Scene, ran: Ran, *said: str) -> None:
    assert ran.code == 1, (ran.code, ran.out, ran.err)
    for text in said:
        assert text in ran.err, ran.err
    assert "Traceback" not in ran.err
    assert scene.runs() == []


def test_a_tag_that_nobody_has(scene: Scene) -> None:
    for name in ("v2", "camera-ready"):
        scene.freeze(name, name)
    refused(scene, scene.reproduce("camera-redy"), "no tag snapshot/camera-redy; did you mean camera-ready?")
    assert not scene.into.exists()
    assert scene.reproduce("v2").code == 0  # the directory is free for the right one
    ran = scene.strictly("v 1", "--yes")
    assert ran.code == 1
    assert "is not a valid tag" in ran.err


def test_a_repository_that_is_not_there(scene: Scene) -> None:
    nowhere = scene.reproduce("v1", "--from", "file:///nowhere/at/all")
    refused(scene, nowhere, "/nowhere/at/all", "did not provide snapshot/v1")
    for path in ("/nowhere/at/all", "gone.tar", scene.root / "gone"):
        refused(scene, scene.reproduce("v1", "--from", path), f"--from {path}: no such file or directory")
    refused(
        scene,
        scene.reproduce("v1", "--from", scene.stash / "configs/meta.yaml"),
        "not an archive of experimentstash bundle",
    )
    refused(scene, scene.reproduce("v1", "--from", scene.root), "did not provide snapshot/v1")
    refused(scene, scene.strictly("v1", "--yes", cwd=scene.root), "not a stash, and not in a git repository")


def test_a_password_in_a_url_is_not_shown(scene: Scene) -> None:
    ran = scene.reproduce("v1", "--from", "http://ada:s3cret@127.0.0.1:1/stash")
    refused(scene, ran, "http://127.0.0.1:1/stash did not provide snapshot/v1")
    assert "s3cret" not in ran.err + ran.out


def test_a_tag_without_a_snapshot(scene: Scene) -> None:
    git("tag", "snapshot/v0", "HEAD", cwd=scene.stash)
    refused(scene, scene.reproduce("v0"), "refs/tags/snapshot/v0: tag: it names", "which contains no")


def test_a_tag_that_names_no_commit(scene: Scene) -> None:
    git("tag", "snapshot/v0", "HEAD:configs/meta.yaml", cwd=scene.stash)
    refused(scene, scene.reproduce("v0"), "snapshot/v0: ")


def test_a_tag_that_does_not_hold(scene: Scene) -> None:
    path = scene.stash / snapshot_path("first", "v1")
    path.write_text(path.read_text().replace(scene.head(), "1" * 40) + "over: ${value}\n")
    scene.commit_all("v1")
    ran = scene.reproduce()
    refused(scene, ran, ": pin: it records mytool at 111111111111", ": flat: ", "fix: ")
    assert not (scene.into / "tools/mytool/main.py").exists()


def test_a_remote_that_is_gone(scene: Scene) -> None:
    git("clone", "-q", scene.stash, "theirs", cwd=scene.root)
    shutil.rmtree(scene.root / "remotes")
    ran = scene.reproduce(cwd=scene.root / "theirs")
    refused(scene, ran, f"tools/mytool: {scene.remote('mytool')} cannot be fetched", "ask its owners for that commit")


def test_a_fork_whose_tool_stayed_behind(scene: Scene) -> None:
    """Its URL begins at that of the stash, and nobody forked the tool."""
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", "../remotes/mytool", cwd=scene.stash)
    scene.freeze("second", "v2")
    (scene.root / "forks").mkdir()
    git("clone", "-q", "--bare", scene.stash, "forks/stash.git", cwd=scene.root)
    fork = scene.root / "forks/stash.git"
    ran = scene.reproduce("v2", "--from", fork, cwd=scene.root)
    refused(
        scene, ran, "tools/mytool: ", "  # of the repository that this is a fork of: ../remotes/mytool begins there"
    )
    paste(ran.err.rpartition("fix: ")[2].replace("URL", str(scene.stash)), scene.root, scene.env)
    assert scene.runs() == ["second"]


def test_a_remote_that_lacks_the_commit(scene: Scene) -> None:
    tool = scene.stash / "tools/mytool"
    git("commit", "-q", "--allow-empty", "-m", "never pushed", cwd=tool)
    scene.freeze("second", "v2")
    git("clone", "-q", scene.stash, "theirs", cwd=scene.root)
    ran = scene.reproduce("v2", cwd=scene.root / "theirs")
    refused(
        scene, ran, f"tools/mytool: {scene.remote('mytool')} has not the commit {scene.head()} any more", "fix: git"
    )
    paste(ran.err.rpartition("fix: ")[2], scene.root)
    git("push", "-q", "origin", "HEAD:refs/heads/late", cwd=tool)  # as its owners do who are asked
    assert scene.reproduce("v2", cwd=scene.root / "theirs").code == 0


def test_a_tool_that_gitmodules_does_not_name(scene: Scene) -> None:
    git("rm", "-q", "--cached", ".gitmodules", cwd=scene.stash)
    git("commit", "-q", "-m", "gone", cwd=scene.stash)
    git("tag", "-f", "snapshot/v1", cwd=scene.stash)
    git("clone", "-q", scene.stash, "theirs", cwd=scene.root)
    ran = scene.reproduce(cwd=scene.root / "theirs")
    refused(scene, ran, "tools/mytool: .gitmodules names no remote of it, and no clone here has")


def test_a_folder_that_is_taken(scene: Scene) -> None:
    write(scene.root, {"full/x": "", "file": ""})
    git("init", "-q", "repository", cwd=scene.root)
    refused(
        scene,
        scene.reproduce("v1", "--into", scene.root / "full"),
        "full: not empty",
        "fix: experimentstash reproduce v1",
    )
    refused(scene, scene.reproduce("v1", "--into", scene.root / "repository"), "repository: not empty")
    refused(scene, scene.reproduce("v1", "--into", scene.root / "file"), "not a directory")
    inside = scene.reproduce("v1", "--into", scene.stash / "new")
    refused(scene, inside, "in the working tree of", "which must stay unchanged")
    refused(scene, scene.reproduce("v1", "--into", scene.root / "file/below"), "fix: ")
    assert sorted(path.name for path in (scene.root / "full").iterdir()) == ["x"]


@pytest.mark.every
def test_a_folder_of_another_tag_and_a_tag_that_was_moved(scene: Scene) -> None:
    scene.freeze("other", "v2")
    assert scene.reproduce().code == 0
    ran = scene.reproduce("v2")
    assert ran.code == 1
    assert "it holds the reproduction of snapshot/v1" in ran.err
    old = git("rev-parse", "HEAD", cwd=scene.into)
    moved = scene.freeze("first", "v1", "more: 1\n")
    ran = scene.reproduce()
    assert ran.code == 1
    assert f"snapshot/v1 was {old[:12]} when this reproduction began, and is {moved[:12]} now" in ran.err
    assert git("rev-parse", "HEAD", cwd=scene.into) == old
    assert "more" not in (scene.into / snapshot_path("first", "v1")).read_text()
    assert scene.runs() == ["first"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"tag": "v1"}', "[" * 100_000, '{"tag":"v1","commit":"","done":[],"built":{}}']
)
def test_a_state_that_is_none(scene: Scene, text: str) -> None:
    write(scene.into, {".git/experimentstash/reproduction.json": text})
    refused(scene, scene.reproduce(), "it holds no state of a reproduction")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", f"frozen: it was frozen with another {RESULTS} than snapshot/v1 holds"),
        ("", f"frozen: it was frozen with another {RESULTS} than snapshot/v1 holds"),
        (None, f"frozen: it was frozen with {RESULTS}, which snapshot/v1 does not hold"),
    ],
)
def test_results_that_were_altered(scene: Scene, text: str | None, said: str) -> None:
    if text is None:
        (scene.stash / RESULTS).unlink()
    else:
        write(scene.stash, {RESULTS: text})
    scene.commit_all("v1")
    refused(scene, scene.reproduce(), said)


@pytest.mark.parametrize("text", ["{}", "[" * 100_000, "\x00", '{"experimentstash": 1, "files": [{"path": "../x"}]}'])
def test_results_that_are_none(scene: Scene, text: str) -> None:
    frozen = scene.stash / snapshot_path("first", "v1")
    kept = [line for line in frozen.read_text().splitlines() if "RESULTS" not in line]
    write(scene.stash, {RESULTS: text, snapshot_path("first", "v1"): "\n".join(kept) + "\n"})
    scene.commit_all("v1")
    refused(scene, scene.reproduce(), RESULTS)


def test_results_that_are_too_large_and_that_are_a_link(scene: Scene) -> None:
    write(scene.stash, {RESULTS: " " * (33 * 1024 * 1024)})
    scene.commit_all("v1")
    refused(scene, scene.reproduce(), f"it was frozen with another {RESULTS} than")
    (scene.stash / RESULTS).unlink()
    (scene.stash / RESULTS).symlink_to("first.yaml")
    scene.commit_all("v2")
    git("tag", "-f", "snapshot/v1", cwd=scene.stash)
    refused(
        scene,
        scene.reproduce("v1", "--into", scene.root / "b"),
        f"it was frozen with {RESULTS}, which snapshot/v1 does not hold",
    )


def lock(scene: Scene, text: str) -> str:
    """Write a lock beside the snapshot; return the header lines that name it."""
    name = f"configs/mytool/snapshots/v1/requirements-{'0' * 12}.txt"
    write(scene.stash, {name: text})
    version = ".".join(map(str, sys.version_info[:3]))
    return f"# PYTHON: {version}\n# LOCK: {name} sha256:{hashlib.sha256(text.encode()).hexdigest()}\n"


def test_a_lock_that_is_missing_and_one_that_was_altered(scene: Scene) -> None:
    header = lock(scene, "")
    name = header.split("LOCK: ")[1].split()[0]
    (scene.stash / name).unlink()
    scene.freeze(more=header)
    refused(scene, scene.strictly("v1", "--yes", "--allow-local"), name)
    write(scene.stash, {name: "# other\n"})
    scene.freeze("second", "v1", more="")
    ran = scene.strictly("v1", "--yes", "--allow-local", "--into", scene.root / "b")
    refused(scene, ran, f"it was frozen with another {name} than snapshot/v1 holds")


def test_no_lock_at_all(scene: Scene) -> None:
    ran = scene.strictly("v1", "--yes", "--allow-local")
    refused(
        scene,
        ran,
        f"{snapshot_path('first', 'v1')} records no lock",
        f"fix: experimentstash reproduce v1 --into {scene.into} --yes --allow-local --no-build",
    )
    paste(ran.err.rpartition("fix: ")[2], scene.stash, scene.env)
    assert scene.runs() == ["first"]


def test_a_package_that_is_not_to_be_had_any_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    no_settings(monkeypatch)
    vendor = scene.stash / "configs/mytool/snapshots/v1/vendor"
    wheel(vendor, "tiny-one", "1.0")
    gone = "tiny-gone==2.0 --hash=sha256:" + "a" * 64
    scene.freeze(more=lock(scene, f"--no-index\n--find-links vendor\n{gone}\n"))
    ran = scene.strictly("v1", "--yes", "--allow-local")
    refused(scene, ran, "tiny-gone", "mytool/first of snapshot/v1")


def test_a_lock_that_builds(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the tag alone: its packages are those of the lock, built once for two experiments and two directories."""
    no_settings(monkeypatch)
    tool = scene.stash / "tools/mytool"
    write(tool, {"main.py": SMALL.format("import tiny_one; print('tiny', tiny_one.VERSION)")})
    git("commit", "-qam", "what it is built with", cwd=tool)
    git("push", "-q", "origin", "HEAD:refs/heads/plain", cwd=tool)
    made = wheel(scene.stash / "configs/mytool/snapshots/v1/vendor", "tiny-one", "1.0")
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    header = lock(scene, f"--no-index\n--find-links vendor\ntiny-one==1.0 --hash=sha256:{digest}\n")
    header += "# PLATFORM: elsewhere glibc 1.0\n"
    for name in ("first", "second"):
        scene.freeze(name, more=header)
    for into, times in ((scene.into, 1), (scene.root / "b", 0)):
        ran = scene.strictly("v1", "--yes", "--allow-local", "--into", into)
        assert ran.code == 0, ran.err
        assert ran.out.count("tiny 1.0\n") == 2
        assert ran.err.count("building the environment") == times
        assert ran.err.count("using the cached environment") == 1 - times
        assert "environment: platform " in ran.out
        assert ", elsewhere glibc 1.0 recorded" in ran.out
        assert "the packages of configs/mytool/snapshots/v1/requirements-000000000000.txt" in ran.err


@pytest.mark.every
def test_no_room_on_the_disk(scene: Scene) -> None:
    """No file may grow beyond a few bytes, as on a full disk: it fails with a reason; with room it goes on."""
    noise = os.urandom(300_000).hex()
    write(scene.stash / "tools/mytool", {"noise.txt": noise})
    git("add", "-A", cwd=scene.stash / "tools/mytool")
    git("commit", "-qm", "large", cwd=scene.stash / "tools/mytool")
    git("push", "-q", "origin", "HEAD:refs/heads/large", cwd=scene.stash / "tools/mytool")
    scene.freeze()
    command = scene.command("v1", "--no-build", "--yes", "--allow-local")
    done = subprocess.run(
        command,
        cwd=scene.stash,
        env={**os.environ, **scene.env},
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    refused(scene, Ran(done.returncode, done.stdout.decode(), done.stderr.decode()), "tools/mytool: ")
    assert scene.reproduce("v1", "--check").code == 0
