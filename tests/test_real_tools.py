"""docs/real-tools.md can be followed: what it says to type is there, and its callback tells what a task is given."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from conftest import estash, write
from shapes import SHAPES, make_stash

from experimentstash.cli.program import cli

PAGE = (Path(__file__).parents[1] / "docs" / "real-tools.md").read_text(encoding="utf-8")
TOLD = "\n".join(re.findall(r"(?ms)^```python\n(.*?)^```", PAGE))
SAID = re.findall(r"(?m)(?:experimentstash |`)(add-tool|init|run|snapshot|reproduce|verify|bundle)( [^`\n]*)?", PAGE)


def test_the_page_uses_what_there_is() -> None:
    assert {name for name, _ in SAID} >= {"add-tool", "init", "run", "snapshot", "reproduce"}
    for name, said in [one for one in SAID if one[0] != "run"]:  # `run` lets options through; its own is used below
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", said)) <= known, f"{name}{said}"


def test_the_table_has_no_empty_cell() -> None:
    rows = [row.split(" | ") for row in PAGE.splitlines() if row.startswith("|")]
    results = [row for row in rows if len(row) == 6][1:]
    assert len({row[1] for row in results}) >= 9  # four projects, two commits each, and the line below the head
    assert all(all(cell.strip("| ") for cell in row[1:]) for row in results)


@pytest.mark.every
@pytest.mark.parametrize("sweep", [[], ["--multirun", "model.layers=1,2"]], ids=["one job", "a sweep"])
def test_the_callback_tells_the_same_of_a_snapshot(tmp_path: Path, sweep: list[str]) -> None:
    stash = make_stash(tmp_path, SHAPES["structured configs alone"])
    write(tmp_path, {"inside/told.py": TOLD})
    frozen = estash("snapshot", "mytool", "first", "--tag", "t", *sweep, "--commit", cwd=stash)
    assert frozen.code == 0, frozen.err
    callback = [
        "+hydra.callbacks.told._target_=told.Told",
        f"hydra.run.dir={tmp_path}/run",
        f"hydra.sweep.dir={tmp_path}/run",
    ]
    texts: list[str] = []
    for way in (sweep, ["--snapshot", "t"]):
        env = {"PYTHONPATH": str(tmp_path / "inside"), "TOLD": str(tmp_path / f"told-{len(texts)}")}
        ran = estash("run", "mytool", "first", *way, *callback, cwd=stash, env=env)
        assert (ran.code, "Model" in ran.out) == (0, False), ran.err  # the task itself printed nothing
        texts.append(Path(env["TOLD"]).read_text())
    assert texts[0] == texts[1]
    assert texts[0].count("'__main__.Config'>") == len(sweep or [1])
