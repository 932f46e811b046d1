"""Where the stash of a reproduction comes from: the clone at hand, another repository, or an archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experimentstash.archive.opening import Archive, open_archive
from experimentstash.git import ask_git
from experimentstash.names import tag_ref
from experimentstash.problems import StashError, command
from experimentstash.stash import find_stash
from experimentstash.urls import without_secrets


@dataclass(frozen=True)
class Source:
    """Where the stash comes from.

    Attributes:
        url: what git fetches it from: the folder of a clone, or a URL.
        origin: the URL that relative URLs of tools begin at; it is also what people are told.
        clone: the root of a clone on this machine whose objects may be used again, or None.
        allow_local: whether tools may come from paths of this machine.
        archive: what holds all of it, so that nothing is fetched; None for repositories.
    """

    url: str
    origin: str
    clone: Path | None
    allow_local: bool
    archive: Archive | None = None

    @property
    def told(self) -> str:
        """It as people are told of it."""
        return self.archive.told if self.archive else without_secrets(self.origin)


def at_hand(tag: str, *, allow_local: bool) -> Source:
    """Return the clone that holds the working folder; a tag that it has not, or not to the end, comes from its remote.

    Raises:
        StashError: there is none.
    """
    stash = find_stash()
    asked = ask_git("remote", "get-url", "origin", cwd=stash)
    origin = asked.stdout.decode("utf-8", "surrogateescape").strip() if asked.returncode == 0 else ""
    is_here = ask_git("rev-parse", "--verify", "--quiet", tag_ref(tag), cwd=stash).returncode == 0
    is_here = is_here and not is_shallow(stash)
    return Source(str(stash) if is_here or not origin else origin, origin or str(stash), stash, allow_local)


def is_shallow(clone: Path) -> bool:
    """Tell whether the history of a clone was not fetched to its end: nothing can be fetched from it."""
    return ask_git("rev-parse", "--is-shallow-repository", cwd=clone).stdout.strip() == b"true"


def named(text: str, tag: str, *, allow_local: bool) -> Source:
    """Return what a user names: a URL, a folder of this machine, or an archive, which is checked whole.

    Raises:
        StashError: it is none of them, or an archive of another tag.
    """
    if text.startswith("-"):
        raise StashError(f"--from {text!r}: no URL and no folder")
    path = Path(text).expanduser()
    if not path.exists():
        return Source(text, text, None, allow_local)
    if not path.is_dir():
        return _archived(path, tag, allow_local=allow_local)
    root = str(path.resolve())
    return Source(root, root, Path(root), allow_local)


def _archived(path: Path, tag: str, *, allow_local: bool) -> Source:
    archive = open_archive(path)
    if archive.manifest.tag != tag:
        held = archive.manifest.tag
        raise StashError(
            f"{path}: it holds snapshot/{held}, and not snapshot/{tag}",
            command("experimentstash", "reproduce", held, "--from", str(path)),
        )
    return Source("", "", None, allow_local, archive)
