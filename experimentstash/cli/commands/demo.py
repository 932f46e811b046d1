"""`demo`: the main job on a sample tool, from an empty folder to a reproduced result."""

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
From here: `experimentstash init` in a folder of your own, then `experimentstash add-tool NAME URL`."""


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the folder, to look around in it.")
def command(keep: bool) -> None:
    """Show the main job on a sample tool, in a temporary folder.

    A paper's figure is run, frozen, overtaken by a newer tool and other settings, and run again as it was
    frozen; a pin drifts, and its push is refused. All with real git. Your own repositories and configuration
    are not touched.
    """
    with _folder(keep=keep) as folder:
        print(
            f"A sample tool and its remote are made in {folder}, beside an empty folder `paper` and its remote.",
            flush=True,
        )
        stage = _set_up(folder)
        for step in STEPS:
            stage.play(step)
        print(_END)


@contextlib.contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="experimentstash-demo-")).resolve()
    try:
        yield folder
    finally:
        if keep:
            print(f"Kept: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _set_up(folder: Path) -> DemoSandbox:
    env = sealed_environment(folder)
    if not has_hydra():
        print("The tool needs hydra-core, which is not installed here: pip gets it, for this folder only.", flush=True)
        env["VIRTUAL_ENV"] = str(make_hydra(folder))
    remote = make_tool(folder, env)
    (folder / "paper").mkdir()
    shared = folder / "paper.git"
    git("init", "-q", "--bare", str(shared), cwd=folder, env=env)
    return DemoSandbox(folder, env, {"remote": remote, "shared": shared, "patch": PATCH})
