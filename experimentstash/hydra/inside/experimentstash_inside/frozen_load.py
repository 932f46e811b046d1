"""Makes a replay load the frozen config, whatever the program passes to Hydra.

A program that adds overrides to its own `sys.argv` would lay them over a frozen config, which has their effect already,
so they are taken out. One that names another config gets the frozen one all the same. One that does not hand on what
it was started with would run something else: the process ends.
"""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Set

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore

from experimentstash_inside import answers, unchanged
from experimentstash_inside.apart import Chosen
from experimentstash_inside.launchers import load_with_launcher
from experimentstash_inside.order import FROZEN, Order

_Load = Callable[..., Any]
left_out: Set[str] = set()
"""The overrides that the program added to its own command line, and that were taken out."""
_state = threading.local()


class FrozenLoad:
    """Hydra's way of loading a configuration, for a program that `hydra.main` starts.

    Args:
        load: Hydra's own way, or that of a sweep whose jobs are frozen apart.
        order: the request of the parent process.
    """

    def __init__(self, load: _Load, order: Order) -> None:
        self._load, self._order = load, order
        self._is_child = order.added is not None  # of a process that has loaded the frozen config
        left_out.update(order.added or [])
        _tell_jobs()
        unchanged.keep_from_callbacks(order, leave)

    def __call__(self, loader: Any, call: Dict[str, Any]) -> Any:
        """Load a configuration."""
        job = getattr(_state, "job", False)
        if not job and call.get("config_name") != FROZEN and (self._is_child or not call.get("from_shell", True)):
            return self._load(loader, **call)  # the program composes something else besides
        overrides = list(call.get("overrides") or [])
        if self._order.added is None:
            self._learn(overrides)
        given = overrides if job and _recorded(overrides).swept is not None else None
        fixed = _recorded(overrides).fixed(overrides, self._order.overrides) if job else left_out
        overrides = [line for line in overrides if line not in fixed]
        config = load_with_launcher(
            self._load, self._order, loader, dict(call, config_name=FROZEN, overrides=overrides)
        )
        multirun = str(call.get("run_mode")).endswith("MULTIRUN")
        finish(config, self._order, overrides, job=job, multirun=multirun, given=given)
        return config

    def _learn(self, overrides: List[str]) -> None:
        order = self._order
        if lost := [line for line in order.given if line not in overrides]:
            leave(
                "the program does not hand its command line to Hydra: %s is missing, and another config would run"
                % lost[0],
                "write `select: compose` below the tool in configs/meta.yaml",
            )
        added = [line for line in overrides if line not in order.given and not line.startswith("hydra.mode=")]
        left_out.update(added)
        order.hand_on(left_out)


def finish(
    config: Any,
    order: Order,
    overrides: List[str],
    *,
    job: bool = False,
    multirun: bool = False,
    given: Optional[List[str]] = None,
) -> None:
    """Check that a loaded config is the frozen one, let it answer as when it was frozen, and tell the parent.

    Args:
        config: what Hydra has loaded.
        order: the request of the parent process.
        overrides: what it was loaded with.
        job: whether it is that of a job of a sweep.
        multirun: whether it is that of a sweep, of which its jobs are made.
        given: every override that a job was given, where its sweeper chooses the jobs.
    """
    entry = _entry(overrides)
    if different := unchanged.differing(entry.node, config, overrides):
        leave(
            "the config that Hydra has loaded is not the frozen one: %s differ%s"
            % (", ".join(different[:5]), "s" if len(different) == 1 else ""),
            "git -C %s status  # and undo what was changed there" % order.root,
        )
    recorded = getattr(entry, "answers", None) or answers.Answers(
        {"job.config_name": order.experiment.rpartition("/")[2]}
    )
    answers.give_back(
        config,
        recorded.of_sweep() if multirun else recorded,
        [line for line in overrides if line in order.overrides],
        job=job,
        given=given,
    )
    if order.mode == "replay" and order.report:
        with open(order.report, "a", encoding="ascii"):
            pass


def _entry(overrides: List[str]) -> Any:
    """Return the frozen config as Hydra's ConfigStore holds it: that of a job that was frozen by itself, or the one."""
    entry = next((line.entry for line in overrides if isinstance(line, Chosen)), None)
    return entry or ConfigStore.instance().repo[FROZEN + ".yaml"]


def _recorded(overrides: List[str]) -> answers.Answers:
    return getattr(_entry(overrides), "answers", None) or answers.Answers()


def leave(what: str, fix: str) -> None:
    """Report the error, and end the process before its task runs."""
    sys.stderr.write("experimentstash: %s\n    fix: %s\n" % (what, fix))
    sys.stderr.flush()
    raise SystemExit(1)


def _tell_jobs() -> None:
    """Let a load know that it is that of a job: its config is named as the program knows it, and not as we store it."""
    own = ConfigLoaderImpl.load_sweep_config

    @functools.wraps(own)
    def load_sweep_config(self: Any, *args: Any, **kwargs: Any) -> Any:
        _state.job = True
        try:
            return own(self, *args, **kwargs)
        finally:
            _state.job = False

    ConfigLoaderImpl.load_sweep_config = load_sweep_config  # type: ignore[method-assign]
