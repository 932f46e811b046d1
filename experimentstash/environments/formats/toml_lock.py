"""The common parts of the TOML locks: uv and poetry list packages at `package`, `pylock.toml` at `packages`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from experimentstash.core import toml_text
from experimentstash.core.errors import StashError
from experimentstash.core.files import check_inside
from experimentstash.environments.formats.base import Lock, joined_hashes, joined_versions, read_bytes
from experimentstash.environments.packages import normal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SOURCES = ("editable", "directory", "virtual", "path", "registry", "file", "git", "url", "index")
"""The keys for the source of a package."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PROJECT = "pyproject.toml"


@dataclass(frozen=True)
class LockedPackage:
    """One package of a lock.

    Attributes:
        name: its normal name.
        version: its version; empty if its source decides it.
        table: its table in the lock.
    """

    name: str
    version: str
    table: Mapping[str, Any] = field(repr=False)

    def values(self, key: str) -> tuple[str, ...]:
        """Return every string at `key`, in this package's table or a nested one."""
        return tuple(text for at, text in toml_text.texts(self.table) if at == key)

    def local_sources(self) -> Iterator[str]:
        """Yield the files and directories of the checkout that it is built from or searched in."""
        for key in ("source", "directory", "archive"):
            source = toml_text.table(self.table, key)
            if source.get("type", "directory") in ("directory", "file"):  # poetry's names
                values = (source.get(word) for word in ("registry", "editable", "directory", "virtual", "path", "url"))
                yield from (value for value in values if isinstance(value, str) and not is_url(value))


class TomlLock(Lock):
    """A lock in TOML.

    Attributes:
        file: the file name.
        python_keys: the keys for its supported versions of Python.
        index_keys: the keys of a package for its index or directory.
        locks_project: whether it locks, and needs, the `pyproject.toml` next to it.
    """

    file: ClassVar[str]
    python_keys: ClassVar[tuple[str, ...]] = ("requires-python",)
    index_keys: ClassVar[tuple[str, ...]] = ("registry", "index")
    locks_project: ClassVar[bool] = True

    @classmethod
    def is_named(cls, file: str) -> bool:
        """Return whether a file of this name is of the format."""
        return file == cls.file

    @property
    def project_file(self) -> Path:
        """The path of the `pyproject.toml` next to it."""
        return self.folder / _PROJECT

    def project(self) -> dict[str, Any]:
        """Return the `pyproject.toml` next to it.

        Raises:
            StashError: it cannot be read, or is not TOML.
        """
        return toml_text.parse(read_bytes(self.stash, self.project_file), f"{self.name}: {_PROJECT}")

    def document(self) -> dict[str, Any]:
        """Return the lock, parsed.

        Raises:
            StashError: it is not TOML.
        """
        return toml_text.parse(self.data(), self.name)

    def entries(self) -> list[LockedPackage]:
        """Return the packages of the lock, in file order.

        Raises:
            StashError: it is not TOML, or its packages are not tables.
        """
        return entries(self.document(), self.name)

    def refusal(self) -> str:
        """Return why the file is not a lock; empty if it is one."""
        return f"no {_PROJECT} beside it" if self.locks_project and not self.project_file.is_file() else ""

    def check(self) -> None:
        """Check that no package comes from outside of the stash."""
        for entry in self.entries():
            for place in _local_places(entry):
                self._check_place(entry.name, place)

    def _check_place(self, package: str, place: str) -> None:
        path = f"/{place}" if _SCHEME.match(place) else place  # `https:/host`: some programs accept it as a URL
        try:
            check_inside(self.stash, self.folder / path)
        except StashError:
            raise StashError(
                f"{self.name}: {package} is taken from {path}, which is outside of the stash",
                "rerun with --no-build  # to use the current environment, after you have inspected that directory",
            ) from None

    def needed_files(self) -> list[Path]:
        """Return the project's declaration and the local sources of packages."""
        return [*([self.project_file] if self.locks_project else []), *self._local_sources()]

    def versions(self) -> dict[str, frozenset[str]]:
        """Return the versions of each package in the lock, by normal name."""
        return joined_versions((entry.name, entry.version) for entry in self.entries())

    def hashes(self) -> dict[tuple[str, str], frozenset[str]]:
        """Return the SHA-256 digests, in hex, of each package, by normal name and version."""
        return joined_hashes(((entry.name, entry.version), _digests(entry)) for entry in self.entries())

    def index_flags(self) -> list[str]:
        """Return the other sources of packages, besides the package index, as pip flags."""
        values = (value for entry in self.entries() for key in self.index_keys for value in entry.values(key))
        flags: list[str] = []
        for place in dict.fromkeys(values):
            if not is_url(place):
                flags += ["--find-links", str(self.folder / place)]
            elif place.startswith("https://") and not place.startswith("https://pypi.org/"):
                flags += ["--find-links" if place.endswith(".html") else "--extra-index-url", place]
        return flags

    def texts(self) -> Iterator[str]:
        """Yield its lines and its values: an escape can hide a URL in a line."""
        yield from super().texts()
        yield from (text for _, text in toml_text.texts(self.document()))

    def built_directories(self) -> list[Path]:
        """Return the project's directory and the local sources of packages."""
        return [*([self.folder] if self.locks_project else []), *self._local_sources()]

    def allowed_pythons(self) -> str:
        """Return the versions of Python that the lock supports, as written, or an empty string."""
        return toml_text.text(self.document(), *self.python_keys)

    def _local_sources(self) -> list[Path]:
        return [self.folder / place for entry in self.entries() for place in entry.local_sources()]


def entries(document: Mapping[str, Any], where: str) -> list[LockedPackage]:
    """Return the packages of a lock, in file order.

    Args:
        document: the lock, parsed.
        where: its name in messages.

    Raises:
        StashError: its list of packages is not a list of tables.
    """
    lists = [document[key] for key in ("package", "packages") if key in document]
    tables = [table for packages in lists for table in (packages if isinstance(packages, list) else [packages])]
    if not all(isinstance(table, dict) for table in tables):
        raise StashError(f"{where}: its packages are not tables")
    return [
        LockedPackage(normal(toml_text.text(table, "name")), toml_text.text(table, "version"), table)
        for table in tables
    ]


def is_url(place: str) -> bool:
    """Return whether the source of a package is a URL with a host, and not a path."""
    return _URL.match(place) is not None


def _local_places(entry: LockedPackage) -> Iterator[str]:
    for value in (value for key in _SOURCES for value in entry.values(key)):
        if value.lower().startswith("file:"):
            yield _path_of(value)
        elif not is_url(value):
            yield value


def _path_of(url: str) -> str:
    """Return the path of a `file:` URL; the root for an ambiguous one, which no lock may contain."""
    path = re.fullmatch(r"(?i)file:(?://(?=/))?([^%?#]*)", url)
    return path[1] if path and not path[1].startswith("//") and path[1] else "/"


def _digests(entry: LockedPackage) -> Iterator[str]:
    return (match[1] for _, text in toml_text.texts(entry.table) if (match := _DIGEST.fullmatch(text)))
