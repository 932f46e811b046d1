"""Reads objects with dulwich, in this process; git reads the others.

An object is taken only if its bytes are those that its id is the hash of. So dulwich cannot be wrong about
one (it reads a truncated file as a shorter one, without an error); it can only fail to read it, and then git
answers, or says why not. What a repository means by an id is another question: `choice` settles it first.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dulwich.object_format import ObjectFormat, get_object_format
from dulwich.objects import RawObjectID, ShaFile
from dulwich.pack import DELTA_TYPES, Pack, PackData, UnpackedObject, load_pack_index, take_msb_bytes

from experimentstash.core.errors import StashError
from experimentstash.git.object_reader import Object, fetched_again

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.git.object_reader import ObjectReader

MOST = 64 * 1024 * 1024
"""Bytes of an unpacked object or delta; git reads larger ones."""
_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}


class DulwichObjects:
    """The objects of a directory `objects`, its packs and its alternates. A `ObjectReader`.

    Args:
        folder: the directory `objects` of the repository; dulwich does not search for it.
        object_format: `sha1` or `sha256`.
        git: the reader for objects that dulwich does not find or cannot read.
    """

    def __init__(self, folder: Path, object_format: str, git: ObjectReader) -> None:
        self._folder = folder
        self._format = get_object_format(object_format)
        self._id = re.compile(f"[0-9a-f]{{{self._format.hex_length}}}")
        self._git = git
        self._folders: list[Path] = []
        self._packs: list[Pack] = []

    def find(self, ids: Sequence[str], limit: int) -> list[Object | None]:
        """Return the objects of these ids; see `ObjectReader.find`."""
        found = [self._read(one, limit) for one in ids]
        unread = [number for number, one in enumerate(found) if one is None]
        if unread:
            answers = self._git.find([ids[number] for number in unread], limit)
            for number, answer in zip(unread, answers, strict=True):
                if answer is not None and answer.data is not None and not self._is(answer.kind, answer.data, answer.id):
                    file = self._folder / answer.id[:2] / answer.id[2:]
                    raise StashError(f"{self._folder}: the object {answer.id} is damaged", fetched_again(str(file)))
                found[number] = answer
        return found

    def close(self) -> None:
        """Close the packs, and end git's process."""
        packs, self._packs, self._folders = self._packs, [], []
        for pack in packs:
            pack.close()
        self._git.close()

    def _read(self, name: str, limit: int) -> Object | None:
        """Return an object, or None if git is to be asked."""
        if self._id.fullmatch(name) is None:
            return None
        try:
            kind, data = self._packed(bytes.fromhex(name)) or self._loose(name)
        except Exception:  # noqa: BLE001  (hostile bytes make dulwich raise anything; git then says what is wrong)
            return None
        if not self._is(kind, data, name):
            return None
        return Object(name, kind, len(data), data if len(data) <= limit else None)

    def _is(self, kind: str, data: bytes, name: str) -> bool:
        """Return whether these are the bytes that the id is the hash of. Git itself does not look, for speed."""
        digest = self._format.new_hash()
        digest.update(f"{kind} {len(data)}\0".encode())
        digest.update(data)
        return digest.hexdigest() == name

    def _packed(self, name: bytes) -> tuple[str, bytes] | None:
        if not self._folders:
            self._folders = _with_alternates(self._folder)
            self._packs = [pack for folder in self._folders for pack in _packs(folder, self._format)]
        for number, pack in enumerate(self._packs):
            try:
                kind, data = pack.get_raw(RawObjectID(name))
            except KeyError:
                continue
            if number:  # the next object is probably in the same pack
                self._packs.insert(0, self._packs.pop(number))
            return _KINDS[kind], data
        return None

    def _loose(self, name: str) -> tuple[str, bytes]:
        for folder in self._folders:
            path = os.path.join(folder, name[:2], name[2:])  # noqa: PTH118  (a third of the time of `/`)
            try:
                if os.stat(path).st_size > MOST:  # noqa: PTH116
                    break
                read = ShaFile.from_path(path, object_format=self._format, max_size=MOST)
            except FileNotFoundError:
                continue
            return _KINDS[read.type_num], read.as_raw_string()
        raise KeyError(name)


class _BoundedPackData(PackData):
    """A pack that unfolds no part of an object beyond `MOST`: dulwich itself would try a terabyte."""

    def __init__(self, path: Path, object_format: ObjectFormat) -> None:
        self._sizes = path.open("rb")
        super().__init__(path, object_format, file=self._sizes)  # closes itself if it fails

    def close(self) -> None:
        """Close the file too, which is not dulwich's to close."""
        super().close()
        self._sizes.close()

    def get_unpacked_object_at(self, offset: int, *, include_comp: bool = False) -> UnpackedObject:
        """Return the object or the delta at an offset, without its delta base.

        Raises:
            ValueError: it would be too large.
        """
        self._sizes.seek(offset)
        first, *more = take_msb_bytes(self._sizes.read)[0]
        _check(first & 0x0F, more, 4)
        unpacked = super().get_unpacked_object_at(offset, include_comp=include_comp)
        if unpacked.pack_type_num in DELTA_TYPES:
            delta = io.BytesIO(b"".join(unpacked.decomp_chunks))
            for _ in ("what it is applied to", "what comes of it"):
                first, *more = take_msb_bytes(delta.read)[0]
                _check(first & 0x7F, more, 7)
        return unpacked


def _check(size: int, more: list[int], shift: int) -> None:
    """Check a size as packs write it: seven bits a byte, the lowest first."""
    for number, byte in enumerate(more):
        size |= (byte & 0x7F) << (shift + 7 * number)
    if size > MOST:
        raise ValueError(f"{size} bytes, of at most {MOST}")


def _packs(folder: Path, object_format: ObjectFormat) -> list[Pack]:
    """Open the packs of a directory `objects`; one that dulwich cannot open is left to git."""
    opened = []
    for path in sorted(folder.glob("pack/*.pack")):
        try:
            opened.append(_pack(path, object_format))
        except Exception:  # noqa: BLE001, S112  (as above: git says what is wrong, if it matters at all)
            continue
    return opened


def _pack(path: Path, object_format: ObjectFormat) -> Pack:
    return Pack.from_lazy_objects(
        lambda: _BoundedPackData(path, object_format),
        lambda: load_pack_index(path.with_suffix(".idx"), object_format),
    )


def _with_alternates(folder: Path) -> list[Path]:
    """Return the directory and those that it borrows from, in which others may be named in turn."""
    if not (folder / "info" / "alternates").exists():
        return [folder]
    from dulwich.object_store import DiskObjectStore  # 10 ms, for the few repositories that borrow

    found: dict[str, Path] = {}
    waiting = [DiskObjectStore(folder)]
    while waiting:
        store = waiting.pop(0)
        place = os.path.realpath(store.path)
        if place not in found:
            found[place] = Path(store.path)
            waiting += [one for one in store.alternates if isinstance(one, DiskObjectStore)]
    return list(found.values())
