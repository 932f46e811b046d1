"""The tag on disk, elsewhere: the stash as it was frozen, and the tools that it froze at their pins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from experimentstash.examine import Examination
from experimentstash.files import check_inside
from experimentstash.git import ask_git, git
from experimentstash.names import SnapshotName, near, tag_ref, tool_path
from experimentstash.problems import StashError
from experimentstash.repository import Repository, Submodule, Tags
from experimentstash.reproducing.checkout import Checkout, check_allowed, fetch_commit
from experimentstash.reproducing.source import is_shallow
from experimentstash.results.manifest import LARGEST as LARGEST_MANIFEST
from experimentstash.results.parsing import parse as parse_manifest
from experimentstash.snapshot import LARGEST, parse
from experimentstash.urls import resolve, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from experimentstash.entries import Entry
    from experimentstash.problems import Problem
    from experimentstash.reproducing.source import Source
    from experimentstash.results.manifest import Manifest
    from experimentstash.snapshot import Snapshot

_DEEPEST = 10  # submodules of submodules


@dataclass(frozen=True)
class Wanted:
    """A submodule to bring in.

    Attributes:
        path: where, from the top of the repository that has it.
        name: what git calls it.
        url: where it comes from, absolute.
        commit: its pin.
    """

    path: str
    name: str
    url: str
    commit: str


@dataclass(frozen=True)
class Frozen:
    """A snapshot of the tag.

    Attributes:
        name: its name.
        snapshot: the file.
        manifest: what the run gave that was frozen with it; None where none was.
    """

    name: SnapshotName
    snapshot: Snapshot
    manifest: Manifest | None


class Stage:
    """The folder of a reproduction.

    Args:
        folder: where it is; new, empty, or one that an interrupted reproduction of the same tag left.
        tag: the tag.
        source: where the stash comes from.
    """

    def __init__(self, folder: Path, tag: str, source: Source) -> None:
        self.folder = folder
        self.tag = tag
        self.source = source
        self._stash = Checkout(folder, folder / ".git", f"snapshot/{tag}")

    def bring_stash(self) -> str:
        """Bring the stash to disk at the tag, and return the commit that the tag names.

        Raises:
            StashError: there is no such tag, it leads to no commit, or git failed.
        """
        ref = tag_ref(self.tag)
        self._stash.make(self.object_format)
        if self.source.archive:
            self.source.archive.unpack_repository("", self._stash.git_dir)
        elif not self._stash.fetch_quietly(self.source.url, f"+{ref}:{ref}"):
            self._tell_missing(ref)
        with Repository.open(self.folder) as repository:
            tags = repository.tags()
        if self.tag not in tags.commits:
            if self.source.clone and is_shallow(self.source.clone):
                raise StashError(f"{self.source.url}: a shallow clone gives no history", "git fetch --unshallow --tags")
            raise StashError(f"snapshot/{self.tag}: {tags.broken.get(self.tag, 'it is no tag')}")
        commit = tags.commits[self.tag]
        self._stash.check_out(commit)
        self._stash.check_links(self.folder)
        return commit

    @cached_property
    def object_format(self) -> str:
        """The hash function of the stash and its tools, `sha1` or `sha256`."""
        if self.source.archive:
            return self.source.archive.manifest.object_format
        if self.source.clone is None:
            return "sha1"
        return ask_git("rev-parse", "--show-object-format", cwd=self.source.clone).stdout.decode().strip() or "sha1"

    def _tell_missing(self, ref: str) -> None:
        """Say why the tag did not come: there is none, with the nearest; or git's own words."""
        listed = ask_git("ls-remote", "--refs", "--", self.source.url, "refs/tags/snapshot/*", cwd=self.folder)
        if listed.returncode == 0:
            refs = [line.partition("\t")[2] for line in listed.stdout.decode("utf-8", "replace").splitlines()]
            if ref not in refs:
                known = [name.removeprefix("refs/tags/snapshot/") for name in refs]
                raise StashError(
                    f"{without_secrets(self.source.url)} has no tag snapshot/{self.tag}{near(self.tag, known)}"
                )
        self._stash.fetch(self.source.url, f"+{ref}:{ref}")

    def judged(self, commit: str) -> tuple[list[Frozen], Sequence[Problem]]:
        """Return the snapshots of the tag and what of it does not hold; nothing of it has run by then."""
        with Repository.open(self.folder) as repository:
            examination = Examination(repository, Tags({self.tag: commit}, {}))
            examination.tag(self.tag, commit)
            problems = examination.verdict().problems
            files = {} if problems else repository.tree(commit, self.tag).files
            named = [SnapshotName.from_path(path) for path in files]
            found = [_frozen(repository, files, name) for name in named if name]
        return sorted(found, key=lambda one: one.name), problems

    def tools(self, commit: str, names: Collection[str]) -> list[Wanted]:
        """Return the tools to bring in, with their pins and where they come from.

        Raises:
            StashError: a tool comes from a path of this machine, and nobody allowed that.
        """
        with Repository.open(self.folder) as repository:
            pins = repository.tree(commit, self.tag).pins
            submodules = repository.submodules([commit])[commit]
        found = []
        for tool in sorted(names):
            submodule = submodules.get(tool_path(tool), Submodule(tool_path(tool)))
            url = self._url(tool_path(tool), submodule.url, self.source.origin)
            found.append(Wanted(tool_path(tool), submodule.name, url, pins[tool]))
        return found

    def bring_in(self, wanted: Wanted, say: Callable[[str], object]) -> list[Wanted]:
        """Bring a tool to disk at its pin, and the submodules that it has itself; return all of them.

        Raises:
            StashError: nobody has the commit, or a link leads out of the folder.
        """
        brought: list[Wanted] = []
        self._bring_in(wanted, self._stash, brought, say)
        return brought

    def _bring_in(
        self, wanted: Wanted, parent: Checkout, brought: list[Wanted], say: Callable[[str], object], depth: int = 0
    ) -> None:
        if depth > _DEEPEST:
            raise StashError(f"{wanted.path}: submodules in submodules, more than {_DEEPEST} deep")
        root = parent.root / wanted.path
        check_inside(self.folder, root)
        place = Checkout(root, parent.git_dir / "modules" / wanted.name, root.relative_to(self.folder).as_posix())
        place.make(self.object_format)
        if not place.has(wanted.commit):
            say(f"{'unpacking' if self.source.archive else 'fetching'} {place.title} at {wanted.commit[:12]}")
            self._fetch(place, wanted)
        place.check_out(wanted.commit)
        place.check_links(self.folder)
        git("config", f"submodule.{wanted.name}.url", wanted.url, cwd=parent.root)
        brought.append(replace(wanted, path=place.title))
        for inner in self._inner(place, wanted):
            self._bring_in(inner, place, brought, say, depth + 1)

    def _inner(self, place: Checkout, wanted: Wanted) -> list[Wanted]:
        pins = place.pins()
        if not pins:
            return []
        with Repository.open(place.root) as repository:
            submodules = repository.submodules([wanted.commit])[wanted.commit]
        found = []
        for path, commit in pins.items():
            if path in submodules:
                url = self._url(f"{place.title}/{path}", submodules[path].url, wanted.url)
                found.append(Wanted(path, submodules[path].name, url, commit))
        return found

    def _url(self, path: str, recorded: str, base: str) -> str:
        """Return where a submodule comes from, absolute; where all of it is at hand already, as it is recorded.

        Raises:
            StashError: from a path of this machine, and nobody allowed that.
        """
        if self.source.archive:
            return self.source.archive.repository(path).url
        url = _absolute(recorded, base)
        if url:
            check_allowed(path, url, allow_local=self.source.allow_local)
        return url

    def _fetch(self, place: Checkout, wanted: Wanted) -> None:
        archive = self.source.archive
        if archive is None:
            fetch_commit(place, wanted.commit, self._near(place.git_dir), wanted.url)
            return
        if (held := archive.repository(place.title).commit) != wanted.commit:
            raise StashError(f"{archive.path}: it holds {place.title} at {held}, and the pin is {wanted.commit}")
        archive.unpack_repository(place.title, place.git_dir)

    def _near(self, git_dir: Path) -> list[Path]:
        """Return the repositories of the clone at hand that may have the same objects."""
        if self.source.clone is None:
            return []
        common = ask_git("rev-parse", "--git-common-dir", cwd=self.source.clone).stdout.decode().strip()
        beside = (self.source.clone / common).resolve() / git_dir.relative_to(self._stash.git_dir)
        return [beside] if beside.is_dir() else []


def _frozen(repository: Repository, files: Mapping[str, Entry], name: SnapshotName) -> Frozen:
    parsed = parse(repository.read(files[name.path].id, LARGEST), name.path)
    if (path := name.results_path) not in files:
        if parsed.one("RESULTS"):
            raise StashError(f"{path}: {name.path} names it, and the tag does not have it")
        return Frozen(name, parsed, None)
    data = repository.read(files[path].id, LARGEST_MANIFEST)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if parsed.one("RESULTS") not in ("", digest):
        raise StashError(f"{path}: not the results that {name.path} was frozen with: its digest is {digest}")
    return Frozen(name, parsed, parse_manifest(data, path))


def _absolute(url: str, base: str) -> str:
    try:
        return resolve(url, base)
    except ValueError:
        return ""
