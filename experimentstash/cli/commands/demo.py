"""`demo`: shows the workflow on a sample tool, from an empty directory to a reproduced result."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experimentstash.cli.demo.player import DemoSandbox
from experimentstash.cli.demo.sample_tool import PATCH, make_tool
from experimentstash.cli.demo.sandbox import has_hydra, make_hydra, sealed_environment
from experimentstash.cli.demo.steps import STEPS
from experimentstash.git.user_git import git

if TYPE_CHECKING:
    from collections.abc import Iterator

_END = """
Next: run `experimentstash init` in your own directory, then `experimentstash add-tool NAME URL`."""


@click.command("demo")
@click.option("--keep", is_flag=True, help="Keep the directory afterwards.")
def command(keep: bool) -> None:
    """Show the workflow on a sample tool, in a temporary directory.

    Runs and freezes the figure of a paper, changes the tool and the settings, and reproduces the frozen figure. Then a
    pin drifts, and git refuses the push. Uses real git, and leaves your repositories and configuration alone.

    Example: experimentstash demo --keep
    """
    with _directory(keep=keep) as directory:
        print(
            f"Making a sample tool with its remote, and an empty directory `paper` with its remote, in {directory}.",
            flush=True,
        )
        player = _set_up(directory)
        for step in STEPS:
            player.play(step)
        print(_END)


@contextlib.contextmanager
def _directory(*, keep: bool) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="experimentstash-demo-")).resolve()
    try:
        yield directory
    finally:
        if keep:
            print(f"Kept: {directory}", flush=True)
        else:
            shutil.rmtree(directory, ignore_errors=True)


def _set_up(directory: Path) -> DemoSandbox:
    env = sealed_environment(directory)
    if not has_hydra():
        print("The tool needs hydra-core. It is not installed: installing it with pip, in this directory.", flush=True)
        env["VIRTUAL_ENV"] = str(make_hydra(directory))
    remote = make_tool(directory, env)
    (directory / "paper").mkdir()
    shared = directory / "paper.git"
    git("init", "-q", "--bare", str(shared), cwd=directory, env=env)
    return DemoSandbox(directory, env, {"remote": remote, "shared": shared, "patch": PATCH})
