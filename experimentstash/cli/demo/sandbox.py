"""The environment of the demo: its own home directory and git configuration, and a Python with Hydra."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.invocation import installing

if TYPE_CHECKING:
    from pathlib import Path

_HYDRA = "hydra-core>=1.3.2"
_NOT_OURS = ("GIT_", "HYDRA_", "EXPERIMENTSTASH_", "XDG_")
_GITCONFIG = """\
[user]
\tname = A Newcomer
\temail = newcomer@example.org
[init]
\tdefaultBranch = main
[advice]
\tdetachedHead = false
# the remotes are local directories, which git refuses for submodules by default
[protocol "file"]
\tallow = always
"""


def sealed_environment(directory: Path) -> dict[str, str]:
    """Return an environment without the user's git configuration, and with `experimentstash` on the PATH.

    Args:
        directory: the directory of the demo, which becomes the home directory.
    """
    (directory / ".gitconfig").write_text(_GITCONFIG, encoding="utf-8")
    env = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_OURS)}
    for active in ("VIRTUAL_ENV", "CONDA_PREFIX"):  # the active environment may have no Hydra
        env.pop(active, None)
    return env | {
        "HOME": str(directory),
        "PATH": os.pathsep.join([str(_make_program(directory)), env.get("PATH", os.defpath)]),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CEILING_DIRECTORIES": str(directory),  # the temporary directory may be inside a repository
    }


def _make_program(directory: Path) -> Path:
    """Write a script `experimentstash` that runs this Python and this version; return its directory."""
    bin_directory = directory / ".bin"
    bin_directory.mkdir()
    start = "from experimentstash.cli.program import main; main()"
    script = bin_directory / "experimentstash"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{start}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return bin_directory


def has_hydra() -> bool:
    """Return whether the Python that runs this program has Hydra."""
    try:
        importlib.metadata.distribution("hydra-core")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def make_hydra(directory: Path) -> Path:
    """Make a virtual environment with Hydra in `directory`, from the user's package registry, and return its path.

    Raises:
        StashError: a command fails.
    """
    venv = directory / "venv"
    python = str(venv / "bin" / "python")
    for command in ((sys.executable, "-m", "venv", str(venv)), (python, "-m", "pip", "install", "--quiet", _HYDRA)):
        process = subprocess.run(command, capture_output=True, check=False)
        if process.returncode != 0:
            output = (process.stderr or process.stdout).decode("utf-8", "replace").strip()
            raise StashError(
                f"the sample tool needs hydra-core, and its installation failed:\n{output}",
                installing(_HYDRA),
            )
    return venv
