"""The interface of the lock formats: what a lock file contains, and how an environment is built from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experimentstash.core.errors import StashError, quote
from experimentstash.core.files import check_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from experimentstash.environments.installers import Step
    from experimentstash.environments.packages import Python

LARGEST = 20_000_000  # bytes; the largest locks have a few millions


@dataclass(frozen=True)
class Plan:
    """How an environment is built.

    Attributes:
        decides: the inputs of the build, except the Python.
        steps: returns the build steps for the path of the environment.
        projects: directories of the checkout to install on top of it.
        is_shared: whether it contains no code of a checkout, so that every reproduction can use it.
    """

    decides: tuple[bytes | str, ...]
    steps: Callable[[Path], Sequence[Step]]
    projects: tuple[Path, ...] = ()
    is_shared: bool = True


@dataclass(frozen=True)
class BuildContext:
    """What a plan builds with.

    Attributes:
        title: the snapshot that needs the environment, for messages.
        python: the base Python; None for a lock that specifies its own.
        uv: uv, or None if this machine has none.
        cache: the directory in which installers keep their downloads.
        projects: directories of the checkout that were installed when the experiment was frozen.
        wheels_only: refuse packages that are built from source, which runs their code.
        fetch: returns a program by name, installed into the cache.
        fail: returns the error for an installer that failed, given the lines that it wrote.
    """

    title: str
    python: Python | None
    uv: Path | None
    cache: Path
    projects: tuple[Path, ...]
    wheels_only: bool
    fetch: Callable[[str], Path]
    fail: Callable[[Sequence[str]], StashError]

    @property
    def interpreter(self) -> Path:
        """The program of the Python."""
        assert self.python is not None  # noqa: S101  (only locks that name a Python are built without one)
        return self.python.path


@dataclass(frozen=True)
class Lock(ABC):
    """A lock file.

    Attributes:
        kind: the name of the format.
        brings_python: whether the lock also specifies the Python, as conda's do.
        lists_dependencies: whether it also lists the dependencies of packages.
        lists_everything: whether it lists every package that was installed when the experiment was frozen.
        needs_uv: whether uv alone can build it.
        stash: the root of the checkout of the stash; no path in the lock leads out of it.
        name: the file's path from there, with `/`.
        sha256: the digest of its bytes, in hex.
        extras: the extras of the tool that are built too.
        groups: the dependency groups that are built in addition to the default ones of the lock's program.
    """

    kind: ClassVar[str]
    brings_python: ClassVar[bool] = False
    lists_dependencies: ClassVar[bool] = True
    lists_everything: ClassVar[bool] = False
    needs_uv: ClassVar[bool] = False

    stash: Path
    name: str
    sha256: str
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @classmethod
    @abstractmethod
    def is_named(cls, file: str) -> bool:
        """Return whether a file of this name is of the format."""

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.stash / self.name

    @property
    def folder(self) -> Path:
        """The directory of the project that it locks."""
        return self.path.parent

    @property
    def rank(self) -> tuple[bool, bool, str]:
        """The key that sorts the locks of one format in one directory."""
        return False, False, self.name

    def data(self) -> bytes:
        """Return the bytes of the file.

        Raises:
            StashError: it is outside of the stash, cannot be read, or is too large.
        """
        return read_bytes(self.stash, self.path)

    def refusal(self) -> str:
        """Return why a file of this name is not a lock; empty if it is one."""
        return ""

    @abstractmethod
    def check(self) -> None:
        """Check the lock before it is built.

        Raises:
            StashError: it names a file or a directory outside of the stash, or a source that is not allowed.
        """

    def needed_files(self) -> Iterable[Path]:
        """Return the files and directories of the checkout that its build needs, except the file itself."""
        return ()

    def versions(self) -> dict[str, frozenset[str]]:
        """Return the versions of each package in the lock, by normal name.

        A lock for every platform may have several of one package. A lock file of conda-lock is not parsed: empty.
        """
        return {}

    def hashes(self) -> dict[tuple[str, str], frozenset[str]]:
        """Return the SHA-256 digests, in hex, that the lock has for each package, by normal name and version.

        The set is empty for a package that is pinned without a hash; conda's own locks have no entry at all.
        """
        return {}

    def index_flags(self) -> list[str]:
        """Return the other sources of packages, besides the package index, as pip flags."""
        return []

    def left_out(self) -> dict[str, str]:
        """Return what a freeze left out of the lock: by normal name, the package and the reason."""
        return {}

    def texts(self) -> Iterable[str]:
        """Return all strings of the lock that may contain a host."""
        return self.data().decode("utf-8", "replace").splitlines()

    def channel_hosts(self) -> Iterable[str]:
        """Return the hosts of the channels given without a URL."""
        return ()

    def built_directories(self) -> Iterable[Path]:
        """Return the directories of the checkout whose code or settings are part of the build."""
        return ()

    def installs(self, package: str) -> bool:
        """Return whether a build with the chosen extras and groups installs a package of the lock."""
        return package in self.versions()

    def pinned_python(self) -> str:
        """Return the version of Python that the lock installs, or an empty string."""
        return ""

    def allowed_pythons(self) -> str:
        """Return the versions of Python that the lock supports, as written, or an empty string."""
        return ""

    def made_for_python(self) -> str:
        """Return the minor version of Python that it was resolved for, from its comments, or an empty string."""
        return ""

    def is_stale(self, python: Python) -> bool:
        """Return whether its own program would refuse it as outdated for its `pyproject.toml`.

        Args:
            python: the Python that the tool runs with.
        """
        del python
        return False

    @abstractmethod
    def sync_command(self, python: Path) -> str:
        """Return the command, from the stash's root, that installs the lock's packages into a tool's environment.

        Args:
            python: the tool's interpreter.
        """

    @abstractmethod
    def plan(self, context: BuildContext) -> Plan:
        """Return how an environment is built from the lock.

        Args:
            context: the build settings.

        Raises:
            StashError: the lock cannot be built, or its program is missing.
        """

    def quoted(self, path: Path) -> str:
        """Return a path below the stash, quoted for a shell, from the stash's root."""
        return quote(path.relative_to(self.stash).as_posix())


def read_bytes(root: Path, path: Path) -> bytes:
    """Return the bytes of a lock below `root`.

    Raises:
        StashError: it is outside, cannot be read, or is too large.
    """
    check_inside(root, path)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise StashError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise StashError(f"{path}: more than {LARGEST} bytes, too large for a lock file")
    return data


def joined_versions(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Return the versions of each package, given pairs of a normal name and a version, which may be empty."""
    joined: dict[str, set[str]] = {}
    for name, version in pairs:
        joined.setdefault(name, set()).update([version] if version else [])
    return {name: frozenset(versions) for name, versions in joined.items()}


def joined_hashes(
    entries: Iterable[tuple[tuple[str, str], Iterable[str]]],
) -> dict[tuple[str, str], frozenset[str]]:
    """Return the digests of each package, given its name and version, and some of its digests, any number of times."""
    joined: dict[tuple[str, str], set[str]] = {}
    for key, digests in entries:
        joined.setdefault(key, set()).update(digests)
    return {key: frozenset(digests) for key, digests in joined.items()}
