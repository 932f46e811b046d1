"""The record of a run, `experimentstash.json` in its run directory: from which stash, code and snapshot it comes.

It is written where each job starts and ends, by Hydra's own notice of both. A callback in the config would show
in what the program sees of Hydra.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
import platform
from typing import Any, Callable, Dict

import hydra
import omegaconf
from hydra._internal.callbacks import Callbacks
from omegaconf import OmegaConf

from experimentstash_inside.order import Order

FILE = "experimentstash.json"
_INSTALLED = "experimentstash_origin"


def install(order: Order) -> None:
    """Write the record of each job of this process, once installed; Hydra imports a plugin again in a launcher."""
    if hasattr(Callbacks.on_job_start, _INSTALLED):
        return
    started: Dict[str, str] = {}
    Callbacks.on_job_start = _before(Callbacks.on_job_start, order, started)  # type: ignore[method-assign]
    Callbacks.on_job_end = _before(Callbacks.on_job_end, order, started)  # type: ignore[method-assign]


def _before(notice: Callable[..., Any], order: Order, started: Dict[str, str]) -> Callable[..., Any]:
    @functools.wraps(notice)
    def noticed(self: Callbacks, config: Any, *args: Any, **kwargs: Any) -> Any:
        _write(order, config, kwargs.get("job_return"), started)
        return notice(self, config, *args, **kwargs)

    setattr(noticed, _INSTALLED, True)
    return noticed


def _write(order: Order, config: Any, job_return: Any, started: Dict[str, str]) -> None:
    """Write the record, whole or not at all. A run goes on where its directory does not take it."""
    folder = OmegaConf.select(config, "hydra.runtime.output_dir") or os.getcwd()
    if os.path.realpath(folder) in {os.path.realpath(place) for place in (order.root, order.stash, order.work)}:
        return  # beside the tool's own files, it would be a change of the tool
    now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
    began = started.setdefault(folder, now)
    record = dict(
        order.origin,
        job=_plain(OmegaConf.select(config, "hydra.job.num", throw_on_missing=False)),
        python=platform.python_version(),
        hydra=hydra.__version__,
        omegaconf=omegaconf.__version__,
        start=began,
        end=None if job_return is None else now,
        status="running" if job_return is None else job_return.status.name.lower(),
    )
    part = os.path.join(folder, FILE + ".part")
    try:
        with open(part, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1, ensure_ascii=False)
            file.write("\n")
        os.replace(part, os.path.join(folder, FILE))
    except OSError:
        pass


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, str)) else None
