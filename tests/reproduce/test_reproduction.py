"""From a tag to a run: in a clone and from elsewhere, what is taken again, and what is told at the end."""

from __future__ import annotations

import json
import platform
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest
from checked_json import check
from conftest import Ran, commit, git, write
from scene import Scene, make_scene, state_of

from experimentstash import __version__


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with the experiment `first` frozen under `v1`."""
    made = make_scene(tmp_path)
    made.freeze()
    return made


def held(ran: Ran, experiments: int = 1) -> None:
    assert ran.code == 0, ran.err
    assert f": {experiments} of {experiments} experiments" in ran.out


def test_in_a_clone_which_stays_as_it_is(scene: Scene) -> None:
    write(scene.stash, {"notes.txt": "not committed", "tools/mytool/main.py": "raise SystemExit('mine')\n"})
    before = state_of(scene.stash)
    ran = scene.reproduce("v1", "--check")
    held(ran)
    assert "mytool/first: the results hold, bit by bit: 1 identical" in ran.out
    assert state_of(scene.stash) == before
    assert git("rev-parse", "HEAD", cwd=scene.into) == git("rev-parse", "snapshot/v1", cwd=scene.stash)
    assert git("status", "--porcelain", cwd=scene.into) == ""


@pytest.mark.every
def test_the_default_folder_lies_beside_the_clone(scene: Scene) -> None:
    ran = scene.reproduce("v1", "--into", scene.root / "stash-v1", cwd=scene.stash)
    shutil.rmtree(scene.root / "stash-v1")
    command = [word for word in scene.command("v1", "--yes", "--no-build", "--allow-local") if word != "--into"]
    command.remove(str(scene.into))
    again = scene_run(scene, command, scene.stash / "configs")
    assert again.code == ran.code == 0, again.err
    assert (scene.root / "stash-v1/outputs/mytool/first/@run/v1/results.json").is_file()


def scene_run(scene: Scene, command: list[str], cwd: Path) -> Ran:
    from conftest import run

    return run(*command, cwd=cwd, env=scene.env)


@pytest.mark.first(1)
@pytest.mark.parametrize("how", ["folder", "file://", "bare"])
def test_from_elsewhere_in_an_empty_folder(scene: Scene, how: str) -> None:
    empty = scene.root / "empty"
    empty.mkdir()
    git("clone", "-q", "--bare", scene.stash, scene.root / "bare.git", cwd=scene.root)
    origin = {"folder": scene.stash, "file://": f"file://{scene.root}/bare.git", "bare": scene.root / "bare.git"}[how]
    command = scene.command("v1", "--from", str(origin), "--check", "--yes", "--no-build", "--allow-local")
    command.remove("--into")
    command.remove(str(scene.into))
    held(scene_run(scene, command, empty))
    assert [path.name for path in empty.iterdir()] == ["v1"]


@pytest.mark.every
def test_from_elsewhere_within_a_clone_goes_beside_it(scene: Scene) -> None:
    command = scene.command("v1", "--from", str(scene.stash), "--yes", "--no-build", "--allow-local")
    command.remove("--into")
    command.remove(str(scene.into))
    before = state_of(scene.stash)
    held(scene_run(scene, command, scene.stash / "configs"))
    assert state_of(scene.stash) == before
    assert (scene.root / "stash-v1/configs").is_dir()


def test_a_tag_that_only_the_remote_has(scene: Scene) -> None:
    git("clone", "-q", scene.stash, "theirs", cwd=scene.root)
    theirs = scene.root / "theirs"
    scene.freeze("later", "v2")
    held(scene.reproduce("v2", cwd=theirs))
    assert git("tag", cwd=theirs) == "snapshot/v1"


@pytest.mark.every
def test_a_remote_by_a_relative_path_and_of_another_name(scene: Scene) -> None:
    git("clone", "-q", "--no-tags", scene.stash, "theirs", cwd=scene.root)
    theirs = scene.root / "theirs"
    git("remote", "rename", "origin", "lab", cwd=theirs)
    git("remote", "set-url", "lab", "../stash", cwd=theirs)
    held(scene.reproduce(cwd=theirs))


def test_experiments_chosen_by_name(scene: Scene) -> None:
    for name in ("figure1/pca", "second"):
        scene.freeze(name)
    held(scene.reproduce("v1", "second", "mytool/figure1/pca"), 2)
    assert scene.runs() == ["second", "figure1/pca"]
    ran = scene.reproduce("v1", "secnd")
    assert ran.code == 1
    assert "no experiment 'secnd' under the tag 'v1'; did you mean second?" in ran.err
    assert scene.runs() == ["second", "figure1/pca"]


def test_two_tools_and_one_that_another_depends_on(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, tools=("mytool", "other", "idle"))
    scene.freeze(more=f"# DEPENDS: other {scene.head('other')}\n")
    held(scene.reproduce())
    assert (scene.into / "tools/other/main.py").is_file()
    assert not (scene.into / "tools/idle/main.py").exists()
    scene.freeze("third", tool="idle")
    held(scene.reproduce("v1", "--into", scene.root / "both"), 2)
    assert scene.runs() == ["first", "third", "first"] or scene.runs()[0] == "first"


@pytest.mark.every
def test_submodules_of_tools_and_relative_urls(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    for name in ("deep", "deeper"):
        commit(scene.remote(name), {f"{name}.txt": name}, name)
    git("submodule", "--quiet", "add", scene.remote("deeper"), "inner", cwd=scene.remote("deep"))
    git("config", "-f", ".gitmodules", "submodule.inner.url", "../deeper", cwd=scene.remote("deep"))
    commit(scene.remote("deep"), {}, "with a submodule")
    git("submodule", "--quiet", "add", "-b", "main", scene.remote("deep"), "lib/deep", cwd=scene.remote("mytool"))
    git("config", "-f", ".gitmodules", "submodule.lib/deep.url", "../deep", cwd=scene.remote("mytool"))
    commit(scene.remote("mytool"), {}, "with a submodule")
    git("pull", "-q", cwd=scene.stash / "tools/mytool")
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", "../remotes/mytool", cwd=scene.stash)
    scene.freeze()
    held(scene.reproduce())
    assert (scene.into / "tools/mytool/lib/deep/inner/deeper.txt").read_text() == "deeper"
    assert git("submodule", "status", "--recursive", cwd=scene.into).count("\n") == 2
    assert "-" not in {line[0] for line in git("submodule", "status", "--recursive", cwd=scene.into).split("\n")}


def test_what_the_clone_has_is_not_fetched_again(scene: Scene) -> None:
    shutil.rmtree(scene.root / "remotes")
    held(scene.reproduce())
    git("submodule", "deinit", "-f", "tools/mytool", cwd=scene.stash)
    held(scene.reproduce("v1", "--into", scene.root / "other"))


@pytest.mark.every
def test_from_a_clone_of_the_stash_without_its_tools(scene: Scene) -> None:
    git("clone", "-q", scene.stash, "theirs", cwd=scene.root)
    held(scene.reproduce(cwd=scene.root / "theirs"))


@pytest.mark.first(1)
@pytest.mark.parametrize("depth", [["--depth=1"], []])
def test_a_shallow_clone(scene: Scene, depth: list[str]) -> None:
    git("clone", "-q", *depth, f"file://{scene.stash}", "theirs", cwd=scene.root)
    theirs = scene.root / "theirs"
    git("submodule", "--quiet", "update", "--init", *depth, cwd=theirs)
    git("fetch", "-q", "origin", "tag", "snapshot/v1", *depth, cwd=theirs)
    shutil.rmtree(scene.root / "remotes")
    git("remote", "remove", "origin", cwd=theirs)
    held(scene.reproduce("v1", "--check", cwd=theirs))
    held(scene.reproduce("v1", "--from", f"file://{theirs}", "--into", scene.into, cwd=scene.root))


@pytest.mark.every
def test_sha256_in_a_clone_and_by_url(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, "--object-format=sha256")
    scene.freeze()
    held(scene.reproduce("v1", "--check"))
    other = scene.root / "other"
    held(scene.reproduce("v1", "--check", "--from", f"file://{scene.stash}", "--into", other, cwd=scene.root))
    assert git("rev-parse", "--show-object-format", cwd=other / "tools/mytool") == "sha256"


def test_the_results_that_differ_that_are_near_and_that_nobody_recorded(scene: Scene) -> None:
    near = scene.reproduce("v1", "--check", "--rtol", "1e-3", "--report", "report", SHIFT="1e-5", cwd=scene.stash)
    assert near.code == 0, near.err + near.out
    assert "within tolerance" in near.out
    said = json.loads((scene.stash / "report.json").read_text())
    check("reproduction", said)
    assert said["verdict"] == "1 of 1 experiments hold"
    assert "# Reproduction of v1" in (scene.stash / "report.md").read_text()
    for strict in ([], ["--rtol", "0"]):  # it is compared again, not run again
        ran = scene.reproduce("v1", "--check", *strict)
        assert ran.code == 1
        assert "mytool/first: the results do not hold: 1 different" in ran.out
        assert ran.out.splitlines()[-1].startswith("next: add --rtol")
    assert scene.runs() == ["first"]
    ran = scene.reproduce("v1", "--rtol", "1e-3")
    assert (ran.code, "need --check" in ran.err) == (2, True)
    scene.freeze("bare", "v2", value=None)
    ran = scene.reproduce("v2", "bare", "--check", "--into", scene.root / "v2")
    assert ran.code == 1
    assert "there are no recorded results to compare with (snapshot --run records them)" in ran.out
    assert "0 of 1 experiments hold, and 1 had nothing to be compared with" in ran.out


def test_a_run_that_fails_is_told_and_the_others_run(scene: Scene) -> None:
    scene.freeze("a-failing", body="exit: 7\n")
    scene.freeze("b-dying", body="dies: true\n")
    ran = scene.reproduce("v1", "--check", "--report", scene.root / "told.md")
    assert ran.code == 7
    assert "mytool/a-failing: it failed with exit code 7" in ran.out
    assert "mytool/b-dying: it was ended by SIGKILL (exit code 137): perhaps there was no memory left" in ran.out
    assert "mytool/first: the results hold" in ran.out
    assert "1 of 3 experiments hold" in ran.out
    said = json.loads((scene.root / "told.json").read_text())
    assert [one["exit_code"] for one in said["experiments"]] == [7, 137, 0]
    again = scene.reproduce("v1", "b-dying")  # what failed runs again
    assert again.code == 137
    assert scene.runs() == ["a-failing", "b-dying", "first", "b-dying"]


@pytest.mark.every
def test_the_environment_at_hand_and_what_of_it_differs(scene: Scene) -> None:
    scene.freeze("old", "v2", more="# PYTHON: 3.6.9\n# PACKAGE: hydra-core==1.0.1\n")
    ran = scene.reproduce("v2", "old", "--report", scene.root / "r")
    held(ran)
    assert "environment: not built: " in ran.out
    assert "3.6.9" in ran.out
    assert "1.0.1" in ran.out
    told = (scene.root / "r.md").read_text()
    assert "1.0.1" in told
    assert f"Ran in Python {platform.python_version()}, at hand." in told
    said = json.loads((scene.root / "r.json").read_text())
    assert said["experiments"][0]["python"] == platform.python_version()
    assert said["experiments"][0]["lock"] is None
    assert said["experimentstash"] == __version__
    assert datetime.fromisoformat(said["when"]) <= datetime.now(timezone.utc)


@pytest.mark.every
def test_what_was_typed_and_speaks_of_no_result_is_told(scene: Scene) -> None:
    typed = [
        "--ignore-keys",
        "value,resumed",
        "--ignore-keys",
        "*.json::resumed",
        "--rtol",
        "*.csv=1e-3",
        "--atol",
        "0",
    ]
    ran = scene.reproduce("v1", "--check", *typed)
    held(ran)
    assert [line for line in ran.out.splitlines() if "no recorded figure" in line] == [
        "not compared: value,resumed: no recorded figure is called so",
        "a tolerance: *.csv::*: no recorded figure is called so",
    ]


@pytest.mark.every
def test_nothing_resumes_and_what_lies_beside_is_told(scene: Scene) -> None:
    scene.freeze("leaving", "v2", body="leaves: true\nexit: 3\n")
    scene.freeze("tidy", "v3", body="leaves: true\n")
    ran = scene.reproduce("v3", "tidy", "--check", "--into", scene.root / "v3", "--report", scene.root / "r")
    assert ran.out.count("/tools/mytool/state (new)") == 1
    assert "Written beside the run directory:\n\n- " in (scene.root / "r.md").read_text()
    (scene.signs / "runs").unlink()
    for _ in range(2):
        ran = scene.reproduce("v2", "leaving")
        assert ran.code == 3
        assert "beside the run directory: " in ran.out
        assert "/tools/mytool/state (new)" in ran.out
        results = json.loads((scene.into / "outputs/mytool/leaving/@run/v2/results.json").read_text())
        assert results["resumed"] == 0
    assert scene.runs() == ["leaving", "leaving"]


@pytest.mark.every
def test_another_environment_is_another_run(scene: Scene, tmp_path: Path) -> None:
    held(scene.reproduce())
    other = tmp_path / "venv/bin"
    other.mkdir(parents=True)
    import sys

    (other / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (other / "python").chmod(0o755)
    held(scene.reproduce(VIRTUAL_ENV=str(tmp_path / "venv")))
    assert scene.runs() == ["first", "first"]
