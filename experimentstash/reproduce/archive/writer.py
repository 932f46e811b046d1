"""An archive written: whole, or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command
from experimentstash.core.files import file_digest, replacement
from experimentstash.reproduce.archive.archive_manifest import NAME
from experimentstash.reproduce.archive.tar import Member, Writer, chunks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

from experimentstash.reproduce.archive.archive_manifest import ArchiveManifest


@dataclass(frozen=True)
class ArchiveMember:
    """What becomes a member: some bytes, and a file behind them."""

    head: bytes
    file: Path

    @property
    def size(self) -> int:
        """Bytes of both."""
        return len(self.head) + self.file.stat().st_size


def check_target(target: Path) -> None:
    """Check before the work that a file can be written there.

    Raises:
        StashError: something else is there that is no archive, or no directory for it.
    """
    if not target.parent.is_dir():
        raise StashError(f"{target.parent}: no such directory", command("mkdir", "-p", str(target.parent)))
    if target.is_dir():
        raise StashError(f"{target}: a directory; name the file to write")
    if target.exists() and target.stat().st_size > 0:
        with target.open("rb") as file:
            if file.read(len(NAME)) != NAME.encode("ascii"):
                raise StashError(f"{target}: another file exists there", "name another file")


def make(target: Path, manifest: ArchiveManifest, parts: Sequence[ArchiveMember]) -> str:
    """Write an archive, and return the SHA-256 of the file, in hex.

    Args:
        target: the file; an archive that is there is replaced when the new one is whole.
        manifest: what it says of itself.
        parts: its members, in the manifest's order.

    Raises:
        StashError: the directory or the disk does not take it; nothing is left behind.
    """
    data = manifest.render()
    members = manifest.members(len(data))
    with replacement(target) as temporary:
        with temporary.open("xb") as out:
            writer = Writer(out)
            writer.add(members[0], iter([data]))
            for member, part in zip(members[1:], parts, strict=True):
                _add(writer, member, part)
            writer.end()
            out.flush()
            os.fsync(out.fileno())
        return file_digest(temporary)


def _add(writer: Writer, member: Member, part: ArchiveMember) -> None:
    with part.file.open("rb") as file:
        writer.add(member, chain([part.head] if part.head else [], chunks(file)))
