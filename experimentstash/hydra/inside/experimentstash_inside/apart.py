"""Replays a sweep whose jobs are frozen in separate files: when Hydra composes a job, it gets that job's config.

The jobs are those that Hydra's own sweeper makes of the frozen `SWEEP` lines, so any launcher carries them. A
launcher hands a job its overrides, perhaps in another process, on another machine, and hours later: the frozen
config travels in one of them. It is read once, in the process that sweeps, where the tool's classes are; nothing that
happens to the files while a job waits changes the job.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, FrozenSet, List

from hydra._internal import config_loader_impl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from omegaconf import open_dict, read_write

from experimentstash_inside.answers import answers_or_leave
from experimentstash_inside.order import FROZEN, Order
from experimentstash_inside.overridetext import parse
from experimentstash_inside.replaying import config_or_leave, header_lines

_dirname: Any = getattr(config_loader_impl, "get_overrides_dirname", None)  # from Hydra 1.4 on, it is worked out late
_Load = Callable[..., Any]
_NAME = FROZEN + "_job"
_OF_THE_SWEEP = ("hydra/launcher", "hydra/sweeper", "hydra.launcher.", "hydra.sweeper.", "hydra.sweep.", "hydra.mode")


class Chosen(str):
    """An override of a job, and with it all that the job is.

    Attributes:
        entry: its config, as Hydra's ConfigStore holds one.
        sweep: the overrides that the sweep gives it: its config has their effect.
        instead: the settings of the whole sweep that are none of the job's, and the job's own for them.
    """

    entry: Any
    sweep: FrozenSet[str]
    instead: Any


def is_of_the_sweep(line: str) -> bool:
    """Return whether a setting of Hydra's applies to the sweep, and not to its jobs."""
    return _key(line).startswith(_OF_THE_SWEEP)


def loading_jobs(load: _Load) -> _Load:
    """Return Hydra's way of loading a configuration, and for a job its own."""

    def load_job(self: Any, **call: Any) -> Any:
        overrides = list(call.get("overrides") or [])
        for chosen in overrides:
            if isinstance(chosen, Chosen):
                return _load_chosen(self, load, chosen, overrides, call)
        return load(self, **call)

    return load_job


def _load_chosen(loader: Any, load: _Load, chosen: Chosen, overrides: List[str], call: Dict[str, Any]) -> Any:
    settings, own = chosen.instead
    rest = [line for line in overrides if line not in chosen.sweep and line not in settings]
    # Before Hydra 1.4, the loader has come to the process that a launcher started with a store of its own.
    stores = [ConfigStore.instance(), *(source.store for source in loader.get_sources() if hasattr(source, "store"))]
    for store in stores:
        store.repo[_NAME + ".yaml"] = chosen.entry
    try:
        config = load(loader, **dict(call, config_name=_NAME, overrides=own + rest))
    finally:
        for store in stores:
            store.repo.pop(_NAME + ".yaml", None)
    return config


def sweeping_apart(load: _Load, order: Order) -> _Load:
    """Return the way of loading a sweep without its choices, which are its jobs'; the sweeper gives each its config."""
    lines = header_lines(order.snapshot)
    if ("JOBS", "apart") not in lines:
        return load
    sweep = [text for key, text in lines if key == "SWEEP"]
    _choose_in_sweeper(_JobFileChoice(order, lines, sweep))

    def load_sweep(self: Any, **call: Any) -> Any:
        overrides = list(call.get("overrides") or [])
        rest = [line for line in overrides if line not in sweep]
        return _told(load(self, **dict(call, overrides=rest)), overrides) if rest != overrides else load(self, **call)

    return load_sweep


def _choose_in_sweeper(choosing: _JobFileChoice) -> None:
    split = BasicSweeper.split_arguments

    def split_arguments(overrides: List[Any], max_batch_size: Any) -> List[List[List[str]]]:
        choosing.learn(split)
        return [[choosing.chosen(list(job)) for job in batch] for batch in split(overrides, max_batch_size)]

    BasicSweeper.split_arguments = staticmethod(split_arguments)  # type: ignore[method-assign]


class _JobFileChoice:
    """Which file is a job's: the one of the job that Hydra's sweeper makes of the frozen lines with these overrides."""

    def __init__(self, order: Order, lines: Any, sweep: List[str]) -> None:
        self._folder, self._sweep = order.snapshot[: -len(".yaml")], sweep
        settings = [text for key, text in lines if key == "HYDRA" and not text.startswith("-")]
        self._settings = [line for line in settings if not is_of_the_sweep(line)]
        self._given = {_key(line) for line in order.given if line not in settings}
        self._told = sum(key == "JOB" for key, _ in lines)
        self._numbers: Dict[FrozenSet[str], int] = {}

    def learn(self, split: Callable[..., Any]) -> None:
        (jobs,) = split(list(map(parse, self._sweep)), None)
        if len(jobs) != self._told:
            sys.stderr.write(
                "experimentstash: %s.yaml: its SWEEP lines make %d jobs, and its JOB lines tell %d\n"
                "    fix: git checkout the file as it was frozen\n" % (self._folder, len(jobs), self._told)
            )
            raise SystemExit(1)
        self._numbers = {frozenset(job): number for number, job in reversed(list(enumerate(jobs)))}
        self._known = frozenset().union(*self._numbers)

    def chosen(self, job: List[str]) -> List[str]:
        sweep = self._known.intersection(job)
        path = "%s/%d.yaml" % (self._folder, self._numbers[sweep])
        place = next(at for at, line in enumerate(job) if line in sweep)
        found = Chosen(job[place])
        store = ConfigStore.instance()
        store.store(name=_NAME, node=config_or_leave(path))
        found.entry, found.sweep = store.repo.pop(_NAME + ".yaml"), sweep
        lines = header_lines(path)
        found.entry.answers = answers_or_leave(path)
        found.entry.answers.sweeps = True
        own = [text for key, text in lines if key == "HYDRA" and _key(text) not in self._given]
        found.instead = (self._settings, own)
        return [*job[:place], found, *job[place + 1 :]]


def _key(line: str) -> str:
    return line.partition("=")[0].lstrip("+~")


def _told(config: Any, overrides: List[str]) -> Any:
    """Return the config with the overrides that Hydra would have told in it."""
    task = [line for line in map(parse, overrides) if not line.is_hydra_override()]
    hydra = config.hydra
    with read_write(hydra), open_dict(hydra):
        hydra.overrides.task = [str(line.input_line) for line in task]
        if _dirname is not None:
            style = hydra.job.config.override_dirname
            hydra.job.override_dirname = _dirname(task, style.exclude_keys, style.item_sep, style.kv_sep)
    return config
