"""The record in a run directory, and what a run tells loggers: where it comes from."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from checked_json import check
from conftest import estash, git
from shapes import Shape, hard_coded, make_stash

from experimentstash import __version__

if TYPE_CHECKING:
    from pathlib import Path

MAIN = """
import os
import hydra

@hydra.main(version_base=None, config_path="../conf", config_name="config")
def main(cfg):
    print("told:", os.environ.get("EXPERIMENTSTASH_TAG"), os.environ.get("EXPERIMENTSTASH_TOOL_COMMIT"))
    if cfg.get("seed") == 13:
        raise SystemExit("an unlucky seed") if cfg.get("leaves") else ValueError("an unlucky seed")

if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def stash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {**hard_coded(), "mytool/main.py": MAIN}
    stash = make_stash(tmp_path_factory.mktemp("run_record"), Shape(files))
    frozen = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", "seed=3", cwd=stash)
    assert frozen.code == 0, frozen.err
    return stash


def records(stash: Path) -> dict[str, dict[str, Any]]:
    """Return the records below `outputs` by their run directories, and take them away."""
    found = sorted((stash / "outputs").rglob("experimentstash.json"))
    told = {path.parent.name: json.loads(path.read_text("utf-8")) for path in found}
    shutil.rmtree(stash / "outputs", ignore_errors=True)
    for record in told.values():
        check("run-record", record)
    return told


def test_a_run_and_a_replay(stash: Path) -> None:
    tool = git("rev-parse", "HEAD", cwd=stash / "tools/mytool")
    head = git("rev-parse", "HEAD", cwd=stash)
    ran = estash("run", "mytool", "first", "seed=5", cwd=stash, env={"EXPERIMENTSTASH_TAG": "of-another-run"})
    assert f"told: None {tool}" in ran.out
    (record,) = records(stash).values()
    assert {key: record[key] for key in ("stash_commit", "tag", "tool_commits", "dirty", "overrides", "status")} == {
        "stash_commit": head,
        "tag": None,
        "tool_commits": {"mytool": tool},
        "dirty": [],
        "overrides": ["seed=5"],
        "status": "completed",
    }
    assert (record["experimentstash"], record["experiment"]) == (__version__, "first")
    assert record["start"] <= record["end"]
    ran = estash("run", "mytool", "first", "--snapshot", "v1", cwd=stash)
    assert f"told: v1 {tool}" in ran.out
    (record,) = records(stash).values()
    assert (record["tag"], record["overrides"]) == ("v1", ["seed=3"])


def test_each_job_of_a_sweep_has_its_own(stash: Path) -> None:
    assert estash("run", "mytool", "first", "--multirun", "seed=1,2", cwd=stash).code == 0
    assert {folder: record["job"] for folder, record in records(stash).items()} == {"0": 0, "1": 1}


def test_a_run_that_fails_or_does_not_end_says_so(stash: Path) -> None:
    assert estash("run", "mytool", "first", "seed=13", cwd=stash).code == 1
    (record,) = records(stash).values()
    assert record["status"] == "failed"
    assert estash("run", "mytool", "first", "seed=13", "+leaves=true", cwd=stash).code == 1
    (record,) = records(stash).values()
    assert (record["status"], record["end"]) == ("running", None)


def test_a_changed_tool_is_told_and_a_secret_is_not(stash: Path) -> None:
    main = stash / "tools/mytool/mytool/main.py"
    main.write_text(MAIN + "# changed\n", encoding="utf-8")
    secret = {"API_TOKEN": "sk-abcdefghij0123456789"}
    try:
        assert estash("run", "mytool", "first", f"+key={secret['API_TOKEN']}", cwd=stash, env=secret).code == 0
    finally:
        git("checkout", "-q", ".", cwd=stash / "tools/mytool")
    ((folder, record),) = records(stash).items()
    assert record["dirty"] == ["mytool"]
    assert secret["API_TOKEN"] not in json.dumps(record), folder


def test_a_run_in_the_tools_own_directory_leaves_no_record_there(stash: Path) -> None:
    quiet = [
        "hydra.run.dir=.",
        "hydra.output_subdir=null",
        "hydra/job_logging=disabled",
        "hydra/hydra_logging=disabled",
    ]
    assert estash("run", "mytool", "first", *quiet, cwd=stash).code == 0
    assert (
        git("status", "--porcelain", "--ignored", cwd=stash / "tools/mytool").replace("!! mytool/__pycache__/", "")
        == ""
    )
