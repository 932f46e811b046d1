"""Child processes: run them in the foreground, capture or stream their output, and end them with their descendants."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from experimentstash.core.errors import StashError
from experimentstash.core.signals import ignored_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import FrameType

FORWARDED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,  # SLURM sends these two before a job's time limit
    signal.SIGUSR2,
)
_ENDING = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM})
_GRACE_PERIOD = 5.0
"""Seconds between SIGTERM and SIGKILL."""
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG, in <sys/prctl.h>
_POLL_INTERVAL = 0.2  # seconds
_LONGEST_WAIT = 3600.0  # seconds; sigtimedwait() refuses very large timeouts


def run_through(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    ending_signals: list[int] | None = None,
    limit: float | None = None,
    bound: bool = False,
) -> int:
    """Run a program in the foreground: it uses our standard streams and receives our signals.

    Args:
        command: program and arguments.
        cwd: the working directory.
        env: the whole environment.
        ending_signals: receives the signals that asked this process to end. The exit code is not enough: a program may
            handle such a signal and exit with 0.
        limit: the time limit in seconds, or None.
        bound: whether the program is killed together with this process (Linux only). Otherwise it continues in the
            background and writes into the directory of the next attempt.

    Returns:
        The exit code; 128 + N after signal N, as in a shell.

    Raises:
        StashError: the program cannot be started.
        subprocess.TimeoutExpired: the time limit is over; the program and its descendants have ended.
    """
    wait = _wait_with_signal_info if hasattr(signal, "sigtimedwait") else _wait_with_handlers
    received: list[int] = []
    try:
        return _shell_exit_code(wait(command, cwd, env, received, limit, bound))
    except OSError as error:
        raise _start_error(command, cwd, error) from None
    finally:
        if ending_signals is not None:
            ending_signals += [
                number for number in received if number in _ENDING and signal.getsignal(number) is not signal.SIG_IGN
            ]


def _shell_exit_code(code: int) -> int:
    return 128 - code if code < 0 else code


def _start_error(command: Sequence[str], cwd: Path, error: OSError) -> StashError:
    return StashError(f"cannot start {command[0]} in {cwd}: {error.strerror}")


def _wait_with_signal_info(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], received: list[int], limit: float | None, bound: bool
) -> int:
    """Forward signals, but not those of the terminal: it sends ^C to the child as well."""
    awaited = {*FORWARDED, signal.SIGCHLD}
    prepare = _bound_child_setup() if bound else lambda mask: signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    try:
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            preexec_fn=lambda: prepare(before),
        )
        deadline = None if limit is None else time.monotonic() + limit
        while child.poll() is None:
            remaining = _LONGEST_WAIT if deadline is None else deadline - time.monotonic()
            if remaining <= 0:
                _end(child)
                raise subprocess.TimeoutExpired(command, limit or 0)
            info = signal.sigtimedwait(awaited, min(remaining, _LONGEST_WAIT))
            if info is None:
                continue
            from_kernel = info.si_code > 0
            received.append(info.si_signo)
            if info.si_signo != signal.SIGCHLD and not from_kernel:
                child.send_signal(info.si_signo)
        return child.returncode
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _bound_child_setup() -> Callable[[Iterable[int]], object]:
    """Return the function to call in the child before exec: unblock signals, and die with the parent (prctl(2))."""
    import ctypes  # only a bound run needs it

    control = getattr(ctypes.CDLL(None), "prctl", None)

    def prepare(before: Iterable[int]) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if control is not None:
            control(_DIES_WITH_PARENT, signal.SIGKILL)

    return prepare


def _wait_with_handlers(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], received: list[int], limit: float | None, _bound: bool
) -> int:
    """Forward signals on systems without sigtimedwait() (macOS), which do not report the sender of a signal.

    In the foreground process group, the terminal sends ^C to the child as well.
    """
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if number in (signal.SIGINT, signal.SIGQUIT) and _in_foreground():
            return
        for child in children:
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        children.append(subprocess.Popen(command, cwd=cwd, env=env))
        try:
            return children[0].wait(limit)
        except subprocess.TimeoutExpired:
            _end(children[0])
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    try:
        with open("/dev/tty", "rb", buffering=0) as terminal:  # noqa: PTH123  (a device)
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def run_captured(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Run a program without input and capture its output.

    Args:
        command: program and arguments.
        cwd: the working directory.
        env: the whole environment.

    Returns:
        The exit code (128 + N after signal N), and stdout and stderr as one text.

    Raises:
        StashError: the program cannot be started.
        KeyboardInterrupt: this process was interrupted; the program and its descendants have ended.
    """
    with unnamed_file() as output:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
        try:
            code = run_whole(command, cwd=cwd, env=env, **streams)
        except OSError as error:
            raise _start_error(command, cwd, error) from None
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return _shell_exit_code(code), text


def unnamed_file() -> BinaryIO:
    """Return a file without a name, in memory if possible: on a full disk, a program's error message would be lost."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("output"), "w+b")  # noqa: PTH123  (a file descriptor, not a path)
    return cast("BinaryIO", tempfile.TemporaryFile())


def run_streaming(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_line: Callable[[str], object],
    watch: Callable[[], object] | None = None,
) -> int:
    """Run a program without input, and pass each line of its stdout and stderr on at once.

    Args:
        command: program and arguments.
        cwd: the working directory.
        env: the whole environment.
        on_line: called with each line, from another thread.
        watch: called regularly while the program runs; an exception from it ends the program.

    Returns:
        The exit code; 128 + N after signal N.

    Raises:
        StashError: the program cannot be started.
        KeyboardInterrupt: this process was interrupted; the program and its descendants have ended.
    """
    reading, writing = os.pipe()
    reader = threading.Thread(target=_read_lines, args=(reading, on_line), daemon=True)
    reader.start()
    try:
        code = run_whole(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing, watch=watch
        )
    except OSError as error:
        raise _start_error(command, cwd, error) from None
    finally:
        os.close(writing)
        reader.join(_GRACE_PERIOD)  # a background process may keep the other end of the pipe open
    return _shell_exit_code(code)


def _read_lines(reading: int, on_line: Callable[[str], object]) -> None:
    with open(reading, encoding="utf-8", errors="replace") as output:
        for line in output:  # a carriage return ends a line, too: progress bars overwrite themselves
            on_line(line.rstrip())


def run_whole(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    limit: float | None = None,
    watch: Callable[[], object] | None = None,
    **streams: Any,
) -> int:
    """Run a program, and end it with all its descendants if this process is interrupted.

    Git's own shell scripts leave their children running when they end. By default the program uses our standard
    streams and terminal, so that it can ask for a password.

    Args:
        command: the program and its arguments.
        cwd: the working directory.
        env: the whole environment.
        limit: the time limit in seconds, or None.
        watch: called regularly while the program runs, instead of a limit; an exception from it ends the program.
        streams: the standard streams, as for `subprocess.Popen`.

    Returns:
        The exit code of `subprocess.Popen`: -N after signal N.

    Raises:
        subprocess.TimeoutExpired: the time limit is over; the program and its descendants have ended.
    """
    # Every descendant inherits `inherited`. Once all have ended, reading from `lifeline` returns nothing.
    lifeline, inherited = os.pipe()
    try:
        child = subprocess.Popen(command, cwd=cwd, env=env, pass_fds=(inherited,), **streams)
        os.close(inherited)
        inherited = -1
        try:
            return child.wait(limit) if watch is None else _wait_watched(child, watch)
        except BaseException:
            with ignored_signals():
                _end(child, lifeline)
            raise
    finally:
        for descriptor in (lifeline, inherited):
            if descriptor >= 0:
                os.close(descriptor)


def _wait_watched(child: subprocess.Popen[bytes], watch: Callable[[], object]) -> int:
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(_POLL_INTERVAL)
        watch()


def _end(child: subprocess.Popen[bytes], lifeline: int | None = None) -> None:
    """Send SIGTERM to a program and its descendants, and SIGKILL to those that run on after the grace period.

    Args:
        child: the program.
        lifeline: the reading end of a pipe whose other end every descendant inherits. It also covers daemons, which
            have another parent process.
    """
    known: set[int] = set()
    number = signal.SIGTERM
    deadline = time.monotonic() + _GRACE_PERIOD
    while True:
        running = _with_descendants({child.pid, *known})
        for pid in running - known if number == signal.SIGTERM else running:  # SIGTERM once, SIGKILL until it ends
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        known |= running
        child.poll()  # reap the child, so that it is not listed as a zombie
        pipes = [lifeline] if lifeline is not None and number == signal.SIGTERM else []
        closed = select.select(pipes, [], [], 0.1)[0]  # without a pipe this is a 0.1 s sleep
        if closed == pipes and not _with_descendants(known):
            break
        if time.monotonic() > deadline:
            if number == signal.SIGKILL:  # the process hangs in the kernel
                break
            number, deadline = signal.SIGKILL, deadline + _GRACE_PERIOD
    child.wait()


def with_variable(name: str, value: str) -> list[int]:
    """Return the ids of processes that started with an environment variable (Linux; empty on other systems)."""
    variable = os.fsencode(f"{name}={value}")
    pids = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # the process has ended, or belongs to another user
            if variable in environ.read_bytes().split(b"\0"):
                pids.append(int(environ.parent.name))
    return sorted(pids)


def _with_descendants(pids: set[int]) -> set[int]:
    parents = _parents()
    family = pids & parents.keys()
    while more := {pid for pid, parent in parents.items() if parent in family and pid not in family}:
        family |= more
    return family


def _parents() -> dict[int, int]:
    if Path("/proc/self/stat").exists():
        return dict(filter(None, map(_parent_of, Path("/proc").glob("[0-9]*/stat"))))
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=False).stdout
    lines = (line.split() for line in listing.splitlines())
    return {int(pid): int(parent) for pid, parent, *state in lines if not "".join(state).startswith("Z")}


def _parent_of(stat: Path) -> tuple[int, int] | None:
    try:
        # the name of the program is in parentheses and may itself contain parentheses and spaces
        state, parent = stat.read_text("ascii", "replace").rpartition(")")[2].split()[:2]
        return None if state in "ZX" else (int(stat.parent.name), int(parent))  # a zombie has ended
    except (OSError, IndexError, ValueError):  # the process has ended
        return None
