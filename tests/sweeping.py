"""What the tests of sweeps share: a tool whose every job writes down what its task was given, and who started it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from conftest import Ran, estash, write
from shapes import STRUCTURED, TELL, Shape, hard_coded, make_stash

from experimentstash.stash import snapshot_file

TASK = '''
import contextlib, os, pathlib, sys
from hydra.core.hydra_config import HydraConfig
from mytool.tell import tell as tell_all

def tell(cfg):
    """Write down all of a config, its types too."""
    folder = pathlib.Path(HydraConfig.get().runtime.output_dir)
    with open(folder / "config.txt", "w") as file, contextlib.redirect_stdout(file):
        tell_all(cfg)
    (folder / "process.log").write_text(str(os.getpid()))
'''
EXPERIMENT = """
# @package _global_
defaults:
  - override /model: small
name: first
seed: 1
rate: 0.1
label: ${name}-${rate}-${model.layers}
job: ${hydra:job.num}
"""
LAUNCHERS = ("basic", "joblib", "submitit_local")


def plain_tool() -> dict[str, str]:
    files = hard_coded()
    main = files["mytool/main.py"].replace("mytool.tell", "mytool.task")
    config = files["conf/config.yaml"] + "rate: 0\nlabel: x\njob: 0\n"
    return {**files, "mytool/main.py": main, "mytool/task.py": TASK, "conf/config.yaml": config}


def typed_tool() -> dict[str, str]:
    fields = (
        "    rate: float = 0\n    seed: int = 0\n    label: str = ''\n    job: Any = None\n    first: Kind = Kind.CNN\n"
    )
    main = STRUCTURED.replace("mytool.tell", "mytool.task").replace(
        "    model: Any = None\n", f"    model: Any = None\n{fields}"
    )
    return {"mytool/__init__.py": "", "mytool/tell.py": TELL, "mytool/task.py": TASK, "mytool/main.py": main}


def a_stash(root: Path, files: dict[str, str] | None = None, experiment: str = EXPERIMENT) -> Path:
    return make_stash(root, Shape(files or plain_tool(), experiment=experiment), python=Path(sys.executable))


def freeze(stash: Path, *arguments: str, code: int = 0) -> Ran:
    ran = estash("snapshot", "mytool", "first", "--tag", "t", *arguments, cwd=stash)
    assert ran.code == code, ran.err
    return ran


def frozen(stash: Path, name: str = "first") -> snapshot_file.Snapshot:
    path = f"configs/mytool/snapshots/t/{name}.yaml"
    return snapshot_file.parse((stash / path).read_bytes(), path)


def swept(stash: Path, *arguments: str, into: str = "swept", env: dict[str, str] | None = None) -> dict[str, str]:
    """Run a sweep, and return what each of its jobs was given."""
    folder = stash.parent / into
    ran = estash("run", "mytool", "first", *arguments, f"hydra.sweep.dir={folder}", cwd=stash, env=env)
    assert ran.code == 0, ran.err
    return given(folder)


def given(folder: Path) -> dict[str, str]:
    return {str(path.parent.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("config.txt"))}


def processes(folder: Path) -> set[str]:
    return {path.read_text() for path in folder.rglob("process.log")}


def forget(stash: Path) -> None:
    """Change the working config, so that nothing can come from there."""
    write(stash, {"configs/mytool/experiment/first.yaml": "# @package _global_\nname: changed\nrate: 9\n"})


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}
