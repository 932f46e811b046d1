"""Programs that Hydra's command line does not reach: their composition is met where Hydra loads it.

Two shapes need it. A program that uses `initialize` and `compose` ignores its arguments, so the experiment
is chosen here. A program that adds overrides to its own `sys.argv` would lay them over a frozen config,
which has their effect already, so a replay takes them out. Both meet in `ConfigLoader.load_configuration`,
whose parameters `config_name` and `overrides` have kept their names since Hydra 1.1.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, List, Optional, Set

from hydra._internal.config_loader_impl import ConfigLoaderImpl

from experimentstash_inside.order import FROZEN, Order

_Load = Callable[..., Any]


def install(order: Order) -> None:
    """Let the order reach what the command line does not."""
    load = ConfigLoaderImpl.load_configuration
    if order.compose:
        wrapped = _composing(load, order)
    elif order.mode == "replay":
        wrapped = _without_added(load, order)
    else:
        return
    ConfigLoaderImpl.load_configuration = functools.wraps(load)(wrapped)  # type: ignore[method-assign]


def _composing(load: _Load, order: Order) -> _Load:
    signature = inspect.signature(load)
    chosen: List[Callable[[Optional[str], List[str]], Any]] = []
    primary: List[Optional[str]] = []

    def load_chosen(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = signature.bind(self, *args, **kwargs).arguments
        name, own = call["config_name"], list(call["overrides"])
        if primary and name != primary[0]:
            return load(**call)  # not the experiment: the program composes something else besides
        primary[:1] = [name]
        tries = chosen or _ways(order)
        for way in tries:
            config_name, overrides = way(name, own)
            try:
                config = load(**{**call, "config_name": config_name, "overrides": overrides})
            except Exception:
                if way is tries[-1]:
                    raise
                continue
            chosen[:] = [way]
            break
        if order.mode in ("capture", "validate"):
            from experimentstash_inside.capture import leave_with

            leave_with(config, multirun=False)
        return config

    return load_chosen


def _ways(order: Order) -> List[Callable[[Optional[str], List[str]], Any]]:
    """Return how the experiment may be chosen, first the way that says most about the tool."""
    more, name = order.overrides, order.experiment
    if order.mode == "replay":
        return [lambda _primary, _own: (FROZEN, more)]
    return [
        lambda primary, own: (primary, [*own, "experiment=%s" % name, *more]),
        lambda primary, own: (primary, [*own, "+experiment=%s" % name, *more]),
        lambda _primary, own: ("experiment/%s" % name, [*own, *more]),
    ]


def _without_added(load: _Load, order: Order) -> _Load:
    signature = inspect.signature(load)
    added: List[Set[str]] = []

    def load_without(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = signature.bind(self, *args, **kwargs).arguments
        overrides = list(call["overrides"])
        if not added:
            theirs = [line for line in overrides if not line.lstrip("+~").startswith(("hydra.", "hydra/"))]
            added.append(set(theirs) - set(order.given))
        call["overrides"] = [line for line in overrides if line not in added[0]]
        return load(**call)

    return load_without
