"""Where the stash of a reproduction comes from: the clone at hand, another repository, or an archive."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, printable
from experimentstash.core.invocation import rerun
from experimentstash.core.urls import is_path, names_program, without_secrets
from experimentstash.git.repository import Repository
from experimentstash.git.user_git import ask_git
from experimentstash.hydra.isolated_run import free_folder
from experimentstash.reproduce.download_limit import Limit
from experimentstash.stash.stash import find_stash

if TYPE_CHECKING:
    from experimentstash.reproduce.archive.unpack import Archive


@dataclass(frozen=True)
class Source:
    """Where the stash comes from.

    Attributes:
        url: what git fetches it from: the directory of a clone, or a URL.
        origin: the base of relative tool URLs, and the name of the source in messages.
        near: a repository on this machine whose objects may be used again, or None.
        allow_local: whether tools may come from paths of this machine.
        archive: what holds all of it, so that nothing is fetched; None for repositories.
        limit: how much may be fetched.
    """

    url: str
    origin: str
    near: Repository | None
    allow_local: bool
    archive: Archive | None = None
    limit: Limit = field(default_factory=Limit)

    @property
    def clone(self) -> Path | None:
        """The top of the repository on this machine."""
        return self.near.root if self.near else None

    @property
    def completing(self) -> str:
        """The command that fetches what a clone on this machine lacks; empty if it lacks nothing."""
        if self.near is None or self.url != str(self.near.root):
            return ""
        whole = ["--refetch", "--no-filter"] if self.near.partial else ["--unshallow"]
        is_whole = not (self.near.partial or self.near.shallow)
        return "" if is_whole else command("git", "-C", self.url, "fetch", *whole, "--tags")

    @property
    def told(self) -> str:
        """Its name in messages: where it is fetched from, and what that is a clone of."""
        if self.archive:
            return self.archive.told
        origin = without_secrets(self.origin)
        return origin if self.url == self.origin else f"{self.url}, a clone of {origin}"

    def is_told(self, told: str) -> bool:
        """Return whether an earlier reproduction that recorded its source under this name came from here."""
        if self.archive:  # the same bytes, wherever the file is
            return told.endswith(self.archive.told.rpartition(" (")[2])
        return _plain(told) == _plain(self.told)


def at_hand(tag: str, *, allow_local: bool) -> Source:
    """Return the clone around the working directory; a tag that it has not, or not to the end, comes from its remote.

    Raises:
        StashError: there is none.
    """
    with Repository.open(_stash_at_hand(tag)) as near:
        is_whole = not (near.shallow or near.partial) and tag in near.tags({tag}).commits
    origin = _remote(near)
    root = str(near.root)
    return Source(root if is_whole or not origin else origin, origin or root, near, allow_local)


def _plain(told: str) -> str:
    """Return the name of a source in a form that does not depend on the spelling of its address."""
    return told.removeprefix("file://").rstrip("/").removesuffix(".git").rstrip("/")


def _stash_at_hand(tag: str) -> Path:
    try:
        return find_stash().root
    except StashError as error:
        fix = command("experimentstash", "reproduce", tag, "--from", "URL")
        raise StashError(str(error.args[0]), f"{fix}  # the repository, or the archive, that has the tag") from None


def _remote(near: Repository) -> str:
    """Return the URL of a clone's remote: `origin`, or the only one; empty if it has none."""
    url = near.setting("remote.origin.url")
    if not url:
        names = ask_git("remote", cwd=near.root).stdout.decode("utf-8", "surrogateescape").split()
        url = near.setting(f"remote.{names[0]}.url") if len(names) == 1 else ""
    return os.path.normpath(near.root / url) if url and is_path(url) else url


def named(text: str, tag: str, *, allow_local: bool) -> Source:
    """Return what a user names: a URL, a directory of this machine, or an archive, which is checked whole.

    Raises:
        StashError: it is none of them, or an archive of another tag.
    """
    if not text or text.startswith("-") or names_program(text):
        raise StashError(f"--from {text!r}: neither a URL nor a directory")
    path = Path(text).expanduser()
    if not path.exists():
        if is_path(text):
            raise StashError(f"--from {text}: no such file or directory")
        return Source(text, text, None, allow_local)
    if path.is_file():
        return _archived(path, tag, allow_local=allow_local)
    if not path.is_dir():
        raise StashError(f"{path}: neither a directory nor a regular file")
    root = path.resolve()
    return Source(str(root), str(root), _repository(root), allow_local)


def _repository(root: Path) -> Repository | None:
    try:
        return Repository.open(root)
    except StashError:  # whatever it is, git says so when it fetches from there
        return None


def _archived(path: Path, tag: str, *, allow_local: bool) -> Source:
    from experimentstash.reproduce.archive.unpack import open_archive  # what most have no need of

    archive = open_archive(path)
    if archive.manifest.tag != tag:
        held = archive.manifest.tag
        raise StashError(
            f"{path}: it contains snapshot/{held}, and not snapshot/{tag}",
            command("experimentstash", "reproduce", held, "--from", str(path)),
        )
    return Source("", "", None, allow_local, archive)


def place_for(tag: str, source: Source, into: str | None) -> Path:
    """Return the directory that a reproduction goes into, which is in no working tree of the user's.

    By default, it is next to the clone that the user works in, or below the working directory outside of a clone.

    Args:
        tag: the tag.
        source: the source of the stash.
        into: the directory that the user named.

    Raises:
        StashError: the user named one in the working tree of the clone.
    """
    if into is None:
        return _default_place(tag)
    folder = Path(os.path.abspath(Path(into).expanduser()))  # noqa: PTH100  (links stay as the user wrote them)
    if not into or printable(str(folder)) != str(folder):
        raise StashError(f"--into {into!r}: git does not accept such a name for a directory", into_another(tag))
    clone = source.clone
    try:
        end = folder.resolve()
    except (OSError, RuntimeError):  # before Python 3.13
        raise StashError(f"{folder}: a cycle of symlinks", into_another(tag)) from None
    if clone and (clone / ".git").exists() and end.is_relative_to(clone.resolve()):
        raise StashError(f"{folder}: in the working tree of {clone}, which must stay unchanged", into_another(tag))
    return folder


def _default_place(tag: str) -> Path:
    try:
        root = find_stash().root
    except StashError:
        return Path.cwd() / tag
    return root.with_name(f"{root.name}-{tag}")


def into_another(tag: str, without: str = "") -> str:
    """Return the command, but for an option, that takes a directory which is not there yet; the other one stays."""
    return rerun("--into", str(free_folder(_default_place(tag))), without=without)
