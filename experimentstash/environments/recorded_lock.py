"""Writes a lock of the installed packages, for a tool that ships none.

It is a requirements file, which pip and uv both read. It is next to the snapshots, and its name has its digest, so
that experiments frozen under one tag in different environments each keep their own.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.files import write_text
from experimentstash.core.names import snapshot_directory
from experimentstash.core.process import run_captured
from experimentstash.core.secrets import first_secret
from experimentstash.environments.environment_cache import cache_folder
from experimentstash.environments.formats import requirements_file
from experimentstash.environments.formats.recorded import LEFT_OUT
from experimentstash.environments.installers import find_uv, installing_environment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from experimentstash.environments.packages import Described, Package

_LEFT_OUT = frozenset({"pip", "uv", "experimentstash"})
"""Installers and ExperimentStash: not needed to run the tool."""
_TORCH = re.compile(r"torch(vision|audio|text|data)?")
_TORCH_BUILD = re.compile(r".*\+(cpu|cu[0-9]+|rocm[0-9.]+|xpu)")


@dataclass(frozen=True)
class Recording:
    """The packages of an environment, as a lock.

    Attributes:
        text: the requirements file; the same environment gives the same bytes.
        told: the packages that it lacks, one sentence each.
    """

    text: str
    told: tuple[str, ...]


def projects_of(described: Described, stash: Path) -> tuple[str, ...]:
    """Return the directories of the stash that are installed as packages: the tool, and others that it uses.

    A reproduction checks them out at their pins and installs them again.

    Returns:
        Their paths from the stash's root, sorted.
    """
    root = stash.resolve()
    return tuple(sorted({folder for package in described.packages.values() if (folder := _below(root, package))}))


def project_versions(described: Described, stash: Path) -> tuple[tuple[str, str], ...]:
    """Return the packages that are installed from directories of the stash: their normal names and versions, sorted."""
    root = stash.resolve()
    return tuple(sorted((one.key, one.version) for one in described.packages.values() if _below(root, one)))


def stale_copies(described: Described, stash: Path) -> tuple[str, ...]:
    """Return warnings for packages of the stash that are installed as copies: their code may differ from the pin's."""
    root = stash.resolve()
    return tuple(
        f"{package.name} is installed as a copy of {folder}: what ran may not be the code of its commit "
        f"(pip install -e {folder})"
        for package in described.packages.values()
        if not package.editable and (folder := _below(root, package))
    )


def record(described: Described, stash: Path, tool: str, ours: Collection[str] = ()) -> Recording:
    """Return the lock of an environment, without the directories of the stash (`projects_of`).

    A package from git is recorded by its commit, one from a URL by its URL; one from another local directory is left
    out and reported. Builds of PyTorch that only its own index has get a line with that index.

    Args:
        described: the environment.
        stash: the stash's root.
        tool: the tool's name.
        ours: packages that only ExperimentStash requires (`own_needs`): left out and reported.
    """
    kept = sorted(_kept(described, stash), key=lambda package: package.key)
    packages = [package for package in kept if package.key not in ours]
    of_us = [f"{package.name}=={package.version}" for package in kept if package.key in ours]
    taken = [package for package in packages if _can_be_had(package)]
    left = [f"{package.name}=={package.version}" for package in packages if package not in taken]
    python = described.python
    lines = [
        f"# What {tool} ran with when it was frozen: pip install --no-deps -r FILE, or uv pip install.",
        f"# PYTHON: {python.version}{'' if python.implementation == 'cpython' else ' ' + python.implementation}",
        f"# PLATFORM: {' '.join(filter(None, (python.platform, python.libc)))}",
        *(f"{LEFT_OUT}{one}, which came from where nobody else can install it" for one in left),
        *(f"{LEFT_OUT}{one}, which experimentstash alone needs" for one in of_us),
        *_indexes(taken),
        *(_line(package) for package in taken),
    ]
    told = [
        f"{one} came from a directory of this machine, or not over https: nobody else can install it" for one in left
    ]
    told += [
        f"{package.name} {package.version} is a build that the package index may not have"
        for package in taken
        if "+" in package.version and not package.source and not list(_indexes([package]))
    ]
    if of_us:
        names = ", ".join(one.partition("==")[0] for one in of_us)
        told.append(f"left out of the lock, needed by experimentstash alone: {names}")
    return Recording("\n".join(lines) + "\n", tuple(told))


def _kept(described: Described, stash: Path) -> Iterator[Package]:
    root = stash.resolve()
    for package in described.packages.values():
        if package.key not in _LEFT_OUT and _below(root, package) is None:
            yield package


def _below(root: Path, package: Package) -> str | None:
    folder = package.folder
    if folder is None or not folder.is_dir() or not folder.is_relative_to(root):
        return None
    return folder.relative_to(root).as_posix()


def _can_be_had(package: Package) -> bool:
    """Return whether others can install it: from an index, over https, or from git by its commit."""
    if first_secret(package.source) is not None:  # its path contains a token
        return False
    try:
        return package.folder is None and requirements_file.parse_line(_line(package), package.name).is_pinned
    except StashError:
        return False


def _line(package: Package) -> str:
    if package.source:
        return f"{package.key} @ {package.source}"
    # `==2.5.1` also matches the build 2.5.1+cpu, and prefers it to 2.5.1 if an index or directory has both (PEP 440)
    return f"{package.key}{'===' if _TORCH.fullmatch(package.key) else '=='}{package.version}"


def _indexes(packages: Sequence[Package]) -> Iterator[str]:
    builds = {
        match[1]
        for package in packages
        if _TORCH.fullmatch(package.key) and not package.source and (match := _TORCH_BUILD.fullmatch(package.version))
    }
    for build in sorted(builds):
        yield f"--extra-index-url https://download.pytorch.org/whl/{build}"


def with_hashes(text: str, interpreter: Path) -> str:
    """Return a recorded lock with the hashes of every file of each release in the package index.

    uv gets them from the index. Without uv or the index, or if it lacks one of the packages, the lock is returned as
    it is: with hashes for some, pip would refuse the others, and a package from git has none. The answers are
    cached: the same environment gives the same lock, even after new uploads.

    Args:
        text: the lock.
        interpreter: the tool's Python.
    """
    kept = cache_folder() / "hashes" / f"{hashlib.sha256(text.encode('utf-8')).hexdigest()}.txt"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return kept.read_text("utf-8")
    uv = find_uv()
    if uv is None or " @ git+" in text:
        return text
    head = [line for line in text.splitlines() if line.startswith(("#", "--"))]
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        source, target = Path(folder, "in.txt"), Path(folder, "out.txt")
        source.write_text(text, encoding="utf-8")
        flags = ["--no-deps", "--generate-hashes", "--no-header", "--no-annotate", "--index-strategy=unsafe-best-match"]
        command = [str(uv), "pip", "compile", "--quiet", *flags, "--python", str(interpreter), "-o", str(target)]
        env = installing_environment(UV_HTTP_RETRIES="1", UV_HTTP_TIMEOUT="5")  # a hook may wait for it
        code, _ = run_captured([*command, str(source)], cwd=Path(folder), env=env)
        if code != 0 or not _is_the_same(Path(folder)):
            return text
        found = [line for line in target.read_text("utf-8").splitlines() if not line.startswith(("#", "--"))]
    hashed = "\n".join([*head, *found]) + "\n"
    with contextlib.suppress(StashError):  # the next freeze asks again
        write_text(kept, hashed)
    return hashed


def _is_the_same(folder: Path) -> bool:
    """Return whether uv's output has a hash for each package, and the requested releases."""
    try:
        asked, found = (requirements_file.read(folder, folder / name) for name in ("in.txt", "out.txt"))
    except StashError:
        return False
    return found.is_hashed and {(one.name, one.version) for one in asked.entries} == {
        (one.name, one.version) for one in found.entries
    }


def lock_path(tool: str, tag: str, text: str) -> str:
    """Return the path of a recorded lock, from the stash's root."""
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return f"{snapshot_directory(tool, tag)}/requirements-{digest[:12]}.txt"
