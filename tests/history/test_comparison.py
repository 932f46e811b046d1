"""`log`, `show`, `diff` and `why` on one stash: what was frozen, and what differs."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Ran, estash, git, write
from papers import Paper, freeze, make_paper
from stashes import healthy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Paper:
    return make_paper(tmp_path_factory.mktemp("paper"))


def asked(paper: Paper, *words: str) -> dict[str, Any]:
    ran = estash(*words, "--json", cwd=paper.root)
    assert (ran.code, ran.err) == (0, "")
    told: dict[str, Any] = json.loads(ran.out)
    return told


def table(ran: Ran) -> list[dict[str, str]]:
    assert (ran.code, ran.err) == (0, "")
    return list(csv.DictReader(ran.out.splitlines()))


def test_the_stash_of_these_tests_holds(paper: Paper) -> None:
    assert estash("verify", "--all", cwd=paper.root) == Ran(0, "2 snapshots hold\n", "")


def test_log_is_newest_first_and_says_what_the_commit_says(paper: Paper) -> None:
    assert estash("log", cwd=paper.root).out == (
        "date              tag  experiment  tool commit   results   message\n"
        f"2026-01-12 09:30  v2   mytool/pca  {paper.commits[2][:12]}  recorded  Freeze v2 for the paper\n"
        f"2026-01-11 09:30  v1   mytool/pca  {paper.commits[0][:12]}  recorded  Freeze v1 for the paper\n"
    )


@pytest.mark.parametrize(
    ("words", "tags"),
    [(["mytool"], ["v2", "v1"]), (["mytool/pca"], ["v2", "v1"]), (["snapshot/v1"], ["v1"]), (["-n", "1"], ["v2"])],
)
def test_log_of_a_tool_an_experiment_or_a_tag(paper: Paper, words: list[str], tags: list[str]) -> None:
    assert [row["tag"] for row in table(estash("log", *words, "--csv", cwd=paper.root))] == tags
    assert [one["tag"] for one in asked(paper, "log", *words)["tags"]] == tags


def test_log_of_a_name_that_nobody_froze(paper: Paper) -> None:
    ran = estash("log", "pcb", cwd=paper.root)
    what = "no snapshot has the tag, tool or experiment 'pcb'; did you mean pca?"
    assert ran == Ran(1, "", f"experimentstash: {what}\n    fix: experimentstash log\n")


def test_log_before_the_first_freeze(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("checkout", "-q", "--orphan", "empty", cwd=root)
    git("rm", "-rq", "--cached", "configs/mytool/snapshots", cwd=root)
    git("tag", "-d", "snapshot/tag-one", "snapshot/tag-two", "snapshot/tag-three", cwd=root)
    assert estash("log", cwd=root).out.startswith("no snapshots yet")


def test_show_gives_header_config_late_values_and_results(paper: Paper) -> None:
    told = asked(paper, "show", "v1")
    (one,) = told["snapshots"]
    assert told["holds"]
    assert one["config"] == {"lr": 0.1, "seed": 1, "name": "7"}
    assert one["late"] == {"out": "${hydra:runtime.output_dir}"}
    assert one["figures"] == {
        "curve.csv::step": 2,
        "curve.csv::loss": 0.5,
        "metrics.json::loss": 0.5,
        "metrics.json::n": 7,
    }
    assert [file["path"] for file in one["results"]] == ["curve.csv", "metrics.json", "same.txt"]
    lines = estash("show", "v1:pca", cwd=paper.root).out.splitlines()
    assert lines[1:3] == ["  Freeze v1 for the paper", "  it holds"]
    assert 'name  "7"' in lines
    assert "curve.csv::loss     0.5    last of 2" in lines


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("v3", "no tag 'v3'; did you mean v2 or v1?"),
        ("v1:pcb", "snapshot/v1 has no experiment 'pcb'; did you mean pca?"),
    ],
)
def test_show_of_what_is_not_there(paper: Paper, what: str, message: str) -> None:
    ran = estash("show", what, cwd=paper.root)
    assert (ran.code, ran.err.splitlines()[0]) == (1, f"experimentstash: {message}")


def test_diff_has_each_part_with_the_commits_in_between(paper: Paper) -> None:
    (told,) = asked(paper, "diff", "v1", "v2", "--only-changed")["comparisons"]
    changed = {part: [(row["key"], row["old"], row["new"]) for row in told[part]] for part in ("config", "packages")}
    assert changed == {"config": [("lr", "0.1", "0.2")], "packages": [("numpy", "1.26.4", "2.1.0")]}
    assert told["late"] == told["platform"] == []
    assert [(row["key"], row["new"]) for row in told["override"]] == [("lr=0.1", None), ("lr=0.2", "given")]
    assert [one["subject"] for one in told["commits"]] == ["Fix the seed", "Warm up longer"]
    assert [(row["key"], row["old"], row["new"], row["detail"]) for row in told["results"]] == [
        ("curve.csv::loss", "0.5", "0.4", "last of 2, -0.1"),
        ("metrics.json::loss", "0.5", "0.4", "-0.1"),
    ]
    assert told["report"]["holds"] is False


def test_diff_as_text_and_as_tables(paper: Paper) -> None:
    lines = estash("diff", "v1", "v2", "--only-changed", cwd=paper.root).out.splitlines()
    assert lines[:3] == ["v1:mytool/pca → v2:mytool/pca", "Config:", "  key  v1   v2"]
    assert f"    + mytool {paper.commits[2][:12]} Fix the seed" in lines
    assert "Late values: the same" in lines
    rows = table(estash("diff", "v1", "v2", "--csv", cwd=paper.root))
    assert {(row["key"], row["same"]) for row in rows if row["part"] == "config"} == {
        ("lr", "no"),
        ("seed", "yes"),
        ("name", "yes"),
    }
    assert "| mytool/pca | config | lr | 0.1 | 0.2 | no |  |" in estash("diff", "v1", "v2", "--md", cwd=paper.root).out


def test_diff_takes_the_tolerances_of_the_registry(paper: Paper) -> None:
    registry = paper.root / "configs/meta.yaml"
    before = registry.read_text()
    registry.write_text(f"{before}    results: {{rtol: 0.5}}\n")
    try:
        (told,) = asked(paper, "diff", "v1", "v2")["comparisons"]
    finally:
        registry.write_text(before)
    assert told["report"]["holds"]
    assert {row["detail"] for row in told["results"] if row["key"] == "metrics.json::loss"} == {
        "rtol 0.5, atol 0, -0.1"
    }


def test_why_names_what_differs_narrowest_first_and_what_is_the_same(paper: Paper) -> None:
    (told,) = asked(paper, "why", "v1", "v2")["explanations"]
    assert [(cause["kind"], cause["size"]) for cause in told["causes"]] == [("packages", 1), ("code", 2), ("config", 3)]
    assert told["same"] == ["data", "platform"]
    (same,) = asked(paper, "why", "v1", "v1")["explanations"]
    assert (same["causes"], same["conclusion"]) == ([], "nothing has to be explained")


def test_broken_results_and_a_lost_lock_are_notes(tmp_path: Path) -> None:
    paper = make_paper(tmp_path)
    write(paper.runs["v2"], {"metrics.json": "{}"})
    freeze(paper.root, "v3", paper.commits[2], "lr: 0.2\nout: ???\n", paper.runs["v2"])
    place = paper.root / "configs/mytool/snapshots/v3"
    (place / "pca.results.json").write_text("{", encoding="utf-8")
    for lock in place.glob("*.txt"):
        lock.unlink()
    git("add", "configs", cwd=paper.root)
    git("commit", "-q", "--amend", "-m", "broken", cwd=paper.root)
    git("tag", "-f", "snapshot/v3", cwd=paper.root)
    (told,) = asked(paper, "diff", "v2", "v3")["comparisons"]
    notes = "\n".join(told["notes"])
    assert "not a valid results manifest" in notes
    assert "snapshot/v3: its packages are not compared" in notes
    assert [row["key"] for row in told["config"]] == ["lr", "seed", "name"]
