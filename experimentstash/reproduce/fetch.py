"""The tag on disk, elsewhere: the stash as it was frozen, judged before anything of it runs."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from experimentstash.core.errors import FREE_SPACE, StashError, is_disk_full
from experimentstash.core.names import TAG_DIRECTORY, SnapshotName, near, tag_ref
from experimentstash.core.urls import without_secrets
from experimentstash.git.repository import Repository, Tags
from experimentstash.git.user_git import ask_git
from experimentstash.reproduce.lfs import fill_pointers
from experimentstash.reproduce.safe_checkout import Checkout
from experimentstash.reproduce.safe_git import fetch, list_refs
from experimentstash.stash.results.manifest_parser import parse as parse_manifest
from experimentstash.stash.snapshot_file import LARGEST, parse
from experimentstash.verify.examination import Examination

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from experimentstash.core.errors import Problem
    from experimentstash.git.entries import Entry
    from experimentstash.reproduce.earlier_attempt import Earlier
    from experimentstash.reproduce.stash_source import Source
    from experimentstash.stash.results.manifest import Manifest
    from experimentstash.stash.snapshot_file import Snapshot

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frozen:
    """A snapshot of the tag.

    Attributes:
        name: its name.
        snapshot: the file.
        manifest: what the run gave that was frozen with it; None if none was.
    """

    name: SnapshotName
    snapshot: Snapshot
    manifest: Manifest | None


class Stage:
    """The directory of a reproduction.

    Args:
        folder: its path: new, empty, or left by an interrupted reproduction of the same tag.
        tag: the tag.
        source: the source of the stash.
    """

    def __init__(self, folder: Path, tag: str, source: Source) -> None:
        self.folder = folder
        self.tag = tag
        self.source = source
        self._stash = Checkout(folder, folder / ".git", f"snapshot/{tag}")
        self._is_new = False

    @cached_property
    def repository(self) -> Repository:
        """The stash, once it is here."""
        return Repository.open(self.folder)

    def fetch_tag(self) -> str:
        """Fetch the tag, nothing checked out yet, and return the commit that it names.

        Raises:
            StashError: there is no such tag, it leads to no commit, or git failed.
        """
        ref = tag_ref(self.tag)
        self._is_new = self._stash.make(self._object_format(), self.source.origin)
        if self.source.archive:
            self.source.archive.unpack_repository("", self._stash.git_dir)
        elif said := self._fetch(ref):
            self._cope(ref, said)
        with self.repository as repository:
            tags = repository.tags()
        if self.tag not in tags.commits:
            raise StashError(f"snapshot/{self.tag}: {tags.broken.get(self.tag, 'it is no tag')}")
        return tags.commits[self.tag]

    def check_out(self, commit: str, earlier: Earlier) -> list[str]:
        """Bring the stash to disk, and return its files of Git LFS that did not come.

        Args:
            commit: that of the tag.
            earlier: takes what an earlier try left.

        Raises:
            StashError: git failed, or a link leads out of the directory.
        """
        if not self._is_new and self._stash.is_checked_out():
            earlier.take_from(self._stash, leave="outputs")  # it contains earlier runs
        self.source.limit.check_tree(self.folder, commit, f"snapshot/{self.tag}")
        self._stash.check_out(commit)
        recorded = self._stash.recorded()
        self._stash.check_links(recorded, self.folder)
        return fill_pointers(self._stash, recorded, [self.source.near.common_dir] if self.source.near else [])

    def _object_format(self) -> str:
        if self.source.archive:
            return self.source.archive.manifest.object_format
        return self.source.near.object_format if self.source.near else self._stash.object_format() or "sha1"

    def _fetch(self, ref: str) -> str:
        """Fetch a ref, and return git's error message; empty on success."""
        source = self.source
        here = source.clone is not None and source.url == str(source.clone)  # the user's own: no download
        watch = None if here else source.limit.watch(self._stash.git_dir, f"fetching snapshot/{self.tag}")
        return fetch(source.url, f"+{ref}:{ref}", cwd=self.folder, watch=watch)

    def _cope(self, ref: str, said: str) -> None:
        """Find out why the tag did not come, and go on where one can: in the other object format, or without a remote.

        Raises:
            StashError: there is no such tag; or git's own words.
        """
        shown = without_secrets(self.source.url)
        refs = list_refs(self.source.url, f"{TAG_DIRECTORY}/*", self.folder)
        if refs is not None and ref not in refs:
            known = [name.removeprefix(f"{TAG_DIRECTORY}/") for name in refs]
            raise StashError(f"{shown} has no tag snapshot/{self.tag}{near(self.tag, known)}")
        if refs is not None and self._stash.object_format() != (other := _format_of(refs[ref])):
            self._stash.unmake()
            self._stash.make(other, self.source.origin)
            said = self._fetch(ref)
        elif refs is None and ask_git("rev-parse", "--verify", "--quiet", ref, cwd=self.folder).returncode == 0:
            _log.info("%s does not answer; continuing with what was fetched before", shown)
            return
        if said:
            fix = FREE_SPACE if is_disk_full(said) else self.source.completing
            raise StashError(f"{shown} did not provide snapshot/{self.tag}:\n{said}", fix)

    def judged(self, commit: str) -> tuple[list[Frozen], Sequence[Problem]]:
        """Return the snapshots of the tag and what of it does not hold; nothing of it has run by then.

        Raises:
            StashError: a manifest of results is none.
        """
        with self.repository as repository:
            examination = Examination(repository, Tags({self.tag: commit}, {}))
            examination.tag(self.tag, commit)
            problems = examination.verdict().problems
            files = {} if problems else repository.tree(commit, self.tag).files
            named = [SnapshotName.from_path(path) for path in files]
            found = [_frozen(repository, files, name) for name in named if name]
        return sorted(found, key=lambda one: one.name), problems


def _frozen(repository: Repository, files: Mapping[str, Entry], name: SnapshotName) -> Frozen:
    parsed = parse(repository.read(files[name.path].id, LARGEST), name.path)
    if (entry := files.get(name.results_path)) is None:
        return Frozen(name, parsed, None)
    data = repository.read(entry.id, LARGEST)  # the one that the snapshot names: that is judged by now
    return Frozen(name, parsed, parse_manifest(data, name.results_path))


def _format_of(name: str) -> str:
    return "sha256" if len(name) == len(hashlib.sha256().hexdigest()) else "sha1"
