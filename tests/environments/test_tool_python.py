"""Which interpreter runs a tool, seen from a Python that a hook framework made, and from any other."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import BIN, git, run

ASKED = """\
import sys
from pathlib import Path
from types import SimpleNamespace
from experimentstash.environments.tool_python import interpreter, tool_environment
from experimentstash.core.errors import StashError
tool = SimpleNamespace(name="mytool", path="tools/mytool", python=(sys.argv[1:] or [None])[0])
try:
    print(interpreter(Path.cwd(), tool))
except StashError as error:
    print(error)
env = tool_environment()
print(env.get("VIRTUAL_ENV"), env["PATH"], sep="\\n")
"""
SYSTEM = "/usr/bin:/bin"


@dataclass(frozen=True)
class Answer:
    """What a process says: the interpreter, or why there is none, and the environment of the tool."""

    python: str
    active: str
    path: str


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with ExperimentStash and without Hydra, as frameworks make them."""
    return made(tmp_path_factory.mktemp("framework") / "py_env")


def made(folder: Path) -> Path:
    assert run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent).code == 0
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "ours.pth").write_text(f"{Path(__file__).parents[2]}\n")
    return folder


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    (tmp_path / "stash/tools/mytool").mkdir(parents=True)
    git("init", "-q", cwd=tmp_path / "stash")
    return tmp_path / "stash"


def environment(folder: Path, *, virtual: bool = True) -> Path:
    """An environment that nobody starts: a Python, and what says that it is one."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").write_text("#!/bin/sh\n")
    (folder / "bin/python").chmod(0o755)
    if virtual:
        (folder / "pyvenv.cfg").touch()
    return folder


def asked(stash: Path, python: Path, *arguments: str, path: str = SYSTEM, **env: str) -> Answer:
    ran = run(python / "bin/python", "-c", ASKED, *arguments, cwd=stash, env={"PATH": path, **env})
    assert (ran.code, ran.err) == (0, "")
    *said, active, path = ran.out.splitlines()
    return Answer("\n".join(said), active, path)


def in_hook(stash: Path, hook: Path, *arguments: str, path: str = SYSTEM, **env: str) -> Answer:
    """Ask as a framework starts a hook, below `git commit`."""
    whole = os.pathsep.join([f"{hook}/bin", "/usr/lib/git-core", path])
    return asked(stash, hook, *arguments, path=whole, **{"VIRTUAL_ENV": str(hook), "PRE_COMMIT": "1", **env})


def test_under_a_framework_the_users_own_environment_runs_the_tool(stash: Path, hook: Path, tmp_path: Path) -> None:
    own = environment(tmp_path / "own")
    conda = environment(tmp_path / "conda", virtual=False)
    told = in_hook(stash, hook, path=f"{own}/bin:{SYSTEM}", CONDA_PREFIX=str(conda))
    assert told == Answer(f"{own}/bin/python", str(own), f"/usr/lib/git-core:{own}/bin:{SYSTEM}")
    told = in_hook(stash, hook, path=f"{conda}/bin:{own}/bin:{SYSTEM}", CONDA_PREFIX=str(conda))
    assert (told.python, told.active) == (f"{conda}/bin/python", "None"), "what comes first on the PATH was active"
    odd = f"{hook.parent}/../{hook.parent.name}/{hook.name}"
    told = in_hook(stash, hook, path=f"{odd}/bin:{own}/bin:{SYSTEM}", VIRTUAL_ENV=odd)
    assert told == Answer(f"{own}/bin/python", str(own), f"/usr/lib/git-core:{own}/bin:{SYSTEM}")


def test_under_a_framework_without_an_environment(stash: Path, hook: Path, tmp_path: Path) -> None:
    told = in_hook(stash, hook)
    assert told.python == (
        "tools/mytool: no Python is known for the tool 'mytool'; the Python of the hook has no Hydra\n"
        "    fix: git config experimentstash.toolPython PATH"
        "  # or `python:` in configs/meta.yaml, or tools/mytool/.venv"
    )
    chosen = environment(tmp_path / "home env", virtual=False) / "bin/python"
    git("config", "experimentstash.toolPython", chosen, cwd=stash)
    assert in_hook(stash, hook).python == str(chosen)
    git("config", "experimentstash.toolPython", "~/bin/python", cwd=stash)
    assert in_hook(stash, hook, HOME=str(chosen.parents[1])).python == str(chosen)
    git("config", "experimentstash.toolPython", "/no/such/python", cwd=stash)
    assert in_hook(stash, hook).python == (
        "git config experimentstash.toolPython: /no/such/python: not a program on this machine\n"
        "    fix: git config experimentstash.toolPython PATH"
    )
    own = environment(stash / "tools/mytool/.venv") / "bin/python"
    assert in_hook(stash, hook).python == str(own)


def test_a_python_by_its_name_is_not_the_hooks(stash: Path, hook: Path, tmp_path: Path) -> None:
    other = environment(tmp_path / "other", virtual=False)
    assert in_hook(stash, hook, "python", path=f"{other}/bin:{SYSTEM}").python == f"{other}/bin/python"
    told = in_hook(stash, hook, "python", path=str(tmp_path))
    assert told.python.startswith("configs/meta.yaml: the tool 'mytool' has python: 'python', which is not a program")
    assert in_hook(stash, hook, str(hook / "bin/python")).python == f"{hook}/bin/python", "who names it means it"


def test_a_hooks_environment_with_hydra_in_it_counts(stash: Path, tmp_path: Path) -> None:
    """`language: system`, or `additional_dependencies`: then it is the user's choice."""
    hook = made(tmp_path / "py_env")
    (packages,) = hook.glob("lib/python3*/site-packages")
    (packages / "hydra").mkdir()
    (packages / "hydra/__init__.py").touch()
    assert in_hook(stash, hook, path=f"{BIN}:{SYSTEM}").python == f"{hook}/bin/python"


def test_without_a_framework(stash: Path, hook: Path, tmp_path: Path) -> None:
    """The same environment is then one that somebody activated."""
    path = f"{hook}/bin:{SYSTEM}"
    told = asked(stash, hook, path=path, VIRTUAL_ENV=str(hook))
    assert told == Answer(f"{hook}/bin/python", str(hook), path)
    assert asked(stash, hook, path=path).python == f"{hook}/bin/python", "nothing is active: our own"
    chosen = environment(tmp_path / "chosen", virtual=False) / "bin/python"
    git("config", "experimentstash.toolPython", chosen, cwd=stash)
    assert asked(stash, hook).python == str(chosen)
    assert asked(stash, hook, VIRTUAL_ENV=str(hook)).python == f"{hook}/bin/python"


def test_another_environment_than_the_hooks_is_the_users(stash: Path, hook: Path, tmp_path: Path) -> None:
    """A hook of `language: script` or `system` runs with the environment that the user has active."""
    own = environment(tmp_path / "own")
    told = asked(stash, hook, path=f"{own}/bin:{SYSTEM}", VIRTUAL_ENV=str(own), PRE_COMMIT="1")
    assert (told.python, told.active) == (f"{own}/bin/python", str(own))
