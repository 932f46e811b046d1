"""Where Hydra loads a configuration, for what its command line and its callbacks do not reach.

A program that uses `initialize` and `compose` ignores its arguments, so the experiment is chosen here. A program
that adds overrides to its own `sys.argv` would lay them over a frozen config, which has their effect already, so
a replay takes them out. And Hydra composes twice where once is enough to take the config. All meet in
`ConfigLoaderImpl._load_configuration_impl`, whose parameters have kept their names since Hydra 1.1: from 1.4 on, the
jobs of a sweep do not come through `load_configuration`.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, List, Optional, Set

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import RunMode

from experimentstash_inside.order import FROZEN, Order

_Load = Callable[..., Any]
_PARAMETERS = ("config_name", "overrides", "run_mode")
left_out: Set[str] = set()
"""The overrides that the program added to its own command line, and that were taken out."""


def install(order: Order) -> None:
    """Let the order reach what the command line does not."""
    own = ConfigLoaderImpl._load_configuration_impl
    load = _parsed_anew(own)
    if order.mode == "describe":
        wrapped = _describing(order)
    elif order.compose:
        wrapped = _composing(load, order)
    elif order.snapshot:
        wrapped = _without_added(_each_its_own(load, order), order)
    elif order.mode in ("capture", "validate"):
        wrapped = _once(load)
    else:
        return

    @functools.wraps(own)
    def load_configuration(self: Any, *args: Any, **kwargs: Any) -> Any:
        return wrapped(self, dict(zip(_PARAMETERS, args), **kwargs))  # noqa: B905  (Python 3.8)

    ConfigLoaderImpl._load_configuration_impl = load_configuration  # type: ignore[method-assign]


def _parsed_anew(load: _Load) -> _Load:
    """Return Hydra's own way; what 1.4 has read of the overrides already counts only where they are the same still."""

    def load_as_given(self: Any, **call: Any) -> Any:
        parsed = call.get("parsed_overrides")
        if parsed is not None and [one.input_line for one in parsed] != list(call["overrides"]):
            call["parsed_overrides"] = None
        return load(self, **call)

    return load_as_given


def _once(load: _Load) -> _Load:
    """Keep what is composed to learn the run mode (Hydra 1.2 and 1.3), and give it to the run that follows."""
    kept: List[Any] = []

    def load_once(self: Any, call: Dict[str, Any]) -> Any:
        if call.get("validate_sweep_overrides") is False:
            try:
                kept[:] = [load(self, **dict(call, run_mode=RunMode.RUN, validate_sweep_overrides=True))]
            except Exception:  # noqa: BLE001  (a sweep, or a mistake: Hydra itself shall say)
                return load(self, **call)
            return kept[0]
        if kept and call.get("run_mode") == RunMode.RUN:
            return kept.pop()
        kept.clear()  # it is a sweep: its jobs are no such runs
        return load(self, **call)

    return load_once


def _describing(order: Order) -> _Load:
    """Tell the parent how an experiment is chosen, before anything is composed, and leave."""
    from experimentstash_inside.capture import leave_with_answer
    from experimentstash_inside.selecting import Choosing, facts

    return lambda self, call: leave_with_answer(order, lambda: facts(Choosing(self, call), order))


def _composing(load: _Load, order: Order) -> _Load:
    from experimentstash_inside.selecting import ways

    primary: List[Optional[str]] = []

    def load_chosen(self: Any, call: Dict[str, Any]) -> Any:
        name = call.get("config_name")
        if primary and name != primary[0]:
            return load(self, **call)  # not the experiment: the program composes something else besides
        primary[:1] = [name]
        config_name, overrides = (FROZEN, order.overrides) if order.snapshot else ways(order, self, call)
        config = load(self, **dict(call, config_name=config_name, overrides=overrides))
        _leave_if_asked(order, config)
        return config

    return load_chosen


def _leave_if_asked(order: Order, config: Any) -> None:
    if order.mode in ("capture", "validate"):
        from experimentstash_inside.capture import leave_with

        leave_with(config, multirun=False)


def _each_its_own(load: _Load, order: Order) -> _Load:
    from experimentstash_inside.apart import loading_jobs, sweeping_apart

    load = loading_jobs(load)
    # Here, and not in the processes that a launcher starts: by then, the file may be another.
    return sweeping_apart(load, order) if order.added is None else load


def _without_added(load: _Load, order: Order) -> _Load:
    left_out.update(order.added or [])

    def load_without(self: Any, call: Dict[str, Any]) -> Any:
        overrides = list(call.get("overrides") or [])
        if order.added is None:
            # Once, for the whole: what a sweeper gives its jobs is no doing of the program's.
            theirs = [line for line in overrides if not line.lstrip("+~").startswith(("hydra.", "hydra/"))]
            left_out.update(set(theirs) - set(order.given))
            order.hand_on(left_out)
        return load(self, **dict(call, overrides=[line for line in overrides if line not in left_out]))

    return load_without
