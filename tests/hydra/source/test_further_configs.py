"""The configs that a program composes besides the experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conftest import commit, estash, git, write

from experimentstash.hydra.source.further_configs import further_configs

if TYPE_CHECKING:
    from pathlib import Path

TWO = """
from hydra import compose, initialize

with initialize(version_base=None, config_path="conf"):
    game = compose("game", overrides=[])
    learner = compose(config_name="learner")
print("bidders", game.bidders, "eta", learner.eta)
"""


def test_calls_are_found_in_the_modules_of_the_tool_only(tmp_path: Path) -> None:
    write(
        tmp_path, {"tool/main.py": TWO, "elsewhere/lib.py": TWO, "tool/other.py": "def compose(x): ...\ncompose('a')\n"}
    )
    files = [
        str((tmp_path / name).resolve()) for name in ("tool/main.py", "elsewhere/lib.py", "tool/other.py", "gone.py")
    ]
    assert further_configs(tmp_path / "tool", files, uses_compose=True) == ("learner of main.py",)
    assert further_configs(tmp_path / "tool", files, uses_compose=False) == ("game of main.py", "learner of main.py")


def test_a_second_config_is_told_and_replayed_as_it_was(tmp_path: Path) -> None:
    files = {"main.py": TWO, "conf/game.yaml": "bidders: 2\n", "conf/learner.yaml": "eta: 0.5\n"}
    commit(tmp_path / "tool", files)
    stash = tmp_path / "stash"
    commit(
        stash,
        {
            "configs/meta.yaml": "tools:\n  t:\n    path: tools/t\n    entrypoint: main.py\n",
            "configs/t/experiment/three.yaml": "# @package _global_\nbidders: 3\n",
            "configs/t/learner.yaml": "eta: 0.25\n",
        },
    )
    git("submodule", "--quiet", "add", str(tmp_path / "tool"), "tools/t", cwd=stash)
    git("commit", "-qm", "a tool", cwd=stash)
    frozen = estash("snapshot", "t", "three", "--tag", "v1", "--commit", cwd=stash)
    assert frozen.code == 0, frozen.err
    told = "composed by the program itself, and not frozen: a replay takes it from the tag's commits"
    assert f"    learner of main.py: {told}" in frozen.out.splitlines()
    write(stash, {"configs/t/learner.yaml": "eta: 7\n"})
    assert estash("run", "t", "three", "--snapshot", "v1", cwd=stash).out == "bidders 3 eta 0.25\n"
