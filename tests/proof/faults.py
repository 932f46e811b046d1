"""Every call that a command makes to write fails once: nothing is lost, and the command works when run again.

`failing_calls.c` is loaded into the command and every program that it starts. The calls are counted over all of these
processes, so that exactly one fails.
"""

from __future__ import annotations

import errno
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conftest import BIN, estash, git, write
from shapes import Shape, hard_coded, make_stash

ERRORS = {"EIO": str(errno.EIO), "ENOSPC": str(errno.ENOSPC), "kill": "kill"}
_LONGEST = 300  # seconds of one command
_LOCK = re.compile(r"Unable to create '(/[^']+\.lock)': File exists")
_SAVED = {"README.md": "changed, and not staged\n", "staged.txt": "staged\n", "notes.txt": "in no repository\n"}


@dataclass
class Outcome:
    """What came of the failing calls.

    Attributes:
        calls: how many calls each command makes to write.
        tried: how many of them failed once, by command and error.
        held: after how many of those everything was in order, by command and error.
        wrong: what was not.
    """

    calls: dict[str, int] = field(default_factory=dict)
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Command:
    """A command whose calls fail.

    Attributes:
        arguments: what is typed behind `experimentstash`.
        prepare: brings a fresh copy of the stash into the state that the command needs.
    """

    arguments: tuple[str, ...]
    prepare: Callable[[Path], None] = lambda _: None


def _without_tool(stash: Path) -> None:
    git("reset", "-q", "--hard", "plain", cwd=stash)
    shutil.rmtree(stash / "tools", ignore_errors=True)
    shutil.rmtree(stash / ".git/modules", ignore_errors=True)
    git("config", "--remove-section", "submodule.tools/mytool", cwd=stash)


def _untagged(stash: Path) -> None:
    _frozen(stash)
    git("tag", "-d", "snapshot/v1", cwd=stash)


def _frozen(stash: Path) -> None:
    git("reset", "-q", "--hard", "frozen", cwd=stash)
    git("tag", "-a", "-m", "v1", "snapshot/v1", "frozen", cwd=stash)


COMMANDS = {
    "init": Command(("init",), _without_tool),
    "install": Command(("install",)),
    "tag": Command(("tag",), _untagged),
    "snapshot --commit": Command(("snapshot", "mytool", "first", "--tag", "v1", "--commit")),
    "bundle": Command(("bundle", "v1", "v1.bundle", "--allow-local"), _frozen),
    "add-tool": Command(("add-tool", "second", "../mytool", "--entrypoint", "-m mytool.main")),
    "reproduce": Command(("reproduce", "v1", "--into", "../again", "--no-build", "--yes", "--allow-local"), _frozen),
}


def make_scene(folder: Path) -> None:
    """Make a stash with a tool and with work of the user's, and its state as a tag before and after a freeze."""
    stash = make_stash(folder, Shape(hard_coded()), python=Path(sys.executable))
    write(stash, {"README.md": "a stash\n"})
    git("add", "README.md", cwd=stash)
    git("commit", "-q", "-m", "a readme", cwd=stash)
    git("tag", "plain", "HEAD~", cwd=stash)
    git("tag", "ready", cwd=stash)
    frozen = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    assert frozen.code == 0, frozen.err
    git("tag", "frozen", "snapshot/v1^{}", cwd=stash)
    git("tag", "-d", "snapshot/v1", cwd=stash)
    git("reset", "-q", "--hard", "ready", cwd=stash)


def build_library(folder: Path) -> Path | None:
    """Compile the library that makes calls fail; None where there is no compiler, or it is not Linux."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    library = folder / "failing_calls.so"
    source = Path(__file__).with_name("failing_calls.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def prove_faults(seed: int, each: int, folder: Path, names: list[str], until: float = math.inf) -> Outcome:
    """Let a sample of each command's calls fail, `each` per command and error; all of them where there are no more."""
    outcome = Outcome()
    library = build_library(folder)
    if library is None:
        return outcome
    (folder / "scene").mkdir()
    make_scene(folder / "scene")
    for name in names:
        stage = Stage(folder, library, COMMANDS[name])
        stage.reset()
        assert stage.run(0, "").returncode == 0, name
        outcome.calls[name] = stage.count()
        for error in ERRORS:
            rng = random.Random(f"{seed}-{name}-{error}")
            numbers = range(1, outcome.calls[name] + 1)
            for number in sorted(rng.sample(numbers, min(each, len(numbers)))):
                if time.monotonic() > until:
                    return outcome
                outcome.tried[name, error] += 1
                wrong = stage.fault(number, error)
                outcome.held[name, error] += not wrong
                outcome.wrong += [f"{name}, {error} at call {number}: {one}" for one in wrong]
    return outcome


class Stage:
    """Where a command is played again and again on a fresh copy."""

    def __init__(self, folder: Path, library: Path, command: Command) -> None:
        self.folder = folder
        self.place = folder / "place"
        self.stash = self.place / "stash"
        self.library = library
        self.command = command

    def reset(self) -> None:
        """Make a fresh copy, with work of the user's in it."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.folder / "scene", self.place, symlinks=True)
        self.command.prepare(self.stash)
        write(self.stash, _SAVED)
        git("add", "staged.txt", cwd=self.stash)

    def run(self, number: int, error: str) -> subprocess.CompletedProcess[bytes]:
        """Run the command; the call with that number fails, or none."""
        counter = self.folder / "counter"
        counter.write_bytes(bytes(8))
        env = {**os.environ, "FAULT_COUNTER": str(counter), "FAULT_AT": str(number), "PYTHONDONTWRITEBYTECODE": "1"}
        if error:
            env["FAULT_ERROR"] = ERRORS[error]
        arguments = [sys.executable, str(BIN / "experimentstash"), *self.command.arguments]
        process = subprocess.Popen(
            arguments,
            cwd=self.stash,
            env={**env, "LD_PRELOAD": str(self.library)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        said, _ = process.communicate(timeout=_LONGEST)
        return subprocess.CompletedProcess(arguments, process.returncode, said)

    def count(self) -> int:
        """Return how many calls were made to write."""
        return int.from_bytes((self.folder / "counter").read_bytes(), sys.byteorder)

    def fault(self, number: int, error: str) -> list[str]:
        """Let one call fail, then run the command again, and return what is wrong."""
        self.reset()
        head, refs = git("rev-parse", "HEAD", cwd=self.stash), self.refs()
        failed = self.run(number, error)
        said = failed.stdout.decode("utf-8", "replace")
        found = [] if b"Traceback" not in failed.stdout else [f"a traceback: {said[-800:]}"]
        if failed.returncode == -signal.SIGKILL and error != "kill":
            found.append("it was killed")
        found += self.lost(head, refs)
        again = self.run(0, "")
        while error == "kill" and again.returncode != 0 and (lock := self.lock(again.stdout)):
            lock.unlink()
            again = self.run(0, "")
        if again.returncode != 0 and not (failed.returncode == 0 and self.is_done()):
            found.append(f"run again: {again.stdout.decode('utf-8', 'replace')[-600:]} (first: {said[-300:]})")
        return found + self.lost(head, refs)

    def lock(self, said: bytes) -> Path | None:
        """Return the lock file that a killed git left, where what is printed names it: git removes none by itself."""
        match = _LOCK.search(said.decode("utf-8", "replace"))
        path = Path(match[1]) if match else None
        return path if path and path.is_file() and self.folder in path.parents else None

    def is_done(self) -> bool:
        """Tell whether a command that did its work all the same says that it was done before."""
        return self.command.arguments[0] in ("snapshot", "add-tool", "bundle", "reproduce")

    def refs(self) -> dict[str, str]:
        """Return what all refs name."""
        told = git("for-each-ref", "--format=%(refname) %(objectname)", cwd=self.stash)
        return {line.split()[0]: line.split()[1] for line in told.splitlines()}

    def lost(self, head: str, refs: dict[str, str]) -> list[str]:
        """Return what git's own check finds, and what of the user's is not there."""
        found = []
        fsck = subprocess.run(["git", "fsck", "--no-dangling"], cwd=self.stash, check=False, capture_output=True)
        if fsck.returncode != 0:
            found.append(f"git fsck: {fsck.stderr.decode('utf-8', 'replace')[:300]}")
        for path, text in _SAVED.items():
            if not (self.stash / path).exists() or (self.stash / path).read_text() != text:
                found.append(f"{path} is lost")
        staged = subprocess.run(["git", "show", ":staged.txt"], cwd=self.stash, check=False, capture_output=True)
        if staged.stdout.decode() != _SAVED["staged.txt"]:
            found.append("what was staged is lost")
        ancestor = ["git", "merge-base", "--is-ancestor", head, "HEAD"]
        if subprocess.run(ancestor, cwd=self.stash, check=False, capture_output=True).returncode != 0:
            found.append("HEAD moved away")
        now = self.refs()
        return found + [f"{ref} moved" for ref in refs if ref.startswith("refs/tags/") and now.get(ref) != refs[ref]]
