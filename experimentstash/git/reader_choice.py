"""Chooses the reader of a repository's objects: dulwich if it reads as git does and they are many, else git.

What dulwich reads it reads rightly, since each object is checked against its id. Here stands what an id does
not tell: that another object takes its place, that objects lie elsewhere or are to be fetched, or that the
repository says of itself that it is not like others (traps.md, *dulwich*).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.git.few_objects import FewObjects
from experimentstash.git.git_objects import GitObjects
from experimentstash.git.location import NO_REPLACEMENTS

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.git.location import GitLocation
    from experimentstash.git.object_reader import ObjectReader

# git sets them for a hook (a push's quarantine), or a user does; dulwich ignores them
_ENVIRONMENT = (
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_REPLACE_REF_BASE",
    "GIT_GRAFT_FILE",
)
_FORMATS = ("sha1", "sha256")
# extensions that change nothing, or nothing but the hash, in how objects are read
_HARMLESS = frozenset({"extensions.objectformat", "extensions.worktreeconfig"})
_NAMES = r"^extensions\.|^remote\..*\.promisor$"


def choose(place: GitLocation) -> ObjectReader:
    """Return the reader of a repository's objects."""
    git = GitObjects(place)
    if why_git(place) is not None:
        return git

    def many() -> ObjectReader:
        from experimentstash.git.dulwich_objects import DulwichObjects  # 20 ms, which no commit of one snapshot needs

        return DulwichObjects(place.common_dir / "objects", place.object_format, git)

    return FewObjects(place.root, place.common_dir / "objects", place.object_format, git, many)


def why_git(place: GitLocation) -> str | None:
    """Return why git must read a repository, or None if dulwich can."""
    if named := next((name for name in _ENVIRONMENT if name in place.env), None):
        return named
    if place.object_format not in _FORMATS:
        return f"the object format {place.object_format}"
    if setting := _setting(place):
        return setting
    if (place.common_dir / "info" / "grafts").exists():
        return "info/grafts"
    return "refs/replace" if NO_REPLACEMENTS not in place.env and _replaces(place.common_dir) else None


def _setting(place: GitLocation) -> str | None:
    """Return a setting by which the repository is not like others."""
    file = place.common_dir / "config"
    text = file.read_bytes().lower() if file.exists() else b""
    if b"extensions" not in text and b"promisor" not in text:
        return None  # as in nearly every repository, and a process is spared
    answer = place.ask("config", "--file", str(file), "--no-includes", "--null", "--name-only", "--get-regexp", _NAMES)
    if answer.returncode not in (0, 1):
        return "config"
    named = answer.stdout.decode("utf-8", "surrogateescape").split("\0")
    return next((name for name in named if name and name.lower() not in _HARMLESS), None)


def _replaces(common_dir: Path) -> bool:
    """Return whether some object may take the place of another; a reftable never comes here."""
    folder, packed = common_dir / "refs" / "replace", common_dir / "packed-refs"
    if folder.is_dir() and any(folder.iterdir()):  # looked at first: git packs a ref before it takes the file away
        return True
    return packed.exists() and b" refs/replace/" in packed.read_bytes()
