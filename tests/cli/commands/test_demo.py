"""`demo`: played for real, in an empty home, and it fails where a result is not reproduced."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import BIN, Ran, estash, git, run

from experimentstash.cli.demo.steps import STEPS

pytestmark = pytest.mark.usefixtures("fresh_tools")

ROOT = Path(__file__).parents[3]
# What a machine without dependable dice does to every program: no seed is honoured.
UNSEEDED = """
import random

class Unseeded(random.Random):
    def __init__(self, seed=None):
        super().__init__()

random.Random = Unseeded
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A home with nothing in it, no git identity, and a directory for temporary files that can be looked into."""
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    return {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}


def commands(ran: Ran) -> list[str]:
    return [line.partition("$ ")[2] for line in ran.out.splitlines() if "$ " in line]


@pytest.mark.every
def test_the_main_job_from_an_empty_folder(tmp_path: Path, env: dict[str, str]) -> None:
    ran = estash("demo", cwd=tmp_path, env=env)
    assert (ran.code, ran.err) == (0, "")
    shown = commands(ran)
    assert len(shown) == len(STEPS)
    main_job = [line for line in shown if line.startswith("experimentstash ")]
    remote = main_job[1].rpartition(" ")[2]
    assert remote.endswith("/swissroll.git")
    assert main_job == [
        "experimentstash init",
        f"experimentstash add-tool swissroll {remote}",
        "experimentstash run swissroll figure1/pca",
        "experimentstash snapshot swissroll figure1/pca --tag camera-ready --commit",
        "experimentstash run swissroll figure1/pca",
        "experimentstash run swissroll figure1/pca --snapshot camera-ready",
        "experimentstash verify --all",
    ]
    assert "git checkout -q snapshot/camera-ready && git submodule update" in shown
    assert [path.name for folder in ("home", "temporary") for path in (tmp_path / folder).iterdir()] == []
    published, working, frozen = (
        line.partition(": ")[2] for line in ran.out.splitlines() if line.startswith("figure1/pca: 400 points")
    )
    assert published == frozen != working
    figures = [line.partition(": ")[2] for line in ran.out.splitlines() if line.endswith(",") and "_kept" in line]
    assert figures[0] == figures[2] != figures[1]
    assert "\nidentical\n" in ran.out
    refused = ran.out.partition("$ git push -q --follow-tags\n")[2]
    assert re.match(r"refs/heads/main \w{12}:configs/swissroll/snapshots/revision/pca.yaml: pin: it records ", refused)
    assert "\nerror: failed to push some refs to " in refused
    assert ran.out.partition("ls-remote --refs origin\n")[2].count("refs/tags/snapshot/") == 2
    assert "\n2 snapshots hold\n" in ran.out


@pytest.mark.every
def test_it_fails_where_a_result_is_not_reproduced(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "dice").mkdir()
    (tmp_path / "dice" / "sitecustomize.py").write_text(UNSEEDED)
    ran = estash("demo", cwd=tmp_path, env={**env, "PYTHONPATH": str(tmp_path / "dice")})
    assert ran.code == 1
    assert commands(ran)[-1].startswith("cmp outputs/")
    assert "\nidentical" not in ran.out
    assert ran.err == (
        "experimentstash: that ended with exit code 1\n    fix: experimentstash demo --keep  # and look at its folder\n"
    )
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.every
def test_no_git_of_the_users_is_seen_and_the_folder_can_be_kept(tmp_path: Path, env: dict[str, str]) -> None:
    """Not their identity, their hooks, their repository around the temporary directory, nor an exported `GIT_DIR`."""
    git("init", "-q", cwd=tmp_path)
    (tmp_path / "home" / ".gitconfig").write_text("[user]\n\tname = X\n[core]\n\thooksPath = /nowhere\n[commit\n")
    ran = estash("demo", "--keep", cwd=tmp_path, env={**env, "GIT_DIR": str(tmp_path / ".git")})
    assert (ran.code, ran.err) == (0, "")
    (folder,) = (tmp_path / "temporary").iterdir()
    assert ran.out.endswith(f"Kept: {folder}\n")
    paper = folder / "paper"
    assert set(git("log", "--all", "--format=%an", cwd=paper).splitlines()) == {"A Newcomer"}
    assert git("describe", "--tags", cwd=paper) == "snapshot/revision"
    assert git("status", "--porcelain", cwd=paper) == ""
    assert estash("verify", "--all", cwd=paper).out == "2 snapshots hold\n"


def without_hydra(folder: Path) -> Path:
    """Make an environment with all that this one has, but for Hydra."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (theirs,) = folder.glob("lib/python*/site-packages")
    (ours,) = BIN.parent.glob("lib/python*/site-packages")
    for path in ours.iterdir():
        if not path.name.startswith("hydra"):
            (theirs / path.name).symlink_to(path)
    return folder / "bin" / "python"


@pytest.mark.every
def test_no_hydra_here_and_none_to_be_had(tmp_path: Path, env: dict[str, str]) -> None:
    python = without_hydra(tmp_path / "venv")
    start = "from experimentstash.cli.program import main; main()"
    ran = run(python, "-c", start, "demo", cwd=tmp_path, env={**env, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""})
    assert ran.code == 1
    assert ran.out.splitlines()[1:] == [
        "The tool needs hydra-core. It is not installed: installing it with pip, in this directory."
    ]
    assert ran.err.startswith("experimentstash: the sample tool needs hydra-core, and it could not be had")
    assert ran.err.endswith(f"\n    fix: {python} -m pip install 'hydra-core>=1.3.2'\n")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_wheel_holds_the_tool_and_its_experiments(tmp_path: Path) -> None:
    built = run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT, cwd=tmp_path, env={}
    )
    assert built.code == 0, built.err + built.out
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for experiment in (ROOT / "configs" / "swissroll" / "experiment").rglob("*.yaml"):
        path = experiment.relative_to(ROOT / "configs")
        assert f"experimentstash/cli/demo/sample/{path.parts[0]}/conf/{Path(*path.parts[1:]).as_posix()}" in names
    assert "experimentstash/cli/demo/standardise.patch" in names
    assert not [name for name in names if name.endswith(".pyc")]
