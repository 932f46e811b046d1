"""Deliberate exceptions: by name, for one command, and found again later."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import BIN, git, run
from stashes import commit_index, make_stash, pin_id, snapshot_path, snapshot_text, stage

from experimentstash.core.errors import FINDING, FINE, Problem, UsageError
from experimentstash.verify.exceptions import RULES, VARIABLE, allowed_rules, report_unless_allowed

PIN = Problem("a.yaml", "pin", "it records one, and HEAD pins two", "git add tools/one")
TAG = Problem("refs/tags/snapshot/v1", "tag", "others have it", "git fetch")


def test_without_a_word_nothing_passes_and_the_refusal_says_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report_unless_allowed([TAG, PIN, PIN], tmp_path / "own", "git push …") == FINDING
    assert capsys.readouterr().err == f"{PIN}\n{TAG}\n    or, if you mean it: {VARIABLE}=pin,tag git push …\n"
    assert not (tmp_path / "own").exists()


def test_what_is_allowed_is_told_and_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, " pin , tag,")
    for _ in range(2):
        assert report_unless_allowed([TAG, PIN], tmp_path / "own", "git push …") == FINE
    told = [f"{problem.where}: {problem.rule}: {problem.what}" for problem in (PIN, TAG)]
    assert capsys.readouterr().err == "".join(f"allowed by {VARIABLE}: {line}\n" for line in told * 2)
    lines = (tmp_path / "own/allowed.log").read_text(encoding="utf-8").splitlines()
    assert [line.partition(" ")[2] for line in lines] == told * 2
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 ", line) for line in lines)


def test_one_rule_allowed_lets_no_other_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "tag")
    assert report_unless_allowed([TAG, PIN], tmp_path / "own", "git push …") == FINDING
    said = capsys.readouterr().err
    assert str(PIN) in said
    assert str(TAG) not in said
    assert said.endswith(f"    or, if you mean it: {VARIABLE}=pin,tag git push …\n")  # what is allowed stays allowed


def test_a_name_that_could_move_the_cursor_is_written_as_an_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "pin")
    report_unless_allowed([Problem("a\x1b[2J\n.yaml", "pin", "\udcff\n", "")], tmp_path / "own", "git push …")
    assert capsys.readouterr().err == f"allowed by {VARIABLE}: a\\x1b[2J\\n.yaml: pin: \\udcff\\n\n"
    assert len((tmp_path / "own/allowed.log").read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize("value", ["", ",", " , "])
def test_nothing_named_is_nothing_allowed(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert allowed_rules() == set()


@pytest.mark.parametrize("value", ["all", "pins", "PIN", "pin,frozen,x", "pin tag", "1"])
def test_what_is_no_rule_is_no_exception(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(UsageError, match=f"is not a rule; the rules are {', '.join(RULES)}"):
        allowed_rules()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stash in which drift is staged."""
    root = make_stash(tmp_path / "stash")
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("elsewhere"))})
    return root


@pytest.mark.parametrize("hook", ["check-snapshots", "guard-push"])
def test_a_hook_with_an_exception_that_it_does_not_know_is_wrong_usage(root: Path, hook: str) -> None:
    if hook == "guard-push":
        commit_index(root)
    ran = run(BIN / hook, cwd=root, env={VARIABLE: "pinn"})
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"experimentstash: {VARIABLE}: 'pinn' is not a rule; the rules are {', '.join(RULES)}\n"
        f"    fix: unset {VARIABLE}\n"
    )


def test_the_trace_of_a_linked_worktree_is_that_of_the_clone(root: Path, tmp_path: Path) -> None:
    git("worktree", "add", "-q", "-b", "side", tmp_path / "linked", cwd=root)
    stage(tmp_path / "linked", {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("elsewhere"))})
    for place in (root, tmp_path / "linked"):
        ran = run(BIN / "check-snapshots", cwd=place, env={VARIABLE: "pin"})
        assert (ran.code, ran.err.count(f"allowed by {VARIABLE}: ")) == (0, 1)
    log = root / ".git/experimentstash/allowed.log"
    assert len(log.read_text(encoding="utf-8").splitlines()) == 2
