"""The server's gate, asked about one push after another: the `pre-receive` hook in git's own surroundings.

The hook runs in this process, with the quarantine, environment and stdin that `git receive-pack` gives it. A push of
the same refs through `git push` gives the same answer; `real_push` does that for a sample.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from objects import Objects
from preloaded import python
from scenes import Scene

from experimentstash.hooks.guard_receive import main

HOOKS = Path(__file__).parents[2] / "hooks"
NO_OBJECT = "0" * 40
_LONGEST = 60  # seconds for one push


@dataclass(frozen=True)
class Push:
    """A push.

    Attributes:
        commits: the ids of the commits of its scene.
        updates: git's lines for the hook.
        refs: all refs of the server after it.
    """

    commits: list[str]
    updates: list[tuple[str, str, str]]
    refs: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What the gate answered."""

    code: int
    text: str


class Server:
    """A bare repository that has the first part of a scene."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self.folder = folder
        self.quarantine = folder / "objects" / "incoming"
        init = ["git", "init", "-q", "--bare", "--template=", str(folder)]
        subprocess.run(init, check=True)
        objects = Objects()
        had = Scene(scene.name, scene.commits, scene.had, {}, {})
        _, self.refs = had.write(objects)
        objects.write(folder, dict(os.environ))
        for ref, name in self.refs.items():
            subprocess.run(["git", "update-ref", ref, name], cwd=folder, check=True)
        subprocess.run(["git", "config", "core.hooksPath", str(HOOKS)], cwd=folder, check=True)
        subprocess.run(["git", "config", "experimentstash.python", str(python())], cwd=folder, check=True)

    def env(self) -> dict[str, str]:
        """Return the environment of a hook that judges what is in quarantine."""
        objects = self.folder / "objects"
        return {
            **os.environ,
            "GIT_DIR": ".",
            "GIT_OBJECT_DIRECTORY": str(self.quarantine),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
            "GIT_QUARANTINE_PATH": str(self.quarantine),
        }

    def receive(self, scenes: list[Scene]) -> list[Push]:
        """Put the objects of several pushes in quarantine."""
        shutil.rmtree(self.quarantine, ignore_errors=True)
        self.quarantine.mkdir()
        objects = Objects()
        pushes = [self._push(scene, objects) for scene in scenes]
        objects.write(self.folder, self.env())
        return pushes

    def _push(self, scene: Scene, objects: Objects) -> Push:
        commits, named = scene.write(objects)
        updates = [(self.refs.get(ref, NO_OBJECT), name, ref) for ref, name in named.items()]
        updates += [(self.refs[ref], NO_OBJECT, ref) for ref in scene.deleted]
        updates = [update for update in updates if update[0] != update[1]]
        after = {**self.refs, **{ref: new for _, new, ref in updates}}
        return Push(commits, updates, {ref: name for ref, name in after.items() if name != NO_OBJECT})

    def judge(self, push: Push) -> Answer:
        """Ask the hook about a push."""
        lines = "".join(f"{old} {new} {ref}\n" for old, new, ref in push.updates)
        text = io.StringIO()
        with _hook_process(self.folder, self.env(), lines), contextlib.redirect_stderr(text):
            code = main()
        return Answer(code, text.getvalue())

    def real_push(self, push: Push) -> Answer:
        """Push the same with `git push` from a clone that has the objects; the server ends as it was."""
        clone = self.folder.with_suffix(".clone")
        shutil.rmtree(clone, ignore_errors=True)
        subprocess.run(["git", "init", "-q", "--bare", "--template=", str(clone)], check=True)
        alternates = clone / "objects/info/alternates"
        alternates.parent.mkdir(parents=True, exist_ok=True)
        alternates.write_text(f"{self.folder}/objects\n{self.quarantine}\n")
        specs = [f"+{new if new != NO_OBJECT else ''}:{ref}" for _, new, ref in push.updates]
        command = ["git", "push", "-q", "--no-verify", str(self.folder), *specs]
        done = subprocess.run(command, cwd=clone, check=False, capture_output=True)
        self._restore()
        return Answer(done.returncode, done.stderr.decode("utf-8", "replace"))

    def _restore(self) -> None:
        listing = subprocess.run(
            ["git", "for-each-ref", "--format=%(refname)"], cwd=self.folder, check=True, capture_output=True
        )
        for ref in set(listing.stdout.decode().split()) - self.refs.keys():
            subprocess.run(["git", "update-ref", "-d", ref], cwd=self.folder, check=True)
        for ref, name in self.refs.items():
            subprocess.run(["git", "update-ref", ref, name], cwd=self.folder, check=True)


@contextlib.contextmanager
def _hook_process(folder: Path, env: dict[str, str], stdin: str) -> Iterator[None]:
    """Give this process the working directory, environment and stdin of a hook, and a limit of time."""
    before, place, standard = dict(os.environ), Path.cwd(), sys.stdin
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    signal.alarm(_LONGEST)
    try:
        os.chdir(folder)
        os.environ.update(env)
        sys.stdin = io.TextIOWrapper(io.BytesIO(os.fsencode(stdin)))
        yield
    finally:
        signal.alarm(0)
        sys.stdin = standard
        for name in env.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
        os.chdir(place)
        for number, handler in handlers.items():
            signal.signal(number, handler)
