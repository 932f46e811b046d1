"""A sweep whose jobs are frozen each in a file of its own: Hydra composes a job, and gets that job's config.

A job is known by its overrides, which stand in the sweep's `SWEEP` lines; a config group's choice among them would
fail on a flat config. This is done where Hydra loads a configuration, in the process that a launcher starts for a
job too: it finds our plugin as every process of Hydra's does. The file of a job is read when the job begins.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, List

from hydra._internal.config_loader_impl import get_overrides_dirname
from hydra.core.config_store import ConfigStore
from omegaconf import open_dict, read_write

from experimentstash_inside import sweeping
from experimentstash_inside.order import FROZEN, Order
from experimentstash_inside.overridetext import parse
from experimentstash_inside.replaying import config_or_leave, header_lines

_OF_THE_SWEEP = ("hydra/launcher", "hydra/sweeper", "hydra.launcher.", "hydra.sweeper.", "hydra.sweep.", "hydra.mode")


def is_apart(snapshot: str) -> bool:
    """Tell whether a snapshot file is a sweep whose jobs are files of their own."""
    return ("JOBS", "apart") in header_lines(snapshot)


class Apart:
    """What is to be loaded instead of what Hydra asks for.

    Args:
        order: what the parent process wants.
        load: Hydra's own way.
    """

    def __init__(self, order: Order, load: Callable[..., Any]) -> None:
        self._load = load
        self._folder = order.snapshot[: -len(".yaml")]
        lines = header_lines(order.snapshot)
        self._sweep = [text for key, text in lines if key == "SWEEP"]
        settings = [text for key, text in lines if key == "HYDRA" and not text.startswith("-")]
        self._of_jobs = {line for line in settings if not is_of_the_sweep(line)}
        self._given = {_key(line) for line in order.given if line not in settings}
        self._jobs: Dict[FrozenSet[str], int] = {}

    def load(self, loader: Any, **call: Any) -> Any:
        """Load a job's own config for a job, and the sweep's without its choices for the sweep."""
        overrides = list(call.get("overrides") or [])
        jobs = self._numbers()
        known = frozenset().union(*jobs)
        number = jobs.get(known.intersection(overrides))
        if number is not None:
            return self._load_job(loader, number, overrides, call)
        rest = [line for line in overrides if line not in self._sweep]
        return _told(self._load(loader, **dict(call, overrides=rest)), overrides)

    def _numbers(self) -> Dict[FrozenSet[str], int]:
        if not self._jobs:
            jobs = sweeping.split(self._sweep)
            self._jobs = {frozenset(job): number for number, job in reversed(list(enumerate(jobs)))}
        return self._jobs

    def _load_job(self, loader: Any, number: int, overrides: List[str], call: Dict[str, Any]) -> Any:
        path = "%s/%d.yaml" % (self._folder, number)
        known = frozenset().union(*self._jobs)
        rest = [line for line in overrides if line not in known and line not in self._of_jobs]
        own = [text for key, text in header_lines(path) if key == "HYDRA" and _key(text) not in self._given]
        name = "%s_%d" % (FROZEN, number)
        store = ConfigStore.instance()
        store.store(name=name, node=config_or_leave(path))
        try:
            config = self._load(loader, **dict(call, config_name=name, overrides=own + rest))
        finally:
            # A launcher sends what is stored along with each job: not all of them with each.
            store.repo.pop(name + ".yaml")
        with read_write(config.hydra.job):
            config.hydra.job.config_name = FROZEN
        return _told(config, overrides)


def is_of_the_sweep(line: str) -> bool:
    """Tell whether a setting of Hydra's is about the sweep, and not about a job of it."""
    return _key(line).startswith(_OF_THE_SWEEP)


def _key(line: str) -> str:
    return line.partition("=")[0].lstrip("+~")


def _told(config: Any, overrides: List[str]) -> Any:
    """Return the config with the overrides that Hydra would have told in it."""
    task = [line for line in overrides if not parse(line).is_hydra_override()]
    hydra = config.hydra
    style = hydra.job.config.override_dirname
    with read_write(hydra), open_dict(hydra):
        hydra.overrides.task = task
        hydra.job.override_dirname = get_overrides_dirname(
            overrides=list(map(parse, task)),
            kv_sep=style.kv_sep,
            item_sep=style.item_sep,
            exclude_keys=style.exclude_keys,
        )
    return config
