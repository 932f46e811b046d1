"""Plays the steps of the demo: prints each command, then runs it."""

from __future__ import annotations

import shlex
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experimentstash.cli.demo.steps import DemoStep


@dataclass
class DemoSandbox:
    """A player of steps, in a directory with the tool's repository and the stash.

    Attributes:
        directory: the directory.
        env: the environment of every command.
        paths: the values for the placeholders `{…}` in commands; `play` adds the `results.json` of each run.
    """

    directory: Path
    env: Mapping[str, str]
    paths: dict[str, Path]
    _seen: set[Path] = field(default_factory=set)

    def play(self, step: DemoStep) -> None:
        """Print a step and run it with our standard streams.

        Raises:
            StashError: the step fails, is not refused as expected, or does not write the expected result.
        """
        command = step.command.format(**{key: shlex.quote(str(path)) for key, path in self.paths.items()})
        prompt = f"({step.directory}) $" if step.directory != "paper" else "$"
        if step.why:
            print(f"\n# {step.why}")
        print(f"{prompt} {command}", flush=True)
        if step.result:
            time.sleep(1 - time.time() % 1)  # Hydra names run directories by the second: start each run in a new one
        cwd = self.directory / step.directory
        process = subprocess.run(["sh", "-c", command], cwd=cwd, env=self.env, stderr=subprocess.STDOUT, check=False)
        if (process.returncode != 0) is not step.refused:
            raise StashError(
                f"the command ended with exit code {process.returncode}",
                "experimentstash demo --keep  # then inspect its directory",
            )
        if step.result:
            self.paths[step.result] = self._new_result()

    def _new_result(self) -> Path:
        paper = self.directory / "paper"
        new = set((paper / "outputs").rglob("results.json")) - self._seen
        if len(new) != 1:
            raise StashError(f"the run wrote {len(new)} results.json files instead of one")
        self._seen |= new
        return new.pop().relative_to(paper)
