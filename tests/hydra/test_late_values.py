"""What belongs to the machine or the moment stands in no frozen file; everything else does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from conftest import BIN, Ran, commit, estash, git, run
from shapes import TELL, Shape, hard_coded, make_stash

from experimentstash import snapshot

SECRETS = {
    "WANDB_API_KEY": "wandb-0123456789abcdef",
    "DB_PASSWORD": "hunter2-hunter2",
    "HF_TOKEN": "hf_abcdefghijklmnopqrst",
}
CONFIG = """
# @package _global_
defaults:
  - override /model: big
out: ${hydra:runtime.output_dir}
when: ${now:%Y}
built: ${out}/checkpoints
twice_built: ["x", "${built}/${name}"]
home: ${oc.env:HOME}/data
key: ${oc.env:WANDB_API_KEY}
password: ${oc.env:DB_PASSWORD}
monkey: ${oc.env:MONKEY}
steps: ${oc.decode:${oc.env:STEPS}}
fallback: ${oc.env:NOT_SET_HERE,/data/typed}
typed: /data/imagenet
user: ${oc.env:LOGNAME}
choice: ${hydra:runtime.choices.model}
gone: ${no.such.key}
deep:
  - {dir: "${oc.env:SCRATCH}"}
name: late
"""
ENVIRONMENT = {**SECRETS, "MONKEY": "banana", "STEPS": "100", "LOGNAME": "ada-the-user", "SCRATCH": "/scratch/ada"}


def freeze(stash: Path, *arguments: str, code: int = 0) -> tuple[snapshot.Snapshot, Ran]:
    ran = estash("snapshot", "mytool", "first", "--tag", "t", *arguments, cwd=stash, env=ENVIRONMENT)
    assert ran.code == code, ran.err
    path = stash / "configs/mytool/snapshots/t/first.yaml"
    return (snapshot.parse(path.read_bytes(), "t") if code == 0 else snapshot.Snapshot((), "")), ran


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    return make_stash(tmp_path, Shape(hard_coded(), experiment=CONFIG))


def test_late_values_have_no_frozen_value(stash: Path, sealed_home: Path) -> None:
    frozen, ran = freeze(stash)
    assert dict(line.split("=", 1) for line in frozen.all("LATE")) == {
        "out": "${hydra:runtime.output_dir}",
        "when": "${now:%Y}",
        "built": "${out}/checkpoints",
        "twice_built.1": "${built}/${name}",
        "home": "${oc.env:HOME}/data",
        "key": "${oc.env:WANDB_API_KEY}",
        "password": "${oc.env:DB_PASSWORD}",
        "user": "${oc.env:LOGNAME}",
        "choice": "${hydra:runtime.choices.model}",
        "gone": "${no.such.key}",
        "deep.0.dir": "${oc.env:SCRATCH}",
    }
    text = (stash / "configs/mytool/snapshots/t/first.yaml").read_text()
    for value in [*SECRETS.values(), str(sealed_home), str(stash), "ada-the-user", "/scratch/ada"]:
        assert value not in text
    for line in ("monkey: banana", "steps: 100", 'fallback: "/data/typed"', 'typed: "/data/imagenet"'):
        assert line in frozen.body.splitlines()
    assert "monkey: frozen as MONKEY has it here" in ran.out
    assert "key: late: WANDB_API_KEY is named like a secret" in ran.out
    assert estash("verify", cwd=stash).code == 0


def test_a_late_value_is_the_one_of_the_run(stash: Path) -> None:
    freeze(stash)
    ran = estash(
        "run",
        "mytool",
        "first",
        "--snapshot",
        "t",
        cwd=stash,
        env={**ENVIRONMENT, "HF_TOKEN": "", "SCRATCH": "/elsewhere"},
    )
    assert "'dir' AnyNode typing.Any <class 'str'> '/elsewhere'" in ran.out or "InterpolationKeyError" in ran.err
    assert "InterpolationKeyError" in ran.err, "what could not be resolved fails as it did when it was frozen"


def test_rerun_is_hydra_alone(tmp_path: Path) -> None:
    stash = make_stash(tmp_path, Shape(hard_coded(), experiment=CONFIG.replace("gone: ${no.such.key}\n", "")))
    by_us = estash("run", "mytool", "first", cwd=stash, env=ENVIRONMENT)
    frozen, _ = freeze(stash)
    (work,), (command,) = frozen.all("WORKDIR"), frozen.all("RERUN")
    assert command.startswith("python -m mytool.main --config-dir=")
    ran = run("sh", "-c", command, cwd=stash / work, env={**ENVIRONMENT, "PATH": f"{BIN}:/usr/bin:/bin"})
    assert ran.code == 0, ran.err
    words = shlex.split(command)
    assert run(BIN / "python", *words[1:], cwd=stash / work, env=ENVIRONMENT).code == 0

    def lines(text: str) -> list[str]:
        """All but what lies in the run folder."""
        return [line for line in text.splitlines() if not re.search(r"'(out|built|twice_built)'", line)]

    assert lines(ran.out) == lines(by_us.out)


def test_keep_and_late_decide_otherwise(stash: Path) -> None:
    frozen, ran = freeze(stash, "--keep", "home", "--late", "model.layers", "--late", "name")
    assert "home: kept, as you said" in ran.out
    assert "home" not in frozen.late_keys
    assert {"model.layers=???", "name=???", "twice_built.1=${built}/${name}"} <= set(frozen.all("LATE"))


def test_the_registry_decides_for_good(stash: Path) -> None:
    meta = stash / "configs/meta.yaml"
    meta.write_text(meta.read_text() + "    late: [model.rate]\n    keep: [user]\n")
    text = meta.read_text().replace("    late:", "    late:")
    meta.write_text(text)
    frozen, _ = freeze(stash)
    assert "model.rate" in frozen.late_keys
    assert "user" not in frozen.late_keys


def test_what_differs_between_compositions_is_named(tmp_path: Path) -> None:
    files = hard_coded()
    files["mytool/main.py"] = (
        "import random\nfrom omegaconf import OmegaConf\n"
        "OmegaConf.register_new_resolver('rand', lambda: random.randint(0, 10**9))\n" + files["mytool/main.py"]
    )
    stash = make_stash(tmp_path, Shape(files, experiment="# @package _global_\nseed: ${rand:}\nmodel: {layers: 5}\n"))
    frozen, ran = freeze(stash)
    assert frozen.all("VARIES") == ("seed",)
    assert "seed: differs from one composition to the next: frozen as first seen" in ran.out
    first = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash)
    assert first.out == estash("run", "mytool", "first", "--snapshot", "t", cwd=stash).out


def test_paths_worked_out_while_importing_are_late(tmp_path: Path, sealed_home: Path) -> None:
    main = """
import os
from dataclasses import dataclass
import hydra
from hydra.core.config_store import ConfigStore
from mytool.tell import tell

@dataclass
class Config:
    root: str = os.getcwd() + "/data"
    cache: str = os.path.expanduser("~/.cache/mytool")
    token: str = "Bearer " + os.environ["HF_TOKEN"]
    layers: int = 5

ConfigStore.instance().store(name="config", node=Config)

@hydra.main(config_path=None, config_name="config", version_base=None)
def main(cfg):
    tell(cfg)

if __name__ == "__main__":
    main()
"""
    files = {"mytool/__init__.py": "", "mytool/tell.py": TELL, "mytool/main.py": main}
    stash = make_stash(tmp_path, Shape(files, experiment="# @package _global_\nlayers: 6\n"))
    frozen, _ = freeze(stash)
    assert set(frozen.all("LATE")) == {
        "root=${hydra:runtime.cwd}/data",
        "cache=${oc.env:HOME}/.cache/mytool",
        "token=Bearer ${oc.env:HF_TOKEN}",
    }
    text = (stash / "configs/mytool/snapshots/t/first.yaml").read_text()
    assert not [value for value in (str(tmp_path), str(sealed_home), SECRETS["HF_TOKEN"]) if value in text]
    again = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash, env=ENVIRONMENT)
    assert f"'root' StringNode <class 'str'> <class 'str'> '{stash}/tools/mytool/data'" in again.out


def test_hydras_own_settings_are_frozen(tmp_path: Path) -> None:
    experiment = """
# @package _global_
model: {layers: 5}
hydra:
  job:
    chdir: true
    name: named
    env_set: {THREADS: "1", MINE: "${oc.env:HF_TOKEN}"}
    env_copy: [DB_PASSWORD]
  mode: MULTIRUN
  sweeper:
    params: {seed: "1,2,3", model.rate: "0.1,0.2"}
  sweep: {subdir: "job${hydra.job.num}"}
threads: ${oc.env:THREADS}
"""
    stash = make_stash(tmp_path, Shape(hard_coded(), experiment=experiment))
    ran = estash("run", "mytool", "first", cwd=stash, env=ENVIRONMENT)
    assert ran.out.count("/'seed'") == 6
    frozen, _ = freeze(stash)
    assert set(frozen.all("HYDRA")) == {
        "--multirun",
        "hydra.job.chdir=true",
        "hydra.job.name=named",
        "hydra.job.env_copy=['DB_PASSWORD']",
        "++hydra.job.env_set.THREADS='1'",
        "++hydra.job.env_set.MINE=${oc.env:HF_TOKEN}",
        "hydra.sweep.subdir=job${hydra.job.num}",
    }
    assert frozen.all("SWEEP") == ("seed=1,2,3", "model.rate=0.1,0.2")
    assert 'threads: "1"' in frozen.body
    text = (stash / "configs/mytool/snapshots/t/first.yaml").read_text()
    assert not [value for value in SECRETS.values() if value in text]
    again = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash, env=ENVIRONMENT)

    def tasks(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith("/")]

    assert again.code == 0, again.err
    assert tasks(again.out) == tasks(ran.out)
    command, work = frozen.one("RERUN"), frozen.one("WORKDIR")
    alone = run("sh", "-c", command, cwd=stash / work, env={**ENVIRONMENT, "PATH": f"{BIN}:/usr/bin:/bin"})
    assert alone.code == 0, alone.err
    assert tasks(alone.out) == tasks(ran.out)


def test_overrides_and_sweeps_are_frozen(tmp_path: Path) -> None:
    stash = make_stash(tmp_path, Shape(hard_coded()))
    frozen, _ = freeze(stash, "seed=1,2", "+added=x", "name=from the line", "--multirun")
    assert frozen.all("OVERRIDE") == ("seed=1,2", "+added=x", "name=from the line")
    assert (frozen.all("SWEEP"), frozen.all("HYDRA")) == (("seed=1,2",), ("--multirun",))
    ran = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash)
    assert ran.out.count("/'added' AnyNode typing.Any <class 'str'> 'x'") == 2
    assert ran.out.count("/'name' AnyNode typing.Any <class 'str'> 'from the line'") == 2


def test_another_tool_that_is_used_is_recorded(tmp_path: Path) -> None:
    from shapes import SHAPES

    stash = make_stash(tmp_path, SHAPES["search_packages of two tools"])
    frozen, _ = freeze(stash)
    pin = git("rev-parse", "HEAD", cwd=stash / "tools/shared")
    assert frozen.all("DEPENDS") == (f"shared {pin}",)
    (stash / "tools/shared/new.py").write_text("")
    ran = estash("snapshot", "mytool", "first", "--tag", "u", cwd=stash)
    assert ran.code == 1
    assert "tools/shared: changes that are not committed: new.py" in ran.err
    commit(stash / "tools/shared", {})


def test_a_late_value_that_no_override_can_name_is_refused(tmp_path: Path) -> None:
    experiment = '# @package _global_\nmodel: {layers: 5, "a.b": "${hydra:run.dir}", "odd key": "${now:%Y}"}\n'
    stash = make_stash(tmp_path, Shape(hard_coded(), experiment=experiment))
    _, ran = freeze(stash, code=1)
    assert "mytool/first: model.a.b: it is late, and Hydra has no override for model.a.b" in ran.err
    assert "fix: experimentstash snapshot mytool first --tag t --keep model.a.b" in ran.err
    frozen, _ = freeze(stash, "--keep", "model.a.b", "--keep", "model.odd key")
    assert frozen.late_keys == ("out",)


def test_a_whole_mapping_may_be_late_and_is_given_at_the_run(stash: Path) -> None:
    frozen, _ = freeze(stash, "--late", "model")
    assert {"model.layers=???", "model.rate=???"} <= set(frozen.all("LATE"))
    given = ["model.layers=3", "model.rate=0.25", "gone=x"]
    ran = estash("run", "mytool", "first", "--snapshot", "t", *given, cwd=stash, env=ENVIRONMENT)
    assert ran.code == 0, ran.err
    assert "/'model'/'layers' AnyNode typing.Any <class 'int'> 3" in ran.out
