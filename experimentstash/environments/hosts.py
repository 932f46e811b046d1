"""Lists the hosts that a build may contact, before it runs: from the lock, its project and the stash."""

from __future__ import annotations

import configparser
import re
from typing import TYPE_CHECKING, Any

from experimentstash.core import toml_text
from experimentstash.core.toml_text import texts
from experimentstash.environments.formats.base import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from experimentstash.environments.formats.base import Lock

# As uv and pip read a URL: after the last @; uv reads a backslash as a slash, and requires none after `https:`.
_HOST = re.compile(
    r"(?:://|\b(?:https?|ftp):)[/\\]*(?:[^/\\\s\"'?#]*@)?(\[[0-9A-Fa-f:.]+\]|[^/\\\s\"'?#:@,;<>()\[\]{}|`]+)",
    re.IGNORECASE,
)
_BY_SSH = re.compile(r"(?:git\+)?[\w.-]+@([\w.-]+):(?!//)")
"""`git@host:lab/tool.git`, which poetry passes to git."""
_UNHEARD = re.compile(r"[\t\r\n]")  # ignored in a URL (WHATWG, *URL*, 4.4)


def hosts(lock: Lock, projects: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the hosts that a lock names, and that its build may contact; empty: only the package index.

    Args:
        lock: the lock.
        projects: the directories that are built and installed on top. Their build requirements, and settings of uv and
            poetry in them and above, up to the stash, decide the sources of packages.

    Raises:
        StashError: one of these files cannot be read.
    """
    found: set[str] = set()
    for text in (*lock.texts(), *_of_projects(lock, projects)):
        plain = _UNHEARD.sub("", text)
        found.update(match[1].lower().rstrip(".") for match in _HOST.finditer(plain))
        found.update(match[1].lower() for match in [_BY_SSH.match(plain)] if match)
    return tuple(sorted(found.union(lock.channel_hosts())))


def _of_projects(lock: Lock, projects: Iterable[Path]) -> Iterator[str]:
    built = [folder if folder.is_dir() else folder.parent for folder in projects]
    built += lock.built_directories()
    read: set[Path] = set()
    for folder in built:
        for place in (folder, *folder.parents):
            if place in read or not place.is_relative_to(lock.stash):
                break
            read.add(place)
            yield from _settings(lock.stash, place)


def _settings(stash: Path, folder: Path) -> Iterator[str]:
    """Yield the settings for indexes and builds in the files of a directory."""
    for name in ("uv.toml", "poetry.toml"):
        yield from (text for _, text in texts(_toml(stash, folder / name)))
    project = _toml(stash, folder / "pyproject.toml")
    poetry = toml_text.table(project, "tool", "poetry")
    own = {key: value for key, value in poetry.items() if key != "urls" and not isinstance(value, str)}
    for part in (project.get("build-system"), toml_text.table(project, "tool", "uv"), own):
        yield from (text for _, text in texts(part))
    yield from _setup_config(stash, folder / "setup.cfg")


def _toml(stash: Path, file: Path) -> dict[str, Any]:
    return toml_text.parse(read_bytes(stash, file), str(file)) if file.is_file() else {}


def _setup_config(stash: Path, file: Path) -> Iterator[str]:
    """Yield what setuptools would fetch for a build."""
    if not file.is_file():
        return
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_bytes(stash, file).decode("utf-8", "replace"))
    except configparser.Error:  # setuptools will report it
        return
    yield parser.get("options", "setup_requires", fallback="")
    if parser.has_section("easy_install"):
        yield from (value for _, value in parser.items("easy_install"))
