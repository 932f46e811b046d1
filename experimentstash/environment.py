"""Which interpreter runs a tool (spec.md, section *Running*)."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.names import REGISTRY
from experimentstash.problems import StashError

if TYPE_CHECKING:
    from experimentstash.tool import Tool


def interpreter(stash: Path, tool: Tool) -> Path:
    """Return the Python that runs a tool.

    `python:` of the registry; else `.venv` in the tool's folder; else the active virtual or conda
    environment; else the Python that runs this program.

    Raises:
        StashError: the registry names a Python that is not there.
    """
    if tool.python is not None:
        return _chosen(stash, tool, tool.python)
    own = stash / tool.path / ".venv" / "bin" / "python"
    if own.is_file():
        return own
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        active = Path(os.environ.get(variable) or "/nowhere") / "bin" / "python"
        if active.is_file():
            return active
    return Path(sys.executable)


def _chosen(stash: Path, tool: Tool, python: str) -> Path:
    if "/" in python:
        path = stash / Path(python).expanduser()
        # Not resolved: a virtual environment is found by the path of its link.
        found = Path(os.path.abspath(path)) if path.is_file() else None  # noqa: PTH100  (resolve follows links)
    else:
        on_path = shutil.which(python)
        found = Path(on_path) if on_path else None
    if found is None or not os.access(found, os.X_OK):
        raise StashError(
            f"{REGISTRY}: the tool {tool.name!r} wants python: {python!r}, which is no program on this machine",
            f"python3 -m venv {tool.path}/.venv  # or name another `python:` in {REGISTRY}",
        )
    return found
