"""What a reproduction tells of where things come from is so, and nothing of an earlier try is lost."""

from __future__ import annotations

import hashlib
import os
import shlex
from pathlib import Path

import pytest
from conftest import git, run, write
from hostile import entry
from scene import Scene, at_terminal, make_scene

from experimentstash.core.errors import StashError
from experimentstash.reproduce import safe_git
from experimentstash.reproduce.download_limit import Limit
from experimentstash.reproduce.stash_source import Source


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with the experiment `first` frozen under `v1`."""
    made = make_scene(tmp_path)
    made.freeze()
    return made


def fix_of(err: str) -> str:
    return err.rpartition("fix: ")[2].strip()


def test_a_directory_is_attributed_to_where_it_came_from(scene: Scene) -> None:
    git("clone", "-q", "--bare", scene.stash, "one.git", cwd=scene.root)
    assert scene.reproduce("v1", "--from", scene.root / "one.git", cwd=scene.root).code == 0
    assert scene.reproduce("v1", "--from", f"file://{scene.root}/one.git/", cwd=scene.root).code == 0
    for other in (scene.root / "nobody.example/two.git", scene.stash):
        address = f"file://{other}"
        ran = scene.reproduce("v1", "--from", address, cwd=scene.root)
        assert ran.code == 1
        told = f"{scene.into}: what it holds came from {scene.root}/one.git, and {address} is asked for"
        assert ran.err.startswith(f"experimentstash: {told}\n    fix: experimentstash reproduce v1 --into")
    assert scene.runs() == ["first"]
    pasted = run("sh", "-c", fix_of(ran.err), cwd=scene.root, env=scene.env)
    assert pasted.code == 0, pasted.err
    assert (scene.root / "v1").is_dir()  # the default one, which was free


@pytest.mark.every
def test_the_clone_at_hand_is_told_beside_its_remote(scene: Scene) -> None:
    git("remote", "add", "origin", "https://ada:token@host.example/paper.git", cwd=scene.stash)
    ran = scene.reproduce("v1", "--into", scene.root / "other")
    assert ran.code == 0, ran.err
    assert f"snapshot/v1 of {scene.stash}, a clone of https://host.example/paper.git, " in ran.err
    source = Source("u", "https://h/a.git", None, allow_local=False)
    assert source.is_told("u, a clone of https://h/a/")
    assert not source.is_told("https://h/a.git")


def test_nothing_that_an_interrupted_run_wrote_is_deleted(scene: Scene) -> None:
    """Beside its run directory either: files of its own, changed ones of the commit, in the tool and in the stash."""
    does = (
        "def write(path, text):\n    pathlib.Path(path).parent.mkdir(exist_ok=True)\n"
        "    pathlib.Path(path).write_text(text)\nwrite('weights/a.pt', 'days of work')\n"
        "write('../../configs/own.txt', 'own')\n"
        "write('.gitignore', 'changed')\nos.symlink('/etc', 'weights/link')"
    )
    scene.freeze("long", body=f"does: {does!r}\n")
    scene.hold("long")
    assert scene.interrupted("v1", "long", "--no-build").code == 130
    scene.let_go("long")
    ran = scene.reproduce("v1", "long")
    assert ran.code == 0, ran.err
    earlier = scene.into / "outputs/@earlier"
    assert (earlier / "tools/mytool/weights/a.pt").read_text() == "days of work"
    assert (earlier / "tools/mytool/weights/link").is_symlink()
    assert (earlier / "tools/mytool/.gitignore").read_text() == "changed"
    assert (earlier / "configs/own.txt").read_text() == "own"
    assert (earlier / "outputs/mytool/long/@run/v1/results.json").exists()
    assert f"left by an earlier run, and moved to {earlier}: configs/own.txt, " in ran.out
    assert not (scene.into / "configs/own.txt").exists()
    assert git("status", "--porcelain", cwd=scene.into / "tools/mytool") == ""
    assert "earlier run" not in scene.reproduce("v1", "long").out


def test_a_link_that_leads_out_through_a_tool_that_comes_later(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, tools=("aa", "bb"))
    for tool, path, target in (("aa", "x", "../bb/d/../../.."), ("bb", "d", "..")):
        folder = scene.stash / "tools" / tool
        blob = git("hash-object", "-w", "--stdin", cwd=folder, stdin=target)
        entry(folder, path, blob, "120000")
        git("commit", "-q", "-m", "hostile", cwd=folder)
        git("push", "-q", "origin", "HEAD:refs/heads/hostile", cwd=folder)
        git("checkout", "-q", ".", cwd=folder)
    scene.freeze(tool="aa", more=f"# DEPENDS: bb {scene.head('bb')}\n")
    ran = scene.reproduce()
    assert (ran.code, scene.runs()) == (1, [])
    assert "tools/aa: x is a link that leads out of the directory: refused" in ran.err
    assert "This runs the code of others" not in ran.err


def test_every_host_is_named(scene: Scene) -> None:
    """A recorded lock, and a project that is built over it: the settings of the project count."""
    tool = scene.stash / "tools/mytool"
    write(tool, {"uv.toml": 'index-url = "https://tool.example/simple"\n'})
    git("add", "-A", cwd=tool)
    git("commit", "-q", "-m", "settings", cwd=tool)
    git("push", "-q", "origin", "HEAD:refs/heads/settings", cwd=tool)
    name = f"configs/mytool/snapshots/v1/requirements-{'0' * 12}.txt"
    write(scene.stash, {name: "# nothing\n", "uv.toml": 'find-links = ["https://stash.example/links"]\n'})
    digest = hashlib.sha256((scene.stash / name).read_bytes()).hexdigest()
    scene.freeze(more=f"# LOCK: {name} sha256:{digest}\n# PROJECT: tools/mytool\n")
    command = scene.command("v1", "--allow-local")
    code, said = at_terminal(command, "\x04", cwd=scene.stash, env=scene.env)
    assert f"the packages of {name}, from the package index and stash.example and tool.example" in said
    assert (code, scene.runs()) == (1, [])
    assert "nothing has run; the same command continues with what was fetched" in said
    assert "EOFError" not in said


def test_what_comes_before_the_question_has_an_end(scene: Scene, tmp_path: Path) -> None:
    write(scene.remote("mytool"), {"data": os.urandom(200_000).hex()})
    git("add", "-A", cwd=scene.remote("mytool"))
    git("commit", "-q", "-m", "data", cwd=scene.remote("mytool"))
    git("pull", "-q", "origin", "main", cwd=scene.stash / "tools/mytool")
    scene.freeze()
    git("clone", "-q", "--bare", scene.stash, "one.git", cwd=scene.root)
    words = ("--from", scene.root / "one.git", "--max-download", "0.0001")
    ran = scene.reproduce("v1", *words, cwd=scene.root)
    assert (ran.code, scene.runs()) == (1, [])
    what = "fetching tools/mytool: stopped: 0.0001 GB may be fetched before anybody agreed to it"
    assert ran.err.splitlines()[-2] == f"experimentstash: {what}"
    pasted = run("sh", "-c", fix_of(ran.err), cwd=scene.root, env=scene.env)
    assert pasted.code == 0, pasted.err
    assert scene.reproduce("v1", "--max-download", "nan").code == 2


def test_a_small_pack_of_large_files_is_not_unpacked(scene: Scene) -> None:
    write(scene.stash, {"zeros": "0" * 3_000_000})
    commit = scene.commit_all("v1")
    with pytest.raises(StashError, match=r"v1: its files take too much room: 0\.001 GB may be fetched"):
        Limit(1_000_000).check_tree(scene.stash, commit, "v1")
    Limit(4_000_000).check_tree(scene.stash, commit, "v1")


def test_hooks_of_a_users_configuration_are_turned_off(scene: Scene) -> None:
    """Git runs them since 2.54, whatever `core.hooksPath` says."""
    git("config", "--global", "hook.my lint.event", "post-checkout", cwd=scene.root)
    git("config", "--global", "hook.my lint.command", "touch canary", cwd=scene.root)
    safe_git.settings.cache_clear()
    try:
        assert "hook.my lint.enabled=false" in safe_git.settings()
        assert git(*safe_git.settings(), "config", "hook.my lint.enabled", cwd=scene.root) == "false"
    finally:
        safe_git.settings.cache_clear()


def test_where_there_is_no_stash(tmp_path: Path) -> None:
    scene = Scene(tmp_path, tmp_path / "stash")
    ran = scene.strictly("v1", "--yes", cwd=tmp_path)
    assert ran.code == 1
    assert f"fix: {shlex.join(['experimentstash', 'reproduce', 'v1', '--from', 'URL'])}" in ran.err
    source = make_scene(tmp_path / "source")
    source.freeze()
    command = fix_of(ran.err).replace("URL", str(source.stash)).partition("  #")[0]
    pasted = run("sh", "-c", f"{command} --yes --allow-local --no-build", cwd=tmp_path, env=source.env)
    assert (pasted.code, source.runs()) == (0, ["first"]), pasted.err


@pytest.mark.every
def test_into_a_repository_of_somebodys(scene: Scene) -> None:
    git("init", "-q", scene.into, cwd=scene.root)
    ran = scene.reproduce("snapshot/v1")
    assert ran.code == 1
    assert "rm " not in ran.err
    pasted = run("sh", "-c", fix_of(ran.err), cwd=scene.stash, env=scene.env)
    assert pasted.code == 0, pasted.err
    assert (scene.root / "stash-v1/tools/mytool/main.py").exists()
