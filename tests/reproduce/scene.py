"""A stash with frozen experiments of small tools, as others have it, and its reproduction as a process."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hydra
from conftest import BIN, Ran, commit, git, run, write
from stashes import snapshot_path, snapshot_text

from experimentstash.stash.results.collect import collect
from experimentstash.stash.results.comparison_rules import Rules
from experimentstash.stash.results.manifest import render

PROGRAM = '''
"""A tool that does what its config says; the folder SIGNS is how a test looks on, and holds it up."""
import json, os, pathlib, signal, sys, time
import hydra
from hydra.core.hydra_config import HydraConfig

SIGNS = pathlib.Path(os.environ["SIGNS"])


@hydra.main(config_path=None, config_name=None, version_base=None)
def main(cfg):
    out = pathlib.Path(HydraConfig.get().runtime.output_dir)
    with open(SIGNS / "runs", "a") as runs:
        runs.write(cfg.name + "\\n")
    state = [path.name for path in (out / "state", pathlib.Path("state")) if path.exists()]
    for path in (out / "state", pathlib.Path("state")):
        if cfg.get("leaves"):
            path.write_text("half")
    value = cfg.value + float(os.environ.get("SHIFT", "0"))
    (out / "results.json").write_text(json.dumps({"value": value, "resumed": len(state)}))
    exec(cfg.get("does", ""))
    if cfg.get("deaf"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (SIGNS / ("hold " + cfg.name)).exists():
        (SIGNS / "ready").touch()
        try:
            time.sleep(1000)
        except KeyboardInterrupt:
            if cfg.get("polite"):
                return
            raise
    if cfg.get("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(cfg.get("exit", 0))


if __name__ == "__main__":
    main()
'''
SMALL = f"""
import sys
sys.path.append({str(Path(hydra.__file__).parents[1])!r})  # Hydra, which the lock of a test does not name
import hydra

@hydra.main(config_path=None, config_name=None, version_base=None)
def main(cfg):
    {{}}

main()
"""
"""A program for an environment that is built; what it does goes in."""
ENTRY = "  {name}:\n    path: tools/{name}\n    entrypoint: main.py\n{more}"


@dataclass
class Scene:
    """A stash, the remotes of its tools, and directories for what is reproduced.

    Attributes:
        root: the directory of all of it.
        stash: the clone that its owner works in, with its tools checked out.
    """

    root: Path
    stash: Path

    @property
    def into(self) -> Path:
        return self.root / "into"

    @property
    def signs(self) -> Path:
        return self.root / "signs"

    def remote(self, tool: str) -> Path:
        return self.root / "remotes" / tool

    def head(self, tool: str = "mytool") -> str:
        return git("rev-parse", "HEAD", cwd=self.stash / "tools" / tool)

    def freeze(
        self,
        experiment: str = "first",
        tag: str = "v1",
        body: str = "",
        *,
        tool: str = "mytool",
        value: float | None = 1.0,
        more: str = "",
        tagged: bool = True,
    ) -> str:
        """Freeze an experiment by hand, with the results of a value, and return the freeze commit."""
        path = snapshot_path(experiment, tag, tool)
        if value is not None:
            manifest = self.manifest({"results.json": json.dumps({"value": value, "resumed": 0})})
            more += f"# RESULTS: sha256:{hashlib.sha256(manifest.encode()).hexdigest()}\n"
            write(self.stash, {path.replace(".yaml", ".results.json"): manifest})
        text = snapshot_text(
            experiment, tag, self.head(tool), tool=tool, body=f"name: {experiment}\nvalue: 1.0\n{body}", more=more
        )
        write(self.stash, {path: text})
        return self.commit_all(tag if tagged else "")

    def commit_all(self, tag: str = "") -> str:
        git("add", "-A", cwd=self.stash)
        git("commit", "-q", "--allow-empty", "-m", "work", cwd=self.stash)
        if tag:
            git("tag", "-f", f"snapshot/{tag}", cwd=self.stash)
        return git("rev-parse", "HEAD", cwd=self.stash)

    def manifest(self, files: dict[str, str]) -> str:
        folder = self.root / f"run-{os.urandom(4).hex()}"
        write(folder, files)
        return render(collect(folder, Rules()))

    @property
    def env(self) -> dict[str, str]:
        self.signs.mkdir(exist_ok=True)
        return {"SIGNS": str(self.signs), "EXPERIMENTSTASH_CACHE": str(self.root / "cache")}

    def command(self, tag: str, *args: str | Path) -> list[str]:
        into = [] if "--into" in args else ["--into", self.into]
        return [str(word) for word in (BIN / "experimentstash", "reproduce", tag, *into, *args)]

    def reproduce(self, tag: str = "v1", *args: str | Path, cwd: Path | None = None, **env: str) -> Ran:
        """Reproduce a tag from the clone, tools at local paths allowed, in the Python of the tests."""
        return self.strictly(tag, "--no-build", "--yes", "--allow-local", *args, cwd=cwd, **env)

    def strictly(self, tag: str = "v1", *args: str | Path, cwd: Path | None = None, **env: str) -> Ran:
        """Reproduce a tag with these arguments and no others."""
        return run(*self.command(tag, *args), cwd=cwd or self.stash, env={**self.env, **env})

    def runs(self) -> list[str]:
        """Return the experiments that have run, one word a run."""
        log = self.signs / "runs"
        return log.read_text().split() if log.exists() else []

    def hold(self, experiment: str = "first") -> None:
        """Let the next run of an experiment wait until somebody ends it."""
        self.signs.mkdir(exist_ok=True)
        (self.signs / f"hold {experiment}").touch()

    def let_go(self, experiment: str = "first") -> None:
        (self.signs / f"hold {experiment}").unlink()

    def interrupted(
        self, tag: str = "v1", *args: str | Path, when: Callable[[], bool] | None = None, by: int = signal.SIGINT
    ) -> Ran:
        """Start a reproduction, send a signal to it alone once something is so, and return what it answered."""
        command = self.command(tag, *(args or ("--no-build",)), "--yes", "--allow-local")
        ready = when or (self.signs / "ready").exists
        with subprocess.Popen(
            command,
            cwd=self.stash,
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as child:
            while not ready():
                assert child.poll() is None, child.communicate()
                time.sleep(0.02)
            child.send_signal(by)
            out, err = child.communicate()
        return Ran(child.returncode, out.decode(), err.decode())


def make_scene(root: Path, *init: str, tools: tuple[str, ...] = ("mytool",), more: str = "") -> Scene:
    """Make a stash with tools whose remotes are directories; nothing is frozen yet."""
    scene = Scene(root, root / "stash")
    scene.stash.mkdir(parents=True)
    git("init", "-q", *init, cwd=scene.stash)
    for name in tools:
        scene.remote(name).mkdir(parents=True)
        git("init", "-q", *init, cwd=scene.remote(name))
        commit(scene.remote(name), {"main.py": PROGRAM, ".gitignore": "__pycache__/\n"}, f"the tool {name}")
    entries = "".join(ENTRY.format(name=name, more=more) for name in tools)
    write(scene.stash, {"configs/meta.yaml": f"tools:\n{entries}"})
    for name in tools:
        git("submodule", "--quiet", "add", scene.remote(name), f"tools/{name}", cwd=scene.stash)
    scene.commit_all()
    return scene


def at_terminal(command: list[str], answer: str, *, cwd: Path, env: dict[str, str]) -> tuple[int, str]:
    """Run a program at a terminal, give an answer when it asks, and return its exit code and all that it said."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(cwd)
        os.execve(command[0], command, {**os.environ, **env})
    said, given = b"", False
    while True:
        if given and answer == "\x03" and not select.select([terminal], [], [], 0.5)[0]:
            os.write(terminal, b"\x03")  # one that comes while a prompt is drawn may be lost
        try:
            block = os.read(terminal, 65536) if not given or select.select([terminal], [], [], 0.5)[0] else None
        except OSError:  # the other end is closed
            break
        if block is None:
            continue
        if not block:
            break
        said += block
        if b"[y/N]" in said and not given:
            os.write(terminal, answer.encode())
            given = True
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(terminal)
    return code, said.decode("utf-8", "replace")


def state_of(folder: Path) -> dict[str, object]:
    """Return all that a clone holds: files with their contents, also those of `.git`, but for git's own caches."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[str(path.relative_to(folder))] = path.is_symlink()
    return found


def python(*args: str, cwd: Path) -> Ran:
    return run(sys.executable, *args, cwd=cwd)
