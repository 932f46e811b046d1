"""The rule `header` for what `run` and `reproduce` read: what it passes, they do not refuse."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from stashes import commit_index, make_stash, pin, snapshot_path, snapshot_text, stage

from experimentstash.core.names import SnapshotName
from experimentstash.git.repository import Repository
from experimentstash.stash.snapshot_file import parse
from experimentstash.verify.examination import judge_commit, judge_index
from experimentstash.verify.header_values import value_problems

NAME = SnapshotName("mytool", "v1", "pca")
FOLDER = "configs/mytool/snapshots/v1"
ZEROS = "0" * 64
LOCK = f"{FOLDER}/requirements-0123456789ab.txt"


def told(*lines: str) -> list[str]:
    """Return what is found in a header."""
    text = "".join(f"# {line}\n" for line in lines) + "\na: 1\n"
    found = value_problems(parse(text.encode(), NAME.path), NAME)
    assert {problem.rule for problem in found} <= {"header"}
    return [problem.what for problem in found]


@pytest.mark.parametrize(
    "line",
    [
        "PYTHON: 3.11.7",
        "PYTHON: 3.12.0rc1 pypy",
        "PACKAGE: hydra-core==1.3.2",
        f"LOCK: {LOCK} sha256:{ZEROS}",
        f"LOCK: tools/mytool/uv.lock sha256:{ZEROS} extra=gpu group=dev",
        f"LOCK: 'tools/mytool/a b/uv.lock' sha256:{ZEROS}",
        "PROJECT: tools/mytool",
        "TYPE: . tool.conf:Config = tool.conf:Config",
        "TYPE: a Optional[int]",
        "TYPE: a.b Any = dict [str, Union[int, tool.conf:Color]]",
        'TYPE: "an\\u0020odd.key" raw tuple',
        "TYPE: a Any = dict keys tool:Color",
        "TYPE: a Tuple[int, ...] = list",
        "TYPE: a Required[Any]",
        f"RESULTS: sha256:{ZEROS}",
        "SELECT: compose",
        "JOBS: chosen by optuna.sweeper.OptunaSweeper",
    ],
)
def test_lines_that_can_be_read_hold(line: str) -> None:
    assert told(line) == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("PYTHON: three", "the header line PYTHON cannot be read: 'three'"),
        ("PACKAGE: hydra-core>=1", "the header line PACKAGE cannot be read: 'hydra-core>=1'"),
        (f"LOCK: {LOCK}", f"the header line LOCK cannot be read: '{LOCK}'"),
        (f"LOCK: {LOCK} md5:1", "the header line LOCK cannot be read: 'md5:1'"),
        (f"LOCK: '{LOCK} sha256:{ZEROS}", f'the header line LOCK cannot be read: "\'{LOCK} sha256:{ZEROS}"'),
        (f"LOCK: /etc/lock sha256:{ZEROS}", "the header line LOCK leads out of the stash: '/etc/lock'"),
        (
            f"LOCK: configs/uv.lock sha256:{ZEROS}",
            "LOCK 'configs/uv.lock' is neither in a tool nor beside the snapshot",
        ),
        ("PROJECT: /etc", "the header line PROJECT leads out of the stash: '/etc'"),
        ("PROJECT: tools/", "the header line PROJECT leads out of the stash: 'tools/'"),
        ("PROJECT: tools/mytool/../../..", "the header line PROJECT leads out of the stash: 'tools/mytool/../../..'"),
        ("TYPE: a", "TYPE 'a' must be a key and a type"),
        ("TYPE: a Frobnicate", "TYPE 'a Frobnicate' must be a key and a type"),
        ("TYPE: a Optional[int", "TYPE 'a Optional[int' must be a key and a type"),
        ("TYPE: a raw set", "TYPE 'a raw set' must be a key and a type"),
        ("TYPE: a tool:", "TYPE 'a tool:' must be a key and a type"),
        ("RESULTS: yes", "RESULTS 'yes' must be sha256:DIGEST"),
        ("JOBS: together", "JOBS must be 'apart' or 'chosen by SWEEPER', not 'together'"),
        ("JOBS: apart", "JOBS is 'apart', but there is no JOB line"),
        ("SELECT: dice", "SELECT 'dice' must be one of append, compose, group, primary"),
    ],
)
def test_lines_that_cannot_be_read_are_findings(line: str, what: str) -> None:
    assert what in told(line)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_stash(tmp_path / "stash")


def judged(root: Path, more: str, files: dict[str, str]) -> list[str]:
    """Stage a snapshot with more header lines and further files; return the findings, in the index and committed."""
    commit = pin(root, "one")
    stage(root, {snapshot_path("pca", "v1"): snapshot_text("pca", "v1", commit, more=more), **files})
    with Repository.open(root) as repository:
        found = [f"{problem.rule}: {problem.what}" for problem in judge_index(repository).problems]
    head = commit_index(root)
    with Repository.open(root) as repository:
        committed = [problem.rule for problem in judge_commit(repository, head).problems]
    assert committed == [line.partition(":")[0] for line in found]
    return found


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_recorded_results_that_reproduce_cannot_read_are_a_finding(root: Path) -> None:
    text = '{"version": 99}\n'
    (found,) = judged(root, f"# RESULTS: sha256:{digest(text)}\n", {f"{FOLDER}/pca.results.json": text})
    assert found.startswith(f"header: {FOLDER}/pca.results.json: ")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("numpy==1.0 --hash=sha256:" + ZEROS + "\n", []),
        ("-e /home/me/numpy\n", [f"header: {LOCK}:1: '-e /home/me/numpy' "]),
    ],
    ids=["a lock", "no lock"],
)
def test_a_lock_that_reproduce_refuses_is_a_finding(root: Path, text: str, found: list[str]) -> None:
    got = judged(root, f"# LOCK: {LOCK} sha256:{digest(text)}\n", {LOCK: text})
    assert [line[: len(start)] for line, start in zip(got, found, strict=True)] == found


def test_a_quoted_lock_is_the_same_lock(root: Path) -> None:
    missing = f"frozen: it was frozen with {LOCK}, which the commit being made does not hold"
    assert judged(root, f'# LOCK: "{LOCK}" sha256:{ZEROS}\n', {}) == [missing]


def test_an_environment_made_of_a_tool_that_is_not_pinned_is_a_finding(root: Path) -> None:
    what = "and the commit being made has no pin at tools/other"
    assert judged(root, f"# LOCK: tools/other/uv.lock sha256:{ZEROS}\n# PROJECT: tools/other/lib\n", {}) == [
        f"pin: its environment was built from tools/other/uv.lock, {what}",
        f"pin: its environment was built from tools/other/lib, {what}",
    ]


def test_the_jobs_of_a_sweep_are_frozen_with_it(root: Path) -> None:
    more = "# SWEEP: lr=1,2\n# JOB: 0 lr=1\n# JOB: 1 lr=2\n# JOBS: apart\n"
    job = {snapshot_path("pca/0", "v1"): snapshot_text("pca/0", "v1", pin(root, "one"))}
    missing = f"frozen: it was frozen with {FOLDER}/pca/1.yaml, which the commit being made does not hold"
    assert judged(root, more, job) == [missing]


def test_header_lines_below_a_gap_are_found(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    text = snapshot_text(
        "pca", "v1", pin(root, "two"), body="# BODY: sha256:1\n# a comment\n\n# PYTHON: 3.11\nlr: 1\n# TAG: v1\n"
    )
    stage(root, {NAME.path: text})
    with Repository.open(root) as repository:
        found = [problem for problem in judge_index(repository).problems if problem.rule == "header"]
    ended = "is below an empty line, after the end of the header"
    assert [problem.what for problem in found] == [f"BODY {ended}", f"PYTHON {ended}"]
    assert found[0].fix == f"remove the empty line above '# BODY:' in {NAME.path}"
