"""Hydra from 1.1 to the newest: each runs, freezes and replays, in an environment of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from conftest import BIN, estash, git, run, write
from shapes import EXPERIMENT, Shape, hard_coded, make_stash

pytestmark = pytest.mark.usefixtures("fresh_tools")

# Hydra 1.1 and 1.2 do not load on Python 3.11 (mutable dataclass defaults): they need an older one.
VERSIONS = {
    "hydra-core==1.1.2": ["3.10", "3.9", "3.8"],
    "hydra-core==1.2.0": ["3.10", "3.9", "3.8"],
    "hydra-core==1.3.2": ["3.11", "3.10", "3.12"],
    "hydra-core>=1.4.0rc1": ["3.13", "3.12", "3.11", "3.10"],
}


def python_of(versions: list[str]) -> str | None:
    pyenv = Path(os.environ.get("PYENV_ROOT", "/nowhere"), "versions")
    for version in versions:
        installed = sorted(pyenv.glob(f"{version}.*/bin/python"))
        if installed:
            return str(installed[-1])
        found = run(BIN / "uv", "python", "find", "--no-python-downloads", version, cwd=Path.cwd())
        if found.code == 0:
            return found.out.strip()
    return None


def check_sweeps(stash: Path) -> None:
    """A sweep over values, and one over a group, each in its own way of being frozen."""
    write(stash, {"configs/mytool/experiment/built.yaml": f"{EXPERIMENT}out: x-${{seed}}\n"})
    for tag, choices, files in (("s", "seed=1,2", 1), ("g", "model=small,big", 3)):
        was = estash("run", "mytool", "built", "--multirun", choices, cwd=stash)
        frozen = estash("snapshot", "mytool", "built", "--tag", tag, "--multirun", choices, cwd=stash)
        assert (was.code, frozen.code) == (0, 0), was.err + frozen.err
        again = estash("run", "mytool", "built", "--snapshot", tag, cwd=stash)
        assert again.code == 0, again.err
        assert len(list((stash / f"configs/mytool/snapshots/{tag}").rglob("*.yaml"))) == files
        given = [[line for line in ran.out.splitlines() if line.startswith("/")] for ran in (was, again)]
        assert given[0] == given[1]


@pytest.mark.every
@pytest.mark.parametrize("requirement", VERSIONS)
def test_a_version_of_hydra(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, requirement: str) -> None:
    python = python_of(VERSIONS[requirement])
    if python is None:
        pytest.skip(f"{requirement} needs Python {' or '.join(VERSIONS[requirement])}, which is not on this machine")
    environment = tmp_path_factory.mktemp("environment")
    assert run(BIN / "uv", "venv", "--quiet", "--python", python, environment, "--clear", cwd=tmp_path).code == 0
    made = run(
        BIN / "uv", "pip", "install", "--quiet", "--prerelease=if-necessary-or-explicit",
        "--python", environment / "bin/python",
        requirement, "setuptools<81", cwd=tmp_path,
    )  # fmt: skip
    assert made.code == 0, made.err
    # 1.1 has no version_base, and 1.4 takes none that is old: unset, it is each version's own default.
    files = hard_coded(version_base="")
    stash = make_stash(tmp_path, Shape(files), python=environment / "bin/python")
    ran = estash("run", "mytool", "first", "hydra.output_subdir=null", cwd=stash)
    assert ran.code == 0, ran.err
    assert "'layers' AnyNode typing.Any <class 'int'> 5" in ran.out
    frozen = estash("snapshot", "mytool", "first", "--tag", "t", "--commit", cwd=stash)
    assert frozen.code == 0, frozen.err
    again = estash("run", "mytool", "first", "--snapshot", "t", "hydra.output_subdir=null", cwd=stash)
    assert (again.code, again.out) == (0, ran.out), again.err
    sweep = estash("run", "mytool", "first", "--snapshot", "t", "--multirun", "seed=1,2", cwd=stash)
    assert sweep.code == 0, sweep.err
    assert sweep.out.count("/'seed' AnyNode typing.Any <class 'int'>") == 2
    check_sweeps(stash)
    flat = (stash / "configs/mytool/snapshots/t/first.yaml").read_text()
    whole = estash("run", "mytool", "first", "--cfg", "job", "hydra.output_subdir=null", cwd=stash).out
    write(stash, {
        "configs/mytool/snapshots/u/first.yaml": flat.replace("layers: 5", "layers: ${seed}"),
        "configs/mytool/snapshots/u/whole.yaml": whole,
    })  # fmt: skip
    git("add", "configs", cwd=stash)
    hook = run(BIN / "freeze-snapshots", cwd=stash)
    assert (hook.code, hook.out.count("frozen configs/")) == (1, 2), hook.err
    bodies = [(stash / f"configs/mytool/snapshots/u/{name}.yaml").read_text() for name in ("first", "whole")]
    assert [
        text.partition("\n\n")[2].count(value) for text, value in zip(bodies, ("layers: 1", "layers: 5"), strict=True)
    ] == [1, 1]
    shutil.rmtree(environment)
