"""Composes several experiments in one start of the program: a fork of this process composes each.

The program is imported once. Just before Hydra composes the first config, the process forks for each further
experiment. So no experiment sees what composing another one has left in resolvers, caches or variables.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
from typing import Any, Callable, Dict

from experimentstash_inside.order import Order

_Load = Callable[..., Any]
_PATIENCE = 60.0
"""Seconds that a copy has: a lock that a thread of the program held at the fork is never released in it."""


class Copies:
    """Hydra's way of loading a configuration, in this process and in its copies.

    Where no copy can be as a process of its own would be, none is made: the parent process has no answer then, and
    starts the program for that experiment alone.

    Args:
        load: the way that loads one configuration.
        order: the request of the parent process; `more` has the further experiments.
    """

    def __init__(self, load: _Load, order: Order) -> None:
        self._load, self._given, self._waiting = load, order.given, list(order.more)
        self._root = order.root
        self._own: Dict[str, Any] = {}
        """What this copy loads in place of the experiment of the process it is a copy of."""

    def __call__(self, loader: Any, call: Dict[str, Any]) -> Any:
        """Load a configuration."""
        waiting, self._waiting = self._waiting, []
        if waiting and call.get("overrides") == self._given and not _tells_copies_apart(self._root):
            for experiment in waiting:
                if _is_copy():
                    return self._as(experiment, loader, call)
        is_own = self._own and call.get("overrides") == self._given
        return self._load(loader, dict(call, **self._own) if is_own else call)

    def _as(self, experiment: Dict[str, Any], loader: Any, call: Dict[str, Any]) -> Any:
        """Go on as the process of another experiment; one that does not compose ends here."""
        os.environ.update(experiment["env"])
        sys.argv[1:] = experiment["arguments"]
        self._own = experiment["call"]
        try:
            return self(loader, call)
        except BaseException:  # noqa: BLE001  (the parent process asks for it alone, and shows the message)
            os._exit(1)


def _tells_copies_apart(root: str) -> bool:
    """Return whether a copy could differ from a process of its own: it has had another command line, or has threads."""
    return not sys.platform.startswith("linux") or threading.active_count() > 1 or _reads_arguments(root)


def _reads_arguments(root: str) -> bool:
    """Return whether a module of the tool looks at the command line itself."""
    top, installed = os.path.realpath(root) + os.sep, os.path.realpath(sys.prefix) + os.sep
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        path = os.path.realpath(file) if isinstance(file, str) else ""
        if path.startswith(top) and not path.startswith(installed) and os.path.isfile(path):
            with open(path, "rb") as source:
                if b"argv" in source.read():
                    return True
    return False


def _is_copy() -> bool:
    """Fork, and tell whether this is the copy; the process itself goes on when its copy has ended."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        atexit._clear()  # what was registered until now is done once, by the process itself
        silent = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(silent, stream)
        return True
    os.close(writing)
    _wait(pid, reading)
    os.close(reading)
    return False


def _wait(pid: int, reading: int) -> None:
    """Wait until a copy, the one that holds the other end of a pipe, has ended."""
    if not select.select([reading], [], [], _PATIENCE)[0]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
