"""A sweep is one snapshot: its jobs are told, each is given exactly what was frozen, whoever carries it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import BIN, estash, git, run, write
from plays import paste
from sweeping import (
    EXPERIMENT,
    LAUNCHERS,
    a_stash,
    forget,
    freeze,
    frozen,
    given,
    plain_tool,
    processes,
    swept,
    typed_tool,
)

RESOLVERS = """
import random
from omegaconf import OmegaConf
OmegaConf.register_new_resolver("dice", lambda: random.random())
OmegaConf.register_new_resolver("twice", lambda value: 2 * value)
"""
SWEEPER = '''
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper

class Halving(Sweeper):
    """Chooses as it runs: half the rate of the job before."""

    def __init__(self, start=8):
        self.rate = start

    def setup(self, *, hydra_context, task_function, config):
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments):
        rest = [one for one in arguments if not one.startswith("rate=")]
        for number in range(3):
            self.launcher.launch([[*rest, "rate=%s" % self.rate]], initial_job_idx=number)
            self.rate /= 2

ConfigStore.instance().store(
    group="hydra/sweeper", name="halving", node={"_target_": "hydra_plugins.halving.Halving", "start": 8})
'''


def job_files(stash: Path) -> list[str]:
    folder = stash / "configs/mytool/snapshots/t"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))


def with_resolvers() -> dict[str, str]:
    files = plain_tool()
    return {**files, "mytool/main.py": RESOLVERS + files["mytool/main.py"]}


@pytest.mark.every
def test_the_jobs_are_told_one_by_one(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    ran = freeze(stash, "rate=0.1,0.2", "seed=1,2,3", "name='a b'", "--multirun")
    jobs = [f"rate={rate} seed={seed}" for rate in (0.1, 0.2) for seed in (1, 2, 3)]
    assert [line for line in ran.out.splitlines() if line.startswith("    job ")] == [
        f"    job {number}: {job}" for number, job in enumerate(jobs)
    ]
    assert frozen(stash).all("JOB") == tuple(f"{number} {job}" for number, job in enumerate(jobs))
    assert job_files(stash) == ["first.yaml"]


@pytest.mark.first(1)
@pytest.mark.parametrize("launcher", ["joblib", "basic", "submitit_local"])
@pytest.mark.parametrize("tool", ["typed", "plain"])
def test_each_job_is_given_what_was_frozen(tmp_path: Path, tool: str, launcher: str) -> None:
    stash = a_stash(tmp_path, typed_tool() if tool == "typed" else None)
    sweep = ["rate=0.1,2", "model.layers=1,7", "--multirun"]
    was = swept(stash, *sweep, into="was")
    assert len(set(was.values())) == 4
    freeze(stash, *sweep)
    assert job_files(stash) == ["first.yaml"]
    forget(stash)
    assert swept(stash, "--snapshot", "t", f"hydra/launcher={launcher}") == was
    assert len(processes(tmp_path / "swept")) == (4 if launcher == "submitit_local" else 1) or launcher == "joblib"


@pytest.mark.first(1)
@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("tool", ["plain", "typed"])
def test_jobs_with_other_keys_are_snapshots_of_their_own(tmp_path: Path, tool: str, launcher: str) -> None:
    stash = a_stash(tmp_path, typed_tool() if tool == "typed" else None)
    sweep = ["model=small,big", "seed=1,2", "--multirun"]
    was = swept(stash, *sweep, into="was")
    assert len(set(was.values())) == 4
    ran = freeze(stash, *sweep, "--commit")
    assert "    job 2: model=big seed=1, a snapshot of its own\n" in ran.out
    assert job_files(stash) == ["first.yaml", *(f"first/{number}.yaml" for number in range(4))]
    forget(stash)
    assert swept(stash, "--snapshot", "t", f"hydra/launcher={launcher}") == was
    assert estash("verify", "--all", cwd=stash).code == 0


def task_config(told: str) -> list[str]:
    return [line for line in told.splitlines() if not line.startswith("hydra: ")]


def alone_as_in_the_sweep(told: str) -> list[str]:
    """Leave out what differs when a job runs by itself: it is no sweep, and has no number."""
    differs = ("hydra: mode ", "hydra: job.num ", "hydra: overrides.hydra.* StringNode 'hydra.mode=")
    return [line for line in told.splitlines() if not line.startswith(differs)]


@pytest.mark.every
def test_a_job_that_is_a_snapshot_runs_by_itself_and_with_hydra_alone(tmp_path: Path) -> None:
    stash = a_stash(tmp_path, experiment=EXPERIMENT.replace("job: ${hydra:job.num}", "job: 1"))
    freeze(stash, "model=small,big", "hydra/launcher=joblib", "--multirun")
    was = swept(stash, "--snapshot", "t")
    for number in ("0", "1"):
        alone = tmp_path / number
        ran = estash("run", "mytool", f"first/{number}", "--snapshot", "t", f"hydra.run.dir={alone}", cwd=stash)
        assert ran.code == 0, ran.err
        assert alone_as_in_the_sweep(given(alone)["."]) == alone_as_in_the_sweep(was[number])
        header = frozen(stash, f"first/{number}")
        assert not [line for line in header.all("HYDRA") if "launcher" in line or "multirun" in line]
        command = f"{header.one('RERUN')} hydra.run.dir={alone}-hydra"
        ran = run("sh", "-c", command, cwd=stash / header.one("WORKDIR"))
        assert ran.code == 0, ran.err
        assert task_config(given(Path(f"{alone}-hydra"))["."]) == task_config(was[number])
    assert not frozen(stash).one("RERUN")


def test_a_value_built_from_a_swept_one_is_built_anew(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    ran = freeze(stash, "rate=0.1,0.2", "--multirun")
    assert "    label: follows what the sweep changes\n" in ran.out
    header = frozen(stash)
    assert "label=${name}-${rate}-${model.layers}" in header.all("BUILT")
    alone = run(
        "sh", "-c", f"{header.one('RERUN')} hydra.sweep.dir={tmp_path / 'alone'}", cwd=stash / header.one("WORKDIR")
    )
    assert alone.code == 0, alone.err
    again = swept(stash, "--snapshot", "t")
    assert list(map(task_config, given(tmp_path / "alone").values())) == list(map(task_config, again.values()))
    assert "'first-0.2-1'" in given(tmp_path / "alone")["1"]


@pytest.mark.first(1)
@pytest.mark.parametrize(
    ("params", "typed", "jobs"),
    [
        ("rate: '0.1,0.2', seed: 5", [], ["rate=0.1", "rate=0.2"]),
        ("rate: '1,2', seed: 5", ["seed=1,2"], ["rate=1 seed=1", "rate=1 seed=2", "rate=2 seed=1", "rate=2 seed=2"]),
        ("rate: '0.1,0.2'", ["rate=7"], [""]),
        ("seed: 'range(1,4)'", ["rate=2"], ["seed=1", "seed=2", "seed=3"]),
        ("model: big", ["seed=1,2"], ["seed=1", "seed=2"]),
        (
            "+extra: '1,2'",
            ["+more=a,true"],
            ["extra=1 more=a", "extra=1 more=True", "extra=2 more=a", "extra=2 more=True"],
        ),
        ("model.layers: 'choice(1,2)'", ["+new.key=x"], ["model.layers=1", "model.layers=2"]),
    ],
)
def test_the_sweepers_own_parameters(tmp_path: Path, params: str, typed: list[str], jobs: list[str]) -> None:
    experiment = EXPERIMENT + f"hydra: {{mode: MULTIRUN, sweeper: {{params: {{{params}}}}}}}\n"
    stash = a_stash(tmp_path, experiment=experiment)
    was = swept(stash, *typed, into="was")
    freeze(stash, *typed)
    told = [line.partition(" ")[2] for line in frozen(stash).all("JOB")]
    assert (told, len(was)) == (jobs, len(jobs))
    assert swept(stash, "--snapshot", "t") == was


@pytest.mark.every
def test_choices_that_hydra_makes_are_spelled_out(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    freeze(stash, "seed=shuffle(range(1,9))", "model=glob(*)", "--multirun")
    told = [line.partition(" ")[2] for line in frozen(stash).all("JOB")]
    assert (len(told), len(set(told))) == (16, 16)
    forget(stash)
    write(stash, {"configs/mytool/model/huge.yaml": "layers: 99\n"})
    again = swept(stash, "--snapshot", "t")
    for number, job in enumerate(told):
        seed = dict(one.split("=") for one in job.split())["seed"]
        assert f"/'seed' AnyNode typing.Any <class 'int'> {seed}\n" in again[str(number)]
    assert len(again) == 16


@pytest.mark.every
def test_a_value_that_only_the_sweep_gives(tmp_path: Path) -> None:
    stash = a_stash(tmp_path, experiment=f"{EXPERIMENT}depth: ???\n")
    was = swept(stash, "depth=1,2", "--multirun", into="was")
    freeze(stash, "depth=1,2", "--multirun")
    assert swept(stash, "--snapshot", "t") == was
    ran = estash("snapshot", "mytool", "first", "--tag", "u", "seed=1,2", "--multirun", cwd=stash)
    assert "mytool/first: missing value: depth (???)" in ran.err


@pytest.mark.first(1)
@pytest.mark.parametrize(
    ("more", "sweep"),
    [
        ("extra: ${twice:${rate}}", ["rate=1,2"]),  # what a tool's own resolver does is not known
        ("extra: ${oc.env:FLAVOUR,x}-${rate}", ["rate=1,2"]),
        ("extra: {a: 1, b: '${.a}'}", ["extra={a:5},{a:6}"]),
        ("extra: {a: 1, b: '${.a}'}", ["extra.a=1,true"]),
        ("extra: [1, 2]\nlast: ${extra}", ["extra=[3],[4,5]", "seed=1,2"]),
        ("extra: 1", ["extra='${seed}',2", "seed=1,2"]),
        ("extra: null", ["extra=null,1,0.5,1e-3,x,'5',true"]),
    ],
)
def test_every_value_and_type_of_every_job(tmp_path: Path, more: str, sweep: list[str]) -> None:
    files = with_resolvers()
    files["conf/config.yaml"] += "extra: null\nlast: null\n"
    stash = a_stash(tmp_path, files, EXPERIMENT + more + "\n")
    was = swept(stash, *sweep, "--multirun", into="was", env={"FLAVOUR": "here"})
    ran = estash("snapshot", "mytool", "first", "--tag", "t", *sweep, "--multirun", cwd=stash, env={"FLAVOUR": "here"})
    assert ran.code == 0, ran.err
    forget(stash)
    assert swept(stash, "--snapshot", "t", env={"FLAVOUR": "there"}) == was


@pytest.mark.every
def test_what_differs_from_job_to_job_by_chance_is_frozen_for_each(tmp_path: Path) -> None:
    stash = a_stash(tmp_path, with_resolvers(), EXPERIMENT.replace("seed: 1", "seed: ${dice:}"))
    freeze(stash, "rate=1,2,3", "--multirun")
    assert frozen(stash, "first/1").all("VARIES") == ("seed",)
    once, again = swept(stash, "--snapshot", "t"), swept(stash, "--snapshot", "t", into="again")
    assert once == again
    assert len({line for text in once.values() for line in text.splitlines() if line.startswith("/'seed'")}) == 3


@pytest.mark.every
def test_groups_in_groups_of_the_sweepers_own_parameters(tmp_path: Path) -> None:
    """As manylatents sweeps: over two groups, one below another, and values of what they bring."""
    files = plain_tool()
    for name in ("umap", "tsne"):
        files[f"conf/algorithms/latent/{name}.yaml"] = f"_target_: {name}\nneighbours: 15\n{name}: ${{seed}}\n"
    files["conf/config.yaml"] = files["conf/config.yaml"].replace("- model:", "- algorithms/latent: umap\n  - model:")
    params = "{algorithms/latent: 'umap,tsne', model: 'small,big', algorithms.latent.neighbours: '5,50', seed: 42}"
    experiment = f"{EXPERIMENT}hydra: {{mode: MULTIRUN, sweeper: {{params: {params}}}}}\n"
    stash = a_stash(tmp_path, {**files, "hydra_plugins/halving.py": SWEEPER}, experiment)
    was = swept(stash, into="was")
    freeze(stash, "--commit")
    assert frozen(stash).all("JOB")[-1] == "7 algorithms/latent=tsne model=big algorithms.latent.neighbours=50"
    forget(stash)
    assert (len(was), swept(stash, "--snapshot", "t")) == (8, was)
    write(stash, {"configs/mytool/experiment/second.yaml": EXPERIMENT})
    sweep = ["hydra/sweeper=halving", "algorithms/latent=choice(umap,tsne)"]
    ran = estash("snapshot", "mytool", "second", "--tag", "u", *sweep, "--multirun", cwd=stash)
    assert (ran.code, "what jobs the sweep algorithms/latent=choice(umap,tsne) has" in ran.err) == (1, True), ran.err


@pytest.mark.every
def test_a_sweeper_that_chooses_as_it_runs(tmp_path: Path) -> None:
    stash = a_stash(tmp_path, {**plain_tool(), "hydra_plugins/halving.py": SWEEPER})
    sweep = ["hydra/sweeper=halving", "rate=interval(0,8)", "--multirun"]
    was = swept(stash, *sweep, into="was")
    assert "'first-4.0-1'" in was["1"]
    ran = freeze(stash, *sweep)
    said = "not known in advance: hydra_plugins.halving.Halving chooses them as it runs"
    assert f"    jobs: {said}\n" in ran.out
    assert (frozen(stash).all("JOB"), frozen(stash).one("JOBS")) == ((), "chosen by hydra_plugins.halving.Halving")
    forget(stash)
    assert swept(stash, "--snapshot", "t") == was
    ran = freeze(stash, "hydra/sweeper=halving", "model=choice(small,big)", "--multirun", code=1)
    assert "hydra_plugins.halving.Halving chooses as it runs what jobs the sweep model=choice(small,big) has" in ran.err
    fix = ran.err.rpartition("fix: ")[2]
    assert fix.startswith("experimentstash snapshot mytool first --tag t hydra.mode=RUN model=VALUE  # each choice")
    (stash / "configs/mytool/snapshots/t/first.yaml").unlink()
    paste(fix.replace("VALUE", "small"), stash)


@pytest.mark.every
def test_a_sweeper_that_chooses_gets_what_it_got(tmp_path: Path) -> None:
    """Here what was typed is handed on to the jobs, after what the sweeper chooses."""
    sweeper = SWEEPER.replace("start=8):", "start=8, params=None):")
    sweeper = sweeper.replace('[*rest, "rate=%s" % self.rate]', '["rate=%s" % self.rate, *rest]')
    experiment = f"{EXPERIMENT}hydra: {{sweeper: {{params: {{rate: 'interval(0,8)'}}}}}}\n"
    stash = a_stash(tmp_path, {**plain_tool(), "hydra_plugins/halving.py": sweeper}, experiment)
    sweep = ["hydra/sweeper=halving", "seed=3", "--multirun"]
    was = swept(stash, *sweep, into="was")
    assert len(was) == 3
    freeze(stash, *sweep)
    forget(stash)
    assert swept(stash, "--snapshot", "t") == was
    again = swept(stash, "--snapshot", "t", "seed=4", into="again")["0"]
    assert [line for line in again.splitlines() if line.startswith("/'seed'")] == [
        "/'seed' AnyNode typing.Any <class 'int'> 4"
    ]
    assert len(swept(stash, "--snapshot", "t", "hydra/sweeper=basic", "rate=1,2", into="basic")) == 2


@pytest.mark.every
def test_a_program_that_adds_overrides_and_a_launcher_of_processes(tmp_path: Path) -> None:
    files = plain_tool()
    files["mytool/main.py"] = "import sys\nsys.argv += ['name=added']\n" + files["mytool/main.py"]
    stash = a_stash(tmp_path, files)
    was = swept(stash, "rate=1,2", "--multirun", into="was")
    freeze(stash, "rate=1,2", "--multirun")
    for launcher in LAUNCHERS if "EVERY" in os.environ else ["submitit_local"]:
        assert swept(stash, "--snapshot", "t", f"hydra/launcher={launcher}", into=launcher) == was


def test_what_is_no_sweep_is_told_in_hydras_words(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    ran = freeze(stash, "model=small,nowhere", "--multirun", code=1)
    assert "mytool/first does not compose: job 1 (" in ran.err
    assert "Could not find 'model/nowhere'" in ran.err
    ran = freeze(stash, "rate=interval(0,1)", "--multirun", code=1)
    assert "BasicSweeper does not support sweep type : INTERVAL_SWEEP" in ran.err
    ran = freeze(stash, "seed=range(1,20000)", "--multirun", code=1)
    assert "it has 19999 jobs; at most 10000 are frozen one by one" in ran.err
    assert "Traceback" not in ran.err
    assert not (stash / "configs/mytool/snapshots").exists()


@pytest.mark.every
def test_jobs_that_are_frozen_are_not_swept_over_anew(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    freeze(stash, "model=small,big", "--multirun")
    ran = estash("run", "mytool", "first", "--snapshot", "t", "model=big", cwd=stash)
    assert (ran.code, "it sweeps over model, and each of its jobs is a separate snapshot" in ran.err) == (1, True)
    assert "fix: experimentstash run mytool first/0 --snapshot t" in ran.err
    more = swept(stash, "--snapshot", "t", "seed=8,9")
    assert len(more) == 4
    assert ["8" in more[job].split("'seed'")[1].splitlines()[0] for job in "0123"] == [True, False, True, False]
    (stash / "configs/mytool/snapshots/t/first/1.yaml").unlink()
    ran = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash)
    assert (ran.code, "first/1.yaml: job 1 of mytool/first is missing" in ran.err) == (1, True)
    path = stash / "configs/mytool/snapshots/t/first.yaml"
    freeze(stash, "model=small,big", "--multirun", code=1)  # first/1 is gone, and said so
    git("checkout", "-q", "--", ".", cwd=stash)
    path.write_text(path.read_text().replace("SWEEP: model=small,big", "SWEEP: model=small"))


@pytest.mark.every
def test_a_freeze_that_was_cut_off_is_finished_by_saying_it_again(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    sweep = ["model=small,big", "--multirun"]
    freeze(stash, *sweep)
    texts = {name: (stash / "configs/mytool/snapshots/t" / name).read_text() for name in job_files(stash)}
    freeze(stash, *sweep, "--commit")
    shown = git("show", "--name-only", "--format=", "snapshot/t", cwd=stash).splitlines()
    assert {f"configs/mytool/snapshots/t/{name}" for name in texts} <= set(shown)
    assert {name: (stash / "configs/mytool/snapshots/t" / name).read_text() for name in texts} == texts


@pytest.mark.every
def test_another_job_under_the_same_tag_is_in_the_way(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    freeze(stash, "model=small,big", "--multirun")
    path = stash / "configs/mytool/snapshots/t/first/1.yaml"
    path.write_text(path.read_text().replace("layers: 9", "layers: 8"))
    ran = freeze(stash, "model=small,big", "--multirun", code=1)
    assert "first/1.yaml: exists with different content, and is not tagged yet" in ran.err


@pytest.mark.every
def test_a_staged_config_that_sweeps_over_groups(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    text = EXPERIMENT + "hydra: {mode: MULTIRUN, sweeper: {params: {model: 'small,big'}}}\n"
    write(stash, {"configs/mytool/snapshots/t/first.yaml": text})
    git("add", "configs", cwd=stash)
    hook = run(BIN / "freeze-snapshots", cwd=stash)
    assert (hook.code, job_files(stash)) == (1, ["first.yaml", "first/0.yaml", "first/1.yaml"]), hook.err
    assert "configs/mytool/snapshots/t/first/1.yaml" in hook.out
    was = swept(stash, "--snapshot", "t")
    assert len(was) == 2
    path = stash / "configs/mytool/snapshots/t/first.yaml"
    path.write_text(path.read_text().replace("name: first", "name: ${label}"))
    git("add", "configs", cwd=stash)
    hook = run(BIN / "freeze-snapshots", cwd=stash)
    assert (hook.code, "a sweep whose jobs are separate snapshots" in hook.err) == (1, True)


@pytest.mark.every
def test_a_snapshot_whose_lines_do_not_fit_is_told(tmp_path: Path) -> None:
    stash = a_stash(tmp_path)
    freeze(stash, "model=small,big", "--multirun")
    path = stash / "configs/mytool/snapshots/t/first.yaml"
    path.write_text(path.read_text().replace("SWEEP: model=small,big", "SWEEP: model=small,big,huge"))
    ran = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash)
    assert (ran.code, "its SWEEP lines make 3 jobs, and its JOB lines tell 2" in ran.err) == (1, True)
    assert "Traceback" not in ran.err
