"""Launchers and sweepers at a replay: the groups inside them, keys of their mappings, and what a single run needs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from conftest import estash
from sweeping import a_stash, forget, freeze, frozen, plain_tool, swept

if TYPE_CHECKING:
    from pathlib import Path

SWEEPER = '''\
from dataclasses import dataclass, field
from typing import Any, Dict, List

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from omegaconf import MISSING, open_dict

class Dividing(Sweeper):
    """Divides the rate from one job to the next, and leaves a config without Hydra's node."""

    def __init__(self, rule, limits):
        self.rule, self.limits = rule, limits

    def setup(self, *, hydra_context, task_function, config):
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments):
        rate = float(self.limits["start"])
        for number in range(int(self.limits["jobs"])):
            self.launcher.launch([[*arguments, "rate=%s" % rate]], initial_job_idx=number)
            rate = rate / self.rule.by - self.rule.get("less", 0)
        with open_dict(self.config):
            del self.config["hydra"]

@dataclass
class Rule:
    by: int = 2

@dataclass
class Further(Rule):
    by: int = 4
    less: int = 0

@dataclass
class Settings:
    _target_: str = "hydra_plugins.dividing.Dividing"
    defaults: List[Any] = field(default_factory=lambda: [{"rule": "halves"}])
    rule: Rule = MISSING
    limits: Dict[str, Any] = field(default_factory=dict)

store = ConfigStore.instance().store
store(group="hydra/sweeper", name="dividing", node=Settings)
store(group="hydra/sweeper/rule", name="halves", node=Rule)
store(group="hydra/sweeper/rule", name="further", node=Further)
'''
SETTINGS = """\
defaults:
  - override /hydra/sweeper: dividing
  - override /hydra/sweeper/rule: further
hydra:
  sweeper:
    rule: {less: 1}
    limits: {start: 8, jobs: 3}
"""


def test_a_group_inside_the_sweepers_and_keys_of_a_mapping(tmp_path: Path) -> None:
    files = {**plain_tool(), "hydra_plugins/dividing.py": SWEEPER}
    stash = a_stash(tmp_path, files, "# @package _global_\n" + SETTINGS)
    was = swept(stash, "--multirun", into="was")
    assert len(was) == 3
    freeze(stash, "--multirun")
    settings = [line for line in frozen(stash).all("HYDRA") if "sweeper" in line]
    assert settings == [
        "hydra/sweeper=dividing",
        "hydra/sweeper/rule=further",
        "++hydra.sweeper.rule={by:4,less:1}",
        "++hydra.sweeper.limits={start:8,jobs:3}",
    ]
    forget(stash)
    assert swept(stash, "--snapshot", "t") == was
    other = swept(stash, "--snapshot", "t", "hydra/sweeper/rule=halves", into="halves")
    assert (len(other), "sweeper.rule.by IntegerNode 2" in other["0"], "rule.less" in other["0"]) == (3, True, False)


@pytest.mark.every
@pytest.mark.skipif(shutil.which("sbatch") is not None, reason="this machine has SLURM")
def test_a_launcher_is_replaced_only_where_it_starts_jobs(tmp_path: Path) -> None:
    stash = a_stash(tmp_path, None, "# @package _global_\ndefaults:\n  - override /hydra/launcher: submitit_slurm\n")
    freeze(stash)
    assert "hydra/launcher=submitit_slurm" in frozen(stash).all("HYDRA")
    ran = estash("run", "mytool", "first", "--snapshot", "t", cwd=stash)
    assert (ran.code, "launcher" in ran.err) == (0, False), ran.err
    ran = estash("run", "mytool", "first", "--snapshot", "t", "--multirun", "rate=1,2", cwd=stash)
    assert "there is no SLURM on this machine (no sbatch on PATH); Hydra's basic launcher runs the jobs" in ran.err
    path = stash / "configs/mytool/snapshots/t/first.yaml"
    recorded = path.read_text()
    for lines, why in {
        "hydra/launcher=nowhere": "it is not installed in the tool's environment; Hydra's basic launcher",
        "hydra/launcher=joblib\n# HYDRA: hydra.launcher.nope=1": "it cannot be loaded here: Could not override ",
    }.items():
        path.write_text(recorded.replace("# HYDRA: hydra/launcher=submitit_slurm", f"# HYDRA: {lines}"))
        ran = estash("run", "mytool", "first", "--snapshot", "t", "--multirun", "seed=1,2", cwd=stash)
        assert (ran.code, why in ran.err) == (0, True), ran.err
    assert ran.code == 0


@pytest.mark.every
def test_a_single_run_keeps_what_its_sweeper_would_sweep(tmp_path: Path) -> None:
    params = "hydra: {sweeper: {params: {rate: '1,2,3'}}}\n"
    stash = a_stash(tmp_path, None, "# @package _global_\n" + params)
    was = swept(stash, "--multirun", into="was")
    freeze(stash)
    assert 'sweeper.params={"rate": "1,2,3"}' in frozen(stash).all("ANSWER")
    forget(stash)
    assert (len(was), list(swept(stash, "--snapshot", "t", "--multirun"))) == (3, list(was))
