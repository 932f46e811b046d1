"""Where the stash of a reproduction comes from: the clone at hand, another repository, or an archive."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from experimentstash.archive.opening import Archive, open_archive
from experimentstash.git import ask_git
from experimentstash.names import tag_ref
from experimentstash.problems import StashError, command
from experimentstash.stash import find_stash
from experimentstash.urls import is_path, names_program, without_secrets


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
    origin = _remote(stash)
    is_here = ask_git("rev-parse", "--verify", "--quiet", tag_ref(tag), cwd=stash).returncode == 0
    is_here = is_here and not is_shallow(stash)
    return Source(str(stash) if is_here or not origin else origin, origin or str(stash), stash, allow_local)


def is_shallow(clone: Path) -> bool:
    """Tell whether the history of a repository was not fetched to its end."""
    return ask_git("rev-parse", "--is-shallow-repository", cwd=clone).stdout.strip() == b"true"


def _remote(stash: Path) -> str:
    """Return the URL of the clone's remote: `origin`, or the only one; empty where it has none."""
    names = ask_git("remote", cwd=stash).stdout.decode("utf-8", "surrogateescape").split()
    name = "origin" if "origin" in names or len(names) != 1 else names[0]
    asked = ask_git("remote", "get-url", name, cwd=stash)
    url = asked.stdout.decode("utf-8", "surrogateescape").removesuffix("\n") if asked.returncode == 0 else ""
    return os.path.normpath(stash / url) if url and is_path(url) else url


def named(text: str, tag: str, *, allow_local: bool) -> Source:
    """Return what a user names: a URL, a folder of this machine, or an archive, which is checked whole.

    Raises:
        StashError: it is none of them, or an archive of another tag.
    """
    if text.startswith("-") or names_program(text):
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


def place_for(tag: str, source: Source, into: str | None) -> Path:
    """Return the folder that a reproduction goes into, which is in no working tree of the user's.

    By default it is beside the clone that the user works in, or, outside of one, below the working folder.

    Args:
        tag: the tag.
        source: where the stash comes from.
        into: the folder that the user named.

    Raises:
        StashError: the user named one in the working tree of the clone.
    """
    if into is None:
        try:
            stash = find_stash()
        except StashError:
            return Path.cwd() / tag
        return stash.with_name(f"{stash.name}-{tag}")
    folder = Path(os.path.abspath(Path(into).expanduser()))  # noqa: PTH100  (links stay as the user wrote them)
    clone = source.clone
    if clone and (clone / ".git").exists() and folder.resolve().is_relative_to(clone.resolve()):
        raise StashError(f"{folder}: in the working tree of {clone}, which stays as it is", "choose another --into")
    return folder
