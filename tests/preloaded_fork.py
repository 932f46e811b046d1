"""What the servers of `preloaded.py` have in common: they fork for each request, and answer as the fork ends.

A request holds the program, the working directory, the umask, the number of arguments, these, and the environment.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

_STARTED_WITH = dict(os.environb)
_PEER = struct.Struct("3i")  # process, user and group, as SO_PEERCRED gives them


@dataclass(frozen=True)
class Request:
    """What a client asks for.

    Attributes:
        client: its process.
        program: the path of the program that it stands in for.
        cwd, umask, arguments, environment: what the program is to be given.
    """

    client: int
    program: str
    cwd: bytes
    umask: int
    arguments: list[str]
    environment: dict[bytes, bytes]


def serve(listening: socket.socket, can_fork: Callable[[Request], bool]) -> Request:
    """Fork twice for each request, once to wait and answer, and return in the second child what is asked of it.

    Args:
        listening: the socket of the clients.
        can_fork: tells whether a fork is like the program. Otherwise the client starts the program.

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
            return _accepted(channel, can_fork)
        channel.close()


def _accepted(channel: socket.socket, can_fork: Callable[[Request], bool]) -> Request:
    """Fork for one request: answer with the exit code of the child, in which this returns."""
    head, descriptors, _, _ = socket.recv_fds(channel, 8, 3)
    text = b""
    while len(text) < int.from_bytes(head, "big"):
        text += channel.recv(1 << 20)
    request = _read(channel, text)
    if not can_fork(request):
        channel.sendall(b"%8d" % 0)
        os._exit(0)
    child = os.fork()
    for standard, descriptor in enumerate(descriptors):
        if not child:
            os.dup2(descriptor, standard)
        os.close(descriptor)
    if child:
        _answer(channel, child)
    channel.close()
    return request


def other_settings(request: Request, heeded: tuple[str, ...] = ()) -> list[str]:
    """Return the variables that an interpreter reads as it starts, or its loader, and that are not as they are here."""
    found = {os.fsdecode(key): value for key, value in request.environment.items()}
    return [
        key
        for key, value in found.items()
        if key.startswith(("PYTHON", "LD_")) and key not in heeded and _STARTED_WITH.get(os.fsencode(key)) != value
    ]


def join_group(request: Request) -> None:
    """Let this process be in the process group of the client, if that is of the same session."""
    with contextlib.suppress(OSError):
        if os.getsid(request.client) == os.getsid(0) and (group := os.getpgid(request.client)) != os.getpgid(0):
            os.setpgid(0, group)


def _read(channel: socket.socket, text: bytes) -> Request:
    program, cwd, umask, count, *rest = text.split(b"\0")
    arguments, entries = rest[: int(count)], rest[int(count) :]
    client = _PEER.unpack(channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[0]
    environment = {key: value for key, _, value in (entry.partition(b"=") for entry in entries)}
    return Request(client, os.fsdecode(program), cwd, int(umask), [*map(os.fsdecode, arguments)], environment)


def _answer(channel: socket.socket, child: int) -> None:
    """Send the child's process, which signals go to, and its exit code; kill it if the one who asked is gone."""
    channel.sendall(b"%8d" % child)
    if channel.fileno() in select.select([channel.fileno(), os.pidfd_open(child)], [], [])[0]:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        channel.sendall(b"%d" % code)
    finally:
        os._exit(0)


def arrive(request: Request) -> None:
    """Give this process the working directory, the umask, the environment and the streams of a request."""
    os.chdir(request.cwd)
    os.umask(request.umask)
    os.environb.clear()
    os.environb.update(request.environment)
    time.tzset()
    tempfile.tempdir = None  # is chosen from the environment
    sys.stdin = sys.__stdin__ = _reopened(sys.stdin)  # type: ignore[misc, assignment]
    sys.stdout = sys.__stdout__ = _reopened(sys.stdout)  # type: ignore[misc, assignment]
    sys.stderr = sys.__stderr__ = _reopened(sys.stderr)  # type: ignore[misc, assignment]


def _reopened(stream: TextIO) -> TextIO:
    """Open a standard stream again, as the interpreter does.

    The object remembers what the file was that it had before, say a seekable one.
    """
    number, mode = stream.fileno(), stream.mode
    buffer = cast("io.BufferedReader", open(number, f"{mode}b", closefd=False))  # noqa: SIM115  (stays open)
    buffer.raw.name = stream.name  # type: ignore[attr-defined]
    by_lines = stream is sys.stderr or os.isatty(number)
    found = io.TextIOWrapper(buffer, stream.encoding, stream.errors, newline="\n", line_buffering=by_lines)
    found.mode = mode  # type: ignore[misc]
    return found
