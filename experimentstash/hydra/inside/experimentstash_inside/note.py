"""The Hydra callback that records in a run directory how a run differs from the frozen one."""

from __future__ import annotations

import os
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from experimentstash_inside import order as orders

FILE = "experimentstash-differences.txt"


class Note(Callback):
    """Write what the parent process knows to differ, before the task runs; of a sweep, once for each job."""

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Write the note into the output directory, which Hydra has made by now."""
        with open(os.path.join(config.hydra.runtime.output_dir, FILE), "w", encoding="utf-8") as file:
            file.write(orders.read().note)
