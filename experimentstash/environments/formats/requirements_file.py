"""Parses requirements files, decides whether one is a lock, and refuses paths that lead out of the stash.

The format is pip's (*Requirements File Format*), which uv reads too. It is read here because pip's reader is private,
and `packaging` reads single requirements, without hashes and options, and loads too slowly for a hook.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.files import check_inside
from experimentstash.environments.formats.base import read_bytes
from experimentstash.environments.packages import normal

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_FILES = 20
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[\w\s,.-]*\])?\s*"
    r"(?:@\s*(?P<url>\S+)(?:\s+;.*)?|(?P<version>[^;@]*)(?:;.*)?)"
)
_PINNED = re.compile(r"={2,3}\s*([A-Za-z0-9](?:[A-Za-z0-9.!+_-]*[A-Za-z0-9])?)")
_HASH = re.compile(r"(?<=\s)--hash[=\s]\s?(sha(?:256|384|512):[0-9a-f]{64,128})(?=\s|$)")
_URL = re.compile(r"(https|git\+https|git\+ssh)://[^\s/]+/\S*")
_OPTION = re.compile(r"(--?[A-Za-z][A-Za-z-]*)(?:\s*=\s*|\s+|$)(.*)")
_SHORT = re.compile(r"(-[rcfie])\s*(\S.*)")
_HARMLESS = frozenset("--require-hashes --no-binary --only-binary --prefer-binary --pre --no-index".split())
_INDEX = frozenset("-i --index-url --extra-index-url".split())
_CODING = re.compile(rb"#.*coding[:=]\s*(?!utf-?8\b)[-\w.]", re.I)
_USER = re.compile(r"(?<=://)[^/\s@]*@")
_INCLUDE = frozenset("-r --requirement -c --constraint".split())


@dataclass(frozen=True)
class LockedRequirement:
    """One requirement: its name, pin and hashes."""

    name: str
    version: str
    url: str
    hashes: tuple[str, ...]

    @property
    def is_pinned(self) -> bool:
        """Whether it specifies one release: `==`, a commit, or one file."""
        if self.url.startswith("git+"):
            return re.search(r"@[0-9a-f]{40}", self.url) is not None
        return bool(self.version or self.url)

    @property
    def sha256(self) -> frozenset[str]:
        """Its SHA-256 digests, in hex."""
        return frozenset(text.removeprefix("sha256:") for text in self.hashes if text.startswith("sha256:"))

    @property
    def is_hashed(self) -> bool:
        """Whether its download is checked against a hash."""
        return bool(self.hashes) or re.search(r"#(.*&)?sha256=[0-9a-f]{64}", self.url) is not None


@dataclass
class Requirements:
    """A requirements file, with the files that it includes.

    Attributes:
        entries: its requirements, in file order, without constraints.
        texts: the bytes of each file read, by its path.
        places: the sources of packages, as pip flags, in file order; directories are absolute.
    """

    entries: list[LockedRequirement] = field(default_factory=list)
    texts: dict[Path, bytes] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)

    @property
    def is_hashed(self) -> bool:
        """Whether it is a lock: every line has a hash."""
        return bool(self.entries) and all(entry.is_hashed and entry.is_pinned for entry in self.entries)

    @property
    def is_pinned(self) -> bool:
        """Whether every line specifies one release; their dependencies may be open."""
        return bool(self.entries) and all(entry.is_pinned for entry in self.entries)


def read(root: Path, path: Path) -> Requirements:
    """Read a requirements file below `root`.

    Raises:
        StashError: it or an included file cannot be read, is too large, is outside `root`, or contains a line
            that is not allowed; the message names the line.
    """
    parsed = Requirements()
    _read(root, path, parsed, constrains=False)
    return parsed


def _read(root: Path, path: Path, parsed: Requirements, *, constrains: bool) -> None:
    path = Path(os.path.normpath(path))
    if path in parsed.texts:
        return
    if len(parsed.texts) >= _MOST_FILES:
        raise StashError(f"{path}: more than {_MOST_FILES} requirements files include each other")
    parsed.texts[path] = read_bytes(root, path)
    if any(map(_CODING.match, parsed.texts[path].splitlines()[:2])):  # pip would read different lines
        raise StashError(f"{path}: it is not in UTF-8")
    for number, line in _lines(parsed.texts[path].decode("utf-8", "replace").removeprefix("\ufeff")):
        where = f"{path}:{number}"
        if "${" in _USER.sub("", line):  # a variable of this user's environment; only a login may be one
            raise StashError(f"{where}: {line[:200]!r}: an environment variable is not allowed in a lock file")
        if line.startswith("-"):
            _take_option(root, path, line, where, parsed, constrains=constrains)
        else:
            requirement = parse_line(line, where)
            parsed.entries += [] if constrains else [requirement]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the logical lines, without comments, with the number of their first line."""
    waiting, begun = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun if waiting else number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            if _COMMENT.search(line):  # pip continues with the next line, and uv does not
                yield begun, f"{waiting}{line}"
            waiting += line[:-1] + " "
            continue
        whole, waiting = _COMMENT.sub("", waiting + line).strip(), ""
        if whole:
            yield begun, whole
    if waiting.strip():
        yield begun, waiting.strip()


def _take_option(root: Path, path: Path, line: str, where: str, parsed: Requirements, *, constrains: bool) -> None:
    match = _SHORT.fullmatch(line) if not line.startswith("--") else _OPTION.fullmatch(line)
    option, value = (match[1], match[2].strip().strip("\"'")) if match else (line, "")
    if re.search(r"[\s\"'\\]", value):  # shell words: pip joins them differently
        raise StashError(f"{where}: {line[:200]!r} is not allowed in a lock file")
    if option in _HARMLESS or line in _HARMLESS:
        return
    if option in _INCLUDE and "://" not in value:
        _read(root, path.parent / value, parsed, constrains=constrains or option in ("-c", "--constraint"))
        return
    if option in _INDEX:
        if re.match(r"https://[^/\s]+", value) is None:
            raise StashError(f"{where}: {line!r}: packages must come over https")
        parsed.places += [option, value]
        return
    if option in ("-f", "--find-links"):
        if "://" not in value:
            check_inside(root, path.parent / value)
            parsed.places += [option, str(path.parent / value)]
            return
        if value.startswith("https://"):
            parsed.places += [option, value]
            return
    raise StashError(f"{where}: {line!r} is not allowed in a lock file")


def parse_line(line: str, where: str) -> LockedRequirement:
    """Return the requirement of one line.

    Raises:
        StashError: it is not a requirement, or one that is not allowed in a lock file.
    """
    hashes = tuple(match[1] for match in _HASH.finditer(line))
    text = _HASH.sub("", line).strip()
    match = _REQUIREMENT.fullmatch(text)
    if match is None or re.search(r"\s--|\\", text):
        raise StashError(f"{where}: {line[:200]!r} is not a requirement that a lock file may contain")
    url = match["url"] or ""
    if url and not _URL.fullmatch(url):
        raise StashError(f"{where}: {url!r}: packages must come over https, or from git over https or ssh")
    pinned = _PINNED.fullmatch((match["version"] or "").strip(" ()"))
    return LockedRequirement(normal(match["name"]), pinned[1] if pinned else "", url, hashes)
