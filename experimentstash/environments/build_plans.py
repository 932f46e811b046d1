"""How each kind of lock is built: the steps, what decides the outcome, and what of the checkout is left for later."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core import toml_text
from experimentstash.core.errors import StashError
from experimentstash.core.files import write_text
from experimentstash.core.process import listen
from experimentstash.environments.build_request import Order, Supply, fail
from experimentstash.environments.formats import requirements_file, toml_lock
from experimentstash.environments.formats.requirements_file import read_bytes
from experimentstash.environments.installers import (
    Filler,
    Step,
    Word,
    ask,
    filler,
    find_program,
    installing_environment,
)
from experimentstash.environments.lock_file import index_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from experimentstash.environments.packages import Python

_PACKAGE = "[[packages]]"
_TABLES = re.compile(r"(?m)^(?=\[\[packages\]\]|\[(?!\[?packages\b))")
_LOCAL_LINE = re.compile(r"(?:-e\s+)?((?:\.{1,2}(?:/.*)?)|/.*)")


@dataclass(frozen=True)
class Plan:
    """How an environment is built.

    Attributes:
        decides: the texts that decide what comes out, besides the Python.
        steps: given the path of the environment to make, the steps that make it.
        projects: folders of the checkout that belong on top of it.
        is_shared: whether it holds no code of a checkout, so that every reproduction can use it.
    """

    decides: tuple[bytes | str, ...]
    steps: Callable[[Path], Sequence[Step]]
    projects: tuple[Path, ...] = ()
    is_shared: bool = True


def plan_uv(order: Order, uv: Path, python: Python) -> Plan:
    """Plan an environment from `uv.lock`: what uv would sync, but for the folders of the checkout.

    Raises:
        StashError: the lock does not fit its `pyproject.toml`; uv's own words.
    """
    lock = order.lock
    chosen = [f"--extra={name}" for name in lock.extras] + [f"--group={name}" for name in lock.groups]
    cache = ask([str(uv), "cache", "dir"], installing_environment())
    safe = {"UV_CACHE_DIR": cache} if cache else {}  # the project's settings may not have it elsewhere
    common = ["--python", str(python.path), "--project", str(lock.folder), *chosen]
    lines = _export(order, uv, ["--locked", *common], {**safe, **index_of(lock)})
    local = {
        line: Path(match[1]) for line in lines if (match := _LOCAL_LINE.fullmatch(line.partition(" ;")[0].strip()))
    }
    only_wheels = ["--no-build"] if order.wheels_only else []

    def steps(folder: Path) -> list[Step]:
        # that the lock fits is known by now, and `--locked` would want the user's indexes to be the lock's
        sync: list[Word] = [uv, "sync", "--frozen", "--no-install-local", *common, *only_wheels]
        return [Step(sync, lock.folder, {**safe, "UV_PROJECT_ENVIRONMENT": str(folder)})]

    projects = tuple(lock.folder / place for place in local.values())
    return Plan(("\n".join(line for line in lines if line not in local),), steps, projects)


def _export(order: Order, uv: Path, flags: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """Return what the lock comes to for this project, a requirement a line; the lock is held against it."""
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        target = Path(folder, "requirements.txt")
        command = [str(uv), "export", "--no-header", "--no-annotate", "--output-file", str(target), *flags]
        code, said = listen(command, cwd=order.lock.folder, env=installing_environment(**env))
        if code != 0:
            raise fail(order, said.splitlines(), order.own)
        return target.read_text("utf-8").splitlines()


def plan_pylock(order: Order, uv: Path, python: Python) -> Plan:
    """Plan an environment from `pylock.toml` (PEP 751). pip reads it from 26.1 on, as an experiment; uv does.

    Raises:
        StashError: it names files of the checkout besides the projects in it.
    """
    lock = order.lock
    text, projects = _without_projects(read_bytes(lock.stash, lock.path), lock.name, lock.folder)
    only_wheels = ["--only-binary=:all:"] if order.wheels_only else []

    def steps(folder: Path) -> list[Step]:
        source = lock.path
        if projects:
            source = folder.parent / "pylock.toml"
            write_text(source, text)
        sync: list[Word] = [uv, "pip", "sync", "--python", folder / "bin/python", *only_wheels, source]
        return [filler(python.path, uv).make(folder), Step(sync, folder.parent)]

    return Plan((text,), steps, projects)


def _without_projects(data: bytes, name: str, base: Path) -> tuple[str, tuple[Path, ...]]:
    """Return a `pylock.toml` without the folders of the checkout that it names, and those folders.

    No library that is kept writes TOML as it was read, so what belongs to a folder is cut out of the text, and the
    rest is parsed again.
    """
    packages = toml_lock.entries(toml_text.parse(data, name), name)
    text = data.decode("utf-8")
    folders = {at: entry for at, entry in enumerate(packages) if "directory" in entry.table}
    if not folders:
        return text, ()
    number = -1
    kept = ""
    for part in _TABLES.split(text):
        number += part.startswith(_PACKAGE)
        kept += "" if part.startswith(_PACKAGE) and number in folders else part
    rest = toml_lock.entries(toml_text.parse(kept.encode("utf-8"), name), name)
    if rest != [entry for at, entry in enumerate(packages) if at not in folders]:
        raise StashError(f"{name}: no program writes a lock like that: it is not taken")
    if any(entry.values("path") for entry in rest):
        raise StashError(f"{name}: it names files of the tool as packages, beside the tool itself; that is not built")
    return kept, tuple(base / place for entry in folders.values() for place in entry.values("path"))


def plan_requirements(order: Order, uv: Path | None, python: Python) -> Plan:
    """Plan an environment from requirements: with uv, or with the Python's own venv and pip."""
    lock = order.lock
    found = requirements_file.read(lock.stash, lock.path)
    # What was recorded is all that was installed, even where its parts disagree: nothing is resolved.
    flags = ["--no-deps"] if lock.kind == "recorded" else []
    flags += ["--require-hashes"] if found.is_hashed else []
    flags += ["--only-binary=:all:"] if order.wheels_only else []
    source = ["-r", str(lock.path)]

    def steps(folder: Path) -> list[Step]:
        fill = filler(python.path, uv)
        # A release is looked for in every index, as pip does; each is pinned.
        each = ["--index-strategy=unsafe-best-match"] if uv else []
        return [fill.make(folder), Step([*fill.install(folder), *each, *flags, *source], folder.parent)]

    lines = (line for data in found.texts.values() for line in _without_comments(data))
    return Plan((lock.kind, *lines), steps, order.projects)


def plan_supply(supply: Supply, uv: Path | None, python: Python) -> Plan:
    """Plan an environment from packages that are here: exactly these, whatever the kind of the lock."""

    def steps(folder: Path) -> list[Step]:
        fill = filler(python.path, uv)
        source = folder.parent / "requirements.txt"
        write_text(source, "".join(f"{line}\n" for line in supply.lines))
        flags = ["--no-deps", "--require-hashes", *supply.flags(uv=uv is not None)]
        install: list[Word] = [*fill.install(folder), *flags, "-r", source]
        return [fill.make(folder), *([Step(install, folder.parent)] if supply.lines else [])]

    return Plan(("supply", *supply.lines, "", *supply.digests), steps, supply.projects)


def _without_comments(data: bytes) -> list[bytes]:
    """Return the lines that count: the comments of a recorded lock name the tool, and two tools may share the rest."""
    return [line for line in data.splitlines() if not line.startswith(b"#")]


def plan_poetry(order: Order, poetry: Path, uv: Path | None, python: Python) -> Plan:
    """Plan an environment from `poetry.lock`: poetry fills an environment that it is given."""
    lock = order.lock
    data = read_bytes(lock.stash, lock.path)
    project = read_bytes(lock.stash, lock.folder / "pyproject.toml")
    chosen = [f"--extras={name}" for name in lock.extras] + [f"--with={name}" for name in lock.groups]
    only_wheels = {"POETRY_INSTALLER_ONLY_BINARY": ":all:"} if order.wheels_only else {}

    def steps(folder: Path) -> list[Step]:
        env = {
            "VIRTUAL_ENV": str(folder),
            "POETRY_CACHE_DIR": str(order.cache / "poetry"),  # the project's settings may not have it elsewhere
            "PATH": f"{folder / 'bin'}:{installing_environment().get('PATH', '')}",
            **only_wheels,
        }
        # Its plugins would be put into the tool's folder.
        install: list[Word] = [poetry, "install", "--no-root", "--no-interaction", "--no-ansi", "--no-plugins", *chosen]
        return [Filler(python.path, uv, has_pip=True).make(folder), Step(install, lock.folder, env)]

    said = toml_text.table(toml_text.parse(project, f"{lock.name}: pyproject.toml"), "tool", "poetry")
    is_package = said.get("package-mode") is not False
    locked = toml_lock.entries(toml_text.parse(data, lock.name), lock.name)
    folders = any(toml_text.text(entry.table, "source", "type") == "directory" for entry in locked)
    return Plan((data, project, *chosen), steps, (lock.folder,) if is_package else (), not folders)


def plan_conda(order: Order) -> Plan:
    """Plan an environment from conda's files; the lock says the Python, too.

    Raises:
        StashError: no program of conda's is on the PATH.
    """
    lock = order.lock
    program = find_program("micromamba", "mamba", *(["conda"] if lock.kind == "conda" else []))
    if program is None:
        raise StashError(
            f"{order.title}: {lock.name} is built by micromamba, which is not on the PATH of this machine",
            "install micromamba, https://mamba.readthedocs.io, or take the environment at hand with --no-build",
        )
    verb = ["env", "create"] if program.name == "conda" else ["create"]

    def steps(folder: Path) -> list[Step]:
        return [Step([program, *verb, "--yes", "--prefix", folder, "--file", lock.path], folder.parent)]

    return Plan((lock.kind, read_bytes(lock.stash, lock.path)), steps, order.projects)
