"""What the servers of `preloaded.py` have in common: they fork for each request, and answer as the fork ends.

A request holds the program, the working directory, the umask, the number of arguments, these, and the environment.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn, TextIO, cast

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
    """Fork for each request, and return in the child what is asked of it. The parent answers when the child ends.

    Args:
        listening: the socket of the clients.
        can_fork: tells whether a fork is like the program. Otherwise the client starts the program.

    Raises:
        SystemExit: in the server, when the tests are over.
    """
    running: dict[int, _Running] = {}  # by each descriptor to wait for: the client's and the child's
    while True:
        for ready in select.select([listening, sys.stdin, *running], [], [])[0]:
            if ready is sys.stdin:
                shutil.rmtree(Path(listening.getsockname()).parent)
                sys.exit()
            if ready is listening:
                request = _accept(listening, running, can_fork)
                if request is not None:
                    return request
            elif ready in running:
                _end(running, running[ready])


@dataclass(frozen=True)
class _Running:
    """A forked process.

    Attributes:
        channel: the connection of the client that asked for it.
        child: its process id.
        ended: a descriptor that can be read once it has ended.
    """

    channel: socket.socket
    child: int
    ended: int

    def close(self) -> None:
        self.channel.close()
        os.close(self.ended)


def _accept(
    listening: socket.socket, running: dict[int, _Running], can_fork: Callable[[Request], bool]
) -> Request | None:
    """Fork for the next request, and return it in the child."""
    channel = listening.accept()[0]
    head, descriptors, _, _ = socket.recv_fds(channel, 8, 3)
    text = b""
    while len(text) < int.from_bytes(head, "big") and (more := channel.recv(1 << 20)):
        text += more
    request = _read(channel, text) if len(head) == 8 and len(text) == int.from_bytes(head, "big") else None
    child = os.fork() if request is not None and can_fork(request) else None
    if child == 0:
        for other in {*running.values()}:
            other.close()
        listening.close()
        channel.close()
    for standard, descriptor in enumerate(descriptors):
        if child == 0:
            os.dup2(descriptor, standard)
        os.close(descriptor)
    if child == 0:
        return request
    with contextlib.suppress(OSError):  # the client is gone
        channel.sendall(b"%8d" % (child or 0))
    if child is None:
        channel.close()
    else:
        forked = _Running(channel, child, os.pidfd_open(child))
        running[channel.fileno()] = running[forked.ended] = forked
    return None


def _end(running: dict[int, _Running], forked: _Running) -> None:
    """Answer with the exit code of a child that has ended; kill it if the one who asked is gone."""
    if forked.channel in select.select([forked.channel], [], [], 0)[0]:
        os.kill(forked.child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(forked.child, 0)[1])
    with contextlib.suppress(OSError):  # the client is gone
        forked.channel.sendall(b"%d" % code)
    del running[forked.channel.fileno()], running[forked.ended]
    forked.close()


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


def end_with(program: Callable[[], object]) -> NoReturn:
    """Run a program to its end and leave this process as the interpreter does, but for its own teardown.

    The teardown touches every object that the server has loaded, so that the kernel copies their pages: it takes longer
    than most programs. What a program can see of it is done here: threads are waited for, `atexit` is heeded, and files
    that are open still are flushed.

    Args:
        program: what to run. It returns an exit code, or raises like any program.
    """
    interrupted = False
    try:
        code = program()
    except SystemExit as ended:
        code = ended.code
    except BaseException as error:  # noqa: BLE001  (whatever the program raises)
        trace = _of_program(error.__traceback__)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        interrupted = isinstance(error, KeyboardInterrupt)
        code = 1
    if not (code is None or isinstance(code, int)):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter itself calls
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr, *filter(_is_file, gc.get_objects())):
            if not stream.closed:
                stream.flush()
    except OSError:
        sys.exit(code)  # the interpreter tells of it
    if interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit((code or 0) & 0xFF)


def _is_file(found: object) -> bool:
    return issubclass(type(found), (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom))


def _of_program(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of the server."""
    while trace is not None and Path(trace.tb_frame.f_code.co_filename).name.startswith("preloaded_"):
        trace = trace.tb_next
    return trace
