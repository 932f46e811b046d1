"""A sweep is one snapshot: its jobs are told, each is given exactly what was frozen, whoever carries it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import estash
from sweeping import LAUNCHERS, a_stash, forget, freeze, frozen, given, processes, swept, typed_tool


def test_the_jobs_are_told_one_by_one(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    ran = freeze(stash, "rate=0.1,0.2", "seed=1,2,3", "--multirun")
    jobs = [f"rate={rate} seed={seed}" for rate in (0.1, 0.2) for seed in (1, 2, 3)]
    assert [line for line in ran.out.splitlines() if line.startswith("    job ")] == [
        f"    job {number}: {job}" for number, job in enumerate(jobs)
    ]
    assert frozen(stash).all("JOB") == tuple(f"{number} {job}" for number, job in enumerate(jobs))
    assert sorted(path.name for path in (stash / "configs/mytool/snapshots/t").iterdir() if path.suffix == ".yaml") == [
        "first.yaml"
    ]


@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("tool", ["plain", "typed"])
def test_each_job_is_given_what_was_frozen(tmp_path: Path, tool: str, launcher: str) -> None:
    stash = a_stash(tmp_path, typed_tool() if tool == "typed" else None)
    sweep = ["rate=0.1,2", "model.layers=1,7", "--multirun"]
    was = swept(stash, *sweep, into="was")
    assert len(was) == 4
    freeze(stash, *sweep)
    forget(stash)
    assert swept(stash, "--snapshot", "t", f"hydra/launcher={launcher}") == was
    assert len(processes(tmp_path / "swept")) == (4 if launcher == "submitit_local" else 1) or launcher == "joblib"


@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("tool", ["plain", "typed"])
def test_jobs_with_other_keys_are_snapshots_of_their_own(tmp_path: Path, tool: str, launcher: str) -> None:
    stash = a_stash(tmp_path, typed_tool() if tool == "typed" else None)
    sweep = ["model=small,big", "seed=1,2", "--multirun"]
    was = swept(stash, *sweep, into="was")
    assert len(set(was.values())) == 4
    freeze(stash, *sweep, "--commit")
    forget(stash)
    assert swept(stash, "--snapshot", "t", f"hydra/launcher={launcher}") == was
    assert estash("verify", "--all", cwd=stash).code == 0
