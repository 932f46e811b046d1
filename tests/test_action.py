"""The GitHub Action and the GitLab template do what they say: their own scripts run in checkouts such as CI makes."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Ran, estash, git, run, write
from preloaded import BIN, script
from shapes import Shape, hard_coded
from shapes import make_stash as make_hydra_stash
from stashes import commit_index, freeze, make_stash, pin_id, snapshot_path, snapshot_text, stage

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
TEMPLATE = yaml.safe_load((ROOT / "templates/experimentstash.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
WRITES = """\
    from pathlib import Path
    from hydra.core.hydra_config import HydraConfig
    Path(HydraConfig.get().runtime.output_dir, "result.json").write_text('{"loss": 0.5}')
"""
HOSTILE = '"; touch hostile; echo "$(touch hostile)`touch hostile`'


def play(name: str, checkout: Path, context: dict[str, str]) -> Ran:
    """Run a step of the action with the values that a runner would fill in."""
    temporary = checkout.with_name("runner")
    temporary.mkdir(exist_ok=True)
    env = {key: _filled(value, context) for key, value in STEPS[name].get("env", {}).items()}
    env |= {"RUNNER_TEMP": str(temporary), "GITHUB_STEP_SUMMARY": str(temporary / "summary.md")}
    env["PATH"] = f"{script(BIN / 'experimentstash').parent}{os.pathsep}{os.environ['PATH']}"
    return run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"], cwd=checkout, env=env)


def _filled(expression: str, context: dict[str, str]) -> str:
    inputs = {f"inputs.{key}": value["default"] for key, value in ACTION["inputs"].items()}
    names = re.findall(r"[\w.-]+", expression.removeprefix("${{").removesuffix("}}"))
    return next((found for name in names if (found := {**inputs, **context}.get(name))), "")


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A stash with a remote, and a checkout of the remote as CI makes one."""
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "two")
    git("init", "-q", "--bare", tmp_path / "server.git", cwd=tmp_path)
    git("remote", "add", "origin", tmp_path / "server.git", cwd=root)
    git("push", "-q", "origin", "main", "snapshot/v1", cwd=root)
    return root


def checkout(tmp_path: Path, *options: str) -> Path:
    git("clone", "-q", "--no-tags", *options, f"file://{tmp_path}/server.git", tmp_path / "checkout", cwd=tmp_path)
    return tmp_path / "checkout"


def test_no_input_is_part_of_a_script() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
    used = re.findall(r"inputs\.([\w-]+)", json.dumps(ACTION["runs"]))
    assert set(used) == set(ACTION["inputs"])


def test_a_checkout_that_is_shallow_is_completed_and_holds(server: Path, tmp_path: Path) -> None:
    stage(server, {"notes.txt": "more\n"})
    context = {"github.event.before": git("rev-parse", "HEAD", cwd=server), "github.sha": commit_index(server)}
    git("push", "-q", "origin", "main", cwd=server)
    ran = play("Verify", checkout(tmp_path, "--depth", "1"), context)
    assert ran.code == 0, ran.err
    assert "snapshots hold" in ran.out or "snapshot holds" in ran.out


@pytest.mark.parametrize("before", ["", HOSTILE])
def test_drift_is_found_and_no_value_is_executed(server: Path, tmp_path: Path, before: str) -> None:
    stage(server, {snapshot_path("b", "v2"): snapshot_text("b", "v2", pin_id("elsewhere"))})
    bad = commit_index(server, "drift")
    git("push", "-q", "--no-verify", "origin", "main", cwd=server)
    place = checkout(tmp_path)
    ran = play("Verify", place, {"github.event.before": before, "github.sha": bad, "inputs.online": HOSTILE})
    assert (ran.code, f"{bad[:12]}:{snapshot_path('b', 'v2')}: pin: " in ran.err) == (1, True)
    assert not list(tmp_path.rglob("hostile"))


@pytest.fixture(scope="module")
def reproducible(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reproducible")
    files = hard_coded()
    files["mytool/main.py"] = files["mytool/main.py"].replace("def main(cfg):\n", f"def main(cfg):\n{WRITES}")
    stash = make_hydra_stash(root, Shape(files))
    frozen = estash("snapshot", "mytool", "first", "--tag", "v1", "--run", "--commit", cwd=stash)
    assert frozen.code == 0, frozen.err
    git("init", "-q", "--bare", root / "server.git", cwd=root)
    git("push", "-q", "--no-verify", root / "server.git", "main", "snapshot/v1", cwd=stash)
    return root


def test_a_tag_is_reproduced_and_its_badge_kept(reproducible: Path, tmp_path: Path) -> None:
    shutil.copytree(reproducible / "server.git", tmp_path / "server.git")
    place = checkout(tmp_path)
    badges = {"inputs.badge-branch": "badges", "inputs.tag": "v1"}
    ran = play("Reproduce", place, {"inputs.tag": "v1", "inputs.arguments": "--no-build\n--allow-local\n"})
    assert ran.code == 0, ran.err + ran.out
    assert play("Summary", place, badges).code == 0
    assert (tmp_path / "runner/summary.md").read_text().startswith("# Reproduction of v1")
    for message in ("1 of 1 experiments hold", "cannot be reproduced"):
        ran = play("Badge", place, badges)
        assert ran.code == 0, ran.err
        badge = json.loads(git("show", "badges:v1.json", cwd=tmp_path / "server.git"))
        assert (badge["schemaVersion"], badge["label"], badge["message"]) == (1, "snapshot/v1", message)
        shutil.rmtree(tmp_path / "runner/reproduction", ignore_errors=True)
        (tmp_path / "runner/badge.json").unlink()
        ran = play("Reproduce", place, {"inputs.tag": "v1", "inputs.arguments": "--no-build\n"})
        assert ran.code == 1  # the URL of its tool is a path of this machine
    assert git("rev-list", "--count", "badges", cwd=tmp_path / "server.git") == "2"
    assert git("ls-tree", "--name-only", "badges", cwd=tmp_path / "server.git") == "v1.json"


def test_hostile_inputs_of_a_reproduction(reproducible: Path, tmp_path: Path) -> None:
    shutil.copytree(reproducible / "server.git", tmp_path / "server.git")
    place = checkout(tmp_path)
    hostile = {"inputs.tag": HOSTILE, "inputs.arguments": HOSTILE, "inputs.badge-branch": HOSTILE}
    assert play("Reproduce", place, hostile).code != 0
    write(tmp_path, {"runner/badge.json": "{}"})
    assert play("Badge", place, hostile).code != 0
    assert not list(tmp_path.rglob("hostile"))


@pytest.mark.parametrize("healthy", [True, False])
def test_the_template_of_gitlab_verifies(server: Path, tmp_path: Path, healthy: bool) -> None:
    if not healthy:
        stage(server, {snapshot_path("b", "v2"): snapshot_text("b", "v2", pin_id("elsewhere"))})
        commit_index(server, "drift")
        git("push", "-q", "--no-verify", "origin", "main", cwd=server)
    job: dict[str, Any] = {**TEMPLATE[".experimentstash"], **TEMPLATE["experimentstash-verify"]}
    lines = [line for line in [*job["before_script"], *job["script"]] if not line.startswith("pip ")]
    head = git("rev-parse", "HEAD", cwd=server)
    env = {"CI_COMMIT_SHA": head, "CI_COMMIT_BEFORE_SHA": "0" * 40}
    ran = run("bash", "-ec", "\n".join(lines), cwd=checkout(tmp_path), env=env)
    assert (ran.code == 0) == healthy, ran.err
    assert job["variables"]["GIT_DEPTH"] == "0"


def test_the_template_of_gitlab_reproduces(reproducible: Path, tmp_path: Path) -> None:
    shutil.copytree(reproducible / "server.git", tmp_path / "server.git")
    place = checkout(tmp_path)
    git("fetch", "-q", "--tags", "origin", cwd=place)
    (line,) = TEMPLATE["experimentstash-reproduce"]["script"]
    env = {"EXPERIMENTSTASH_TAG": "v1", "CI_PROJECT_DIR": str(place)}
    ran = run("bash", "-ec", f"{line} --no-build --allow-local", cwd=place, env=env)
    assert ran.code == 0, ran.err
    for path in TEMPLATE["experimentstash-reproduce"]["artifacts"]["paths"]:
        assert (place / path).is_file()
