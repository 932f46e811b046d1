"""Reads files as committed, not from disk: only committed files reach others, with the same bytes everywhere.

The file on disk may be ignored by git, may have other line endings (`core.autocrlf`, `eol` in a `.gitattributes`), or
may be what a filter made of the committed one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.git.user_git import ask_git, clean_environment

if TYPE_CHECKING:
    from pathlib import Path


def committed_bytes(path: Path) -> bytes | None:
    """Return the bytes of `path` in the checked-out commit, or None if the commit has no such file.

    A symlink in the commit is followed within it.

    Raises:
        StashError: git refuses to read the repository; the message is git's.
    """
    answer = _ask(path.parent, path.name, "--batch")
    head, _, rest = answer.partition(b"\n")
    words = head.split()
    return rest[: int(words[2])] if len(words) == 3 and words[1] == b"blob" else None


def is_committed(path: Path) -> bool:
    """Return whether the checked-out commit contains a file at `path`, or files below it.

    Raises:
        StashError: git refuses to read the repository; the message is git's.
    """
    folder, name = (path, "") if path.is_dir() else (path.parent, path.name)
    return len(_ask(folder, name, "--batch-check").split()) == 3


def same_lines(one: bytes, other: bytes) -> bool:
    """Return whether two texts are equal, ignoring line endings."""
    return one.replace(b"\r\n", b"\n") == other.replace(b"\r\n", b"\n")


def _ask(folder: Path, name: str, how: str) -> bytes:
    """Ask git for a path of HEAD; git reports a missing one in one or two words."""
    done = ask_git(
        "cat-file",
        how,
        "--follow-symlinks",
        cwd=folder,
        env=clean_environment(GIT_NO_REPLACE_OBJECTS="1"),
        stdin=f"HEAD:./{name}\n".encode("utf-8", "surrogateescape"),
    )
    if done.returncode != 0:
        raise StashError(f"{folder}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout
