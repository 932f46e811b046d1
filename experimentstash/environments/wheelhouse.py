"""Collects the packages of a lock as files, with all that their builds need, for a machine without a network."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, printable, quote
from experimentstash.core.files import file_digest, write_text
from experimentstash.core.invocation import rerun
from experimentstash.environments.build import Shared, build, build_shared
from experimentstash.environments.build_request import BuildRequest, Supply, run
from experimentstash.environments.installers import Step, Word, ask, filler, installing_environment
from experimentstash.environments.packages import Package, describe
from experimentstash.environments.tool_python import tool_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from experimentstash.environments.packages import Python

_log = logging.getLogger(__name__)

_INSIDE = Path(__file__).parent / "inside" / "building.py"
_WHEEL = ".whl"
_REQUIREMENT = re.compile(r"[A-Za-z0-9][^\n\r\0]*")


@dataclass(frozen=True)
class Gathered:
    """The files collected for a lock.

    Attributes:
        platform: its Python and platform, for people.
        files: the file names, by requirement (`name==version`).
        projects: the directories of the checkout to install on top.
    """

    platform: str
    files: Mapping[str, str]
    projects: tuple[Path, ...]


def gather(order: BuildRequest, pool: Path) -> Gathered:
    """Put the packages of a lock into a directory, which other locks may share.

    The environment is built first, to find the packages for this platform. At the end it is built again,
    from the directory alone: a missing file is found here, and not on a machine without a network.

    Args:
        order: the build request; the packages come from the index.
        pool: the directory.

    Raises:
        StashError: a package does not come as a file, is not available, or lacks something that a build needs.
    """
    if order.lock.brings_python:
        raise StashError(
            f"{order.lock.name}: conda packages cannot be put into an archive", rerun(without="--with-packages")
        )
    shared = build_shared(order)
    assert shared.python is not None  # noqa: S101  (only conda's locks say it themselves)
    said = describe(shared.environment / "bin" / "python", tool_environment())
    wanted = list(_locked(order, said.packages))
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        scratch = Path(folder).resolve()
        files = _fetched(order, shared.python, wanted, scratch)
        trees = [(tree, "build_editable") for tree in shared.projects if tree.is_dir()]
        trees += [(_tree(scratch, name), "build_wheel") for name in files.values() if not name.endswith(_WHEEL)]
        for tree, hook in trees:
            _fetch_builders(order, shared, tree, hook, scratch)
        pool.mkdir(exist_ok=True)
        for file in (scratch / "files").iterdir():
            shutil.copyfile(file, pool / file.name)
        gathered = Gathered(_for(shared.python), files, shared.projects)
        _log.info("building %s from the fetched packages", order.lock.name)
        build(replace(order, supply=supply(gathered, pool), cache=scratch / "cache", own=scratch / "own"))
    return gathered


def supply(gathered: Gathered, pool: Path) -> Supply:
    """Return the collected files as the input of a build."""
    lines = tuple(f"{one} --hash=sha256:{file_digest(pool / file)}" for one, file in sorted(gathered.files.items()))
    return Supply(pool, lines, tuple(sorted(map(file_digest, pool.iterdir()))), gathered.projects)


def check_locked(title: str, known: Mapping[tuple[str, str], frozenset[str]], one: str, sha256: str) -> None:
    """Check that a lock contains a package, and a file of it with that digest.

    Args:
        title: the start of messages.
        known: the digests in the lock, from `Lock.hashes`.
        one: the package, `name==version`.
        sha256: the digest of its file.

    Raises:
        StashError: it does not contain it.
    """
    name, _, version = one.partition("==")
    digests = known.get((name, version), known.get((name, "")))
    if digests is None:
        raise StashError(f"{title}: the lock file does not list {printable(one)}")
    if digests and sha256 not in digests:
        raise StashError(f"{title}: {printable(one)} differs from the lock file: its SHA-256 is {sha256}")


def _for(python: Python) -> str:
    return f"{python.implementation} {python.minor}, {python.platform} {python.libc}".strip()


def _locked(order: BuildRequest, packages: Mapping[str, Package]) -> Iterator[str]:
    """Yield the packages of an environment that are in its lock; others came with the environment itself."""
    known = order.lock.versions()
    for name, package in sorted(packages.items()):
        if name not in known or (known[name] and package.version not in known[name]):
            continue
        if package.source or package.folder:
            place = package.source or package.folder
            raise StashError(
                f"{order.lock.name}: {name} comes from {place}, and no package index has it as a file",
                rerun(without="--with-packages"),
            )
        yield f"{name}=={package.version}"


def _fetched(order: BuildRequest, python: Python, wanted: list[str], scratch: Path) -> dict[str, str]:
    """Fetch the files of some packages, and return their names by package; each must be in the lock."""
    known = order.lock.hashes()
    lines = {one: known.get((one.partition("==")[0], one.partition("==")[2])) or frozenset() for one in wanted}
    strict = bool(lines) and all(lines.values())
    text = "".join(
        " ".join([one, *(f"--hash=sha256:{value}" for value in sorted(digests) if strict)]) + "\n"
        for one, digests in lines.items()
    )
    write_text(scratch / "wanted.txt", text)
    flags = ["--no-deps", *(["--require-hashes"] if strict else []), "-r", str(scratch / "wanted.txt")]
    (scratch / "files").mkdir()
    if wanted:
        _log.info("fetching the packages of %s", order.lock.name)
        _download(order, python, flags, scratch)
    found = {_package_of(file.name): file for file in sorted((scratch / "files").iterdir())}
    named = {one: found.get(_flat(one)) for one in wanted}
    if missing := [one for one, file in named.items() if file is None]:
        raise StashError(f"{order.title}: pip downloaded no file of {missing[0]}")
    files = {one: file for one, file in named.items() if file}
    for one, file in files.items():
        check_locked(order.title, known, one, file_digest(file))
    return {one: file.name for one, file in files.items()}


def _download(order: BuildRequest, python: Python, flags: list[str], scratch: Path) -> None:
    if not ask([str(python.path), "-m", "pip", "--version"], installing_environment()):
        raise StashError(
            f"{python.path}: it has no pip to download packages", f"{quote(str(python.path))} -m ensurepip"
        )
    env = {"PIP_REQUIRE_VIRTUALENV": "0"}  # nothing is installed
    command: list[Word] = [python.path, "-m", "pip", "download", "--dest", scratch / "files"]
    run(order, [Step([*command, *order.lock.index_flags(), *flags], scratch, env)], scratch)


def _package_of(file: str) -> str:
    """Return the package of a file, in the form of `_flat`."""
    if file.endswith(_WHEEL):
        name, version = file.split("-")[:2]
    else:
        name, _, version = re.sub(r"\.(tar\.\w+|tgz|zip)$", "", file).rpartition("-")
    return _flat(f"{name}=={version}")


def _flat(one: str) -> str:
    """Return `name==version` normalized for comparing file names: one separator, lower case."""
    return re.sub(r"[-_.+]+", "-", one.lower())


def _tree(scratch: Path, name: str) -> Path:
    """Unpack a source distribution, and return its directory."""
    place = scratch / "trees" / name
    place.mkdir(parents=True)
    file = scratch / "files" / name
    if file.suffix == ".zip":
        shutil.unpack_archive(file, place)
    else:
        with tarfile.open(file) as archive:
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            archive.extractall(place, **safely)  # type: ignore[arg-type]  # noqa: S202  (as its build does, too)
    return next(path for path in place.iterdir() if path.is_dir())


def _fetch_builders(order: BuildRequest, shared: Shared, tree: Path, hook: str, scratch: Path) -> None:
    """Fetch the build requirements of a source tree: those of its `pyproject.toml`, then those of its backend."""
    assert shared.python is not None  # noqa: S101  (checked above)
    python = shared.python
    wanted = _asked(order, python.path, tree)
    _log.info("fetching the build requirements of %s", tree.name)
    if wanted:
        _download(order, python, [*_BUILDERS, *wanted], scratch)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        environment = scratch / folder / "env"
        fill = filler(python.path, shared.uv)
        here = ["--no-index", "--find-links", str(scratch / "files"), *wanted]
        install = [Step([*fill.install(environment), *here], scratch)] if wanted else []
        run(order, [fill.make(environment), *install], scratch)
        more = _asked(order, environment / "bin" / "python", tree, hook)
    if more:
        _download(order, python, [*_BUILDERS, *wanted, *more], scratch)


_BUILDERS = ("--only-binary=:all:",)


def _asked(order: BuildRequest, python: Path, tree: Path, *hook: str) -> list[str]:
    command = [str(python), str(_INSIDE), str(tree), *hook]
    done = subprocess.run(
        command,
        cwd=tree,
        env=installing_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=600,
    )
    try:
        said = json.loads(done.stdout.rstrip().rpartition(b"\n")[2])
    except ValueError:
        said = None
    if done.returncode or not isinstance(said, list) or not all(map(_is_requirement, said)):
        told = done.stderr.decode("utf-8", "replace").strip() or "no list"
        raise StashError(f"{order.title}: {tree.name} does not list its build requirements:\n{told}")
    return said


def _is_requirement(one: object) -> bool:
    return isinstance(one, str) and _REQUIREMENT.fullmatch(one) is not None
