"""What belongs to the machine or the moment stands in no frozen file; everything else does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from conftest import BIN, Ran, commit, estash, git, run, write
from plays import paste
from shapes import TELL, Shape, hard_coded, make_stash

from experimentstash.stash import snapshot_file

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


def freeze(stash: Path, *arguments: str, code: int = 0) -> tuple[snapshot_file.Snapshot, Ran]:
    ran = estash("snapshot", "mytool", "first", "--tag", "t", *arguments, cwd=stash, env=ENVIRONMENT)
    assert ran.code == code, ran.err
    path = stash / "configs/mytool/snapshots/t/first.yaml"
    return (snapshot_file.parse(path.read_bytes(), "t") if code == 0 else snapshot_file.Snapshot((), "")), ran


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
        "gone": "${no.such.key}",
        "deep.0.dir": "${oc.env:SCRATCH}",
    }
    text = (stash / "configs/mytool/snapshots/t/first.yaml").read_text()
    for value in [*SECRETS.values(), str(sealed_home), str(stash), "ada-the-user", "/scratch/ada"]:
        assert value not in text
    for line in ("monkey: banana", "steps: 100", "choice: big", 'fallback: "/data/typed"', 'typed: "/data/imagenet"'):
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
        """What the config holds, but for what lies in the run directory."""
        own = [line for line in text.splitlines() if line.startswith("/")]
        return [line for line in own if not re.search(r"'(out|built|twice_built)'", line)]

    assert lines(ran.out) == lines(by_us.out)


def test_keep_and_late_decide_otherwise(stash: Path) -> None:
    frozen, ran = freeze(stash, "--keep", "home", "--late", "model.layers", "--late", "name")
    assert "home: kept, as you said" in ran.out
    assert "home" not in frozen.late_keys
    assert {"model.layers=???", "name=???", "twice_built.1=${built}/${name}"} <= set(frozen.all("LATE"))


@pytest.mark.every
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
    assert "seed: another value each time it is read: frozen as first seen" in ran.out
    first = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash)
    assert first.out == estash("run", "mytool", "first", "--snapshot", "t", cwd=stash).out


@pytest.mark.every
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
    params: {seed: "1,2", model.rate: "0.1,0.2"}
  sweep: {subdir: "job${hydra.job.num}"}
threads: ${oc.env:THREADS}
"""
    stash = make_stash(tmp_path, Shape(hard_coded(), experiment=experiment))
    ran = estash("run", "mytool", "first", cwd=stash, env=ENVIRONMENT)
    assert ran.out.count("/'seed'") == 4
    frozen, _ = freeze(stash)
    assert set(frozen.all("HYDRA")) == {
        "--multirun",
        "hydra.job.chdir=true",
        "hydra.job.name=named",
        "hydra.job.env_copy=['DB_PASSWORD']",
        "++hydra.job.env_set.THREADS='1'",
        "++hydra.job.env_set.MINE=${oc.env:HF_TOKEN}",
        "hydra.sweep.subdir=job${hydra.job.num}",
        "++hydra.runtime.choices.experiment=first",
        "++hydra.runtime.choices.model=small",
    }
    assert frozen.all("SWEEP") == ("seed=1,2", "model.rate=0.1,0.2")
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
    choices = ("++hydra.runtime.choices.experiment=first", "++hydra.runtime.choices.model=big")
    assert (frozen.all("SWEEP"), frozen.all("HYDRA")) == (("seed=1,2",), ("--multirun", *choices))
    ran = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash)
    assert ran.out.count("/'added' AnyNode typing.Any <class 'str'> 'x'") == 2
    assert ran.out.count("/'name' AnyNode typing.Any <class 'str'> 'from the line'") == 2


@pytest.mark.every
def test_another_tool_that_is_used_is_recorded(tmp_path: Path) -> None:
    from shapes import SHAPES

    stash = make_stash(tmp_path, SHAPES["search_packages of two tools"])
    frozen, _ = freeze(stash)
    pin = git("rev-parse", "HEAD", cwd=stash / "tools/shared")
    assert frozen.all("DEPENDS") == (f"shared {pin}",)
    (stash / "tools/shared/new.py").write_text("")
    ran = estash("snapshot", "mytool", "first", "--tag", "u", cwd=stash)
    assert ran.code == 1
    assert "tools/shared: uncommitted changes: new.py" in ran.err
    commit(stash / "tools/shared", {})


def test_late_values_under_keys_that_no_override_can_name(tmp_path: Path) -> None:
    """They stand in lines that a replay reads by itself; Hydra alone cannot run the file."""
    keys = ("a.b", "odd key", "3d", "a/b", 'quo"te', "$x")
    more = "".join(f"  {key!r}: ${{oc.env:HF_TOKEN}}\n" for key in keys) + "  7: ${oc.env:HF_TOKEN}\n"
    config = f"# @package _global_\nmodel: {{layers: 5}}\nmore:\n{more}"
    stash = make_stash(tmp_path, Shape(hard_coded(), experiment=config))
    by_us = estash("run", "mytool", "first", cwd=stash, env=ENVIRONMENT)
    frozen, ran = freeze(stash, "--late", 'more."3d"')
    assert "more.a.b: late: HF_TOKEN is named like a secret" in ran.out
    assert 'more."a.b" = "${oc.env:HF_TOKEN}"' in frozen.all("LATE_AT")
    assert (len(frozen.all("LATE_AT")), frozen.one("RERUN")) == (7, "")
    assert SECRETS["HF_TOKEN"] not in (stash / "configs/mytool/snapshots/t/first.yaml").read_text()
    assert estash("verify", cwd=stash).code == 0
    again = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash, env=ENVIRONMENT)
    assert (again.code, values(again)) == (0, values(by_us))
    git("add", "configs", "tools", cwd=stash)
    path = "configs/mytool/snapshots/t/first.yaml"
    write(stash, {path: (stash / path).read_text().replace("name: default\n", "name: ${seed}\n")})
    git("add", "configs", cwd=stash)
    again = run(BIN / "freeze-snapshots", cwd=stash, env=ENVIRONMENT)
    assert again.code == 1, again.err
    anew = snapshot_file.parse((stash / path).read_bytes(), path)
    built = ("name=${seed}", "out=${hydra:job.name}/x")
    assert (anew.all("LATE_AT"), anew.all("BUILT")) == (frozen.all("LATE_AT"), built)


def values(ran: Ran) -> list[str]:
    """All that a run tells of its config, but for what lies in the run directory."""
    lines = [line for line in ran.out.splitlines() if line.startswith("/")]
    return [line for line in lines if not re.search(r"'(out|job)'", line)]


@pytest.mark.every
def test_a_kept_secret_is_told(stash: Path) -> None:
    _, ran = freeze(stash, "--keep", "key")
    assert "    key: kept, as you said: THE SECRET WANDB_API_KEY STANDS IN THE FILE, for everybody who" in ran.out


@pytest.mark.parametrize(
    ("typed", "said", "fix"),
    [
        (("--late", "model.layer"), "--late model.layer: the config has no key 'model.layer'", "--late model.layers"),
        (("--keep", "zzz"), "--keep zzz: the config has no key 'zzz'", "--tag t\n"),
    ],
)
def test_a_decision_about_no_key_is_refused(stash: Path, typed: tuple[str, str], said: str, fix: str) -> None:
    _, ran = freeze(stash, *typed, code=1)
    assert f"experimentstash: mytool/first: {said}; " in ran.err
    assert fix in ran.err.partition("fix: experimentstash snapshot mytool first --tag t")[1] + ran.err
    assert not (stash / "configs/mytool/snapshots").exists()
    paste(ran.err.rpartition("fix: ")[2], stash, ENVIRONMENT)


def test_a_decision_of_the_registry_about_no_key_is_refused(stash: Path) -> None:
    meta = stash / "configs/meta.yaml"
    meta.write_text(meta.read_text() + "    keep: [model.rat]\n")
    _, ran = freeze(stash, code=1)
    assert (
        "`keep:` of mytool in configs/meta.yaml: the config has no key 'model.rat'; did you mean model.rate " in ran.err
    )
    assert ran.err.endswith("    fix: take model.rat out of `keep:` in configs/meta.yaml\n")
    meta.write_text(meta.read_text().replace("model.rat", ""))
    freeze(stash)


def test_an_override_that_a_value_cannot_follow_is_refused(tmp_path: Path) -> None:
    config = "# @package _global_\nmodel: {layers: 5}\nmixed: ${oc.env:STEPS}-${seed}\nfollows: x${seed}\n"
    stash = make_stash(tmp_path, Shape(hard_coded(), experiment=config))
    frozen, ran = freeze(stash)
    assert frozen.all("FIXED") == ("mixed seed",)
    assert "    mixed: does not follow seed, which it is built from\n" in ran.out
    one = estash("run", "mytool", "first", "--snapshot", "t", "seed=7", cwd=stash)
    assert (one.code, one.out) == (1, "")
    assert "mytool/first: mixed was built from seed when it was frozen, and cannot follow a change of it" in one.err
    assert "fix: experimentstash run mytool first --snapshot t seed=7 mixed=100-1  # with the value" in one.err
    assert "/'follows' AnyNode typing.Any <class 'str'> 'x7'" in paste(one.err.rpartition("fix: ")[2], stash).out
    both = estash("run", "mytool", "first", "--snapshot", "t", "seed=7", "mixed=100-7", cwd=stash)
    assert both.code == 0, both.err
    assert "/'follows' AnyNode typing.Any <class 'str'> 'x7'" in both.out


@pytest.mark.every
def test_half_a_character_is_refused(tmp_path: Path) -> None:
    config = '# @package _global_\nmodel: {layers: 5}\nsmile: "\\ud83d\\ude00"\n'
    stash = make_stash(tmp_path, Shape(hard_coded(), experiment=config))
    _, ran = freeze(stash, code=1)
    assert "mytool/first: smile: it holds half a character (a surrogate), which cannot be written to a file" in ran.err
    paste(ran.err.rpartition("fix: ")[2].replace("VALUE", "x"), stash)
    (stash / "configs/mytool/snapshots/t/first.yaml").unlink()
    frozen, _ = freeze(stash, 'smile="😀"')
    assert 'smile: "\\U0001F600"\n' in frozen.body


@pytest.mark.every
def test_a_list_that_is_built_from_a_late_value_is_late_as_a_whole(tmp_path: Path) -> None:
    config = (
        "# @package _global_\nmodel: {layers: 5}\ntokens: {a: '${oc.env:HF_TOKEN}'}\nall: ${oc.dict.values:tokens}\n"
    )
    stash = make_stash(tmp_path, Shape(hard_coded(), experiment=config))
    frozen, _ = freeze(stash)
    assert "all=${oc.dict.values:tokens}" in frozen.all("LATE")
    again = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash, env=ENVIRONMENT)
    assert (again.code, SECRETS["HF_TOKEN"] in again.out) == (0, True), again.err


def test_a_value_that_only_the_program_gives(tmp_path: Path) -> None:
    config = "# @package _global_\nmodel: {layers: 5}\ngiven: ???\nderived: run-${given}\nmore: {x: '${derived}'}\n"
    stash = make_stash(tmp_path, Shape(hard_coded(), experiment=config))
    _, ran = freeze(stash, code=1)
    assert "mytool/first: missing value: given (???)\n" in ran.err
    fix = ran.err.rpartition("fix: ")[2]
    assert fix.startswith("experimentstash snapshot mytool first --tag t --late given  # if the program gives it")
    ran = paste(fix, stash)
    frozen = snapshot_file.parse((stash / "configs/mytool/snapshots/t/first.yaml").read_bytes(), "first.yaml")
    assert {"given=???", "derived=run-${given}", "more.x=${derived}"} <= set(frozen.all("LATE"))
    assert "    derived: late: built from given\n" in ran.out
    again = estash("run", "mytool", "first", "--snapshot", "t", "given=3", cwd=stash)
    assert "/'more'/'x' AnyNode typing.Any <class 'str'> 'run-3'" in again.out, again.err


def test_a_whole_mapping_may_be_late_and_is_given_at_the_run(stash: Path) -> None:
    frozen, _ = freeze(stash, "--late", "model")
    assert {"model.layers=???", "model.rate=???"} <= set(frozen.all("LATE"))
    given = ["model.layers=3", "model.rate=0.25", "gone=x"]
    ran = estash("run", "mytool", "first", "--snapshot", "t", *given, cwd=stash, env=ENVIRONMENT)
    assert ran.code == 0, ran.err
    assert "/'model'/'layers' AnyNode typing.Any <class 'int'> 3" in ran.out
