"""`bisect` walks a tool's commits between two pins, each reproduced, to the one that changed a figure."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from checked_json import check
from conftest import Ran, commit, estash, git
from plays import fixes, paste
from shapes import Shape, hard_coded, make_stash

WRITES = """\
    import json
    from pathlib import Path
    from hydra.core.hydra_config import HydraConfig
    from mytool.loss import loss
    Path(HydraConfig.get().runtime.output_dir, "metrics.json").write_text(json.dumps({"loss": loss(cfg), "n": 1}))
"""
METRIC = ("--metric", "metrics.json::loss")
QUICK = ("--no-build", "--yes", "--allow-local")
VALUES = ["0.5", "0.5 + 1e-9", "1 / 0", "0.7", "0.7", "0.7"]
"""What each commit of the tool gives, the oldest first."""


@dataclass(frozen=True)
class Lab:
    """A stash with the tag `v1` at the first of the tool's commits, and `v2` at the last.

    Attributes:
        stash: the stash.
        commits: the commits of the tool, oldest first.
    """

    stash: Path
    commits: tuple[str, ...]

    def bisect(self, *words: str, metric: tuple[str, ...] = METRIC, good: str = "v1", bad: str = "v2") -> Ran:
        return estash("bisect", good, "--bad", bad, *metric, *QUICK, *words, cwd=self.stash)

    def answer(self, *words: str) -> dict[str, Any]:
        ran = self.bisect(*words, "--json")
        assert ran.out, ran.err
        told: dict[str, Any] = json.loads(ran.out)
        check("bisect", told)
        return told


def give(tool: Path, value: str, message: str) -> str:
    return commit(tool, {"mytool/loss.py": f"def loss(cfg):\n    return ({value}) * cfg.seed\n"}, message)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    root = tmp_path_factory.mktemp("bisection")
    files = hard_coded()
    files["mytool/main.py"] = files["mytool/main.py"].replace("def main(cfg):\n", f"def main(cfg):\n{WRITES}")
    files["mytool/loss.py"] = f"def loss(cfg):\n    return ({VALUES[0]}) * cfg.seed\n"
    stash = make_stash(root, Shape(files))
    tool = stash / "tools/mytool"
    commits = [git("rev-parse", "HEAD", cwd=tool)]
    assert estash("snapshot", "mytool", "first", "--tag", "v1", "--run", "--commit", cwd=stash).code == 0
    commits += [give(tool, value, f"loss {number}") for number, value in enumerate(VALUES[1:], 1)]
    assert estash("snapshot", "mytool", "first", "seed=2", "--tag", "v2", "--run", "--commit", cwd=stash).code == 0
    return Lab(stash, tuple(commits))


@pytest.fixture
def lab(made: Lab, tmp_path: Path) -> Lab:
    shutil.copytree(made.stash, tmp_path / "stash", symlinks=True)
    return Lab(tmp_path / "stash", made.commits)


def test_the_commit_is_found_and_what_cannot_run_is_passed_over(lab: Lab) -> None:
    before = git("status", "--porcelain", cwd=lab.stash), git("for-each-ref", cwd=lab.stash)
    told = lab.answer("--rtol", "1e-6")
    assert told["first"] is None  # the commit before the change cannot run
    assert told["candidates"] == [lab.commits[2], lab.commits[3]]
    assert (told["good"]["value"], told["bad"]["value"]) == (0.5, 0.7)
    skipped = {one["commit"]: one["skipped"] for one in told["tests"] if one["skipped"]}
    assert list(skipped) == [lab.commits[2]]
    assert "exit code 1" in skipped[lab.commits[2]]
    assert told["notes"] == ["config differs between the tags, too (2)"]  # the seed, and its override
    assert (git("status", "--porcelain", cwd=lab.stash), git("for-each-ref", cwd=lab.stash)) == before


def test_a_difference_within_the_tolerance_is_none(lab: Lab) -> None:
    ran = lab.bisect()
    assert ran.code == 0, ran.err
    assert f"metrics.json::loss changed with tools/mytool {lab.commits[1]}" in ran.out
    assert "loss 1" in paste(fixes(ran.out)[0], lab.stash).out
    folder = lab.stash.with_name("stash-v1-bisect")
    assert [path.name for path in folder.iterdir()] == ["bisect.json"]
    again = lab.bisect()
    assert again.out == ran.out  # nothing is run a second time
    assert "running mytool/first" not in again.err
    ran = estash("bisect", "v2", "--bad", "v1", *METRIC, *QUICK, "--into", str(folder), cwd=lab.stash)
    assert (ran.code, "belongs to another bisection" in ran.err) == (1, True)
    paste(fixes(ran.err)[0], lab.stash)
    assert not folder.exists()


def test_both_ends_are_the_same(lab: Lab) -> None:
    ran = lab.bisect(metric=("--metric", "metrics.json::n"))
    assert ran.code == 1
    assert "the code is not the cause: with the config of v1, both pins give the same figure" in ran.out
    assert "mytool/first" in paste(fixes(ran.out)[0], lab.stash).out


@pytest.mark.every
def test_history_that_is_not_linear(lab: Lab) -> None:
    tool = lab.stash / "tools/mytool"
    git("checkout", "-q", "--detach", lab.commits[0], cwd=tool)
    on_side = [give(tool, value, f"side {value}") for value in ("0.5 ", "0.9")]
    git("checkout", "-q", "--detach", lab.commits[1], cwd=tool)
    git("merge", "-q", "-X", "theirs", "-m", "merge", on_side[-1], cwd=tool)
    frozen = estash("snapshot", "mytool", "first", "--tag", "v3", "--commit", "--allow-back", cwd=lab.stash)
    assert frozen.code == 0, frozen.err
    ran = lab.bisect("--rtol", "1e-6", bad="v3")
    assert (ran.code, f"tools/mytool {on_side[1]}" in ran.out) == (0, True), ran.out + ran.err
    git("checkout", "-q", "--detach", lab.commits[1], cwd=tool)
    other = give(tool, "0.4", "the other line")
    assert estash("snapshot", "mytool", "first", "--tag", "v4", "--commit", "--allow-back", cwd=lab.stash).code == 0
    ran = lab.bisect("--rtol", "1e-6", "--into", str(lab.stash.with_name("second")), good="v2", bad="v4")
    assert ran.code == 1
    assert f"the merge base {lab.commits[1][:12]} differs from the good end" in ran.err
    ran = lab.bisect("--rtol", "1e-6", "--into", str(lab.stash.with_name("third")), good="v4", bad="v2")
    assert ran.code == 1
    assert other[:12] not in ran.out.partition("\n")[2]


def test_what_cannot_begin(lab: Lab) -> None:
    ran = lab.bisect(metric=("--metric", "metrics.json::los"))
    assert (ran.code, "its results have no metrics.json::los" in ran.err) == (1, True), ran.err
    assert "metrics.json::loss" in paste(fixes(ran.err)[0], lab.stash).out
    ran = lab.bisect(metric=("--metric", "loss"))
    assert (ran.code, "metrics.json::loss" in paste(fixes(ran.err)[0], lab.stash).out) == (2, True)
    assert "no tag 'v9'" in lab.bisect(bad="v9").err
    shutil.rmtree(lab.stash.with_name("stash-v1-bisect"))
    ran = estash("bisect", "v1", "--bad", "v2", *METRIC, cwd=lab.stash)
    assert (ran.code, "there is no terminal to ask for permission" in ran.err) == (1, True)
    full = lab.stash.with_name("full")
    full.mkdir()
    (full / "mine.txt").write_text("mine\n")
    ran = lab.bisect("--into", str(full))
    assert (ran.code, "not empty, and not the directory of a bisection" in ran.err) == (1, True)
    assert (full / "mine.txt").read_text() == "mine\n"
