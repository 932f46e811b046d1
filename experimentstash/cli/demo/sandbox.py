"""What the demonstration runs in: a home and an environment of its own, and a Python that has Hydra."""

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
# the tool's remote is a folder here, and git takes no submodule from a folder unless it is told to
[protocol "file"]
\tallow = always
"""


def sealed_environment(folder: Path) -> dict[str, str]:
    """Return an environment that knows nothing of the user's git, with `experimentstash` on its PATH.

    Args:
        folder: the demonstration's folder, which becomes the home.
    """
    (folder / ".gitconfig").write_text(_GITCONFIG, encoding="utf-8")
    env = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_OURS)}
    for active in ("VIRTUAL_ENV", "CONDA_PREFIX"):  # perhaps without Hydra; ours has it
        env.pop(active, None)
    return env | {
        "HOME": str(folder),
        "PATH": os.pathsep.join([str(_program(folder)), env.get("PATH", os.defpath)]),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CEILING_DIRECTORIES": str(folder),  # the folder for temporary files may lie in a repository
    }


def _program(folder: Path) -> Path:
    """Make `experimentstash` a command of this very Python and program, and return its folder."""
    place = folder / ".bin"
    place.mkdir()
    start = "from experimentstash.cli.program import main; main()"
    script = place / "experimentstash"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{start}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return place


def has_hydra() -> bool:
    """Return whether the Python that runs this program has Hydra, for the tool to be run with."""
    try:
        importlib.metadata.distribution("hydra-core")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def make_hydra(folder: Path) -> Path:
    """Make a virtual environment with Hydra in `folder`, from the user's package registry, and return it.

    Raises:
        StashError: it could not be made.
    """
    place = folder / "venv"
    python = str(place / "bin" / "python")
    for command in ((sys.executable, "-m", "venv", str(place)), (python, "-m", "pip", "install", "--quiet", _HYDRA)):
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise StashError(
                f"the sample tool needs hydra-core, and it could not be had for this folder:\n{said}",
                installing(_HYDRA),
            )
    return place
