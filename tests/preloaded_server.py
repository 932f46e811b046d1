"""The process that `preloaded.py` keeps: it has loaded the package, and forks for each call of one of its programs.

    preloaded_server.py SOCKET NAME=MODULE:FUNCTION…

It ends when its stdin does, and removes the directory of its socket. As a program of its own it has nothing in memory
but what ours use.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import pkgutil
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import experimentstash

ASIDE = (
    "experimentstash.__main__",
    "experimentstash.sample",
    "experimentstash.hydra.inside",
    "experimentstash.locks.inside",
)
"""Programs, and what runs in other processes."""


def preload(names: list[str], prefix: str) -> None:
    """Import the modules below some directories."""
    for module in pkgutil.iter_modules(names, prefix):
        if not module.name.startswith(ASIDE):
            loaded = importlib.import_module(module.name)
            if module.ispkg:
                preload(list(loaded.__path__), f"{module.name}.")


def serve(listening: socket.socket) -> list[bytes]:
    """Fork twice for each request, once to wait and answer, and return in the second child what is asked of it.

    Raises:
        SystemExit: in the server, when the tests are over; in the one that answers, when it has.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    while True:
        if sys.stdin in select.select([listening, sys.stdin], [], [])[0]:
            shutil.rmtree(Path(listening.getsockname()).parent)
            sys.exit()
        channel = listening.accept()[0]
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            return accepted(channel)
        channel.close()


def accepted(channel: socket.socket) -> list[bytes]:
    """Fork for one request: answer with the exit code of the child, in which this returns."""
    head, descriptors, _, _ = socket.recv_fds(channel, 8, 3)
    request = b""
    while len(request) < int.from_bytes(head, "big"):
        request += channel.recv(1 << 20)
    child = os.fork()
    for standard, descriptor in enumerate(descriptors):
        if not child:
            os.dup2(descriptor, standard)
        os.close(descriptor)
    if child:
        answer(channel, child)
    channel.close()
    return request.split(b"\0")


def answer(channel: socket.socket, child: int) -> None:
    """Wait for the child and send its exit code; kill it if the one who asked is gone."""
    if channel.fileno() in select.select([channel.fileno(), os.pidfd_open(child)], [], [])[0]:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        channel.sendall(b"%d" % code)
    finally:
        os._exit(0)


def reopened(stream: TextIO) -> TextIO:
    """Open a standard stream again: the object remembers what the file was that it had before, say a seekable one."""
    by_lines = stream is sys.stderr or os.isatty(stream.fileno())
    raw = io.FileIO(stream.fileno(), stream.mode, closefd=False)
    buffer = io.BufferedReader(raw) if stream is sys.stdin else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, stream.encoding, stream.errors, line_buffering=by_lines)


def become(request: list[bytes], scripts: dict[str, str]) -> Callable[[], int | None]:
    """Turn this process into the one that is asked for, and return what it is to do.

    A request holds the program, the working directory, the umask, the number of arguments, these, and the environment.
    """
    path, cwd, umask, count, *rest = request
    os.chdir(cwd)
    os.umask(int(umask))
    os.environb.clear()
    for entry in rest[int(count) :]:
        key, _, value = entry.partition(b"=")
        os.environb[key] = value
    time.tzset()
    tempfile.tempdir = None  # is chosen from the environment
    sys.stdin, sys.stdout, sys.stderr = reopened(sys.stdin), reopened(sys.stdout), reopened(sys.stderr)
    program, *arguments = map(os.fsdecode, [path, *rest[: int(count)]])
    name = Path(program).name
    if name in scripts:
        sys.argv[:] = [program, *arguments]
        sys.path[0] = str(Path(program).parent)  # as the interpreter sets it
        module, _, function = scripts[name].partition(":")
        called: Callable[[], int | None] = getattr(importlib.import_module(module), function)
        return called
    if arguments[0] != "-c":  # the interpreter itself is asked for
        os.execv(program, [program, *arguments])
    sys.argv[:] = ["-c", *arguments[2:]]
    sys.path[0] = ""
    return lambda: exec(arguments[1], {"__name__": "__main__"})


if __name__ == "__main__":
    _scripts = dict(word.split("=") for word in sys.argv[2:])
    preload(list(experimentstash.__path__), "experimentstash.")
    for _name in ("dulwich.repo", "ruamel.yaml"):
        importlib.import_module(_name)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as _listening:
        _listening.bind(sys.argv[1])
        _listening.listen(64)
        print("ready", flush=True)
        _request = serve(_listening)
    sys.exit(become(_request, _scripts)())
