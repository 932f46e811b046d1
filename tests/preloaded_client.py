"""Stands in for a console script, or for the Python, of the same name in the directory of `sys.executable`.

`preloaded.py` writes this text into an executable file beside a server's socket. It asks the server to fork, passes
its standard streams on, hands on the signals that it gets, and ends as the forked process ends. It loads next to
nothing, which is its point: not even pathlib.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # without enum, which takes as long as all the rest
import _socket
import os
import sys

REAL = os.path.join(os.path.dirname(sys.executable), os.path.basename(__file__))
HANDED_ON = (
    _signal.SIGHUP,
    _signal.SIGINT,
    _signal.SIGQUIT,
    _signal.SIGTERM,
    _signal.SIGUSR1,
    _signal.SIGUSR2,
)


def request() -> bytes | None:
    """Return what to ask of the server, or None if a fork would differ from the program."""
    if _signal.pthread_sigmask(_signal.SIG_BLOCK, ()) or any(map(_is_ignored, HANDED_ON)):
        return None
    mask = os.umask(0)
    os.umask(mask)
    try:
        for standard in range(3):
            os.fstat(standard)
        cwd = os.getcwdb()
    except OSError:  # a stream is closed, or the working directory is gone
        return None
    arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
    environment = [key + b"=" + value for key, value in os.environb.items()]
    fields = [os.fsencode(REAL), cwd, b"%d" % mask, b"%d" % len(arguments), *arguments, *environment]
    return b"\0".join(fields)


def _is_ignored(number: int) -> bool:
    return bool(_signal.getsignal(number) == _signal.SIG_IGN)


def ask(asked: bytes) -> int | None:
    """Return the exit code of the process that the server forks, negative for a signal; None if it forks none."""
    channel = _socket.socket(_socket.AF_UNIX)
    try:
        channel.connect(os.path.dirname(os.path.abspath(__file__)) + "/socket")
    except OSError:
        return None
    descriptors = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
    channel.sendmsg([len(asked).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
    channel.sendall(asked)
    child = int(channel.recv(8) or b"0")
    if not child:
        channel.close()
        return None
    for number in HANDED_ON:
        _signal.signal(number, lambda received, _frame: os.kill(child, received))
    return int(channel.recv(16) or b"70")


if __name__ == "__main__":
    _request = request()
    _code = None if _request is None else ask(_request)
    if _code is None:
        os.execv(REAL, [REAL, *sys.argv[1:]])
    if _code < 0:
        if -_code != _signal.SIGKILL:
            _signal.signal(-_code, _signal.SIG_DFL)
        os.kill(os.getpid(), -_code)
    os._exit(_code)
