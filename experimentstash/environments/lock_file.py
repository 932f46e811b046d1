"""Which lock a tool's checkout ships, and the lock that a snapshot names."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash.core import toml_text
from experimentstash.core.errors import StashError
from experimentstash.core.files import check_inside
from experimentstash.core.toml_text import texts
from experimentstash.environments.committed_files import committed_bytes, is_committed, same_lines
from experimentstash.environments.formats import conda, requirements_file, toml_lock
from experimentstash.environments.formats.requirements_file import read_bytes
from experimentstash.environments.packages import normal

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = re.compile(r"requirements-[0-9a-f]{12}\.txt")
"""The names of the locks that freezing writes beside its snapshots."""
LEFT_OUT = "# LEFT_OUT: "
"""What a line of theirs begins with that names a package which they do not hold."""
_FIXED = {
    "uv.lock": "uv",
    "pylock.toml": "pylock",
    "poetry.lock": "poetry",
    "conda-lock.yml": "conda-lock",
    "environment.yml": "conda",
    "environment.yaml": "conda",
}
_TOML = ("uv", "pylock", "poetry")
_ORDER = ("uv", "pylock", "poetry", "requirements", "conda-lock", "conda")
"""In order of trust: what was resolved for every platform with hashes, what was for one, what any machine can build."""
_OTHERS = frozenset({"dev", "develop", "development", "test", "tests", "testing", "doc", "docs", "lint", "build", "ci"})
"""Words in the names of requirements files that are not for running the tool."""
_LOCAL = ("editable", "directory", "virtual", "path", "registry", "file", "git", "url", "index")
"""The keys at which locks name where a package comes from."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_WHOLE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True)
class Lock:
    """A lock file.

    Attributes:
        kind: `uv`, `pylock`, `poetry`, `requirements`, `conda-lock`, `conda`, or `recorded`: freezing wrote it.
        stash: the root of the checkout of the stash; nothing that the lock names leads out of it.
        name: the file's path from there, with `/`.
        sha256: the digest of its bytes, in hex.
        extras: the extras of the tool that are built too.
        groups: the dependency groups that are built besides those that the lock's own program takes by itself.
    """

    kind: str
    stash: Path
    name: str
    sha256: str
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.stash / self.name

    @property
    def folder(self) -> Path:
        """The folder of the project that it locks."""
        return self.path.parent


@dataclass(frozen=True)
class Found:
    """What was found in a checkout: the lock that is taken, or None, and why others are not, a sentence each."""

    lock: Lock | None
    told: tuple[str, ...] = ()


def find_lock(
    stash: Path,
    tool_path: str,
    workdir: str = ".",
    *,
    extras: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
    committed: bool = False,
) -> Found:
    """Return the lock that a tool ships, from its working folder upwards to its root: the nearest folder that has one.

    A requirements file counts if every line has a hash; an `environment.yml` if every line has an exact version.

    Args:
        stash: the root of the stash's checkout.
        tool_path: the tool's, from there.
        workdir: the tool's working folder, from its root.
        extras: the extras to build.
        groups: the further dependency groups to build.
        committed: take only what the tool's commit holds, and the digest of the bytes that git has.
    """
    told: list[str] = []
    folder = os.path.normpath(workdir)
    while True:
        locks = _locks_in(stash, Path(tool_path, folder), told, committed=committed)
        if locks:
            others = ", ".join(lock.name for lock in locks[1:])
            told += [f"{others}: passed over for {locks[0].name}"] if others else []
            return Found(replace(locks[0], extras=extras, groups=groups), tuple(told))
        if folder == ".":
            return Found(None, tuple(told))
        folder = os.path.dirname(folder) or "."  # noqa: PTH120  (a relative path with an end)


def open_lock(
    stash: Path, name: str, sha256: str, *, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()
) -> Lock:
    """Return the lock that a snapshot names.

    Raises:
        StashError: there is none, it is not the one that was recorded, or it names what lies outside of the stash.
    """
    kind = _kind(Path(name).name)
    if kind is None:
        raise StashError(f"{name}: no lock of a kind that is known")
    lock = replace(_lock(stash, name, kind), extras=extras, groups=groups)
    if lock.sha256 != sha256 and (held := _as_committed(lock)):
        lock = held
    if lock.sha256 != sha256:
        raise StashError(
            f"{name}: not the lock that was recorded: its SHA-256 is {lock.sha256}, not {sha256}",
            "rerun with --no-build  # to use the environment at hand",
        )
    check(lock)
    return lock


def check(lock: Lock) -> None:
    """Check what a lock names before it is built.

    Raises:
        StashError: it names a file or a folder outside of the stash, or a source that is not taken.
    """
    if lock.kind in ("requirements", "recorded"):
        requirements_file.read(lock.stash, lock.path)
    elif lock.kind == "conda":
        conda.read_environment(read_bytes(lock.stash, lock.path), lock.name)
    elif lock.kind in _TOML:
        for entry in entries_of(lock):
            for place in _local_places(entry):
                _check_place(lock, entry.name, place)


def document_of(lock: Lock) -> dict[str, Any]:
    """Return what a lock in TOML says; an empty table for one of another kind.

    Raises:
        StashError: it is no TOML.
    """
    return toml_text.parse(read_bytes(lock.stash, lock.path), lock.name) if lock.kind in _TOML else {}


def versions(lock: Lock) -> dict[str, frozenset[str]]:
    """Return the versions that a lock has of each package, by normal name; conda's own locks are not looked into.

    A lock for every platform may have several of one package.
    """
    pairs: list[tuple[str, str]] = []
    if lock.kind in ("requirements", "recorded"):
        pairs = [(one.name, one.version) for one in requirements_file.read(lock.stash, lock.path).wanted]
    elif lock.kind == "conda":
        pairs = list(conda.read_environment(read_bytes(lock.stash, lock.path), lock.name).items())
    elif lock.kind in _TOML:
        pairs = [(entry.name, entry.version) for entry in entries_of(lock)]
    found: dict[str, set[str]] = {}
    for name, version in pairs:
        found.setdefault(name, set()).update([version] if version else [])
    return {name: frozenset(known) for name, known in found.items()}


def left_out(lock: Lock) -> dict[str, str]:
    """Return what freezing left out of a lock that it wrote: by normal name, the package and why.

    A tool's own lock does not say what was installed beside it.
    """
    if lock.kind != "recorded":
        return {}
    lines = read_bytes(lock.stash, lock.path).decode("utf-8", "replace").splitlines()
    said = [line.removeprefix(LEFT_OUT) for line in lines if line.startswith(LEFT_OUT)]
    return {normal(one.partition("==")[0]): one for one in said}


def hashes(lock: Lock) -> dict[tuple[str, str], frozenset[str]]:
    """Return the SHA-256 digests, in hex, that a lock has for each package, by normal name and version.

    None for one that the lock pins without; nothing at all for conda's own locks.
    """
    found: dict[tuple[str, str], set[str]] = {}
    if lock.kind in ("requirements", "recorded"):
        for one in requirements_file.read(lock.stash, lock.path).wanted:
            own = {known.removeprefix("sha256:") for known in one.hashes if known.startswith("sha256:")}
            found.setdefault((one.name, one.version), set()).update(own)
    elif lock.kind in _TOML:
        for entry in entries_of(lock):
            digests = (match[1] for _, text in texts(entry.table) if (match := _DIGEST.fullmatch(text)))
            found.setdefault((entry.name, entry.version), set()).update(digests)
    return {key: frozenset(known) for key, known in found.items()}


def indexes(lock: Lock) -> list[str]:
    """Return where a lock's packages are looked for beside the package index, as flags of pip's."""
    if lock.kind in ("requirements", "recorded"):
        return requirements_file.read(lock.stash, lock.path).places
    keys = ("registry", "index") if lock.kind in ("uv", "pylock") else ()
    named = dict.fromkeys(value for entry in entries_of(lock) for key in keys for value in entry.values(key))
    flags: list[str] = []
    for place in named:
        if not _WHOLE.match(place):
            flags += ["--find-links", str(lock.folder / place)]
        elif place.startswith("https://") and not place.startswith("https://pypi.org/"):
            flags += ["--find-links" if place.endswith(".html") else "--extra-index-url", place]
    return flags


def index_of(lock: Lock) -> dict[str, str]:
    """Return the variable by which uv knows the indexes of a `uv.lock` beside those of whoever builds from it.

    uv calls a lock stale that names an index which it is not told of, as where the user has a mirror.
    """
    named = (toml_text.text(entry.table, "source", "registry") for entry in entries_of(lock))
    places = list(dict.fromkeys(place for place in named if _WHOLE.match(place)))
    own = [os.environ["UV_INDEX"]] if os.environ.get("UV_INDEX") else []
    return {"UV_INDEX": " ".join([*own, *places])} if places or own else {}


def entries_of(lock: Lock) -> list[toml_lock.Entry]:
    """Return the packages of a lock in TOML; none for one of another kind.

    Raises:
        StashError: it is no TOML.
    """
    return toml_lock.entries(document_of(lock), lock.name)


def _local_places(entry: toml_lock.Entry) -> Iterator[str]:
    for value in (value for key in _LOCAL for value in entry.values(key)):
        if value.lower().startswith("file:"):
            yield _path_of(value)
        elif not _WHOLE.match(value):
            yield value


def _path_of(url: str) -> str:
    """Return the path that a `file:` URL names; the root where it can be read in more than one way: no lock has it."""
    path = re.fullmatch(r"(?i)file:(?://(?=/))?([^%?#]*)", url)
    return path[1] if path and not path[1].startswith("//") and path[1] else "/"


def _check_place(lock: Lock, package: str, place: str) -> None:
    place = f"/{place}" if _SCHEME.match(place) else place  # `https:/host`: some take that for a URL
    try:
        check_inside(lock.stash, lock.folder / place)
    except StashError:
        raise StashError(
            f"{lock.name}: {package} is taken from {place}, which lies outside of the stash",
            "take the environment at hand with --no-build, after a look at that folder",
        ) from None


def _as_committed(lock: Lock) -> Lock | None:
    """Return the lock with the digest of the bytes that git has, or None where its commit does not hold it.

    Raises:
        StashError: git has another text than the file on disk.
    """
    try:
        held = committed_bytes(lock.path)
    except StashError:  # no repository: nothing but the file can say what it is
        return None
    if held is None:
        return None
    if not same_lines(held, read_bytes(lock.stash, lock.path)):
        raise StashError(f"{lock.name}: git has another text than the file here (a filter, Git LFS): no lock")
    return replace(lock, sha256=hashlib.sha256(held).hexdigest())


def _not_committed(lock: Lock) -> str:
    """Return what of a lock its commit does not hold: the file itself, or what it cannot be built without."""
    parts = [lock.path]
    if lock.kind in ("uv", "poetry"):
        parts.append(lock.folder / "pyproject.toml")
    if lock.kind == "requirements":
        found = requirements_file.read(lock.stash, lock.path)
        parts += found.texts
        parts += [Path(place) for place in found.places if place.startswith("/")]
    else:
        parts += [lock.folder / place for entry in entries_of(lock) for place in local_sources(entry)]
    normal = dict.fromkeys(Path(os.path.normpath(part)) for part in parts)
    return ", ".join(os.path.relpath(part, lock.stash) for part in normal if not is_committed(part))


def local_sources(entry: toml_lock.Entry) -> Iterator[str]:
    """Yield the files and folders of the checkout that a package is built from, or looked for in."""
    for key in ("source", "directory", "archive"):
        source = toml_text.table(entry.table, key)
        if source.get("type", "directory") in ("directory", "file"):  # what poetry calls it
            values = (source.get(word) for word in ("registry", "editable", "directory", "virtual", "path", "url"))
            yield from (value for value in values if isinstance(value, str) and not _WHOLE.match(value))


def _locks_in(stash: Path, folder: Path, told: list[str], *, committed: bool) -> list[Lock]:
    """Return the locks of one folder, the most trusted first; why others are none is added to `told`."""
    locks = []
    names = sorted(entry.name for entry in (stash / folder).iterdir()) if (stash / folder).is_dir() else []
    for name in names:
        kind = _kind(name)
        if kind is None or RECORDED.fullmatch(name):
            continue
        path = (folder / name).as_posix()
        try:
            lock = _lock(stash, path, kind)
            if complaint := _complaint(lock):
                told.append(f"{path}: {complaint}")
                continue
            check(lock)
            if committed and (missing := _not_committed(lock)):
                told.append(f"{path}: the tool's commit does not hold {missing}, so nobody else has it: no lock")
                continue
            if committed and (held := _as_committed(lock)):
                lock = held
        except StashError as error:
            told.append(str(error.args[0]).removeprefix(f"{stash}/"))
            continue
        locks.append(lock)
    return sorted(locks, key=lambda lock: (_ORDER.index(lock.kind), _rank(lock)))


def _kind(name: str) -> str | None:
    if RECORDED.fullmatch(name):
        return "recorded"
    if name.startswith("requirements") and name.endswith(".txt"):
        return "requirements"
    if name.endswith(".conda-lock.yml"):
        return "conda-lock"
    return _FIXED.get(name)


def _lock(stash: Path, name: str, kind: str) -> Lock:
    return Lock(kind, stash, name, hashlib.sha256(read_bytes(stash, stash / name)).hexdigest())


def _complaint(lock: Lock) -> str:
    """Return why a file of a lock's name is none, or an empty text."""
    if lock.kind in ("uv", "poetry") and not (lock.folder / "pyproject.toml").is_file():
        return "no pyproject.toml beside it"
    if lock.kind == "requirements":
        if _words(lock) & _OTHERS:
            return "not for running the tool, by its name"
        found = requirements_file.read(lock.stash, lock.path)
        if not found.is_hashed:
            return "pinned without hashes: no lock" if found.is_pinned else "not every line is pinned: no lock"
    return ""


def _words(lock: Lock) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", lock.path.stem.lower()))


def _rank(lock: Lock) -> tuple[bool, bool, str]:
    """Return what orders the requirements files of one folder: the plain name, then one called a lock."""
    return lock.path.name != "requirements.txt", "lock" not in _words(lock), lock.name
