"""What lies in a run directory: each regular file with its size and its digest, and of numeric ones the values."""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from experimentstash.core.errors import StashError, printable
from experimentstash.core.secrets import without_names
from experimentstash.stash.results.manifest import LARGEST_SHARE, LONGEST_PATH, MOST_FILES, File, Manifest
from experimentstash.stash.results.readers import TEXT, kind_of, read_content
from experimentstash.stash.results.summary import Keep, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from experimentstash.stash.results.comparison_rules import Rules

_MOST_VALUES = 400_000
"""Of a manifest in all: about 8 MB of text."""
_SMALLEST_SHARE = 16
_DEEPEST = 64  # directories
_CHUNK = 1 << 20  # bytes
_SHORTEST_LATE = 4
"""Characters. A shorter late value (a port, a flag) occurs in texts by chance."""
FULL = "the manifest is full: compared by its bytes"


def collect(folder: Path, rules: Rules, late: Sequence[str] = ()) -> Manifest:
    """Return the manifest of a run directory.

    Short files come first: a metric is kept before the samples of a large array.

    Args:
        folder: the run directory. Symlinks in it are reported, not followed; empty directories do not count.
        rules: the files that are not results.
        late: strings of this run that differ in the next (late values, the run directory): removed from the texts of
            result files before a comparison. `folder` itself is one.

    Raises:
        StashError: the directory cannot be read, has more than 100,000 files, or a file changes while it is read.
    """
    found = survey(folder, rules)
    share = _share(found)
    keep = Keep(late=late_texts(folder, late), share=share)
    left = _MOST_VALUES
    files = []
    for file in sorted(found.files, key=lambda file: (file.size, file.path)):
        read = with_content(folder, file, keep)
        weight = read.content.weight if read.content else 0
        files.append(read if weight <= left else replace(file, note=FULL))
        left -= weight if weight <= left else 0
    return _for_others(Manifest(tuple(sorted(files, key=lambda file: file.path)), found.notes, share))


def _for_others(manifest: Manifest) -> Manifest:
    """Return a manifest without the names of this machine and its user, unless two files would get the same name."""
    renamed = {file.path: without_names(file.path) for file in manifest.files}
    taken = Counter(renamed.values())
    files = [
        replace(without_machine(file), path=file.path if taken[renamed[file.path]] > 1 else renamed[file.path])
        for file in manifest.files
    ]
    notes = tuple(map(without_names, manifest.notes))
    return replace(manifest, files=tuple(sorted(files, key=lambda file: file.path)), notes=notes)


def without_machine(file: File) -> File:
    """Return a file without directories, users and names of this machine in its figures' names, if that is clear."""
    series = file.content.series if file.content else ()
    names = [without_names(part.name) for part in series]
    if file.content is None or len(set(names)) < len(names):
        return file
    parts = tuple(replace(part, name=name) for part, name in zip(series, names, strict=True))
    return replace(file, content=replace(file.content, series=parts))


def _share(found: Manifest) -> int:
    """Return how many values each numeric file may keep, so that all may; a power of two, so that it seldom changes."""
    numeric = sum(1 for file in found.files if kind_of(file.path) not in ("", TEXT))
    return min(LARGEST_SHARE, max(1 << (_MOST_VALUES // (numeric or 1)).bit_length() - 1, _SMALLEST_SHARE))


def survey(folder: Path, rules: Rules) -> Manifest:
    """Return the manifest of a run directory without the values of its files: only their names, sizes and digests.

    Raises:
        StashError: as `collect`.
    """
    notes: list[str] = []
    files = []
    for path in _paths(folder, rules, notes):
        files.append(_digested(folder, path))
    notes += _clashes([file.path for file in files])
    return Manifest(tuple(sorted(files, key=lambda file: file.path)), tuple(sorted(notes)))


def late_texts(folder: Path, late: Sequence[str]) -> tuple[str, ...]:
    """Return the texts that a result file may hold and another run's will not, the longest first."""
    texts = {text for text in (*late, str(folder), str(folder.resolve())) if len(text) >= _SHORTEST_LATE}
    return tuple(sorted(texts, key=lambda text: (-len(text), text)))


def with_content(folder: Path, file: File, keep: Keep) -> File:
    """Return a file with its values, or with a note why it has none.

    Raises:
        StashError: it has changed since its digest was taken.
    """
    if not kind_of(file.path):
        return file
    with _opened(folder, file.path) as opened:
        try:
            content = read_content(file.path, opened, file.size, keep)
        except UnreadableError as error:
            if kind_of(file.path) == TEXT and not keep.series:
                return file  # like any file without figures
            return replace(file, note=f"{error}: compared by its bytes")
        finally:
            _check_still(folder, file.path, opened, file.size)
    return replace(file, content=content)


def _clashes(paths: list[str]) -> Iterator[str]:
    found: dict[str, str] = {}
    for path in sorted(paths):
        other = found.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
        if other != path:
            yield f"{other} and {path}: names that some machines take for one"


def _paths(folder: Path, rules: Rules, notes: list[str]) -> Iterator[str]:
    waiting, count = [""], 0
    while waiting:
        below = waiting.pop()
        if below.count("/") > _DEEPEST:
            raise StashError(f"{folder}/{below}: directories are nested more than {_DEEPEST} deep")
        for entry in _entries(folder, below):
            path = below + entry.name
            if rules.leaves_out(path) and not (entry.is_dir(follow_symlinks=False) and _takes_in(rules)):
                continue
            if (count := count + 1) > MOST_FILES:
                raise StashError(
                    f"{folder}: more than {MOST_FILES} files, too many for results",
                    "exclude files that are not results: `results: {ignore: […]}` in configs/meta.yaml",
                )
            if entry.is_symlink():
                notes.append(f"{printable(path)}: a link, which is not followed")
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(f"{path}/")
            elif not entry.is_file(follow_symlinks=False):
                notes.append(f"{printable(path)}: no regular file")
            elif printable(path) != path or len(path) > LONGEST_PATH or "\\" in path:
                notes.append(f"{printable(path)[:LONGEST_PATH]}: a name that not every machine can carry")
            else:
                yield path


def _takes_in(rules: Rules) -> bool:
    return any(pattern.startswith("!") for pattern in rules.ignore)  # perhaps a file in an ignored directory


def _entries(folder: Path, below: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder / below) as entries:
            return list(entries)
    except OSError as error:
        raise StashError(f"{folder / below}: cannot be read: {error.strerror}") from None


def _digested(folder: Path, path: str) -> File:
    digest = hashlib.sha256()
    with _opened(folder, path) as file:
        before = os.fstat(file.fileno())
        size = 0
        while data := file.read(_CHUNK):
            digest.update(data)
            size += len(data)
        _check_still(folder, path, file, size, before.st_mtime_ns)
    return File(path, size, digest.hexdigest())


def _opened(folder: Path, path: str) -> BinaryIO:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        number = os.open(folder / path, flags)
    except OSError as error:
        raise StashError(f"{folder / path}: cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):  # it was, a moment ago
        os.close(number)
        raise _changed(folder, path)
    return open(number, "rb")  # noqa: PTH123  (a number, not a path; the caller closes it)


def _check_still(folder: Path, path: str, file: BinaryIO, size: int, mtime: int | None = None) -> None:
    now = os.fstat(file.fileno())
    if now.st_size != size or mtime not in (None, now.st_mtime_ns):
        raise _changed(folder, path)


def _changed(folder: Path, path: str) -> StashError:
    return StashError(f"{folder / path}: it changed while it was read", "wait until every process of the run has ended")
