"""Where the steps are played: each command is shown as it is typed, and then runs as it is shown."""

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
    """A folder with the tool's repository and the stash in it.

    Attributes:
        folder: the folder.
        env: the environment of every command.
        places: what is filled in for the `{…}` of commands; each run's `results.json` is added to it.
    """

    folder: Path
    env: Mapping[str, str]
    places: dict[str, Path]
    _seen: set[Path] = field(default_factory=set)

    def play(self, step: DemoStep) -> None:
        """Show a step and run it; its output goes where ours goes.

        Raises:
            StashError: it failed, was not refused where it had to be, or wrote no result where one was due.
        """
        command = step.command.format(**{key: shlex.quote(str(path)) for key, path in self.places.items()})
        prompt = f"({step.folder}) $" if step.folder != "paper" else "$"
        if step.why:
            print(f"\n# {step.why}")
        print(f"{prompt} {command}", flush=True)
        if step.result:
            time.sleep(1 - time.time() % 1)  # Hydra names its run directorys by the second: no two runs share one
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.folder / step.folder, env=self.env, stderr=subprocess.STDOUT, check=False
        )
        if (done.returncode != 0) is not step.refused:
            raise StashError(
                f"that ended with exit code {done.returncode}", "experimentstash demo --keep  # and look at its folder"
            )
        if step.result:
            self.places[step.result] = self._new_result()

    def _new_result(self) -> Path:
        paper = self.folder / "paper"
        new = set((paper / "outputs").rglob("results.json")) - self._seen
        if len(new) != 1:
            raise StashError(f"the run wrote {len(new)} new files results.json instead of one")
        self._seen |= new
        return new.pop().relative_to(paper)
