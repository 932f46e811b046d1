"""The fixes that freeze again, played with a tool that composes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import estash, git, run, write
from plays import fixes, mended, paste, play
from preloaded import BIN
from shapes import EXPERIMENT, Shape, hard_coded, make_stash
from stashes import commit_index, stage

PATH = "configs/mytool/snapshots/v1/first.yaml"
SNAPSHOT = ("snapshot", "mytool", "first", "--tag", "v1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stash in which an experiment is frozen and staged, not committed."""
    stash = make_stash(tmp_path_factory.mktemp("made"), Shape(hard_coded()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIRTUAL_ENV", str(BIN.parent))
        assert estash(*SNAPSHOT, cwd=stash).code == 0
    git("add", "configs", cwd=stash)
    return stash


@pytest.fixture
def stash(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "stash", symlinks=True)


def test_a_staged_snapshot_that_is_not_flat(stash: Path) -> None:
    stage(stash, {PATH: (stash / PATH).read_text().replace("layers: 5", "layers: ${seed}")})
    before = git("show", f":{PATH}", cwd=stash)
    (fix, *_) = mended(stash, "verify", "--staged", rule="flat")
    assert fix.startswith(f"rm -f {PATH} && experimentstash snapshot mytool first --tag v1 && git add ")
    assert git("show", f":{PATH}", cwd=stash) != before


@pytest.mark.first(1)
@pytest.mark.parametrize("beside", [True, False])
def test_a_staged_snapshot_that_another_hook_rewrote(stash: Path, beside: bool) -> None:
    (lock,) = (stash / "configs/mytool/snapshots/v1").glob("*.txt")
    path = lock.relative_to(stash).as_posix() if beside else PATH
    stage(stash, {path: (stash / path).read_text() + "\n"})
    assert mended(stash, "verify", "--staged", rule="frozen")


def test_a_snapshot_that_was_committed_and_does_not_hold(stash: Path) -> None:
    stage(stash, {PATH: (stash / PATH).read_text().replace("layers: 5", "layers: ${seed}")})
    commit_index(stash)
    (fix,) = set(fixes(estash("verify", "HEAD", cwd=stash).err))
    told = paste(fix.replace("NEW-TAG", "v2"), stash)
    paste(fixes(told.out)[0].replace("git commit", "git commit -qm again"), stash)
    assert estash("verify", "--all", cwd=stash).code == 0
    assert git("tag", cwd=stash) == "snapshot/v2"


def test_a_snapshot_that_was_tagged_and_does_not_hold(stash: Path) -> None:
    stage(stash, {PATH: (stash / PATH).read_text().replace("layers: 5", "layers: ${seed}")})
    commit_index(stash)
    git("tag", "-m", "v1", "snapshot/v1", cwd=stash)
    (fix,) = set(fixes(estash("verify", "--all", cwd=stash).err))
    again, _, drop = fix.partition("  # and, if nobody else has the tag: ")
    told = paste(again.replace("NEW-TAG", "v2"), stash)
    paste(drop, stash)
    paste(fixes(told.out)[0].replace("git commit", "git commit -qm again"), stash)
    assert estash("verify", "--all", cwd=stash).code == 0
    assert git("tag", cwd=stash) == "snapshot/v2"


def test_a_snapshot_that_was_added_to_a_tag(stash: Path) -> None:
    commit_index(stash)
    git("tag", "-m", "v1", "snapshot/v1", cwd=stash)
    write(stash, {"configs/mytool/experiment/second.yaml": EXPERIMENT})
    git("add", "configs", cwd=stash)
    commit_index(stash)
    late = PATH.replace("first", "second")
    stage(stash, {late: (stash / PATH).read_text().replace("mytool/first", "mytool/second")})
    (fix,) = set(fixes(estash("verify", "--staged", cwd=stash).err))
    told = paste(fix.replace("NEW-TAG", "v2"), stash)
    paste(fixes(told.out)[0].replace("git commit", "git commit -qm again"), stash)
    assert estash("verify", "--all", cwd=stash).code == 0


def test_what_the_hook_has_frozen(stash: Path) -> None:
    git("rm", "-rfq", "configs/mytool/snapshots", cwd=stash)
    stage(stash, {PATH: EXPERIMENT})
    ran = run(BIN / "freeze-snapshots", cwd=stash)
    assert ran.code == 1
    check = run(BIN / "check-snapshots", cwd=stash)
    assert fixes(check.err) == [f"git add {PATH}"]
    (following,) = fixes(ran.out)
    paste(following.replace("git commit", "git commit -qm freeze"), stash)
    assert run(BIN / "check-snapshots", cwd=stash).code == 0
    paste("experimentstash tag", stash)
    assert estash("verify", "--all", cwd=stash).code == 0


def test_a_value_that_is_missing_in_what_is_staged(stash: Path) -> None:
    git("rm", "-rfq", "configs/mytool/snapshots", cwd=stash)
    stage(stash, {PATH: f"{EXPERIMENT}more: ???\n"})
    (fix,) = fixes(run(BIN / "freeze-snapshots", cwd=stash).err)
    assert fix.startswith(f"write a value into {PATH}  # if the program gives it: name it in `late:` of configs/meta")
    stage(stash, {PATH: f"{EXPERIMENT}more: 1\n"})
    assert "frozen" in run(BIN / "freeze-snapshots", cwd=stash).out


def test_a_setting_that_cannot_be_resolved(stash: Path) -> None:
    words = ("snapshot", "mytool", "first", "--tag", "v2")
    fix = play(stash, *words, "hydra.run.dir=x/${model.rates}", fill={"VALUE": "outputs/x"}, again=())
    assert fix == "experimentstash snapshot mytool first --tag v2 hydra.run.dir=VALUE"
    assert (stash / PATH.replace("v1", "v2")).exists()


def test_an_experiment_that_does_not_say_what_it_is(tmp_path: Path) -> None:
    stash = make_stash(
        tmp_path, Shape(hard_coded(group=False), experiment=EXPERIMENT.replace("# @package _global_", "#"))
    )
    play(stash, "run", "mytool", "first", "--validate-only")
