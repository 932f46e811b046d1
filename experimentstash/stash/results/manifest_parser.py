"""Parses a results manifest from untrusted bytes.

The checks are written here because most of them (paths, their order, digests, counts that fit) are no types, and a
validator would be one more dependency in the environments of tools.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from experimentstash.core.errors import StashError, printable
from experimentstash.core.invocation import updating
from experimentstash.stash.results.manifest import (
    LARGEST,
    LARGEST_SHARE,
    LONGEST_PATH,
    MOST_FILES,
    VERSION,
    Content,
    File,
    Manifest,
    Moments,
    Series,
)
from experimentstash.stash.results.readers import KINDS
from experimentstash.stash.results.summary import MOST_SERIES, is_number

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from experimentstash.stash.results.manifest import Value

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_LONGEST_TEXT = 2000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHORT_DIGEST = re.compile(r"[0-9a-f]{16}([0-9a-f]{16})?")


def parse(data: bytes, where: str) -> Manifest:
    """Read a manifest. Fields that version 1 does not know are refused: a program wrote the file, and no other should.

    Args:
        data: the file's bytes.
        where: its name in messages.

    Raises:
        StashError: it is not a results manifest; the message names the entry and the error.
    """
    reader = _ManifestReader(where)
    if len(data) > LARGEST:
        reader.refuse(f"{len(data)} bytes, of at most {LARGEST}")
    try:
        said = json.loads(data.decode("utf-8"), object_pairs_hook=reader.mapping, parse_constant=reader.refuse)
    except UnicodeDecodeError:
        reader.refuse("not UTF-8")
    except json.JSONDecodeError as error:
        reader.refuse(f"line {error.lineno}, column {error.colno}: {error.msg}")
    except (ValueError, RecursionError):  # an integer of more than 4,300 digits; a million brackets
        reader.refuse("a number that is too long, or brackets that are too deep")
    return reader.manifest(said)


def path_complaint(path: str) -> str | None:
    """Return why `path` is no path inside a run directory, or None if it is one."""
    if not path or len(path) > LONGEST_PATH:
        return "it is empty or too long"
    if printable(path) != path or "\\" in path:
        return "it holds control characters or a backslash"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "it is absolute"
    if not {"", ".", ".."}.isdisjoint(path.split("/")):
        return "it leads out of the run directory, or round in it"
    return None


class _ManifestReader:
    """Checks parsed JSON; accepts only what `manifest.render` writes."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._at = ""

    def refuse(self, what: str) -> NoReturn:
        at = f"{self._at}: " if self._at else ""
        raise StashError(
            f"{self._where}: not a valid results manifest: {at}{printable(what)}",
            f"git checkout HEAD -- '{self._where}'",
        )

    def mapping(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            self.refuse("a key occurs twice")
        return mapping

    def manifest(self, said: Any) -> Manifest:
        if isinstance(said, dict) and type(said.get("version")) is int and said["version"] > VERSION:
            raise StashError(
                f"{self._where}: a results manifest of version {said['version']}, newer than this program supports",
                updating(),
            )
        entry = self._fields(said, {"version", "share", "notes", "files"}, set())
        if entry["version"] != VERSION or type(entry["version"]) is not int:
            self.refuse("`version` is 1")
        if not 1 <= (share := self._count(entry["share"])) <= LARGEST_SHARE:
            self.refuse(f"`share` is a number up to {LARGEST_SHARE}")
        notes = tuple(self._text(note, _LONGEST_TEXT) for note in self._list(entry["notes"], MOST_FILES))
        files = tuple(map(self._file, self._list(entry["files"], MOST_FILES)))
        self._at = ""
        self._check_paths([file.path for file in files])
        return Manifest(files, notes, share)

    def _check_paths(self, paths: list[str]) -> None:
        known = set(paths)
        if len(known) < len(paths) or paths != sorted(paths):
            self.refuse("a path occurs twice, or the files are not sorted")
        for path in paths:
            folder = path
            while folder := folder.rpartition("/")[0]:
                if folder in known:
                    self.refuse(f"{folder!r} is a file and a folder")

    def _file(self, said: Any) -> File:
        self._at = "a file"
        entry = self._fields(said, {"path", "size", "sha256"}, {"note", "kind", "series"})
        path = self._text(entry["path"], 10 * LONGEST_PATH)
        if complaint := path_complaint(path):
            self.refuse(f"the path {path[:100]!r}: {complaint}")
        self._at = path
        size, digest = self._count(entry["size"]), self._text(entry["sha256"], 64)
        if not _DIGEST.fullmatch(digest):
            self.refuse("`sha256` is 64 hex digits")
        note = self._optional(entry, "note")
        return File(path, size, digest, self._content(entry), note)

    def _content(self, entry: dict[str, Any]) -> Content | None:
        if "kind" not in entry and "series" not in entry:
            return None
        if entry.get("kind") not in KINDS.values() or "series" not in entry:
            self.refuse(f"`kind` is one of {', '.join(sorted(set(KINDS.values())))}, and `series` stands beside it")
        series = tuple(map(self._series, self._list(entry["series"], MOST_SERIES + 1)))
        if len({part.name for part in series}) < len(series):
            self.refuse("a series occurs twice")
        return Content(entry["kind"], series)

    def _series(self, said: Any) -> Series:
        entry = self._fields(said, {"name", "count", "values"}, {"shape", "dtype", "digest", "others", "moments"})
        name, count = self._text(entry["name"], _LONGEST_TEXT), self._count(entry["count"])
        values = tuple(map(self._value, self._list(entry["values"], LARGEST)))
        shape, dtype = self._optional(entry, "shape"), self._optional(entry, "dtype")
        digest, others = self._optional(entry, "digest"), self._optional(entry, "others")
        moments = self._moments(entry["moments"]) if "moments" in entry else None
        if any(text and not _SHORT_DIGEST.fullmatch(text) for text in (digest.removeprefix("F"), others)):
            self.refuse(f"{name!r}: `digest` and `others` are 16 or 32 hex digits")
        told = len(values) == count or moments or (others and not values)
        if not _evenly_spaced(count, len(values)) or not told:
            self.refuse(f"{name!r}: {len(values)} values tell nothing of {count}")
        return Series(name, count, values, shape, dtype, moments, digest, others)

    def _moments(self, said: Any) -> Moments:
        counts, others = ("of", "nan", "inf", "neg_inf"), ("low", "high", "mean", "mean_abs", "rms")
        entry = self._fields(said, {*counts, *others}, set())
        numbers = [self._value(entry[key]) for key in others]
        known = [number for number in numbers if is_number(number) and not math.isnan(number)]
        if len(known) != len(numbers) and any(number is not None for number in numbers):
            self.refuse("`moments` are numbers, or all null")
        return Moments(*(self._count(entry[key]) for key in counts), *numbers)

    def _value(self, said: Any) -> Value:
        if isinstance(said, list) and len(said) == 1 and isinstance(said[0], str) and said[0] in _SPECIAL:
            return _SPECIAL[said[0]]
        if isinstance(said, str) and _SHORT_DIGEST.fullmatch(said):
            return said
        if said is None or isinstance(said, bool) or (is_number(said) and math.isfinite(said)):
            return said
        return self.refuse('a value is a finite number, true, false, null, a digest, or ["nan"]')

    def _fields(self, said: Any, needed: AbstractSet[str], optional: AbstractSet[str]) -> dict[str, Any]:
        if not isinstance(said, dict) or not needed <= said.keys() <= needed | optional:
            self.refuse(f"a mapping with {', '.join(sorted(needed))} is expected, and nothing else that is not known")
        return said

    def _list(self, said: Any, most: int) -> list[Any]:
        if not isinstance(said, list) or len(said) > most:
            self.refuse("a list is expected, and none that is too long")
        return said

    def _text(self, said: Any, longest: int) -> str:
        if not isinstance(said, str) or len(said) > longest or printable(said) != said:
            self.refuse(f"text is expected, of at most {longest} characters, and no control characters")
        return said

    def _optional(self, entry: dict[str, Any], key: str) -> str:
        return self._text(entry[key], _LONGEST_TEXT) if key in entry else ""

    def _count(self, said: Any) -> int:
        if type(said) is not int or not 0 <= said < 1 << 63:
            self.refuse("a count is a whole number, and not negative")
        return said


def _evenly_spaced(count: int, kept: int) -> bool:
    """Return whether `kept` values are all of `count`, those at every power of two, or none."""
    if kept in (0, count):
        return True
    return any(-(-count // (1 << power)) == kept for power in range(count.bit_length() + 1))
