"""The tag on disk, elsewhere: the stash as it was frozen, and the tools that it froze at their pins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.examine import Examination
from experimentstash.files import check_inside
from experimentstash.git import ask_git
from experimentstash.names import TAG_FOLDER, SnapshotName, near, tag_ref, tool_path
from experimentstash.problems import StashError, short
from experimentstash.repository import Repository, Submodule, Tags, TooLargeError
from experimentstash.reproducing.checkout import Checkout, check_allowed, fetch_commit
from experimentstash.reproducing.lfs import fill_pointers
from experimentstash.reproducing.source import is_shallow
from experimentstash.reproducing.transfer import fetch, inert, list_refs
from experimentstash.results.manifest import LARGEST as LARGEST_MANIFEST
from experimentstash.results.parsing import parse as parse_manifest
from experimentstash.snapshot import LARGEST, parse
from experimentstash.urls import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

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
        keep: files that builds left in the checkouts, by the checkout's path; they stay.
        whole: want all of the history: a shallow clone is of no use.

    Attributes:
        pointers: the files of Git LFS that did not come, by the checkout's path.
    """

    def __init__(
        self, folder: Path, tag: str, source: Source, keep: Mapping[str, Collection[str]], *, whole: bool = False
    ) -> None:
        self.folder = folder
        self.tag = tag
        self.source = source
        self._beside: dict[Path, list[Checkout]] = {}
        self.pointers: dict[str, list[str]] = {}
        self._keep = keep
        self._whole = whole
        self._stash = Checkout(folder, folder / ".git", f"snapshot/{tag}")

    def fetch_tag(self, say: Callable[[str], object]) -> str:
        """Fetch the tag, nothing checked out yet, and return the commit that it names.

        Raises:
            StashError: there is no such tag, it leads to no commit, or git failed.
        """
        ref = tag_ref(self.tag)
        self._stash.make(self._object_format(), self.source.origin)
        if self.source.archive:
            self.source.archive.unpack_repository("", self._stash.git_dir)
        elif said := fetch(self.source.url, f"+{ref}:{ref}", cwd=self.folder):
            self._cope(ref, said, say)
        with Repository.open(self.folder) as repository:
            tags = repository.tags()
        if self.tag not in tags.commits:
            raise StashError(f"snapshot/{self.tag}: {tags.broken.get(self.tag, 'it is no tag')}")
        return tags.commits[self.tag]

    def check_out(self, commit: str) -> None:
        """Bring the stash to disk.

        Raises:
            StashError: git failed, or a link leads out of the folder.
        """
        self._stash.check_out(commit)
        self._stash.clean(folder="outputs")  # what ran before lies there
        self._stash.check_links(self.folder)

    @property
    def object_format(self) -> str:
        """The hash function of the stash and its tools, `sha1` or `sha256`, once it is here."""
        return self._stash.object_format()

    def _object_format(self) -> str:
        if self.source.archive:
            return self.source.archive.manifest.object_format
        if self.source.clone is None:
            return self._stash.object_format() or "sha1"
        return ask_git("rev-parse", "--show-object-format", cwd=self.source.clone).stdout.decode().strip() or "sha1"

    def _cope(self, ref: str, said: str, say: Callable[[str], object]) -> None:
        """Find out why the tag did not come, and go on where one can: in the other object format, or without a remote.

        Raises:
            StashError: there is no such tag; or git's own words.
        """
        shown = without_secrets(self.source.url)
        refs = list_refs(self.source.url, f"{TAG_FOLDER}/*", self.folder)
        if refs is not None and ref not in refs:
            known = [name.removeprefix(f"{TAG_FOLDER}/") for name in refs]
            raise StashError(f"{shown} has no tag snapshot/{self.tag}{near(self.tag, known)}")
        if refs is not None and self._stash.object_format() != (other := _format_of(refs[ref])):
            self._stash.unmake()
            self._stash.make(other, self.source.origin)
            said = fetch(self.source.url, f"+{ref}:{ref}", cwd=self.folder)
        elif refs is None and ask_git("rev-parse", "--verify", "--quiet", ref, cwd=self.folder).returncode == 0:
            say(f"{shown} gives no answer; going on with what came before")
            return
        if said:
            raise StashError(f"{shown} gives no snapshot/{self.tag}:\n{said}")

    def judged(self, commit: str) -> tuple[list[Frozen], Sequence[Problem]]:
        """Return the snapshots of the tag and what of it does not hold; nothing of it has run by then.

        Raises:
            StashError: a manifest of results is none, or is not the one that the snapshot names.
        """
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
            StashError: a tool has no pin, or comes from where nobody allowed it to come from.
        """
        with Repository.open(self.folder) as repository:
            pins = repository.tree(commit, self.tag).pins
            submodules = repository.submodules([commit])[commit]
        if unpinned := [tool for tool in sorted(names) if tool not in pins]:
            raise StashError(
                f"{tool_path(unpinned[0])}: a snapshot wants it, and snapshot/{self.tag} pins nothing there"
            )
        wanted = []
        for tool in sorted(names):
            submodule = submodules.get(tool_path(tool), Submodule(tool_path(tool)))
            wanted.append(Wanted(tool_path(tool), submodule.name, submodule.url, pins[tool]))
        return [replace(one, url=self._url(one.path, one.url)) for one in wanted]

    def _url(self, path: str, url: str) -> str:
        """Return where a submodule comes from; where an archive has all of it, that is only told, as it was recorded.

        Raises:
            StashError: nobody allowed it to come from there.
        """
        archive = self.source.archive
        url = archive.repository(path).url if archive else url
        check_allowed(path, url, allow_local=archive is not None or self.source.allow_local)
        return url

    def bring_in(self, wanted: Wanted, say: Callable[[str], object]) -> list[Wanted]:
        """Bring a tool to disk at its pin, and the submodules that it has itself; return all of them.

        Raises:
            StashError: nobody has the commit, or a link leads out of the folder.
        """
        clones: list[Path] = []
        if self.source.clone is not None:
            with Repository.open(self.source.clone) as repository:
                clones = [clone.git_dir for clone in repository.clones(wanted.path, wanted.name)[0]]
            clones = [git_dir for git_dir in clones if not (self._whole and is_shallow(git_dir))]
        return list(self._bring_in(wanted, self._stash, clones, say))

    def _bring_in(
        self, wanted: Wanted, parent: Checkout, clones: Sequence[Path], say: Callable[[str], object], depth: int = 0
    ) -> Iterator[Wanted]:
        if depth > _DEEPEST:
            raise StashError(f"{wanted.path}: submodules in submodules, more than {_DEEPEST} deep")
        place = self._place(wanted, parent)
        place.make(self._stash.object_format(), wanted.url)
        if not place.has(wanted.commit):
            say(f"{'unpacking' if self.source.archive else 'fetching'} {place.title} at {wanted.commit[:12]}")
            self._fetch(place, wanted, clones)
        place.check_out(wanted.commit)
        place.clean(self._keep.get(place.title, ()))
        place.check_links(self.folder)
        if left := fill_pointers(place, clones):
            self.pointers[place.title] = left
        if wanted.url:
            inert("config", f"submodule.{wanted.name}.url", wanted.url, cwd=parent.root)
        yield replace(wanted, path=place.title)
        for inner in self._inner(place, wanted):
            held = [path for clone in clones if (path := Path(f"{clone}/modules/{inner.name}")).is_dir()]
            yield from self._bring_in(inner, place, held, say, depth + 1)

    def _fetch(self, place: Checkout, wanted: Wanted, clones: Sequence[Path]) -> None:
        archive = self.source.archive
        if archive is None:
            fetch_commit(place, wanted.commit, clones, wanted.url, allow_local=self.source.allow_local)
            return
        if (held := archive.repository(place.title).commit) != wanted.commit:
            raise StashError(f"{archive.path}: it holds {place.title} at {held}, and the pin is {wanted.commit}")
        archive.unpack_repository(place.title, place.git_dir)

    def _place(self, wanted: Wanted, parent: Checkout) -> Checkout:
        """Return where a submodule goes; a name or a path that is to deceive us leads nowhere else."""
        root = parent.root / wanted.path
        check_inside(self.folder, root)
        modules = parent.git_dir / "modules"
        git_dir = Path(f"{modules}/{wanted.name}")  # a name that begins with a slash stays inside too, as git has it
        check_inside(modules, git_dir)
        place = Checkout(root, git_dir, root.relative_to(self.folder).as_posix())
        for other in (one.git_dir for one in self._beside.setdefault(modules, [])):
            if git_dir.is_relative_to(other) or other.is_relative_to(git_dir):
                raise StashError(f"{place.title}: the name {short(wanted.name)} of .gitmodules is taken: refused")
        self._beside[modules].append(place)
        return place

    def untracked(self) -> dict[str, list[str]]:
        """Return what lies in the checkouts of the tools and is not recorded, by the checkout's path."""
        places = (place for beside in self._beside.values() for place in beside)
        return {place.title: sorted(place.untracked()) for place in places}

    def _inner(self, place: Checkout, wanted: Wanted) -> list[Wanted]:
        pins = place.pins()
        if not pins:
            return []
        with Repository.open(place.root) as repository:
            submodules = repository.submodules([wanted.commit])[wanted.commit]
        found = []
        for path, commit in pins.items():
            if path in submodules:
                url = self._url(f"{place.title}/{path}", submodules[path].url)
                found.append(Wanted(path, submodules[path].name, url, commit))
        return found


def _frozen(repository: Repository, files: Mapping[str, Entry], name: SnapshotName) -> Frozen:
    parsed = parse(repository.read(files[name.path].id, LARGEST), name.path)
    if (entry := files.get(path := name.results_path)) is None:
        if parsed.one("RESULTS"):
            raise StashError(f"{path}: {name.path} names it, and the tag does not have it")
        return Frozen(name, parsed, None)
    try:
        data = repository.read(entry.id, LARGEST_MANIFEST) if entry.is_file else b""
    except TooLargeError as error:
        raise StashError(f"{path}: no manifest of results: {error}") from None
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if parsed.one("RESULTS") not in ("", digest):
        raise StashError(f"{path}: not the results that {name.path} was frozen with: its digest is {digest}")
    return Frozen(name, parsed, parse_manifest(data, path))


def _format_of(name: str) -> str:
    return "sha256" if len(name) == len(hashlib.sha256().hexdigest()) else "sha1"
