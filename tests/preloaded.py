"""Programs that fork from a process which has loaded what they use, instead of starting an interpreter each.

Our console scripts fork from one that has loaded the package. The programs of tools that these start with this Python
fork from another one, which has loaded Hydra.

A call is a process of its own, with the caller's arguments, environment, working directory, umask and standard streams.
What it saves is the start of an interpreter and the import of modules: most of the time of a call. What stands in for a
program starts the program itself wherever a fork could differ from it. A test starts tools with a fresh interpreter by
`@pytest.mark.usefixtures("fresh_tools")`: one about signals, say, which are handed on here and there. `make matrix`
forks nothing.
"""

from __future__ import annotations

import importlib.metadata
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path

BIN = Path(sys.executable).parent
FORKING = hasattr(os, "pidfd_open") and "EVERY" not in os.environ  # which only Linux has
_HERE = Path(__file__).parent
_SHARED = "SERVER_OF_TESTS"
_SERVERS: list[subprocess.Popen[bytes]] = []  # the stdin of each stays open as long as this process lives


def script(program: str | Path, library: str = "") -> Path:
    """Return what to start in the place of a program, if that is one of our console scripts, or the program.

    Args:
        program: the program.
        library: what LD_PRELOAD names when that is started; a server with the same library answers.
    """
    path = Path(program)
    return _stand_in(path, library) if FORKING and path.parent == BIN and path.name in _scripts() else path


def forked(
    program: str | Path, *words: str, cwd: Path, env: Mapping[str, str], stdin: bytes, timeout: float
) -> tuple[int, bytes, bytes] | None:
    """Fork for a console script of ours without the process of a client, which takes as long as a short call.

    Args:
        program: the program.
        words, cwd, env, stdin: what it is given. It reads and writes files in memory.
        timeout: seconds, after which it is killed.

    Returns:
        Its exit code, negative for a signal, and what it wrote to stdout and stderr; None if nothing forks for it.

    Raises:
        TimeoutError: it was killed.
    """
    if script(program) == Path(program):
        return None
    mask = os.umask(0)
    os.umask(mask)
    environment = [f"{key}={value}" for key, value in env.items()]
    fields = [str(program), str(cwd), str(mask), str(len(words)), *words, *environment]
    asked = b"\0".join(map(os.fsencode, fields))
    with ExitStack() as stack, socket.socket(socket.AF_UNIX) as channel:
        streams = [stack.enter_context(os.fdopen(os.memfd_create("stream"), "w+b")) for _ in range(3)]
        streams[0].write(stdin)
        streams[0].seek(0)
        channel.settimeout(timeout)
        channel.connect(str(_server() / "socket"))
        socket.send_fds(channel, [len(asked).to_bytes(8, "big")], [stream.fileno() for stream in streams])
        channel.sendall(asked)
        if not int(channel.recv(8)):
            return None
        code = int(channel.recv(16))
        for stream in streams:
            stream.seek(0)
        return code, streams[1].read(), streams[2].read()


def python() -> Path:
    """Return what hooks are told to start in the place of this Python, which has our package."""
    return _stand_in(Path(sys.executable)) if FORKING else Path(sys.executable)


def tool_python() -> Path:
    """Return what our console scripts start in the place of this Python, once it forks."""
    client = _tool_client()
    while not (client.parent / "socket").exists():
        time.sleep(0.01)
    return client


def _stand_in(real: Path, library: str = "") -> Path:
    return _client(_server(library), real.name)


def _client(folder: Path, name: str) -> Path:
    """Write the client of a server, once for each program that it stands in for."""
    client = folder / name
    if not client.exists():
        text = (_HERE / "preloaded_client.py").read_text(encoding="utf-8")
        new = folder / f"{name}.{os.getpid()}"  # another process of the tests may write it as well
        new.write_text(f"#!{sys.executable} -IS\n{text}", encoding="utf-8")
        new.chmod(0o755)
        new.replace(client)
    return client


@cache
def _scripts() -> dict[str, str]:
    entries = importlib.metadata.entry_points(group="console_scripts")
    return {entry.name: entry.value for entry in entries if entry.value.startswith("experimentstash.")}


def share() -> None:
    """Start the servers for this process and for those that it starts from now on."""
    if FORKING:
        os.environ[_SHARED] = f"{_server()}{os.pathsep}{_tool_server()}"


@cache
def _server(library: str = "") -> Path:
    """Start the server of our console scripts, and return the directory of its socket."""
    if _SHARED in os.environ and not library:
        return Path(os.environ[_SHARED].split(os.pathsep)[0])
    scripts = [f"{name}={entry}" for name, entry in _scripts().items()]
    folder, server = _started(library, "preloaded_server.py", str(_tool_client(library)), *scripts)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    return folder


@cache
def _tool_server(library: str = "") -> Path:
    """Start the server of the tools' Python, and return the directory that it makes its socket in."""
    if _SHARED in os.environ and not library:
        return Path(os.environ[_SHARED].split(os.pathsep)[1])
    return _started(library, "preloaded_python.py")[0]


def _tool_client(library: str = "") -> Path:
    """Return the client of the tools' Python: it forks none until the server has its socket."""
    return _client(_tool_server(library), Path(sys.executable).name)


def _started(library: str, program: str, *words: str) -> tuple[Path, subprocess.Popen[bytes]]:
    """Start a server with a directory of its own. When this process ends, it ends and removes that."""
    folder = Path(tempfile.mkdtemp(prefix="experimentstash-tests-"))
    command = [sys.executable, str(_HERE / program), str(folder / "socket"), *words]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | {"LC_ALL": "C.UTF-8"}
    env |= {"LD_PRELOAD": library} if library else {}
    server = subprocess.Popen(command, cwd="/", env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    _SERVERS.append(server)
    return folder, server
