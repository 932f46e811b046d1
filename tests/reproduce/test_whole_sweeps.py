"""A sweep is reproduced whole: all its jobs run from the frozen tree, and their results are compared."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from conftest import BIN, commit, estash, run
from sweeping import EXPERIMENT, LAUNCHERS, a_stash, forget, freeze, given, plain_tool, swept

FAILING = """
    if cfg.seed == 2:
        {how}
    tell(cfg)
"""
GATE = """
import os, pathlib, sys, time
gate = pathlib.Path(os.environ["GATE"])
if "submitit.core._submit" in sys.orig_argv:
    (gate / f"waiting-{os.getpid()}").touch()
    while not (gate / "open").exists():
        time.sleep(0.05)
"""
SWEEPS = {"one file": ["seed=1,2"], "a file for each job": ["model=small,big"]}


def mostly(name: str) -> list[Any]:
    """Return the sweeps as parameters, of which only one is for each `make test`."""
    return [
        pytest.param(sweep, id=other, marks=[] if other == name else [pytest.mark.every])
        for other, sweep in SWEEPS.items()
    ]


def reproduce(stash: Path, into: Path, *more: str) -> list[str | Path]:
    return [BIN / "experimentstash", "reproduce", "t", "--no-build", "--yes", "--allow-local", "--into", into, *more]


def failing(how: str) -> dict[str, str]:
    files = plain_tool()
    return {**files, "mytool/main.py": files["mytool/main.py"].replace("\n    tell(cfg)\n", FAILING.format(how=how))}


def manifest(stash: Path) -> list[str]:
    said = json.loads((stash / "configs/mytool/snapshots/t/first.results.json").read_text())
    return sorted(file["path"] for file in said["files"])


@pytest.mark.first(1)
@pytest.mark.parametrize(
    ("launcher", "sweep"),
    [
        pytest.param(launcher, sweep, id=f"{launcher}-{name}", marks=[pytest.mark.every] if number in (1, 2, 4) else [])
        for number, (launcher, (name, sweep)) in enumerate(product(LAUNCHERS, SWEEPS.items()))
    ],
)
def test_all_jobs_run_and_their_results_are_compared(tmp_path: Path, launcher: str, sweep: list[str]) -> None:
    stash = a_stash(tmp_path)
    was = swept(stash, *sweep, "--multirun", into="was")
    freeze(stash, *sweep, f"hydra/launcher={launcher}", "--multirun", "--run", "--commit")
    assert [path for path in manifest(stash) if path.endswith("config.txt")] == ["0/config.txt", "1/config.txt"]
    commit(stash / "tools/mytool", {"mytool/task.py": "moved on, and broken"})
    commit(stash, {})
    forget(stash)
    into = tmp_path / "again"
    ran = run(*reproduce(stash, into, "--check"), cwd=stash)
    assert ran.code == 0, ran.err + ran.out
    (folder,) = {path.parents[1] for path in into.rglob("config.txt")}
    assert given(folder) == was


@pytest.mark.every
def test_a_job_of_its_own_is_reproduced_where_it_is_asked_for(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    freeze(stash, "model=small,big", "--multirun", "--run", "--commit")
    into = tmp_path / "again"
    ran = run(*reproduce(stash, into, "first/1"), cwd=stash)
    assert ran.code == 0, ran.err
    assert len(list(into.rglob("config.txt"))) == 1
    ran = run(*reproduce(stash, into, "first/1", "--check"), cwd=stash)
    assert ran.code == 1, ran.err
    assert "its results are recorded with those of the sweep: compare mytool/first\n" in ran.out


@pytest.mark.every
@pytest.mark.parametrize(
    ("launcher", "how", "code"),
    [
        ("basic", "raise ValueError('no')", 1),
        ("basic", "raise SystemExit(7)", 7),
        *(
            pytest.param(launcher, "raise ValueError('no')", 1, marks=pytest.mark.every)
            for launcher in ("joblib", "submitit_local")
        ),
    ],
)
def test_a_job_that_fails(tmp_path: Path, launcher: str, how: str, code: int) -> None:
    stash = a_stash(tmp_path, failing(how))
    sweep = ["seed=1,2", f"hydra/launcher={launcher}", "--multirun"]
    freeze(stash, *sweep, "--run", "--commit", code=code)
    assert not list((stash / "configs/mytool").rglob("snapshots/t/*.*"))
    freeze(stash, *sweep, "--commit")
    assert estash("run", "mytool", "first", "--snapshot", "t", cwd=stash).code == code
    assert run(*reproduce(stash, tmp_path / "again"), cwd=stash).code == code


def started_and_waiting(stash: Path, gate: Path, command: list[str | Path]) -> subprocess.Popen[bytes]:
    """Start a sweep whose jobs wait in submitit's queue: their processes are there, and have loaded nothing yet."""
    gate.mkdir()
    (gate / "sitecustomize.py").write_text(GATE)
    env = {**os.environ, "PYTHONPATH": str(gate), "GATE": str(gate)}
    process = subprocess.Popen([str(word) for word in command], cwd=stash, env=env, stderr=subprocess.PIPE)
    while len(list(gate.glob("waiting-*"))) < 2:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    return process


@pytest.mark.every
@pytest.mark.parametrize("sweep", mostly("one file"))
def test_a_queued_job_is_not_changed_by_what_happens_to_the_stash(tmp_path: Path, sweep: list[str]) -> None:
    stash = a_stash(tmp_path)
    was = swept(stash, *sweep, "--multirun", into="was")
    freeze(stash, *sweep, "hydra/launcher=submitit_local", "--multirun", "--commit")
    into = tmp_path / "again"
    process = started_and_waiting(stash, tmp_path / "gate", reproduce(stash, into))
    forget(stash)
    commit(stash / "tools/mytool", {"mytool/task.py": "broken", "conf/config.yaml": "name: broken\n"})
    shutil.rmtree(stash / "configs/mytool/snapshots")
    (tmp_path / "gate/open").touch()
    said = process.communicate()[1].decode()
    assert process.returncode == 0, said
    assert given(next(into.rglob("0/config.txt")).parents[1]) == was


@pytest.mark.every
@pytest.mark.parametrize("sweep", mostly("a file for each job"))
def test_a_queued_job_of_a_snapshot_keeps_its_config(tmp_path: Path, sweep: list[str]) -> None:
    """In one's own working tree the code is what is there when the job begins; its config was taken before."""
    stash = a_stash(tmp_path)
    was = swept(stash, *sweep, "--multirun", into="was")
    freeze(stash, *sweep, "hydra/launcher=submitit_local", "--multirun")
    command = ["run", "mytool", "first", "--snapshot", "t", f"hydra.sweep.dir={tmp_path / 'swept'}"]
    process = started_and_waiting(stash, tmp_path / "gate", [BIN / "experimentstash", *command])
    forget(stash)
    for path in (stash / "configs/mytool/snapshots/t").rglob("*.yaml"):
        path.write_text("name: broken\n")
    (tmp_path / "gate/open").touch()
    said = process.communicate()[1].decode()
    assert process.returncode == 0, said
    assert given(tmp_path / "swept") == was


@pytest.mark.every
def test_two_experiments_of_one_tag(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    commit(stash, {"configs/mytool/experiment/second.yaml": EXPERIMENT.replace("first", "second")})
    ran = estash(
        "snapshot", "mytool", "first", "second", "--tag", "t", "model=small,big", "--multirun", "--commit", cwd=stash
    )
    assert ran.code == 0, ran.err
    assert run(*reproduce(stash, tmp_path / "again"), cwd=stash).code == 0
    assert len(list((tmp_path / "again").rglob("config.txt"))) == 4
