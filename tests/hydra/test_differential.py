"""Every kind of value on every shape of tool: a run and a replay of what was frozen print the same, node by node."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from conftest import estash
from shapes import SHAPES, make_stash

if TYPE_CHECKING:
    from pathlib import Path

KINDS = r"""
kinds:
  seed: 1
  loader: {seed: '${kinds.seed}', twice: '${.seed}-${kinds.seed}'}
  copy: ${kinds.loader}
  values: ${oc.dict.values:kinds.loader}
  job: '${hydra:job.name} ${hydra:job.config_name} ${hydra:job.override_dirname}'
  here: ${oc.env:RUNS}
  com.example: {'a b': '${oc.env:RUNS}/x', '1': '${kinds.seed}'}
  tokens: ['${oc.env:API_TOKEN}', '${kinds.seed}']
  texts: ['\${kinds.seed}', '1e-3', 'yes', '2024-01-01', '010', "\U0001f600\u2028"]
  numbers: [1e-3, 1, 1.0, true, null, .inf]
  1: one
  true: yes
"""
_CLOSED = {"structured configs alone", "hydra-zen"}  # their configs take no keys that their classes lack
_NO_HYDRA = "the compose API, arguments ignored"
OPEN = [name for name in SHAPES if name not in _CLOSED]
_PLAYED = {"hard-coded config_path, experiment: null", "config_path=None, the experiment as primary config", _NO_HYDRA}
"""One of each way of choosing an experiment: an option of a group, a primary config, the compose API."""


@pytest.mark.first(1)
@pytest.mark.parametrize(
    "name", [name if name in _PLAYED else pytest.param(name, marks=pytest.mark.every) for name in OPEN]
)
def test_a_replay_prints_what_the_run_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("API_TOKEN", "hf_0123456789abcdefghijklmnop")
    shape = SHAPES[name]
    kinds = "".join(line for line in KINDS.splitlines(keepends=True) if name != _NO_HYDRA or "hydra:" not in line)
    stash = make_stash(tmp_path, replace(shape, experiment=shape.experiment + kinds))
    frozen = estash("snapshot", "mytool", "first", "--tag", "t", "--commit", cwd=stash)
    assert frozen.code == 0, frozen.err
    assert estash("verify", "--all", cwd=stash).code == 0
    ways = [((), {}), (("kinds.seed=7",), {}), ((), {"NEW_SEED": "5"})]
    if name != _NO_HYDRA:
        ways.append((("--multirun", "kinds.seed=7,8"), {}))
    for arguments, env in ways:
        ran = estash("run", "mytool", "first", *arguments, cwd=stash, env=env)
        again = estash("run", "mytool", "first", "--snapshot", "t", *arguments, cwd=stash, env=env)
        assert ran.code == 0, ran.err
        assert (again.code, told(again.out)) == (0, told(ran.out)), again.err


def told(out: str) -> list[str]:
    """What the tasks print; Hydra's own log has the time."""
    return [line for line in out.splitlines() if "[HYDRA]" not in line]
