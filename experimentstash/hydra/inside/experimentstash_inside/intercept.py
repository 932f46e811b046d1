"""Wraps Hydra's loading of configs, for cases that its command line and callbacks cannot handle.

A program that uses `initialize` and `compose` ignores its arguments, so the experiment is chosen here. A replay loads
the frozen config. And Hydra composes twice where once is enough to take the config. All meet in
`ConfigLoaderImpl._load_configuration_impl`, whose parameters have kept their names since Hydra 1.1: from 1.4 on, the
jobs of a sweep do not come through `load_configuration`.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, List, Optional

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import RunMode
from omegaconf import open_dict, read_write

from experimentstash_inside.order import Order
from experimentstash_inside.overridetext import raw_lines

_Load = Callable[..., Any]
_PARAMETERS = ("config_name", "overrides", "run_mode", "from_shell")
_INSTALLED = "experimentstash_installed"
_OURS = "+hydra.callbacks.experimentstash._target_="


def install(order: Order) -> None:
    """Let the order reach what the command line does not, once.

    Hydra imports a plugin again in a launcher's process.
    """
    own = ConfigLoaderImpl._load_configuration_impl
    if hasattr(own, _INSTALLED):
        return
    load = _parsed_anew(own)
    wrapped = _wrapped(load, order)
    if wrapped is None:
        return

    @functools.wraps(own)
    def load_configuration(self: Any, *args: Any, **kwargs: Any) -> Any:
        return wrapped(self, dict(zip(_PARAMETERS, args), **kwargs))  # noqa: B905  (Python 3.8)

    setattr(load_configuration, _INSTALLED, True)
    ConfigLoaderImpl._load_configuration_impl = load_configuration  # type: ignore[method-assign]


def _wrapped(load: _Load, order: Order) -> Optional[_Load]:
    if order.mode == "describe":
        return _describing(order)
    if order.compose:
        from experimentstash_inside.composing import Composing

        return Composing(load, order)
    if order.snapshot:
        return _once(_replaying(load, order))
    if order.mode not in ("capture", "validate"):
        return None
    load = _once(_reached(load))
    if order.more:
        from experimentstash_inside.copies import Copies

        return Copies(load, order)
    return load


def _replaying(load: _Load, order: Order) -> _Load:
    from experimentstash_inside.apart import loading_jobs, sweeping_apart
    from experimentstash_inside.frozen_load import FrozenLoad

    load = loading_jobs(load)
    # Here, and not in the processes that a launcher starts: by then, the file may be another.
    return FrozenLoad(sweeping_apart(load, order) if order.added is None else load, order)


def _reached(load: _Load) -> _Load:
    """Return Hydra's own way, for programs that hand their command line to Hydra; another one is told, and ends."""

    def load_if_reached(self: Any, call: Dict[str, Any]) -> Any:
        if call.get("from_shell", True) and not any(line.startswith(_OURS) for line in call.get("overrides") or []):
            from experimentstash_inside.capture import leave_without

            leave_without(
                "the program hands Hydra overrides of its own, not its command line: an experiment does not reach it",
                "write `select: compose` below the tool in configs/meta.yaml",
            )
        return load(self, **call)

    return load_if_reached


def _parsed_anew(load: _Load) -> _Load:
    """Return Hydra's own way; what 1.4 has read of the overrides already counts only where they are the same still."""

    def load_as_given(self: Any, **call: Any) -> Any:
        parsed = call.get("parsed_overrides")
        if parsed is not None and [one.input_line for one in parsed] != list(call["overrides"]):
            call["parsed_overrides"] = None
        return load(self, **call)

    return load_as_given


def _once(load: _Load) -> _Load:
    """Cache the config that is composed to find the run mode (Hydra 1.2 and 1.3), and reuse it for the run."""
    kept: List[Any] = []

    def load_once(self: Any, call: Dict[str, Any]) -> Any:
        if call.get("validate_sweep_overrides") is False:
            try:
                kept[:] = [load(self, dict(call, run_mode=RunMode.RUN, validate_sweep_overrides=True))]
            except Exception:  # noqa: BLE001  (a sweep, or a mistake: Hydra itself shall say)
                return load(self, call)
            return kept[0]
        if kept and call.get("run_mode") == RunMode.RUN:
            return _with_mode(kept.pop(), call["overrides"])
        kept.clear()  # it is a sweep: its jobs are no such runs
        return load(self, call)

    return load_once


def _with_mode(config: Any, overrides: List[str]) -> Any:
    """Return a config with the override of the run mode, which Hydra adds when it has learned the mode."""
    known = raw_lines(config.hydra.overrides.hydra)
    modes = [line for line in overrides if line.startswith("hydra.mode=") and line not in known]
    with read_write(config.hydra), open_dict(config.hydra):
        config.hydra.overrides.hydra.extend(modes)
    return config


def _describing(order: Order) -> _Load:
    """Tell the parent how an experiment is selected, before anything is composed, and exit."""
    from experimentstash_inside.capture import leave_with_answer
    from experimentstash_inside.selecting import Choosing, facts

    return lambda self, call: leave_with_answer(order, lambda: facts(Choosing(self, call), order))
