"""Console scripts that fork from a process which has loaded the package, instead of starting an interpreter each.

A call is a process of its own, with the caller's arguments, environment, working directory, umask and standard streams.
What it saves is the start of an interpreter and the import of modules: most of the time of a call. What stands in for a
script starts the script itself wherever a fork could differ from it. `make matrix` forks nothing.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

BIN = Path(sys.executable).parent
FORKING = hasattr(os, "pidfd_open") and "EVERY" not in os.environ  # which only Linux has
_HERE = Path(__file__).parent


def script(program: str | Path) -> Path:
    """Return what to start in the place of a program, if that is one of our console scripts, or the program."""
    path = Path(program)
    return _stand_in(path) if FORKING and path.parent == BIN and path.name in _scripts() else path


def python() -> Path:
    """Return what hooks are told to start in the place of this Python, which has our package."""
    return _stand_in(Path(sys.executable)) if FORKING else Path(sys.executable)


def _stand_in(real: Path) -> Path:
    """Write the client, once for each program that it stands in for."""
    client = _server() / real.name
    if not client.exists():
        text = (_HERE / "preloaded_client.py").read_text(encoding="utf-8")
        client.write_text(f"#!{sys.executable} -IS\n{text}", encoding="utf-8")
        client.chmod(0o755)
    return client


@cache
def _scripts() -> dict[str, str]:
    entries = importlib.metadata.entry_points(group="console_scripts")
    return {entry.name: entry.value for entry in entries if entry.value.startswith("experimentstash.")}


@cache
def _server() -> Path:
    """Start the server, and return the directory of its socket. When this process ends, it ends and removes that."""
    folder = Path(tempfile.mkdtemp(prefix="experimentstash-tests-"))
    scripts = [f"{name}={entry}" for name, entry in _scripts().items()]
    command = [sys.executable, str(_HERE / "preloaded_server.py"), str(folder / "socket"), *scripts]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | {"LC_ALL": "C.UTF-8"}
    server = subprocess.Popen(command, cwd="/", env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    _server.process = server  # type: ignore[attr-defined]  # its stdin stays open as long as this process lives
    return folder
