"""Every call that a command makes to write fails once: nothing is lost, and the command works when run again.

`failing_calls.c` is loaded into the command and every program that it starts. The calls are counted over all of these
processes, so that exactly one fails.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conftest import BIN, estash, git, write
from dulwich.index import Index
from preloaded import script
from shapes import Shape, hard_coded, make_stash

ERRORS = {"EIO": str(errno.EIO), "ENOSPC": str(errno.ENOSPC), "kill": "kill"}
_LONGEST = 300  # seconds of one command
_LOCK = re.compile(r"fix: rm (/\S+\.lock)  # if no other git is at work there")
_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[/_T][0-9:-]+")
_OF_GIT = re.compile(r"(^|/)(\.git|[^/]+\.git)/(.*/)?(objects|logs)/|/(COMMIT_EDITMSG|ORIG_HEAD|FETCH_HEAD)$|^cache/")
_ALWAYS = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "GIT_AUTHOR_DATE": "2026-01-12T09:30:00+00:00",
    "GIT_COMMITTER_DATE": "2026-01-12T09:30:00+00:00",
}
_SAVED = {"README.md": "changed, and not staged\n", "staged.txt": "staged\n", "notes.txt": "in no repository\n"}


@dataclass
class Outcome:
    """What came of the failing calls of a command.

    Attributes:
        calls: how many calls it makes to write; none where no call can be made to fail.
        tried: how many of them failed once, by error.
        held: after how many of those everything was in order, by error.
        wrong: what was not.
    """

    calls: int = 0
    tried: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
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
    """Compile the library that makes calls fail; None if there is no compiler, or it is not Linux."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    library = folder / "failing_calls.so"
    source = Path(__file__).with_name("failing_calls.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def prove_faults(seed: int, each: int, folder: Path, name: str, until: float = math.inf) -> Outcome:
    """Let a sample of a command's calls fail, `each` per error; all of them where there are no more."""
    outcome = Outcome()
    library = build_library(folder)
    if library is None:
        return outcome
    (folder / "scene").mkdir()
    make_scene(folder / "scene")
    stage = Stage(folder, library, COMMANDS[name])
    outcome.calls = stage.usual_calls()
    for error in ERRORS:
        rng = random.Random(f"{seed}-{name}-{error}")
        numbers = range(1, outcome.calls + 1)
        for number in sorted(rng.sample(numbers, min(each, len(numbers)))):
            if time.monotonic() > until:
                return outcome
            outcome.tried[error] += 1
            wrong = stage.fault(number, error)
            outcome.held[error] += not wrong
            outcome.wrong += [f"{name}, {error} at call {number}: {one}" for one in wrong]
    return outcome


class Stage:
    """Where a command is played again and again on a fresh copy.

    What follows a failure depends on what is on disk then, and is judged once for each such state.
    """

    def __init__(self, folder: Path, library: Path, command: Command) -> None:
        self.folder = folder
        self.place = folder / "place"
        self.stash = self.place / "stash"
        self.library = library
        self.command = command
        self.ready = folder / "ready"
        self.judged: dict[tuple[str, bool], list[str]] = {}
        self.usual: set[str] = set()
        self.prepare()
        self.head, self.refs_before = git("rev-parse", "HEAD", cwd=self.stash), self.refs()

    def prepare(self) -> None:
        """Bring a copy of the scene into the state that the command needs, with work of the user's in it."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.rmtree(self.ready, ignore_errors=True)
        shutil.copytree(self.folder / "scene", self.place, symlinks=True)
        self.command.prepare(self.stash)
        write(self.stash, _SAVED)
        git("add", "staged.txt", cwd=self.stash)
        shutil.copytree(self.place, self.ready, symlinks=True)

    def reset(self) -> None:
        """Make a fresh copy of that."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.ready, self.place, symlinks=True)

    def usual_calls(self) -> int:
        """Run the command without a failure, and return how many calls it makes to write."""
        self.reset()
        ran = self.run(0, "")
        assert ran.returncode == 0, ran.stdout.decode("utf-8", "replace")
        calls = self.count()
        self.usual = self.paths()
        return calls

    def run(self, number: int, error: str) -> subprocess.CompletedProcess[bytes]:
        """Run the command; the call with that number fails, or none."""
        counter = self.folder / "counter"
        counter.write_bytes(bytes(8))
        env = {**os.environ, **_ALWAYS, "FAULT_COUNTER": str(counter), "FAULT_AT": str(number)}
        env["XDG_CACHE_HOME"] = str(self.place / "cache")
        if error:
            env["FAULT_ERROR"] = ERRORS[error]
        arguments = [str(script(BIN / "experimentstash", str(self.library))), *self.command.arguments]
        process = subprocess.Popen(
            arguments,
            cwd=self.stash,
            env={**env, "LD_PRELOAD": str(self.library)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=os.setpgrp,  # a kill ends this group
        )
        said, _ = process.communicate(timeout=_LONGEST)
        return subprocess.CompletedProcess(arguments, process.returncode, said)

    def count(self) -> int:
        """Return how many calls were made to write."""
        return int.from_bytes((self.folder / "counter").read_bytes(), sys.byteorder)

    def fault(self, number: int, error: str) -> list[str]:
        """Let one call fail, then run the command again, and return what is wrong."""
        self.reset()
        failed = self.run(number, error)
        said = failed.stdout.decode("utf-8", "replace")
        found = [] if b"Traceback" not in failed.stdout else [f"a traceback: {said[-800:]}"]
        if failed.returncode == -signal.SIGKILL and error != "kill":
            found.append("it was killed")
        if failed.returncode == 0 and self.is_done():
            found += self.incomplete()
        state = (self.state(), failed.returncode == 0)
        if state not in self.judged:
            self.judged[state] = self.aftermath(error, failed.returncode == 0)
        return found + [f"{one} (first: {said[-300:]})" for one in self.judged[state]]

    def aftermath(self, error: str, is_over: bool) -> list[str]:
        """Return what is wrong after a failure, before and after the command is run again."""
        found = self.lost()
        again = self.run(0, "")
        while error == "kill" and again.returncode != 0 and (lock := self.lock(again.stdout)):
            lock.unlink()
            again = self.run(0, "")
        if again.returncode != 0 and not (is_over and self.is_done()):
            return [*found, f"run again: {again.stdout.decode('utf-8', 'replace')[-600:]}"]
        return found + self.lost() + self.incomplete()

    def lock(self, said: bytes) -> Path | None:
        """Return the lock file that a killed git left, where the fix that is printed removes it: git removes none."""
        match = _LOCK.search(said.decode("utf-8", "replace"))
        path = Path(match[1]) if match else None
        return path if path and path.is_file() and self.folder in path.parents else None

    def is_done(self) -> bool:
        """Return whether a command that did its work all the same says that it was done before."""
        return self.command.arguments[0] in ("snapshot", "add-tool", "bundle", "reproduce")

    def refs(self) -> dict[str, str]:
        """Return what all refs name."""
        told = git("for-each-ref", "--format=%(refname) %(objectname)", cwd=self.stash)
        return {line.split()[0]: line.split()[1] for line in told.splitlines()}

    def lost(self) -> list[str]:
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
        ancestor = ["git", "merge-base", "--is-ancestor", self.head, "HEAD"]
        if subprocess.run(ancestor, cwd=self.stash, check=False, capture_output=True).returncode != 0:
            found.append("HEAD moved away")
        now, before = self.refs(), self.refs_before
        return found + [
            f"{ref} moved" for ref in before if ref.startswith("refs/tags/") and now.get(ref) != before[ref]
        ]

    def incomplete(self) -> list[str]:
        """Return what differs from what a run without a failure leaves, and what our own judgement finds."""
        now = self.paths()
        found = [f"{path} is not there" for path in sorted(self.usual - now)[:3]]
        found += [f"{path} is left over" for path in sorted(now - self.usual)[:3]]
        verified = estash("verify", "--all", cwd=self.stash)
        return found + ([] if verified.code == 0 else [f"verify: {verified.out}{verified.err}"])

    def paths(self) -> set[str]:
        """Return the paths of all files, but for git's objects and logs and what a killed git leaves of them."""
        found = {str(path.relative_to(self.place)) for path in self.place.rglob("*") if not path.is_dir()}
        return {_DATED.sub("DATE", path) for path in found if not _OF_GIT.search(path)}

    def state(self) -> str:
        """Return a digest of all that is on disk, without times."""
        digest = hashlib.sha256()
        for path in sorted(self.place.rglob("*")):
            mode = path.lstat().st_mode
            digest.update(f"\0{path.relative_to(self.place)}\0{mode:o}\0".encode())
            if stat.S_ISLNK(mode):
                digest.update(os.fsencode(path.readlink()))
            elif stat.S_ISREG(mode):
                digest.update(_index(path) if path.name == "index" else path.read_bytes())
        return digest.hexdigest()


def _index(path: Path) -> bytes:
    """Return what an index holds without times and inodes; its bytes where it is none."""
    try:
        return repr([(name, entry.mode, entry.sha) for name, entry in Index(str(path)).items()]).encode()  # type: ignore[union-attr]
    except Exception:  # noqa: BLE001  (whatever dulwich says of half an index)
        return path.read_bytes()
