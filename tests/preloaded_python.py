"""The process that `preloaded.py` keeps for the Python of tools: it has loaded Hydra, and forks for each start.

    preloaded_python.py SOCKET

It ends when its stdin does, and removes the directory of its socket. It has in memory what a program that calls
`hydra.main` has in any case, and nothing of a tool: neither its code nor what stands on its PYTHONPATH.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import gc
import importlib
import importlib.machinery
import importlib.util
import os
import pkgutil
import runpy
import socket
import sys
from pathlib import Path
from types import ModuleType

_LIKE_HERE = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
"""Variables that an interpreter reads, and that a fork heeds."""
_ROOMS = ("hydra._internal.core_plugins", "hydra_plugins")
"""The packages in which Hydra looks for plugins: it imports every module of them."""
_LOADED = (
    "hydra.main",
    "hydra._internal.hydra",
    "hydra._internal.callbacks",
    "hydra.core.global_hydra",
    "importlib.metadata",
)
_OVERRIDES = ("a~=1", "+a.b~@c~:~=~b", "~a", "a=b~c", "a=[~b,c~]", "a={~:b~}", "a='~b'", "a=f(~)", "a=${~}")
_INTERPOLATIONS = ("${~}", "${a.~b}", "~b${c}~", "${f:~b, c~}", "${f:'~b'}", '${f:"~b"}')
"""Texts with a place for a character, `~`."""


def preload() -> None:
    """Import what Hydra imports until it has composed a config, and let its parsers learn their grammars."""
    for name in _LOADED:
        importlib.import_module(name)
    for room in _ROOMS:
        if importlib.util.find_spec(room):
            for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
                if not _is_private(module.name):
                    importlib.import_module(module.name)
    teach_parsers()


def teach_parsers() -> None:
    """Have the parsers of Hydra and OmegaConf learn each character in each place: what one learns, its forks know."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf import grammar_parser
    from omegaconf.errors import GrammarParseError

    overrides = OverridesParser.create()
    for sign in map(chr, range(32, 127)):
        for text in _OVERRIDES:
            with contextlib.suppress(HydraException):
                overrides.parse_override(text.replace("~", sign))
        for text in _INTERPOLATIONS:
            with contextlib.suppress(GrammarParseError):
                grammar_parser.parse(text.replace("~", sign))


def _is_private(name: str) -> bool:
    """Return whether Hydra leaves out a module for its name."""
    last = name.rpartition(".")[2]
    return last.startswith("_") and not last.startswith("__")


def can_fork(request: Request) -> bool:
    """Return whether a fork is like an interpreter that starts for the request."""
    env = {os.fsdecode(key): os.fsdecode(value) for key, value in request.environment.items()}
    if (
        other_settings(request, _LIKE_HERE)
        or env.get("LC_ALL") != "C.UTF-8"
        or not _same_process_settings(request.client)
    ):
        return False
    first = _first_place(request)
    return first is not None and not any(map(_shadows, [first, *_python_path(env, os.fsdecode(request.cwd))]))


def _same_process_settings(client: int) -> bool:
    """Return whether the one who asks has our terminal, whose ^C a fork gets as well, and our limits."""
    try:
        theirs = Path(f"/proc/{client}/limits").read_bytes()
        return os.getsid(client) == os.getsid(0) and theirs == Path("/proc/self/limits").read_bytes()
    except OSError:  # it is gone
        return False


def _first_place(request: Request) -> str | None:
    """Return what the interpreter puts first on `sys.path`, or None if we do not know how to start the program."""
    cwd = os.fsdecode(request.cwd)
    match request.arguments:
        case ["-m", _, *_]:
            return cwd
        case [script, *_] if script.endswith(".py") and not script.startswith("-"):
            path = Path(cwd, script)
            return str(path.resolve().parent) if path.is_file() else None
        case _:
            return None


def _python_path(env: dict[str, str], cwd: str) -> list[str]:
    """Return the places of a PYTHONPATH, as they stand on `sys.path`."""
    value = env.get("PYTHONPATH", "")
    places = value.split(os.pathsep) if value else []
    return [os.path.abspath(Path(cwd, place)) for place in places]  # noqa: PTH100  (resolve follows links)


def _shadows(place: str) -> bool:
    """Return whether a place holds a module that is loaded here from elsewhere, or one that every interpreter loads."""
    try:
        names = {name.partition(".")[0] for name in os.listdir(place)}
    except OSError:
        return False
    if Path(place, "hydra_plugins/__init__.py").exists():
        return True
    ours = {name for name in sys.modules if "." not in name} - {"__main__", "hydra_plugins"}
    return bool(names & (ours | {"sitecustomize", "usercustomize"}))


def become(request: Request) -> None:
    """Run what is asked for in this process, as the interpreter does.

    Raises:
        SystemExit: the program failed, or said with which code it ends.
    """
    first = _first_place(request)
    assert first is not None
    join_group(request)
    arrive(request)
    places = [first, *_python_path(dict(os.environ), os.fsdecode(request.cwd)), *sys.path]
    sys.path[:] = [first, *dict.fromkeys(places[1:])]
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.orig_argv[:] = [sys.executable, *request.arguments]
    sys.modules["__main__"] = main = ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    _run(main, request.arguments)


def _run(main: ModuleType, arguments: list[str]) -> None:
    if arguments[0] == "-m":
        sys.argv[:] = ["-m", *arguments[2:]]
        runpy._run_module_as_main(arguments[1])  # type: ignore[attr-defined]  # what the interpreter itself calls
        return
    sys.argv[:] = arguments
    path = os.path.abspath(arguments[0])  # noqa: PTH100  (resolve follows links)
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    main.__dict__.update(__file__=path, __cached__=None, __loader__=loader)
    exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), main.__dict__)


if __name__ == "__main__":
    from preloaded_fork import Request, arrive, end_with, join_group, other_settings, serve

    del sys.modules["preloaded_fork"], sys.path[0]
    preload()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as _listening:
        _listening.bind(sys.argv[1])
        _listening.listen(64)
        _request = serve(_listening, can_fork)
    end_with(functools.partial(become, _request))
