"""A tool that forks from `preloaded_python.py` cannot tell, and neither can who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import preloaded
import pytest
from conftest import write

FORKED = "import sys; print('hydra' in sys.modules)"
PROGRAMS = {
    "the command line": "import sys; print(sys.argv, sys.orig_argv, sys.executable)",
    "the paths": "import sys; print(sys.path, sys.dont_write_bytecode)",
    "the main module": "print(__name__, __file__, __package__, type(__loader__), __cached__, __builtins__)",
    "pickle": "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))))",
    "annotations": "a: int = 1\ndef f(b: int): pass\nprint(f.__annotations__, __annotations__)",
    "the environment": "import os; print(sorted(os.environb.items()), os.getenv('NEW'))",
    "the directory": "import os; print(os.getcwd(), oct(os.umask(0)))",
    "the process group": "import os; print(os.getpgrp(), os.getsid(0))",
    "descriptors": "import os; print(sorted(os.listdir('/proc/self/fd')))",
    "signals": "import signal; print([signal.getsignal(number) for number in signal.valid_signals()])",
    "stdin": "import sys; print([line for line in sys.stdin], sys.stdin.read())",
    "streams": "import sys; print(sys.stdin, sys.stdout, sys.__stdout__ is sys.stdout, sys.stderr.line_buffering)\n"
    "print(sys.stdout.buffer.raw.mode, sys.stdout.errors, sys.stdout.line_buffering, sys.stdout.seekable())",
    "surrogates": "import sys; print('\\udcff', file=sys.stderr); print('\\udcff')",
    "raw output": "import os; print(1); os.write(1, b'2'); print(3)",
    "an exit code": "raise SystemExit(3)",
    "an exit code beyond a byte": "raise SystemExit(259)",
    "an exit with a text": "import sys; sys.exit('over')",
    "an exit with nothing": "import sys; sys.exit()",
    "an exception": "def f(): return 1 / 0\ntry: f()\nexcept ZeroDivisionError as e: raise ValueError('x') from e",
    "an exception of several": "raise ExceptionGroup('x', [ValueError(1)])",
    "a syntax error": "print(1)\nprint(",
    "an excepthook": "import sys; sys.excepthook = lambda *found: print(found[0])\n1 / 0",
    "an interrupt": "import atexit; atexit.register(print, 'bye'); print(1); raise KeyboardInterrupt",
    "a signal": "import os, signal; print(1, flush=True); os.kill(os.getpid(), signal.SIGPIPE)\n"
    "signal.signal(signal.SIGTERM, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGTERM)",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "os._exit": "import os; print(1); os._exit(7)",
    "atexit": "import atexit; atexit.register(print, 'second'); atexit.register(print, 'first'); 1 / 0",
    "threads": "import threading, time; threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()",
    "files left open": "file = open('left', 'w'); file.write('text')",
    "a module of the directory": "import beside, far; print(beside.__file__, far.__file__)",
    "a module that is missing": "import nowhere",
    "its own module once more": "import program; print(program is __import__('sys').modules['__main__'])",
    "locale": "import locale, time, tempfile; print(locale.getlocale(), time.tzname, tempfile.gettempdir())",
    "another Python": "import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', 'print(5)']))",
    "multiprocessing": "import multiprocessing\ndef f(x): return x + 1\n"
    "if __name__ == '__main__': print(multiprocessing.get_context('spawn').Pool(1).map(f, [1]))",
}
WAYS = (("program.py", "a", "-b"), ("-m", "package.program", "a", "-b"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if not preloaded.FORKING:
        pytest.skip("nothing forks here")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}/far:relative:{tmp_path}/far")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    write(
        tmp_path, {"work/beside.py": "", "far/far.py": "", "work/package/__init__.py": "", "work/package/beside.py": ""}
    )
    return tmp_path / "work"


def started(executable: str | Path, *words: str, cwd: Path, stdin: str = "one\ntwo") -> tuple[int, str, str]:
    """Start a program under the name of this Python, as our console scripts start a tool."""
    done = subprocess.run(
        [sys.executable, *words], executable=executable, cwd=cwd, input=stdin, capture_output=True, text=True,
        errors="surrogateescape", check=False, umask=0o27,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def forks(*words: str, cwd: Path) -> bool:
    code, out, err = started(preloaded.tool_python(), *words, cwd=cwd)
    assert (code, err) == (0, "")
    return out == "True\n"


@pytest.mark.parametrize(
    "words", [pytest.param(WAYS[0], id="script"), pytest.param(WAYS[1], id="module", marks=pytest.mark.every)]
)
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_a_fork_does_what_the_interpreter_does(folder: Path, program: str, words: tuple[str, ...]) -> None:
    write(folder, {"program.py": program, "package/program.py": program})
    found = started(preloaded.tool_python(), *words, cwd=folder)
    left = folder / "left"
    assert not left.exists() or left.read_text() == "text"
    assert found == started(sys.executable, *words, cwd=folder)


@pytest.mark.parametrize("output", ["file", "/dev/full"])
def test_a_fork_of_our_programs_ends_as_the_interpreter_does(folder: Path, output: str) -> None:
    folder.mkdir(exist_ok=True)
    ends = (
        "raise SystemExit(259)",
        "import sys; sys.exit('over')",
        "import atexit; atexit.register(print, 'bye'); sys = __import__('sys'); sys.exit()",
        "import threading, time; threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()",
    )

    def ended(executable: Path, program: str) -> tuple[int, bytes, bytes]:
        with (folder / output).open("wb") as stdout:
            command = [str(executable), "-c", f"print(1); {program}"]
            done = subprocess.run(command, cwd=folder, stdout=stdout, stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stderr, (folder / "file").read_bytes() if output == "file" else b""

    for program in ends:
        assert ended(preloaded.python(), program) == ended(Path(sys.executable), program)


@pytest.mark.parametrize("words", WAYS, ids=("script", "module"))
def test_a_program_forks(folder: Path, words: tuple[str, ...]) -> None:
    write(folder, {"program.py": FORKED, "package/program.py": FORKED})
    assert forks(*words, cwd=folder)


def test_where_it_could_differ_nothing_forks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"program.py": FORKED})
    assert not forks("-c", FORKED, cwd=folder)
    assert not forks("-I", "program.py", cwd=folder)
    assert not forks("-X", "dev", "program.py", cwd=folder)
    for name, value in (("PYTHONHASHSEED", "1"), ("PYTHONSAFEPATH", "1"), ("LC_ALL", "C"), ("LD_BIND_NOW", "1")):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            assert not forks("program.py", cwd=folder)
    write(folder, {"queue.py": ""})  # which Hydra's plugins have imported from elsewhere
    assert not forks("program.py", cwd=folder)


def test_output_that_nobody_reads(folder: Path) -> None:
    write(folder, {"program.py": "print('x' * 1000000)"})

    def cut_off(executable: str | Path) -> tuple[int, bytes]:
        command = [sys.executable, "program.py"]
        with subprocess.Popen(command, executable=executable, cwd=folder, stdout=-1, stderr=-1) as program:
            assert program.stdout is not None
            assert program.stderr is not None
            program.stdout.close()
            said = program.stderr.read()
            return program.wait(), said

    assert cut_off(preloaded.tool_python()) == cut_off(sys.executable)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
@pytest.mark.parametrize("heeds", [False, True])
def test_a_signal_is_handed_on(folder: Path, number: signal.Signals, heeds: bool) -> None:
    heed = f"signal.signal({number.value}, lambda *_: sys.exit(4))" if heeds else ""
    write(folder, {"program.py": f"import signal, sys, time\n{heed}\nprint(1, flush=True); time.sleep(60)"})

    def ended(executable: str | Path) -> tuple[int, bytes]:
        command = [sys.executable, "program.py"]
        with subprocess.Popen(command, executable=executable, cwd=folder, stdout=-1, stderr=-1) as program:
            assert program.stdout is not None
            program.stdout.readline()
            time.sleep(0.1)  # until it sleeps
            program.send_signal(number)
            return program.wait(), program.communicate()[1]

    assert ended(preloaded.tool_python()) == ended(sys.executable)


def test_a_fork_ends_with_the_one_who_asked(folder: Path) -> None:
    write(folder, {"program.py": "import os, time; print(os.getpid(), flush=True); time.sleep(60)"})
    command = [sys.executable, "program.py"]
    with subprocess.Popen(command, executable=preloaded.tool_python(), cwd=folder, stdout=-1) as program:
        assert program.stdout is not None
        watched = os.pidfd_open(int(program.stdout.readline()))
        program.kill()
        assert program.stdout.read() == b""  # the fork held the other end
    os.close(watched)
