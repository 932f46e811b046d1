"""Selects the experiment for programs that use the compose API: they ignore their arguments.

The first config that such a program composes is the experiment. What it composes besides is loaded as it asks for it,
from the tool's configs at its commit and the stash's at the commit of the snapshot.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from experimentstash_inside import frozen_load
from experimentstash_inside.order import FROZEN, Order
from experimentstash_inside.selecting import ways

_Load = Callable[..., Any]


class Composing:
    """Hydra's way of loading a configuration, and the experiment in place of the first that the program composes.

    Args:
        load: Hydra's own way.
        order: the request of the parent process.
    """

    def __init__(self, load: _Load, order: Order) -> None:
        self._load, self._order = load, order
        self._primary: List[Any] = []
        self._own: List[str] = []

    def __call__(self, loader: Any, call: Dict[str, Any]) -> Any:
        """Load a configuration."""
        primary, own = [call.get("config_name"), _main_path(loader)], list(call.get("overrides") or [])
        if not self._primary:
            self._primary, self._own = primary, own
        if primary != self._primary:
            return self._load(loader, **call)  # not the experiment: the program composes something else besides
        order = self._order
        if order.snapshot and own == self._own:
            config = self._load(loader, **dict(call, config_name=FROZEN, overrides=list(order.given)))
            frozen_load.finish(config, order, order.given)
        else:
            config_name, overrides = ways(order, loader, call)
            config = self._load(loader, **dict(call, config_name=config_name, overrides=overrides))
        if order.mode in ("capture", "validate"):
            from experimentstash_inside.capture import leave_with

            leave_with(config, multirun=False)
        return config


def _main_path(loader: Any) -> Optional[str]:
    """Return the directory or package that the program composes from."""
    entries = [entry for entry in loader.get_search_path().get_path() if entry.provider == "main"]
    return str(entries[0].path) if entries else None
