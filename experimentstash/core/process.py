"""Child processes: one that runs in our place, and one that ends, with all that it started, when we do."""

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
    signal.SIGUSR1,  # SLURM tells a job with these that its time is nearly up
    signal.SIGUSR2,
)
_ENDING = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM})
_PATIENCE = 5.0
"""Seconds that an interrupted program has for its cleaning up before it is killed."""
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG, in <sys/prctl.h>
_GLANCE = 0.2  # seconds
_LONG = 3600.0  # seconds that we wait at once: the system takes no number of any size


def run_through(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    asked_to_end: list[int] | None = None,
    limit: float | None = None,
    bound: bool = False,
) -> int:
    """Run a program in our place: it has our standard streams and gets our signals.

    Args:
        command: program and arguments.
        cwd: its working folder.
        env: its whole environment.
        asked_to_end: gets each signal by which somebody asked us to end. The exit code alone does not tell it: a
            program may take such a signal, and end as if all were well.
        limit: seconds that it has, or None for as many as it takes.
        bound: whether it ends when we are killed, where the system can do that (Linux). Else it would go on, out of
            sight, and write into the folder that the next try makes.

    Returns:
        Its exit code; 128 + N where signal N ended it, as a shell says it.

    Raises:
        StashError: the program cannot be started.
        subprocess.TimeoutExpired: its time is over; it and all that it started were asked to end, and have ended.
    """
    wait = _wait_with_signal_info if hasattr(signal, "sigtimedwait") else _wait_with_handlers
    seen: list[int] = []
    try:
        return _as_a_shell_says(wait(command, cwd, env, seen, limit, bound))
    except OSError as error:
        raise _no_start(command, cwd, error) from None
    finally:
        if asked_to_end is not None:
            asked_to_end += [one for one in seen if one in _ENDING and signal.getsignal(one) is not signal.SIG_IGN]


def _as_a_shell_says(code: int) -> int:
    return 128 - code if code < 0 else code


def _no_start(command: Sequence[str], cwd: Path, error: OSError) -> StashError:
    return StashError(f"{command[0]} cannot be started in {cwd}: {error.strerror}")


def _wait_with_signal_info(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], seen: list[int], limit: float | None, bound: bool
) -> int:
    """Take each signal with the word who sent it: ^C at a terminal has reached the child already."""
    awaited = {*FORWARDED, signal.SIGCHLD}
    prepare = _preparing() if bound else lambda mask: signal.pthread_sigmask(signal.SIG_SETMASK, mask)
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
            left = _LONG if deadline is None else deadline - time.monotonic()
            if left <= 0:
                _end(child)
                raise subprocess.TimeoutExpired(command, limit or 0)
            info = signal.sigtimedwait(awaited, min(left, _LONG))
            if info is None:
                continue
            from_kernel = info.si_code > 0
            seen.append(info.si_signo)
            if info.si_signo != signal.SIGCHLD and not from_kernel:
                child.send_signal(info.si_signo)
        return child.returncode
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _preparing() -> Callable[[Iterable[int]], object]:
    """Return what a child does before it becomes the program: it gets our signals, and ends when we do (prctl(2))."""
    import ctypes  # which only a run needs

    control = getattr(ctypes.CDLL(None), "prctl", None)

    def prepare(before: Iterable[int]) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if control is not None:
            control(_DIES_WITH_PARENT, signal.SIGKILL)

    return prepare


def _wait_with_handlers(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], seen: list[int], limit: float | None, _bound: bool
) -> int:
    """Do the same where nobody tells who sent a signal (macOS): ^C reaches the whole foreground group."""
    children: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        if number in (signal.SIGINT, signal.SIGQUIT) and _in_foreground():
            return
        for child in children:
            child.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in FORWARDED}
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
        with open("/dev/tty", "rb", buffering=0) as terminal:  # noqa: PTH123  (a device, no path of ours)
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def listen(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Run a program to its end, without input and out of sight.

    Returns:
        Its exit code (128 + N after signal N) and all that it said, both streams in one.

    Raises:
        StashError: the program cannot be started.
        KeyboardInterrupt: we were interrupted; the program and all that it started have ended too.
    """
    with unnamed_file() as said:
        try:
            code = run_whole(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        except OSError as error:
            raise _no_start(command, cwd, error) from None
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    return _as_a_shell_says(code), text


def unnamed_file() -> BinaryIO:
    """Return a file without a name; in memory, where that can be: a full disk would swallow what is said of it."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("said"), "w+b")  # noqa: PTH123  (a number, no path)
    return cast("BinaryIO", tempfile.TemporaryFile())


def follow(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    heard: Callable[[str], object],
    watch: Callable[[], object] | None = None,
) -> int:
    """Run a program to its end, without input, and hand on what it says as it says it, both streams in one.

    Args:
        command: program and arguments.
        cwd: its working folder.
        env: its whole environment.
        heard: called with each line, from another thread.
        watch: called now and then while it runs; what it raises ends the program.

    Returns:
        Its exit code, 128 + N after signal N.

    Raises:
        StashError: the program cannot be started.
        KeyboardInterrupt: we were interrupted; the program and all that it started have ended too.
    """
    reading, writing = os.pipe()
    listener = threading.Thread(target=_hand_on, args=(reading, heard), daemon=True)
    listener.start()
    try:
        code = run_whole(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing, watch=watch
        )
    except OSError as error:
        raise _no_start(command, cwd, error) from None
    finally:
        os.close(writing)
        listener.join(_PATIENCE)  # a program that it left behind may hold the other end
    return _as_a_shell_says(code)


def _hand_on(reading: int, heard: Callable[[str], object]) -> None:
    with open(reading, encoding="utf-8", errors="replace") as said:
        for line in said:  # a carriage return ends one too: progress is drawn over itself
            heard(line.rstrip())


def run_whole(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    limit: float | None = None,
    watch: Callable[[], object] | None = None,
    **streams: Any,
) -> int:
    """Run a program, by default with our standard streams and terminal, so that it can ask for a password.

    Whatever interrupts us ends the program and all that it started before it goes on its way: git's own
    shell scripts leave their children running when they are ended.

    Args:
        command: the program and its arguments.
        cwd: its working folder.
        env: its whole environment.
        limit: seconds that it has, or None for as many as it takes.
        watch: called now and then while it runs, in place of a limit; what it raises ends the program.
        streams: its standard streams, as `subprocess.Popen` takes them.

    Returns:
        Its exit code.

    Raises:
        subprocess.TimeoutExpired: its time is over; it and all that it started have ended too.
    """
    held, handed = os.pipe()  # every descendant holds the end that we close: all have ended when it reads empty
    try:
        child = subprocess.Popen(command, cwd=cwd, env=env, pass_fds=(handed,), **streams)
        os.close(handed)
        handed = -1
        try:
            return child.wait(limit) if watch is None else _watched(child, watch)
        except BaseException:
            with ignored_signals():
                _end(child, held)
            raise
    finally:
        for descriptor in (held, handed):
            if descriptor >= 0:
                os.close(descriptor)


def _watched(child: subprocess.Popen[bytes], watch: Callable[[], object]) -> int:
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(_GLANCE)
        watch()


def _end(child: subprocess.Popen[bytes], held: int | None = None) -> None:
    """Ask a program and all that it started to end, and kill what has not ended after a while.

    Args:
        child: the program.
        held: the end of a pipe that reads empty when whoever got the other end has ended too: one that has cut itself
            off from its parents is not found otherwise.
    """
    known: set[int] = set()
    number = signal.SIGTERM
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = _with_descendants({child.pid, *known})
        for pid in found - known if number == signal.SIGTERM else found:  # asked once, killed if need be
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        known |= found
        child.poll()  # so that it does not stand in the list of processes when it has ended
        waiting = [held] if held is not None and number == signal.SIGTERM else []
        told = select.select(waiting, [], [], 0.1)[0]  # of nothing: a tenth of a second
        if told == waiting and not _with_descendants(known):
            break
        if time.monotonic() > deadline:
            if number == signal.SIGKILL:  # what the system does not let go of: nobody can
                break
            number, deadline = signal.SIGKILL, deadline + _PATIENCE
    child.wait()


def with_variable(name: str, value: str) -> list[int]:
    """Return the processes that were started with a variable of the environment, as far as the system tells (Linux)."""
    wanted = os.fsencode(f"{name}={value}")
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            if wanted in place.read_bytes().split(b"\0"):
                found.append(int(place.parent.name))
    return sorted(found)


def _with_descendants(pids: set[int]) -> set[int]:
    parents = _parents()
    found = pids & parents.keys()
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return found


def _parents() -> dict[int, int]:
    if Path("/proc/self/stat").exists():
        return dict(filter(None, map(_parent_of, Path("/proc").glob("[0-9]*/stat"))))
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=False).stdout
    lines = (line.split() for line in listed.splitlines())
    return {int(pid): int(parent) for pid, parent, *state in lines if not "".join(state).startswith("Z")}


def _parent_of(stat: Path) -> tuple[int, int] | None:
    try:
        # the program's name, in parentheses, may hold anything; what follows the last one does not
        state, parent = stat.read_text("ascii", "replace").rpartition(")")[2].split()[:2]
        return None if state in "ZX" else (int(stat.parent.name), int(parent))  # a zombie has ended
    except (OSError, IndexError, ValueError):  # it has ended
        return None
