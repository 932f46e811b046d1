"""An archive opened: its digest first, then what it is, and only then anything of it is unpacked."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from experimentstash.core.errors import StashError
from experimentstash.core.names import tag_ref
from experimentstash.reproduce.archive import git_bundles
from experimentstash.reproduce.archive.archive_manifest import LARGEST, NAME, parse
from experimentstash.reproduce.archive.packfiles import PackError, look_through
from experimentstash.reproduce.archive.tar import check_digest, chunks, first_member, places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from experimentstash.reproduce.archive.archive_manifest import ArchivedPackage, ArchivedRepository, ArchiveManifest


@dataclass(frozen=True)
class Archive:
    """An archive that was checked from its first byte to its last.

    Attributes:
        path: the file.
        sha256: its digest, in hex.
        manifest: what it says of itself.
        places: where in the file the bytes of each member begin, by name.
    """

    path: Path
    sha256: str
    manifest: ArchiveManifest
    places: Mapping[str, int]

    @property
    def told(self) -> str:
        """Its name in messages."""
        return f"the archive {self.path} (SHA-256 {self.sha256})"

    def repository(self, path: str) -> ArchivedRepository:
        """Return the repository that belongs at a path of the stash.

        Raises:
            StashError: there is none.
        """
        return self.manifest.repositories[self._number(path)]

    def _number(self, path: str) -> int:
        for number, one in enumerate(self.manifest.repositories):
            if one.path == path:
                return number
        raise StashError(f"{self.path}: it does not hold {path}, which snapshot/{self.manifest.tag} needs")

    def unpack_repository(self, path: str, git_dir: Path) -> None:
        """Put the repository that belongs at a path of the stash into one that is there; the stash's tag with it.

        Raises:
            StashError: there is none, or it is damaged.
        """
        number = self._number(path)
        member, one = self.manifest.repository_member(number), self.manifest.repositories[number]
        head = _head(self.manifest, number)
        ref = "" if one.path else tag_ref(self.manifest.tag)
        with self.path.open("rb") as file:
            file.seek(self.places[member.name] + len(head))
            git_bundles.unpack(file, member.size - len(head), git_dir, one.object, ref, f"{self.path}: {member.name}")

    @contextmanager
    def unpacked_packages(self, folder: Path) -> Iterator[Path]:
        """Have the packages in a directory, for as long as they are needed.

        Args:
            folder: where; whatever is there is taken away.

        Raises:
            StashError: one is damaged.
        """
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            with self.path.open("rb") as file:
                for package in self.manifest.packages:
                    self._unpack_package(package, file, folder)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _unpack_package(self, package: ArchivedPackage, file: BinaryIO, folder: Path) -> None:
        digest = hashlib.sha256()
        file.seek(self.places[package.member.name])
        with (folder / package.file).open("xb") as out:
            for part in chunks(file, package.size):
                digest.update(part)
                out.write(part)
        if digest.hexdigest() != package.sha256:
            raise StashError(f"{self.path}: {package.file} differs from the manifest: its SHA-256 is another")


def open_archive(path: Path) -> Archive:
    """Open an archive, and check all of it.

    Raises:
        StashError: it is none, was cut short or altered, holds what it should not, or unpacks to too much.
    """
    try:
        with path.open("rb") as file:
            sha256 = check_digest(path, file, NAME)
            data = first_member(path, file, NAME, LARGEST)
            manifest = parse(data, path)
            found = places(path, file, manifest.members(len(data)))
            archive = Archive(path, sha256, manifest, found)
            for number in range(len(manifest.repositories)):
                _check_repository(archive, number, file)
    except OSError as error:
        raise StashError(f"{path}: cannot be read: {error.strerror or error}") from None
    return archive


def _head(manifest: ArchiveManifest, number: int) -> bytes:
    one = manifest.repositories[number]
    ref = git_bundles.TOOL_REF if one.path else tag_ref(manifest.tag)
    return git_bundles.head(manifest.object_format, ref, one.object)


def _check_repository(archive: Archive, number: int, file: BinaryIO) -> None:
    manifest = archive.manifest
    member = manifest.repository_member(number)
    head, start = _head(manifest, number), archive.places[member.name]
    file.seek(start)
    if file.read(len(head)) != head:
        raise StashError(f"{archive.path}: {member.name} is not the repository that {NAME} says")
    id_bytes = git_bundles.ID_BYTES[manifest.object_format]
    try:
        sizes = look_through(file.fileno(), start + len(head), member.size - len(head), id_bytes)
    except PackError as error:
        raise StashError(f"{archive.path}: {member.name} is not unpacked: {error}") from None
    if sizes.total != (said := manifest.repositories[number].unpacked):
        raise StashError(f"{archive.path}: {member.name} unpacks to {sizes.total} bytes, and it records {said}")
