"""The manifest of an archive: its first member, as JSON, checked as the input of a stranger.

The checks are written here because most of them (paths, names, digests, each once) are no types, and a validator would
be one more dependency in the environments of tools.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError, short
from experimentstash.core.invocation import updating
from experimentstash.core.names import tag_complaint
from experimentstash.reproduce.archive.tar import Member

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

NAME = "experimentstash.json"
"""The member that holds it."""
LARGEST = 16_000_000  # bytes
FORMAT = 1
"""Another number, and what was written before is read no more."""
_ABOUT = (
    "An archive of ExperimentStash: `experimentstash reproduce TAG --from FILE` runs what it"
    " holds. Without that program: each of repositories/* is a git bundle, in the order of `repositories` here; clone"
    " the stash with `git clone -b snapshot/TAG repositories/0.bundle FOLDER`, and each other to its path in that"
    " folder with `git clone FILE PATH`; packages/* are what pip installs."
)
_MOST = 20_000  # repositories, and packages
_DIGITS = {"sha1": 40, "sha256": 64}
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,249}")
_PINNED = re.compile(r"[a-z0-9][a-z0-9-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_HASH = re.compile(r"[0-9a-f]{64}")
_LONGEST = 4096  # characters of a path or a URL


@dataclass(frozen=True)
class ArchivedRepository:
    """A repository in an archive.

    Attributes:
        path: its path from the root of the stash; empty for the stash.
        object: the full id of what its one ref names: the tag for the stash, a commit for a tool.
        commit: the commit that is checked out.
        url: its URL as `.gitmodules` records it, without secrets; empty for the stash.
        size: bytes of its member, a git bundle.
        unpacked: bytes of all its objects.
    """

    path: str
    object: str
    commit: str
    url: str
    size: int
    unpacked: int


@dataclass(frozen=True)
class ArchivedPackage:
    """A package in an archive: one that a lock names, or that serves to build others.

    Attributes:
        file: the name of its file: a wheel or a source distribution.
        sha256: its digest, in hex.
        size: bytes.
    """

    file: str
    sha256: str
    size: int

    @property
    def member(self) -> Member:
        """Its place in the archive."""
        return Member(f"packages/{self.file}", self.size)


@dataclass(frozen=True)
class Supplied:
    """A lock whose packages are in an archive.

    Attributes:
        lock: its path, from the stash's root.
        wanted: the Python that was recorded with it; empty if none was.
        platform: the Python and the platform that its packages are for.
        files: what it comes to there: names of files by `name==version`.
        projects: the directories of the stash that belong on top, from its root.
    """

    lock: str
    wanted: str
    platform: str
    files: Mapping[str, str]
    projects: tuple[str, ...]


@dataclass(frozen=True)
class ArchiveManifest:
    """What is in an archive.

    Attributes:
        tag: the tag.
        object_format: the hash function of its repositories, `sha1` or `sha256`.
        repositories: the stash first, then the tools and their submodules.
        packages: by name of file.
        locks: whose packages these are; None if packages were not asked for.
    """

    tag: str
    object_format: str
    repositories: tuple[ArchivedRepository, ...]
    packages: tuple[ArchivedPackage, ...] = ()
    locks: tuple[Supplied, ...] | None = None

    @property
    def stash(self) -> ArchivedRepository:
        """The stash."""
        return self.repositories[0]

    def repository_member(self, number: int) -> Member:
        """Return the member that holds a repository."""
        return Member(f"repositories/{number}.bundle", self.repositories[number].size)

    def members(self, own: int) -> list[Member]:
        """Return all members but the last, in order.

        Args:
            own: bytes of the manifest itself.
        """
        repositories = [self.repository_member(number) for number in range(len(self.repositories))]
        return [Member(NAME, own), *repositories, *(one.member for one in self.packages)]

    def render(self) -> bytes:
        """Return it as the archive holds it."""
        said: dict[str, Any] = {
            "about": _ABOUT,
            "format": FORMAT,
            "tag": self.tag,
            "object_format": self.object_format,
            "repositories": [vars(one) for one in self.repositories],
        }
        if self.locks is not None:
            said |= {"packages": [vars(one) for one in self.packages], "locks": [vars(one) for one in self.locks]}
        return f"{json.dumps(said, indent=1)}\n".encode("ascii")


def parse(data: bytes, path: Path) -> ArchiveManifest:
    """Return what an archive says of itself.

    Args:
        data: the member.
        path: the archive, for messages.

    Raises:
        StashError: it is of a later program, or none at all.
    """
    try:
        said = json.loads(data.decode("utf-8"))
        if isinstance(said, dict) and isinstance(said.get("format"), int) and said["format"] > FORMAT:
            raise StashError(f"{path}: written by a newer version of experimentstash", updating())
        return _manifest(said)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = short(str(error)) if isinstance(error, ValueError) else type(error).__name__
        raise StashError(f"{path}: its manifest {NAME} cannot be read: {why}") from None


def _manifest(said: Any) -> ArchiveManifest:
    _check(said["format"] == FORMAT, "format")
    tag, object_format = _text(said["tag"]), _text(said["object_format"])
    _check(tag_complaint(tag) is None, tag)
    digits = _DIGITS[object_format]
    repositories = tuple(_repository(one, digits) for one in _list(said["repositories"]))
    _check([one.path for one in repositories[:1]] == [""], "no stash")
    _check_once("path", (one.path for one in repositories))
    if "locks" not in said:
        return ArchiveManifest(tag, object_format, repositories)
    packages = tuple(map(_package, _list(said["packages"])))
    _check_once("file", (one.file.lower() for one in packages))
    names = {one.file for one in packages}
    locks = tuple(_supplied(one, names) for one in _list(said["locks"]))
    return ArchiveManifest(tag, object_format, repositories, packages, locks)


def _repository(said: Any, digits: int) -> ArchivedRepository:
    path, url = _text(said["path"]), _text(said["url"])
    _check(_is_path(path), path)
    ids = [_text(said[key]) for key in ("object", "commit")]
    _check(all(re.fullmatch(rf"[0-9a-f]{{{digits}}}", one) for one in ids), " ".join(ids))
    return ArchivedRepository(path, ids[0], ids[1], url, _number(said["size"]), _number(said["unpacked"]))


def _package(said: Any) -> ArchivedPackage:
    file, sha256 = _text(said["file"]), _text(said["sha256"])
    _check(_FILE.fullmatch(file) is not None, file)
    _check(_HASH.fullmatch(sha256) is not None, sha256)
    return ArchivedPackage(file, sha256, _number(said["size"]))


def _supplied(said: Any, names: Collection[str]) -> Supplied:
    lock, projects = _text(said["lock"]), tuple(map(_text, _list(said["projects"])))
    _check(all(map(_is_path, (lock, *projects))), lock)
    files = {_text(one): _text(file) for one, file in dict(said["files"]).items()}
    for one, file in files.items():
        _check(_PINNED.fullmatch(one) is not None, one)
        _check(file in names, file)
    return Supplied(lock, _text(said["wanted"]), _text(said["platform"]), files, projects)


def _is_path(path: str) -> bool:
    """Return whether it is a path below the stash that means what it says."""
    parts = PurePosixPath(path).parts
    return path == "/".join(parts) and not {"..", ".git", "/"} & {part.lower() for part in parts} and "\0" not in path


def _check_once(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        _check(value not in seen, f"{what} {value} twice")
        seen.add(value)


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _of(kind: type, is_good: Callable[[Any], bool]) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        _check(type(value) is kind and is_good(value), repr(value)[:80])
        return value

    return checked


_text: Callable[[Any], str] = _of(str, lambda text: len(text) <= _LONGEST)
_number: Callable[[Any], int] = _of(int, lambda number: 0 <= number < 2**60)
_list: Callable[[Any], list[Any]] = _of(list, lambda items: len(items) <= _MOST)
