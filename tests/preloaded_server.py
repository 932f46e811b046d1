"""The process that `preloaded.py` keeps: it has loaded the package, and forks for each call of one of its programs.

    preloaded_server.py SOCKET TOOL_PYTHON NAME=MODULE:FUNCTION…

It ends when its stdin does, and removes the directory of its socket. As a program of its own it has nothing in memory
but what ours use. A program that it becomes starts TOOL_PYTHON where it starts this Python.
"""

from __future__ import annotations

import functools
import gc
import importlib
import os
import pkgutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from preloaded_fork import Request, arrive, end_with, join_group, other_settings, serve

import experimentstash

ASIDE = (
    "experimentstash.__main__",
    "experimentstash.cli.demo.sample",
    "experimentstash.hydra.inside",
    "experimentstash.environments.inside",
)
"""Programs, and what runs in other processes."""
_LIKE_HERE = ("PYTHONDONTWRITEBYTECODE",)
"""A variable that an interpreter reads, and that a fork heeds."""
_FRESH = "FRESH_TOOLS"


def preload(names: list[str], prefix: str) -> None:
    """Import the modules below some directories."""
    for module in pkgutil.iter_modules(names, prefix):
        if not module.name.startswith(ASIDE):
            loaded = importlib.import_module(module.name)
            if module.ispkg:
                preload(list(loaded.__path__), f"{module.name}.")


def can_fork(request: Request) -> bool:
    """Return whether a fork is like the program: its interpreter and loader find no other settings as they start."""
    return not other_settings(request, _LIKE_HERE) and request.environment.get(b"LC_ALL") == b"C.UTF-8"


def become(request: Request, scripts: dict[str, str], tool_python: str) -> Callable[[], int | None]:
    """Turn this process into the one that is asked for, and return what it is to do."""
    join_group(request)
    arrive(request)
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    program, arguments = request.program, request.arguments
    name = Path(program).name
    if name in scripts:
        start_tools_with(tool_python)
        sys.argv[:] = [program, *arguments]
        sys.path[0] = str(Path(program).parent)  # as the interpreter sets it
        module, _, function = scripts[name].partition(":")
        called: Callable[[], int | None] = getattr(importlib.import_module(module), function)
        return called
    if arguments[0] != "-c":  # the interpreter itself is asked for
        os.execv(program, [program, *arguments])
    start_tools_with(tool_python)
    sys.argv[:] = ["-c", *arguments[2:]]
    sys.path[0] = ""
    return lambda: exec(arguments[1], {"__name__": "__main__"})


def start_tools_with(tool_python: str) -> None:
    """Have this process start another program in the place of this Python, under the name of this Python."""
    start = subprocess.Popen.__init__

    @functools.wraps(start)
    def started(self: subprocess.Popen[Any], args: Any, *more: Any, **options: Any) -> None:
        if isinstance(args, (list, tuple)) and str(args[0]) == sys.executable and _FRESH not in os.environ:
            options.setdefault("executable", tool_python)
        start(self, args, *more, **options)

    subprocess.Popen.__init__ = started  # type: ignore[method-assign]


if __name__ == "__main__":
    _socket, _tool_python, *_words = sys.argv[1:]
    _scripts = dict(word.split("=") for word in _words)
    preload(list(experimentstash.__path__), "experimentstash.")
    importlib.import_module("dulwich.repo")
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as _listening:
        _listening.bind(_socket)
        _listening.listen(64)
        print("ready", flush=True)
        _request = serve(_listening, can_fork)
    end_with(become(_request, _scripts, _tool_python))
