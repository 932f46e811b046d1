"""Where the stash of a reproduction comes from: the clone at hand, another repository, or an archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experimentstash.git import ask_git
from experimentstash.names import tag_ref
from experimentstash.problems import StashError
from experimentstash.stash import find_stash


@dataclass(frozen=True)
class Source:
    """Where the stash comes from.

    Attributes:
        url: what git fetches it from: the folder of a clone, or a URL.
        origin: the URL that relative URLs of tools begin at; it is also what people are told.
        clone: the root of a clone on this machine whose objects may be used again, or None.
        allow_local: whether tools may come from paths of this machine.
    """

    url: str
    origin: str
    clone: Path | None
    allow_local: bool


def at_hand(tag: str, *, allow_local: bool) -> Source:
    """Return the clone that holds the working folder; a tag that it has not comes from its remote.

    Raises:
        StashError: there is none.
    """
    stash = find_stash()
    asked = ask_git("remote", "get-url", "origin", cwd=stash)
    origin = asked.stdout.decode("utf-8", "surrogateescape").strip() if asked.returncode == 0 else ""
    is_here = ask_git("rev-parse", "--verify", "--quiet", tag_ref(tag), cwd=stash).returncode == 0
    return Source(str(stash) if is_here or not origin else origin, origin or str(stash), stash, allow_local)


def named(text: str, *, allow_local: bool) -> Source:
    """Return the repository that a user names: a URL, or a folder of this machine.

    Raises:
        StashError: it is neither.
    """
    if text.startswith("-"):
        raise StashError(f"--from {text!r}: no URL and no folder")
    path = Path(text).expanduser()
    if not path.exists():
        return Source(text, text, None, allow_local)
    if not path.is_dir():
        raise StashError(f"--from {text}: a file, and no repository")
    root = str(path.resolve())
    return Source(root, root, Path(root), allow_local)
