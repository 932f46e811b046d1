"""Where the stash of a reproduction comes from: the clone at hand, another repository, or an archive."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.git import ask_git
from experimentstash.problems import StashError, command, printable
from experimentstash.repository import Repository
from experimentstash.stash import find_stash
from experimentstash.urls import is_path, names_program, without_secrets

if TYPE_CHECKING:
    from experimentstash.archive.opening import Archive


@dataclass(frozen=True)
class Source:
    """Where the stash comes from.

    Attributes:
        url: what git fetches it from: the folder of a clone, or a URL.
        origin: the URL that relative URLs of tools begin at; it is also what people are told.
        near: a repository on this machine whose objects may be used again, or None.
        allow_local: whether tools may come from paths of this machine.
        archive: what holds all of it, so that nothing is fetched; None for repositories.
    """

    url: str
    origin: str
    near: Repository | None
    allow_local: bool
    archive: Archive | None = None

    @property
    def clone(self) -> Path | None:
        """The top of the repository on this machine."""
        return self.near.root if self.near else None

    @property
    def completing(self) -> str:
        """The command that fetches what a clone on this machine lacks; empty where it lacks nothing."""
        if self.near is None or self.url != str(self.near.root):
            return ""
        whole = ["--refetch", "--no-filter"] if self.near.partial else ["--unshallow"]
        is_whole = not (self.near.partial or self.near.shallow)
        return "" if is_whole else command("git", "-C", self.url, "fetch", *whole, "--tags")

    @property
    def told(self) -> str:
        """It as people are told of it."""
        return self.archive.told if self.archive else without_secrets(self.origin)


def at_hand(tag: str, *, allow_local: bool) -> Source:
    """Return the clone that holds the working folder; a tag that it has not, or not to the end, comes from its remote.

    Raises:
        StashError: there is none.
    """
    with Repository.open(find_stash()) as near:
        is_whole = not (near.shallow or near.partial) and tag in near.tags({tag}).commits
    origin = _remote(near)
    root = str(near.root)
    return Source(root if is_whole or not origin else origin, origin or root, near, allow_local)


def _remote(near: Repository) -> str:
    """Return the URL of a clone's remote: `origin`, or the only one; empty where it has none."""
    url = near.setting("remote.origin.url")
    if not url:
        names = ask_git("remote", cwd=near.root).stdout.decode("utf-8", "surrogateescape").split()
        url = near.setting(f"remote.{names[0]}.url") if len(names) == 1 else ""
    return os.path.normpath(near.root / url) if url and is_path(url) else url


def named(text: str, tag: str, *, allow_local: bool) -> Source:
    """Return what a user names: a URL, a folder of this machine, or an archive, which is checked whole.

    Raises:
        StashError: it is none of them, or an archive of another tag.
    """
    if not text or text.startswith("-") or names_program(text):
        raise StashError(f"--from {text!r}: no URL and no folder")
    path = Path(text).expanduser()
    if not path.exists():
        if is_path(text):
            raise StashError(f"--from {text}: no such file or folder")
        return Source(text, text, None, allow_local)
    if path.is_file():
        return _archived(path, tag, allow_local=allow_local)
    if not path.is_dir():
        raise StashError(f"{path}: neither a folder nor a file; an archive is read more than once")
    root = path.resolve()
    return Source(str(root), str(root), _repository(root), allow_local)


def _repository(root: Path) -> Repository | None:
    try:
        return Repository.open(root)
    except StashError:  # whatever it is, git says so when it fetches from there
        return None


def _archived(path: Path, tag: str, *, allow_local: bool) -> Source:
    from experimentstash.archive.opening import open_archive  # what most have no need of

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
    if not into or printable(str(folder)) != str(folder):
        raise StashError(f"--into {into!r}: git takes no such name for the name of a folder", "choose another --into")
    clone = source.clone
    try:
        end = folder.resolve()
    except (OSError, RuntimeError):  # before Python 3.13
        raise StashError(f"{folder}: a circle of links", "choose another --into") from None
    if clone and (clone / ".git").exists() and end.is_relative_to(clone.resolve()):
        raise StashError(f"{folder}: in the working tree of {clone}, which stays as it is", "choose another --into")
    return folder
