"""The plugin that Hydra discovers: it adds the stash's search paths and registers a frozen config."""

from __future__ import annotations

import gc
import os

from experimentstash_inside import order as orders
from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

PROVIDER = "experimentstash"


class ExperimentStashSearchPath(SearchPathPlugin):
    """Put the stash's configs before the tool's own, and the search packages behind them."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Follow the order of the parent process; without one, do nothing."""
        order = orders.read()
        if not order.mode:
            return
        # Before Hydra's own configs: its default run directory is the one thing that is replaced there.
        overlay = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "conf")
        search_path.prepend(PROVIDER, "file://" + overlay)
        providers = [entry.provider for entry in search_path.get_path()]
        for path in order.prepend:
            if "main" in providers:
                search_path.prepend(PROVIDER, path, anchor="main")
            else:
                search_path.append(PROVIDER, path)
        for path in order.append:
            search_path.append(PROVIDER, path)
        if order.snapshot:
            _register_frozen(order)


def _register_frozen(order: orders.Order) -> None:
    from experimentstash_inside.answers import answers_or_leave
    from experimentstash_inside.replaying import config_or_leave
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    store.store(name=orders.FROZEN, node=config_or_leave(order.snapshot), provider=PROVIDER)
    # With the config, they reach the processes that a launcher starts, whatever becomes of the file.
    store.repo[orders.FROZEN + ".yaml"].answers = answers_or_leave(order.snapshot, order.overrides)


_order = orders.read()
if _order.mode in ("capture", "validate"):
    gc.disable()  # the process ends as soon as the config is composed
if _order.imports:
    from experimentstash_inside import imported

    imported.note_at_exit(_order.imports)
if _order.origin:
    from experimentstash_inside import origin

    origin.install(_order)
if _order.mode:
    from experimentstash_inside import intercept, loaded

    if _order.mode == "capture" or _order.loaded:
        loaded.watch(_order.loaded)
    intercept.install(_order)
