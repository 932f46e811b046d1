"""Runs the installers: uv, or pip and venv, without settings that would change a lock."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.environments.tool_python import tool_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OLDEST_UV = (0, 8, 14)
"""The first that has `uv sync --no-install-local` (astral-sh/uv pull 15328)."""
# Variables that would start another Python, or make poetry use other directories.
_LEFT_OUT = re.compile(
    r"VIRTUAL_ENV|CONDA_PREFIX|PYTHON(HOME|PATH|SAFEPATH|STARTUP|USERBASE|NOUSERSITE)|__PYVENV_LAUNCHER__"
    r"|POETRY_VIRTUALENVS_\w+|POETRY_INSTALLER_\w+"
)


def installing_environment(**extra: str) -> dict[str, str]:
    """Return the variables for an installer: the user's, without those that would change a lock.

    Raises:
        StashError: a file of the user's settings for uv or pip cannot be read.
    """
    from experimentstash.environments import user_settings  # not needed by hooks, which install nothing

    own = tool_environment()
    kept = {key: value for key, value in own.items() if not _LEFT_OUT.fullmatch(key) and user_settings.is_kept(key)}
    ours = {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PYTHONUTF8": "1",
        "COLUMNS": "1000",  # keeps their sentences on one line
    }
    return {**kept, **user_settings.from_files(own), **ours, **extra}


def find_program(*names: str) -> Path | None:
    """Return the first of some programs that is on the user's PATH, or None."""
    path = tool_environment().get("PATH")
    return next((Path(found) for name in names if (found := shutil.which(name, path=path))), None)


def find_uv() -> Path | None:
    """Return the uv on the PATH, or None if there is none or it is older than `OLDEST_UV`."""
    found = find_program("uv")
    if found is None:
        return None
    said = ask([str(found), "--version"], installing_environment())
    match = re.match(r"uv (\d+)\.(\d+)\.(\d+)", said)
    return found if match and tuple(map(int, match.groups())) >= OLDEST_UV else None


def ask(command: list[str], env: Mapping[str, str], cwd: Path = Path("/")) -> str:
    """Return the first line of a program's output; empty if it fails."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return os.fsdecode(done.stdout).partition("\n")[0].strip() if done.returncode == 0 else ""


Word = str | Path
"""An argument of a command line."""


@dataclass(frozen=True)
class Step:
    """One command of an installer.

    Attributes:
        command: program and arguments.
        cwd: its working directory.
        env: additional variables.
    """

    command: Sequence[Word]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Filler:
    """Creates a virtual environment and installs into it: with uv if it exists, else with venv and pip.

    Attributes:
        python: the base Python.
        uv: uv, or None.
        has_pip: whether that Python's pip can install into an environment without pip, which saves seconds.
    """

    python: Path
    uv: Path | None
    has_pip: bool = False

    def make(self, folder: Path) -> Step:
        """Return the step that creates an empty environment."""
        if self.uv:
            return Step([self.uv, "venv", "--quiet", "--no-project", "--python", self.python, folder], folder.parent)
        return Step([self.python, "-m", "venv", *(["--without-pip"] if self.has_pip else []), folder], folder.parent)

    def install(self, folder: Path) -> list[Word]:
        """Return the start of the command that installs into the environment."""
        inside = folder / "bin" / "python"
        if self.uv:
            return [self.uv, "pip", "install", "--python", inside]
        if self.has_pip:
            return [self.python, "-m", "pip", "--python", inside, "install"]
        return [inside, "-m", "pip", "install"]


def filler(python: Path, uv: Path | None) -> Filler:
    """Return the installer for a Python; pip installs into other environments since 22.3."""
    said = "" if uv else ask([str(python), "-m", "pip", "--version"], installing_environment())
    match = re.match(r"pip (\d+)\.(\d+)", said)
    return Filler(python, uv, match is not None and tuple(map(int, match.groups())) >= (22, 3))
