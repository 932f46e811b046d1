"""The tools of a reproduction: submodules checked out at their pins, with their own submodules."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, short
from experimentstash.core.files import check_inside
from experimentstash.core.invocation import rerun
from experimentstash.core.names import SHORT, tool_path
from experimentstash.git.entries import PIN, Entry
from experimentstash.git.gitmodules import Submodule
from experimentstash.git.repository import Repository
from experimentstash.git.user_git import ask_git
from experimentstash.hydra.isolated_run import free_folder
from experimentstash.reproduce.lfs import fill_pointers
from experimentstash.reproduce.safe_checkout import Checkout, check_allowed, fetch_commit
from experimentstash.reproduce.safe_git import inert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from experimentstash.reproduce.earlier_attempt import Earlier
    from experimentstash.reproduce.stash_source import Source

_log = logging.getLogger(__name__)

_DEEPEST = 10  # submodules of submodules


@dataclass(frozen=True)
class PinnedSubmodule:
    """A submodule to bring in.

    Attributes:
        path: where, from the top of the repository that has it.
        name: what git calls it.
        url: its absolute URL.
        commit: its pin.
    """

    path: str
    name: str
    url: str
    commit: str


class Tools:
    """The tools of a stash that is checked out.

    Args:
        stash: the repository of the stash.
        source: its source.
        keep: files that builds left in the checkouts, by the checkout's path; they stay.
        earlier: takes what an earlier try left there.
        whole: fetch the whole history, and refuse a shallow clone.

    Attributes:
        pointers: the files of Git LFS that did not come, by the checkout's path.
    """

    def __init__(
        self,
        stash: Repository,
        source: Source,
        keep: Mapping[str, Collection[str]],
        earlier: Earlier,
        *,
        whole: bool = False,
    ) -> None:
        self.pointers: dict[str, list[str]] = {}
        self._repository = stash
        self._folder = stash.root
        self._source = source
        self._keep = keep
        self._earlier = earlier
        self._whole = whole
        self._stash = Checkout(stash.root, stash.root / ".git", "the stash")
        self._beside: dict[Path, list[Checkout]] = {}
        self._recorded: list[tuple[Checkout, Mapping[str, Entry]]] = []

    def wanted(self, commit: str, names: Collection[str]) -> list[PinnedSubmodule]:
        """Return the tools to bring in, with their pins and where they come from.

        Raises:
            StashError: a tool has no pin, or its source is not allowed.
        """
        with self._repository as repository:
            pins = repository.tree(commit, "").pins
            submodules = repository.submodules([commit])[commit]
        if unpinned := sorted(set(names) - pins.keys()):
            raise StashError(f"{tool_path(unpinned[0])}: a snapshot needs it, and {commit[:SHORT]} pins nothing there")
        wanted = []
        for tool in sorted(names):
            submodule = submodules.get(tool_path(tool), Submodule(tool_path(tool)))
            wanted.append(PinnedSubmodule(tool_path(tool), submodule.name, submodule.url, pins[tool]))
        return [replace(one, url=self._url(one.path, one.url)) for one in wanted]

    def _url(self, path: str, url: str) -> str:
        """Return the URL of a submodule; with an archive, the recorded URL is only shown.

        Raises:
            StashError: the source is not allowed.
        """
        archive = self._source.archive
        url = archive.repository(path).url if archive else url
        check_allowed(path, url, allow_local=archive is not None or self._source.allow_local)
        return url

    def bring_in(self, wanted: PinnedSubmodule) -> list[PinnedSubmodule]:
        """Bring a tool to disk at its pin, and the submodules that it has itself; return all of them.

        Raises:
            StashError: the commit is not available, or a symlink leads out of the directory.
        """
        clones: list[Path] = []
        if self._source.near is not None:
            found = self._source.near.clones(wanted.path, wanted.name)[0]
            clones = [clone.git_dir for clone in found if not (self._whole and clone.shallow)]
        return list(self._bring_in(wanted, self._stash, clones))

    def _bring_in(
        self, wanted: PinnedSubmodule, parent: Checkout, clones: Sequence[Path], depth: int = 0
    ) -> Iterator[PinnedSubmodule]:
        if depth > _DEEPEST:
            raise StashError(f"{wanted.path}: submodules in submodules, more than {_DEEPEST} deep")
        place = self._place(wanted, parent)
        is_new = place.make(self._repository.object_format, wanted.url)
        if is_new or not place.has(wanted.commit):
            _log.info(
                "%s %s at %s", "unpacking" if self._source.archive else "fetching", place.title, wanted.commit[:SHORT]
            )
            self._fetch(place, wanted, parent, clones)
        if not is_new and place.is_checked_out():
            self._earlier.take_from(place, self._keep.get(place.title, ()))
        self._source.limit.check_tree(place.root, wanted.commit, place.title)
        place.check_out(wanted.commit)
        recorded = place.recorded()
        place.check_links(recorded, self._folder)
        self._recorded.append((place, recorded))
        if left := fill_pointers(place, recorded, clones):
            self.pointers[place.title] = left
        if wanted.url:
            inert("config", f"submodule.{wanted.name}.url", wanted.url, cwd=parent.root)
        yield replace(wanted, path=place.title)
        pins = {path: entry.id for path, entry in recorded.items() if entry.mode == PIN}
        for inner in self._inner(place, wanted, pins):
            held = [path for clone in clones if (path := Path(f"{clone}/modules/{inner.name}")).is_dir()]
            yield from self._bring_in(inner, place, held, depth + 1)

    def check_links(self) -> None:
        """Check every link again, of the stash too, once all tools are on disk: one may lead on through another.

        Raises:
            StashError: a link leads out of the directory, or to where git keeps its own.
        """
        for place, recorded in [(self._stash, self._stash.recorded()), *self._recorded]:
            place.check_links(recorded, self._folder)

    def _fetch(self, place: Checkout, wanted: PinnedSubmodule, parent: Checkout, clones: Sequence[Path]) -> None:
        archive = self._source.archive
        if archive is None:
            try:
                fetch_commit(place, wanted.commit, clones, wanted.url, self._source.limit)
            except StashError as error:
                error.fix = self._upstream(wanted, parent) or error.fix
                raise
            return
        if (held := archive.repository(place.title).commit) != wanted.commit:
            raise StashError(f"{archive.path}: it holds {place.title} at {held}, and the pin is {wanted.commit}")
        archive.unpack_repository(place.title, place.git_dir)

    def _upstream(self, wanted: PinnedSubmodule, parent: Checkout) -> str:
        """Return the command for a fork whose tool stayed behind: its URL begins at that of the stash; else nothing."""
        asked = ask_git("config", "-f", ".gitmodules", "--get", f"submodule.{wanted.name}.url", cwd=parent.root)
        url = asked.stdout.decode("utf-8", "replace").strip()
        if not url.startswith(("./", "../")):
            return ""
        again = rerun("--into", str(free_folder(self._folder)), "--from", "URL")
        return f"{again}  # of the repository that this is a fork of: {url} begins there"

    def _place(self, wanted: PinnedSubmodule, parent: Checkout) -> Checkout:
        """Return the directory of a submodule; a deceptive name or path cannot lead elsewhere."""
        root = parent.root / wanted.path
        check_inside(self._folder, root)
        modules = parent.git_dir / "modules"
        git_dir = Path(f"{modules}/{wanted.name}")  # a name that begins with a slash stays inside too, as git has it
        check_inside(modules, git_dir)
        place = Checkout(root, git_dir, root.relative_to(self._folder).as_posix())
        for other in (one.git_dir for one in self._beside.setdefault(modules, [])):
            if git_dir.is_relative_to(other) or other.is_relative_to(git_dir):
                raise StashError(f"{place.title}: the name {short(wanted.name)} of .gitmodules is taken: refused")
        self._beside[modules].append(place)
        return place

    def untracked(self) -> dict[str, list[str]]:
        """Return the untracked files in the checkouts of the tools, by the path of the checkout."""
        places = (place for beside in self._beside.values() for place in beside)
        return {place.title: sorted(place.untracked()) for place in places}

    def _inner(self, place: Checkout, wanted: PinnedSubmodule, pins: Mapping[str, str]) -> list[PinnedSubmodule]:
        if not pins:
            return []
        with Repository.open(place.root) as repository:
            submodules = repository.submodules([wanted.commit])[wanted.commit]
        found = []
        for path, commit in pins.items():
            if path in submodules:
                url = self._url(f"{place.title}/{path}", submodules[path].url)
                found.append(PinnedSubmodule(path, submodules[path].name, url, commit))
        return found
