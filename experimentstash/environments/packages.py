"""Describes an interpreter and its installed packages.

Direct URLs (PEP 610) are parsed here: only the newest `packaging` can, and a tool's environment may have an older one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError, printable
from experimentstash.core.urls import public_url

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSIDE = Path(__file__).parent / "inside" / "installed.py"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.!+_-]*")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_HASH = re.compile(r"sha256=([0-9a-f]{64})")


@dataclass(frozen=True)
class Python:
    """An interpreter.

    Attributes:
        path: its program.
        base: the base interpreter of a virtual environment; else its own path.
        version: as in `3.11.7`.
        implementation: `cpython`, `pypy`, ….
        abi: the ABI that compiled packages must match.
        platform: system and machine, as in `linux-x86_64`.
        libc: name and version, as in `glibc 2.36`; empty if the platform has only one.
    """

    path: Path
    base: Path
    version: str
    implementation: str
    abi: str
    platform: str
    libc: str

    @property
    def minor(self) -> str:
        """The version without its last part, as in `3.11`."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True)
class Package:
    """An installed distribution.

    Attributes:
        name: its name, as written in its metadata.
        version: its version.
        source: its source, if not an index: `git+https://…@COMMIT` or
            `https://….whl#sha256=…`; empty otherwise.
        folder: the local directory that it was installed from or is in; None for an index or a URL.
        editable: whether its code is the directory's, and not a copy.
        requires: its requirements (PEP 508).
        modules: its top-level modules, if ExperimentStash is installed in the same environment.
        imported: whether a run imported a module of it, if requested.
    """

    name: str
    version: str
    source: str = ""
    folder: Path | None = None
    editable: bool = False
    imported: bool = False
    requires: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The normalized name."""
        return normal(self.name)


@dataclass(frozen=True)
class Described:
    """An interpreter and its installed packages, by normal name."""

    python: Python
    packages: Mapping[str, Package]


def normal(name: str) -> str:
    """Return the normalized name of a package (PyPA, *Names and normalization*)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_at(path: Path, env: Mapping[str, str] | None = None) -> Python | None:
    """Return the interpreter at `path`, or None if it is not a working Python.

    A pyenv shim can exist without a Python.
    """
    said = _ask(path, [], env, isolated=True)
    return None if said is None else _python(path, said)


def own_python() -> Python | None:
    """Return the base Python of this program, not its virtual environment."""
    from experimentstash.environments.inside.installed import interpreter

    path = Path(getattr(sys, "_base_executable", None) or sys.executable)
    return _python(path, interpreter()) if path.is_file() else None


def describe(interpreter: Path, env: Mapping[str, str] | None = None, imports: Path | None = None) -> Described:
    """Return an interpreter and its installed packages, as printed by a small program that it runs.

    Args:
        interpreter: the tool's Python; it needs no pip.
        env: all environment variables of the tool; by default those of this process.
        imports: the directory in which a run recorded its imports; None if not needed.

    Raises:
        StashError: it does not run, or prints something else.
    """
    said = _ask(interpreter, ["--all", *([str(imports)] if imports else [])], env, isolated=False)
    if said is None or not isinstance(said.get("distributions"), list):
        raise StashError(f"{interpreter}: does not list its installed packages", f"{interpreter} --version")
    packages = [package for item in said["distributions"] if (package := _package(item)) is not None]
    return Described(_python(interpreter, said), {package.key: package for package in packages})


def _ask(path: Path, flags: list[str], env: Mapping[str, str] | None, *, isolated: bool) -> dict[str, Any] | None:
    command = [str(path), *(["-I"] if isolated else []), str(_INSIDE), *flags]
    try:
        done = subprocess.run(
            command, cwd="/", env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120
        )
        said = json.loads(done.stdout.rstrip().rpartition(b"\n")[2]) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return said if isinstance(said, dict) else None


def _python(path: Path, said: dict[str, Any]) -> Python:
    words = {key: printable(str(said.get(key, ""))) for key in ("version", "implementation", "abi", "platform", "libc")}
    return Python(path, Path(str(said.get("base") or path)), **words)


def _package(item: Any) -> Package | None:
    """Return an installed package, or None if its name or version is unusable."""
    name, version, folder = str(item["name"]), str(item["version"]), str(item["folder"])
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        return None
    said = item["url"]
    url = str(said.get("url", ""))
    found = Package(
        name,
        version,
        imported=bool(item.get("imported")),
        requires=tuple(map(str, item.get("requires", ()))),
        modules=tuple(map(str, item.get("modules", ()))),
    )
    if url.startswith("file:"):
        editable = bool(_table(said, "dir_info").get("editable"))
        return replace(found, folder=_folder_of(url), editable=editable)
    if folder:  # `setup.py develop`, or metadata in a checkout
        return replace(found, folder=Path(folder), editable=True)
    return replace(found, source=_source(url, said))


def _folder_of(url: str) -> Path:
    from urllib.parse import unquote, urlsplit

    return Path(os.path.realpath(unquote(urlsplit(url).path)))


def _table(said: dict[str, Any], key: str) -> dict[str, Any]:
    table = said.get(key)
    return table if isinstance(table, dict) else {}


def _source(url: str, said: dict[str, Any]) -> str:
    """Return a direct URL (PEP 610) as a requirement, without a password or token; empty if invalid."""
    if not re.match(r"[a-z+]+://\S+$", url):
        return ""
    url = public_url(url.partition("#")[0])
    vcs = _table(said, "vcs_info")
    below = str(said.get("subdirectory", ""))
    below = f"#subdirectory={below}" if re.fullmatch(r"[\w-][\w./-]*", below) and ".." not in below else ""
    if vcs.get("vcs") == "git" and _COMMIT.fullmatch(str(vcs.get("commit_id"))):
        return f"git+{url}@{vcs['commit_id']}{below}"
    archive = _table(said, "archive_info")
    hashes = _table(archive, "hashes")
    digest = _HASH.fullmatch(f"sha256={hashes.get('sha256')}") or _HASH.fullmatch(str(archive.get("hash")))
    return f"{url}#sha256={digest[1]}" if digest else url
