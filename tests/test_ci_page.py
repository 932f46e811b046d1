"""The CI jobs of docs/how-to/ci.md do what the page says: their own lines run in a checkout such as CI makes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Ran, git, run
from stashes import commit_index, freeze, make_stash, pin, pin_id, snapshot_path, snapshot_text, stage

PAGE = (Path(__file__).parents[1] / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
ACTION, GITHUB, GITLAB = (yaml.safe_load(block) for block in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE))
NONE = "0" * 40


def github(event: dict[str, str]) -> str:
    """Return the lines that a GitHub runner would run, with the values that it fills in."""

    def filled(expression: str) -> str:
        names = re.findall(r"[\w.]+", expression)
        return next((event[name] for name in names if event.get(name)), "")

    lines = []
    for step in GITHUB["jobs"]["verify"]["steps"]:
        if "run" in step and not step["run"].startswith("pip "):
            lines += [f"export {key}='{filled(value[3:-2])}'" for key, value in step.get("env", {}).items()]
            lines.append(step["run"])
    return "set -e\n" + "\n".join(lines)


def gitlab(event: dict[str, str]) -> str:
    lines: list[Any] = [line for line in GITLAB["snapshots"]["script"] if not line.startswith("pip ")]
    names = {
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": event.get("github.event.pull_request.base.sha", ""),
        "CI_COMMIT_BEFORE_SHA": event.get("github.event.before", NONE),
        "CI_COMMIT_SHA": event.get("github.event.pull_request.head.sha") or event["github.sha"],
    }
    return "set -e\n" + "\n".join([*(f"export {key}='{value}'" for key, value in names.items()), *lines])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "two")
    git("init", "-q", "--bare", tmp_path / "server.git", cwd=tmp_path)
    git("remote", "add", "origin", tmp_path / "server.git", cwd=root)
    git("push", "-q", "origin", "main", "snapshot/v1", cwd=root)
    return root


@pytest.fixture(params=[github, gitlab], ids=["github", "gitlab"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    def play(event: dict[str, str], *options: str) -> Ran:
        checkout = tmp_path / "checkout"
        git("clone", "-q", "--no-tags", *options, f"file://{tmp_path}/server.git", checkout, cwd=tmp_path)
        git("checkout", "-q", "--detach", event["github.sha"], cwd=checkout)
        return run("bash", "-c", request.param(event), cwd=checkout)

    return play


def push(root: Path, *refs: str) -> None:
    git("push", "-q", "origin", *(refs or ("main",)), cwd=root)


def drift(root: Path) -> str:
    stage(root, {snapshot_path("b", "v2"): snapshot_text("b", "v2", pin_id("elsewhere"))})
    return commit_index(root, "drift")


def test_the_page_has_the_keys_that_ci_wants() -> None:
    assert set(GITHUB[True]) == {"push", "pull_request"}  # YAML reads `on` so, and GitHub does not mind
    checkout = GITHUB["jobs"]["verify"]["steps"][0]
    assert checkout["with"]["fetch-depth"] == 0
    assert GITLAB["snapshots"]["variables"]["GIT_DEPTH"] == "0"


def test_a_healthy_push(root: Path, job: Any) -> None:
    before = git("rev-parse", "HEAD", cwd=root)
    pin(root, "three")
    after = commit_index(root)
    push(root)
    ran = job({"github.event.before": before, "github.sha": after})
    assert (ran.code, ran.out) == (0, "0 snapshots hold\n1 snapshot holds\n")


def test_drift_in_the_middle_of_a_push(root: Path, job: Any) -> None:
    before = git("rev-parse", "HEAD", cwd=root)
    bad = drift(root)
    git("rm", "-q", snapshot_path("b", "v2"), cwd=root)
    after = commit_index(root, "out again")
    push(root)
    ran = job({"github.event.before": before, "github.sha": after})
    assert (ran.code, f"{bad[:12]}:{snapshot_path('b', 'v2')}: pin: " in ran.err) == (1, True)


@pytest.mark.parametrize("before", [NONE, "1" * 40], ids=["a new branch", "forced"])
def test_a_branch_that_was_not_there_is_judged_whole(root: Path, job: Any, before: str) -> None:
    bad = drift(root)
    git("rm", "-q", snapshot_path("b", "v2"), cwd=root)
    after = commit_index(root, "out again")
    push(root, "main:refs/heads/new")
    ran = job({"github.event.before": before, "github.sha": after})
    assert (ran.code, bad[:12] in ran.err) == (1, True)


def test_a_pull_request_is_judged_from_its_base(root: Path, job: Any) -> None:
    base = git("rev-parse", "HEAD", cwd=root)
    git("checkout", "-q", "-b", "topic", cwd=root)
    freeze(root, "b", "v2", "three")
    push(root, "topic", "snapshot/v2")
    topic = git("rev-parse", "HEAD", cwd=root)
    event = {"github.event.pull_request.base.sha": base, "github.event.pull_request.head.sha": topic}
    ran = job({**event, "github.sha": topic})
    assert (ran.code, ran.out) == (0, "1 snapshot holds\n2 snapshots hold\n")


def test_a_shallow_checkout_says_what_to_fetch(root: Path, job: Any) -> None:
    before = git("rev-parse", "HEAD", cwd=root)
    for name in ("three", "four"):
        pin(root, name)
        after = commit_index(root)
    push(root)
    ran = job({"github.event.before": before, "github.sha": after}, "--depth=1")
    assert (ran.code, ran.out) == (1, "")
    assert "is at the edge of this shallow clone" in ran.err
    assert ran.err.endswith("    fix: git fetch --unshallow --tags\n")
