"""Files of Git LFS: pointers in git, whose contents are elsewhere; what brings them is a filter, and is not run.

What a clone of this machine has of them, or what `git lfs pull` brought here, is put in place, by its digest.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.files import file_digest
from experimentstash.git.user_git import ask_git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from experimentstash.git.entries import Entry
    from experimentstash.reproduce.safe_checkout import Checkout

_LARGEST = 1024  # bytes of a pointer (git-lfs, docs/spec.md)
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:[^\n]*\n)*?oid sha256:([0-9a-f]{64})\n")


def fill_pointers(place: Checkout, recorded: Mapping[str, Entry], near: Sequence[Path]) -> list[str]:
    """Put the contents of LFS files in place as far as this machine has them, and return the paths of the others.

    Args:
        place: a checkout.
        recorded: what is checked out.
        near: git directories of clones that may have the contents.

    Raises:
        StashError: a file cannot be written.
    """
    stores = [git_dir / "lfs" / "objects" for git_dir in (place.git_dir, *near)]
    found = _pointers(place, recorded)
    return [path for path, oid in found if not any(_fill(place.root / path, oid, one) for one in stores)]


def _pointers(place: Checkout, recorded: Mapping[str, Entry]) -> Iterator[tuple[str, str]]:
    files = [path for path, entry in recorded.items() if entry.is_file]
    attributes = (place.root / path for path in files if path.rpartition("/")[2] == ".gitattributes")
    if not any(b"filter=lfs" in file.read_bytes() for file in attributes):
        return
    for path in files:
        file = place.root / path
        if file.stat().st_size <= _LARGEST and (match := _POINTER.match(file.read_bytes())):
            yield path, match[1].decode()


def is_filled(place: Checkout, path: str, entry: Entry | None) -> bool:
    """Return whether a file holds the contents that its recorded pointer names.

    Args:
        place: the checkout.
        path: the file, from its top.
        entry: what is recorded there; None if nothing is.
    """
    file = place.root / path
    if entry is None or not entry.is_file or file.is_symlink() or not file.is_file():
        return False
    said = ask_git("cat-file", "blob", entry.id, cwd=place.root).stdout
    match = _POINTER.match(said[: _LARGEST + 1]) if len(said) <= _LARGEST else None
    return match is not None and file_digest(file) == match[1].decode()


def _fill(target: Path, oid: str, store: Path) -> bool:
    held = store / oid[:2] / oid[2:4] / oid
    if not held.is_file():
        return False
    temporary = target.with_name(f".estash-{os.urandom(4).hex()}")
    try:
        shutil.copyfile(held, temporary)
        if is_whole := file_digest(temporary) == oid:
            shutil.copymode(target, temporary)
            temporary.replace(target)
    except OSError as error:
        raise StashError(f"{target}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return is_whole
