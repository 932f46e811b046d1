"""What git has of a file in a checkout: only that reaches others, and only its bytes are the same everywhere.

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
    """Return the bytes that the commit checked out around `path` holds there, or None if it holds no file.

    A symlink in the commit is followed within it.

    Raises:
        StashError: git refuses to read the repository; the message is its own.
    """
    answer = _ask(path.parent, path.name, "--batch")
    head, _, rest = answer.partition(b"\n")
    words = head.split()
    return rest[: int(words[2])] if len(words) == 3 and words[1] == b"blob" else None


def is_committed(path: Path) -> bool:
    """Return whether the commit checked out around `path` holds a file there, or files below it.

    Raises:
        StashError: git refuses to read the repository; the message is its own.
    """
    folder, name = (path, "") if path.is_dir() else (path.parent, path.name)
    return len(_ask(folder, name, "--batch-check").split()) == 3


def same_lines(one: bytes, other: bytes) -> bool:
    """Return whether two texts are the same but for their line endings."""
    return one.replace(b"\r\n", b"\n") == other.replace(b"\r\n", b"\n")


def _ask(folder: Path, name: str, how: str) -> bytes:
    """Ask git for a path of HEAD; if there is none, it says so in one or two words."""
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
