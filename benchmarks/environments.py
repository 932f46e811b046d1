"""Installs the measured programs as users do: the wheel of this tree, and the peers."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
OWN = ("click", "dulwich", "hydra-core", "omegaconf", "pyyaml")
"""The packages installed with the wheel, in the versions of the measuring Python."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        folder: its directory.
    """

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return self.program("python")

    def program(self, name: str) -> str:
        """Return the path of a program in it."""
        return str(self.folder / "bin" / name)

    @property
    def packages(self) -> Path:
        """The directory of its packages."""
        return next(self.folder.glob("lib/python*/site-packages"))

    def version(self, name: str) -> str:
        """Return a package of it with its version."""
        (found,) = importlib.metadata.distributions(name=name, path=[str(self.packages)])
        return f"{name} {found.version}"


def own() -> Environment:
    """Build this tree's wheel, and return an environment that contains it."""
    with tempfile.TemporaryDirectory() as folder:
        _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
        (wheel,) = Path(folder).glob("*.whl")
        pinned = [f"{name}=={importlib.metadata.version(name)}" for name in OWN]
        content = hashlib.sha256(wheel.read_bytes()).hexdigest()
        return _environment("own", [*pinned, str(wheel)], f"{content} {pinned}")


@functools.cache
def peer(name: str, *requirements: str) -> Environment | str:
    """Return an environment of these packages, or why it could not be made."""
    try:
        return _environment(name, list(requirements), f"{requirements}")
    except subprocess.CalledProcessError:
        return f"not to be had: `pip install {' '.join(requirements)}` failed"


def _environment(name: str, requirements: list[str], content: str) -> Environment:
    """Create an environment next to the measuring Python, unless one with the same content exists."""
    folder = Path(sys.prefix) / "bench" / name
    made_of = folder / "made-of"
    content = f"Python {sys.version}: {content}"
    if not made_of.exists() or made_of.read_text(encoding="utf-8") != content:
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
        python = str(folder / "bin" / "python")
        _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *requirements)
        made_of.write_text(content, encoding="utf-8")
    return Environment(folder)


def _run(*command: str) -> None:
    try:
        subprocess.run(command, cwd=TREE, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    except subprocess.CalledProcessError as error:
        print((error.stderr or error.stdout).decode("utf-8", "replace"), file=sys.stderr)
        raise
