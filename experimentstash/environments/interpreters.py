"""Finds the Python for an environment: the recorded one, or one of the same minor version.

uv finds and downloads it. The PATH and pyenv are searched here, too, for machines without uv: a library for that would
be one more dependency for ten lines.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.process import run_whole
from experimentstash.environments.installers import ask, find_uv, installing_environment
from experimentstash.environments.packages import Python, own_python, python_at

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger(__name__)

_DOWNLOADS = "github.com"
"""The source of uv's Pythons (its documentation, *Python versions*)."""


@dataclass(frozen=True)
class RecordedPython:
    """A recorded Python.

    Attributes:
        version: as in `3.11.7`; compiled packages and the language go by its first two parts.
        implementation: `cpython`, `pypy`, ….
    """

    version: str
    implementation: str = "cpython"

    @property
    def minor(self) -> str:
        """The version without its last part."""
        return ".".join(self.version.split(".")[:2])

    def fits(self, python: Python) -> bool:
        """Return whether a lock for one works for the other: they differ at most in the last part of the version."""
        return (python.minor, python.implementation) == (self.minor, self.implementation)

    def __str__(self) -> str:
        """Return it for messages, as in `Python 3.11.7`."""
        name = "Python" if self.implementation == "cpython" else self.implementation
        return f"{name} {self.version}"


def find_python(recorded: RecordedPython | None, project: Path, uv: Path | None) -> Python:
    """Return the base Python for an environment.

    Takes the exact version if this machine has it, else another of the same minor version. If it has
    none, uv downloads one, unless the user's settings of uv forbid it.

    Args:
        recorded: the recorded one; None for the choice of uv and the project, or else the running Python.
        project: the directory of the lock, whose `.python-version` and `requires-python` uv reads.
        uv: uv, if it exists.

    Raises:
        StashError: there is none of that minor version.
    """
    own = own_python()
    if recorded is None:
        chosen = _with_uv(uv, [], project) if uv else None
        if chosen := chosen or own:
            return chosen
        raise StashError(f"{sys.executable}: this Python cannot make a virtual environment")
    near: Python | None = None
    for python in filter(None, chain([own], _candidates(recorded, uv))):
        if recorded.fits(python):
            if python.version == recorded.version:
                return python
            near = near or python
    found = near or (_downloaded(recorded, uv) if uv else None)
    if found is None:
        raise StashError(
            f"{recorded} is not available: no Python {recorded.minor} is on this machine",
            f"uv python install {recorded.version}  # or put a python{recorded.minor} on the PATH",
        )
    return found


def python_host(recorded: RecordedPython | None) -> tuple[str, ...]:
    """Return the host of uv's Python downloads, if this machine has no matching Python; else an empty tuple."""
    uv = find_uv() if recorded else None
    if recorded is None or uv is None:
        return ()
    is_here = any(recorded.fits(python) for python in filter(None, chain([own_python()], _candidates(recorded, uv))))
    return () if is_here else (f"{_DOWNLOADS} ({recorded})",)


def _candidates(recorded: RecordedPython, uv: Path | None) -> Iterator[Python | None]:
    """Yield the Pythons of this machine that may match; searches for each only when needed."""
    name = {"pypy": "pypy"}.get(recorded.implementation, "python")
    if uv:
        yield _with_uv(uv, [f"{recorded.implementation}@{recorded.version}"])
    places = installing_environment().get("PATH", "").split(os.pathsep)
    for place in dict.fromkeys(filter(None, places)):
        if (program := Path(place, f"{name}{recorded.minor}")).is_file():
            yield _base(python_at(program))
    # its shims on the PATH fail unless the user chose that version
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for program in sorted(pyenv.glob(f"*{recorded.minor}.*/bin/{name}{recorded.minor}"), reverse=True):
        yield python_at(program)
    if uv:
        yield _with_uv(uv, [f"{recorded.implementation}@{recorded.minor}"])


def _with_uv(uv: Path, request: list[str], project: Path | None = None) -> Python | None:
    flags = ["--no-project"] if project is None else []
    command = [str(uv), "python", "find", "--system", "--no-python-downloads", *flags, *request]
    found = ask(command, installing_environment(), project or Path("/"))
    return python_at(Path(found)) if found else None


def _base(python: Python | None) -> Python | None:
    return python if python is None or python.path == python.base else python_at(python.base)


def _downloaded(recorded: RecordedPython, uv: Path) -> Python | None:
    """Let uv download the Python; uv shows its progress."""
    _log.info("asking uv for %s", recorded)
    for version in dict.fromkeys((recorded.version, recorded.minor)):
        with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
            command = [str(uv), "venv", "--no-project", "--python", f"{recorded.implementation}@{version}", "env"]
            env = installing_environment()
            run_whole(command, cwd=Path(folder), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            if python := _base(python_at(Path(folder, "env", "bin", "python"))):
                return python
    return None
