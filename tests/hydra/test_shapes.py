"""Any Hydra tool, unmodified: each shape runs, freezes and replays with the same config and leaves no trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import BIN, commit, estash, git, run, write
from shapes import EXPERIMENT, SHAPES, Shape, hard_coded, make_stash, write_experiment

from experimentstash.stash import snapshot_file

ALIKE = {
    "hard-coded config_path, no experiment group",
    "config_path=None, configs in a plain folder",
    "a script without an ending",
    "a working folder below the root",
    "a working config with its own run directory",
    "structured configs alone",
    "config_path=None, the experiment as primary config",
    "pkg:// config path",
    "a script",
}
"""Shapes that differ little from others."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.every) if name in ALIKE else name for name in SHAPES]
)
def test_a_shape_runs_freezes_and_replays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    shape = SHAPES[name]
    stash = make_stash(tmp_path, shape)
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    assert_runs_freezes_and_replays(stash, shape)


def assert_runs_freezes_and_replays(stash: Path, shape: Shape) -> None:
    ran = estash("run", "mytool", "first", cwd=stash)
    assert (ran.code, ran.err) == (0, "")
    assert shape.expected in ran.out
    frozen = estash("snapshot", "mytool", "first", "--tag", "t", "--commit", cwd=stash)
    assert frozen.code == 0, frozen.err
    again = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash)
    assert (again.code, again.err) == (0, "")
    assert again.out == ran.out
    assert git("status", "--porcelain", "--ignore-submodules=none", cwd=stash) == ""
    assert estash("verify", "--all", cwd=stash).code == 0


@pytest.mark.every
def test_a_console_script(tmp_path: Path) -> None:
    """Installed beside the interpreter, as `pip install -e` puts it there."""
    project = (
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "mytool"\nversion = "1"\n[project.scripts]\nmytool-run = "mytool.main:main"\n'
        '[tool.hatch.build]\ndev-mode-dirs = ["."]\n'
    )
    files = {**SHAPES["pkg:// config path"].files, "pyproject.toml": project, ".gitignore": ".venv/\n"}
    stash = make_stash(tmp_path, Shape(files, entry="entrypoint: mytool-run"))
    tool = stash / "tools/mytool"
    assert run(BIN / "uv", "venv", "--quiet", "--python", BIN / "python", cwd=tool).code == 0
    (packages,) = (tool / ".venv/lib").glob("python3*/site-packages")
    (packages / "ours.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    command = ["pip", "install", "--quiet", "--offline", "--no-deps", "--no-build-isolation", "-e", "."]
    installed = run(BIN / "uv", *command, cwd=tool, env={"VIRTUAL_ENV": str(tool / ".venv")})
    assert installed.code == 0, installed.err
    assert_runs_freezes_and_replays(stash, SHAPES["hard-coded config_path, experiment: null"])


@pytest.mark.every
def test_types_come_back_in_each_job_of_a_sweep(tmp_path: Path) -> None:
    stash = make_stash(tmp_path, SHAPES["structured configs alone"])
    assert estash("snapshot", "mytool", "first", "--tag", "t", "--commit", cwd=stash).code == 0
    swept = estash("run", "mytool", "first", "--snapshot", "t", "--multirun", "model.layers=1,2", cwd=stash)
    assert swept.code == 0, swept.err
    assert swept.out.count("/'model'/'kind' EnumNode <enum 'Kind'> <enum 'Kind'> <Kind.RNN: 2>") == 2


def told_by_hydra_alone(told: str) -> list[str]:
    """Leave out what no override can give back: the config's name, and the overrides that were typed."""
    differs = ("hydra: job.config_name ", "hydra: job.override_dirname ", "hydra: overrides.")
    return [line for line in told.splitlines() if not line.startswith(differs)]


@pytest.mark.every
@pytest.mark.parametrize("name", ["config", "figure1/config", "a.b/c-d"])
def test_an_experiment_of_any_name_reruns_with_hydra_alone(tmp_path: Path, name: str) -> None:
    """Hydra would find the tool's own `config.yaml` first."""
    stash = make_stash(tmp_path, Shape(hard_coded()))
    write_experiment(stash, name, EXPERIMENT)
    frozen = estash("snapshot", "mytool", name, "--tag", "v1.0", "--commit", cwd=stash)
    assert frozen.code == 0, frozen.err
    header = snapshot_file.parse((stash / f"configs/mytool/snapshots/v1.0/{name}.yaml").read_bytes(), name)
    ran = run("sh", "-c", header.one("RERUN"), cwd=stash / header.one("WORKDIR"))
    assert ran.code == 0, ran.err
    replayed = estash("run", "mytool", name, "--snapshot", "v1.0", cwd=stash)
    assert told_by_hydra_alone(ran.out) == told_by_hydra_alone(replayed.out)


def test_a_tool_that_is_not_what_was_frozen_runs_only_if_the_user_says_so(tmp_path: Path) -> None:
    stash = make_stash(tmp_path, Shape(hard_coded()))
    assert estash("snapshot", "mytool", "first", "--tag", "t", "--commit", cwd=stash).code == 0
    tool, replay = stash / "tools/mytool", ("run", "mytool", "first", "--snapshot", "t")
    old, new = git("rev-parse", "HEAD", cwd=tool), commit(tool, {"more.py": ""})
    write(tool, {"more.py": "edited = True\n"})
    at = f"tools/mytool is at {new[:12]}, but configs/mytool/snapshots/t/first.yaml was frozen at {old[:12]}"
    changed = "tools/mytool: uncommitted changes: more.py"
    refused = estash(*replay, cwd=stash)
    fix = f"git -C tools/mytool checkout --quiet {old}"
    assert (refused.code, refused.out, refused.err) == (
        1, "", f"experimentstash: {at}\n    fix: {fix}  # or, to run it all the same, add --any-commit\n"
    )  # fmt: skip

    ran = estash(*replay, "--any-commit", f"hydra.run.dir={tmp_path}/here", cwd=stash)
    told = [f"{at}: the result may differ", f"{changed}: the result may differ"]
    assert (ran.code, ran.err) == (0, "".join(f"experimentstash: {line}\n" for line in told))
    assert (tmp_path / "here/experimentstash-differences.txt").read_text() == "".join(f"{line}\n" for line in told)
    swept = estash(*replay, "--any-commit", "--multirun", "+lr=1,2", f"hydra.sweep.dir={tmp_path}/there", cwd=stash)
    assert swept.code == 0, swept.err
    assert len(list(tmp_path.glob("there/*/experimentstash-differences.txt"))) == 2

    git("checkout", "-q", ".", cwd=tool)
    assert run("sh", "-c", fix, cwd=stash).code == 0
    write(tool, {"more.py": "edited = True\n"})
    refused = estash(*replay, cwd=stash)
    assert refused.code == 1
    assert refused.err.startswith(f"experimentstash: {changed}\n    fix: mkdir -p outputs/mytool/moved-")
    assert run("sh", "-c", refused.err.partition("fix: ")[2], cwd=stash).code == 0
    held = estash(*replay, f"hydra.run.dir={tmp_path}/held", cwd=stash)
    assert (held.code, held.err) == (0, "")
    assert not (tmp_path / "held/experimentstash-differences.txt").exists()


def test_any_commit_goes_with_a_snapshot(tmp_path: Path) -> None:
    ran = estash("run", "mytool", "first", "--any-commit", cwd=tmp_path)
    assert (ran.code, ran.err) == (
        2,
        "experimentstash: --any-commit needs --snapshot TAG\n"
        "    fix: experimentstash run mytool first --snapshot TAG --any-commit\n",
    )


def test_a_class_that_the_tool_has_no_more_is_told(tmp_path: Path) -> None:
    shape = SHAPES["structured configs alone"]
    stash = make_stash(tmp_path, shape)
    assert estash("snapshot", "mytool", "first", "--tag", "t", "--commit", cwd=stash).code == 0
    commit(stash / "tools/mytool", {"mytool/main.py": shape.files["mytool/main.py"].replace("Big", "Huge")})
    ran = estash("run", "mytool", "first", "--snapshot", "t", "--any-commit", cwd=stash)
    assert ran.code == 1
    assert "was frozen with the class __main__:Big, which the tool does not have at this commit" in ran.err
    assert "Traceback" not in ran.err
