"""`find`: from a figure back to its snapshot, or to the run that wrote it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from conftest import estash, write
from papers import Paper, make_paper

if TYPE_CHECKING:
    from pathlib import Path

RECORD = {"experimentstash": "0.2.0", "tool": "mytool", "experiment": "pca", "tag": None, "status": "completed"}


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Paper:
    return make_paper(tmp_path_factory.mktemp("find"))


def found(paper: Paper, file: Path, code: int = 0) -> dict[str, Any]:
    ran = estash("find", file, "--json", cwd=paper.root)
    assert (ran.code, ran.err) == (code, "")
    told: dict[str, Any] = json.loads(ran.out)
    return told


def test_a_copy_under_another_name_is_found_by_its_bytes(paper: Paper, tmp_path: Path) -> None:
    copy = tmp_path / "figure 3.json"
    shutil.copy(paper.runs["v2"] / "metrics.json", copy)
    expected = {"tag": "v2", "tool": "mytool", "experiment": "pca", "path": "metrics.json"}
    assert found(paper, copy)["snapshots"] == [expected]
    assert "  snapshot/v2  mytool/pca  metrics.json" in estash("find", copy, cwd=paper.root).out.splitlines()
    in_both = found(paper, paper.runs["v1"] / "same.txt")["snapshots"]
    assert [one["tag"] for one in in_both] == ["v1", "v2"]


def test_the_run_that_a_file_lies_in_and_one_that_holds_the_same(paper: Paper, tmp_path: Path) -> None:
    for folder in (tmp_path / "elsewhere", paper.root / "outputs/mytool/pca/1"):
        write(folder, {"plots/a.txt": "a new figure\n", "experimentstash.json": json.dumps(RECORD)})
    told = found(paper, tmp_path / "elsewhere/plots/a.txt")
    assert [one["directory"] for one in told["runs"]] == [
        str(tmp_path / "elsewhere"),
        str(paper.root / "outputs/mytool/pca/1"),
    ]
    assert {one["path"] for one in told["runs"]} == {"plots/a.txt"}
    assert (
        "  snapshot: none: a run of the working config"
        in estash("find", tmp_path / "elsewhere/plots/a.txt", cwd=paper.root).out.splitlines()
    )


@pytest.mark.parametrize(
    "record", ["[]", "{", '{"tool": 1}', '{"experimentstash": 1, "dirty": 7, "tool_commits": "x"}']
)
def test_a_record_of_somebody_else_is_no_fault(paper: Paper, tmp_path: Path, record: str) -> None:
    write(tmp_path, {"a.txt": "nobody knows it\n", "experimentstash.json": record})
    ran = estash("find", tmp_path / "a.txt", cwd=paper.root)
    assert ran.code == (0 if "stash" in record else 1)
    assert ran.err == ""


def test_a_file_that_nobody_recorded(paper: Paper, tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "?"})
    assert found(paper, tmp_path / "a.txt", code=1)["snapshots"] == []
    ran = estash("find", tmp_path / "missing", cwd=paper.root)
    assert (ran.code, ran.err) == (
        1,
        f"experimentstash: {tmp_path}/missing: cannot be read: No such file or directory\n",
    )
