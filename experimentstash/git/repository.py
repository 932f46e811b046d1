"""The one room that opens git repositories: objects, refs, index and history, as values."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.names import REGISTRY, tag_of, tool_path
from experimentstash.git import history, index, location, refs, remotes
from experimentstash.git.entries import FOLDER, PIN, Entry, Tree
from experimentstash.git.history import CommitChange, History
from experimentstash.git.objects import Objects
from experimentstash.git.refs import Tags, retry, write_tag
from experimentstash.git.user_git import EndlessError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from experimentstash.git.clone import Clone
    from experimentstash.git.gitmodules import Submodule, Submodules

__all__ = ["CommitChange", "Repository", "Tags", "TooLargeError", "retry", "write_tag"]

_FEW = 16  # tags


class TooLargeError(StashError):
    """A file is larger than anything of its kind; the others can be judged all the same."""


class Repository:
    """A git repository: reads objects with dulwich if possible (`reader_choice`), all else with the user's git.

    Use it as a context manager: packs, or a process of git's, are open as long as it is.
    """

    def __init__(self, place: location.GitLocation) -> None:
        self._place = place
        self._objects = Objects(place)
        self._history = History(place)
        self._trees: dict[tuple[str, str | None], Tree] = {}

    @classmethod
    def open(cls, root: Path) -> Repository:
        """Open the repository whose working tree has its top at `root`, or the bare one that `root` lies in.

        Linked worktrees, submodule checkouts and both hash functions are fine. What a hook's environment
        names as an index or as a push's quarantine applies if it belongs to this repository.

        Ignores `git replace` and grafts: other clones do not have them.

        Args:
            root: the directory.

        Raises:
            StashError: it does not exist, or git refuses it.
        """
        return cls(location.find(root).without_replacements())

    def __enter__(self) -> Repository:
        """Use the repository."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close open files and processes."""
        self.close()

    def close(self) -> None:
        """Close open files and processes; a later read opens them again."""
        self._objects.close()

    @property
    def root(self) -> Path:
        """The top of the working tree; of a bare repository its own directory."""
        return self._place.root

    @property
    def bare(self) -> bool:
        """Whether there is no working tree here, and no index."""
        return self._place.bare

    @property
    def object_format(self) -> str:
        """The hash function, `sha1` or `sha256`."""
        return self._place.object_format

    @property
    def shallow(self) -> bool:
        """Whether its history was not fetched to the end."""
        return self._place.shallow.exists()

    @property
    def partial(self) -> bool:
        """Whether this is a partial clone: git fetches missing objects from a remote when it needs them.

        Others cannot fetch them from here (git's documentation, *partial-clone*).
        """
        answer = self._place.ask("config", "--get-regexp", r"^remote\..*\.promisor$|^extensions\.partialclone$")
        return any(line.split()[-1] != b"false" for line in answer.stdout.splitlines())

    @property
    def common_dir(self) -> Path:
        """The directory that holds objects, refs and `config`, shared by linked worktrees."""
        return self._place.common_dir

    @property
    def rebasing(self) -> bool:
        """Whether a rebase or `git am` is in progress: a tag made now would be orphaned (traps.md)."""
        return any((self._place.git_dir / name).is_dir() for name in ("rebase-merge", "rebase-apply"))

    @property
    def amended(self) -> bool:
        """Whether the commit that is checked out was made by `git commit --amend`, as far as the reflog says."""
        return history.amended(self._place)

    @property
    def own_folder(self) -> Path:
        """The directory in git's own one for this program's data of this clone; it may not exist yet."""
        return self._place.common_dir / "experimentstash"

    def resolve(self, rev: str) -> str:
        """Return the full id of the commit that `rev` names; see `history.resolve`."""
        return history.resolve(self._place, rev)

    def resolve_object(self, name: str) -> str:
        """Return the full id of the object that a ref or an id names; a tag stays a tag."""
        return history.resolve_object(self._place, name)

    def setting(self, name: str, *, boolean: bool = False) -> str:
        """Return a setting of git's configuration, or an empty text if it is not set; git's `true` and `false`."""
        answer = self._place.ask("config", *(["--bool"] if boolean else []), "--get", name)
        return answer.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def head(self) -> str | None:
        """Return the commit that was checked out when this was first asked, or None before the first one."""
        return self._head[0] if self._head else None

    def branch(self) -> str:
        """Return the checked-out branch; empty if HEAD is detached."""
        answer = self._place.ask("symbolic-ref", "--quiet", "--short", "HEAD")
        return answer.stdout.decode("utf-8", "surrogateescape").strip()

    def parents(self) -> list[str]:
        """Return the parents of HEAD."""
        return self._head[1:]

    @cached_property
    def _submodules(self) -> Submodules:
        from experimentstash.git.gitmodules import Submodules  # few questions of a hook are about URLs

        return Submodules(self._place, self._objects)

    @cached_property
    def _head(self) -> list[str]:
        return refs.head(self._place)

    def parents_to_be(self) -> list[str]:
        """Return the parents of the commit being made: HEAD, and what is being merged into it."""
        head = self.head()
        return [] if head is None else [head, *history.being_merged(self._place)]

    def heads(self) -> dict[str, str]:
        """Return the commit of each branch by its name."""
        return refs.heads(self._place)

    def tags(self, among: Collection[str] | None = None) -> Tags:
        """Return the tags `snapshot/*`, peeled to commits; all, or those `among` these that are there."""
        return refs.tags(self._place, self._objects, among)

    def range(self, a_b: str) -> list[str]:
        """Return the commits of `A..B`, newest first; see `history.commits_between`."""
        return history.commits_between(self._place, a_b)

    def reachable(self, tips: Sequence[str], without: Sequence[str]) -> list[str]:
        """Return the commits that are reachable from the tips, but not from others; see `history.reachable`."""
        return history.reachable(self._place, tips, without)

    def parents_of(self, tips: Sequence[str], without: Sequence[str]) -> dict[str, list[str]]:
        """Return the parents of commits reachable from the tips, but not from others; see `history.parents`."""
        return history.parents(self._place, tips, without)

    def roots(self, tips: Collection[str]) -> set[str]:
        """Return the commits without parents that the tips have behind them."""
        return history.roots(self._place, tips)

    def check_whole(self, commits: Iterable[str]) -> None:
        """Check that none of the commits is at the edge of a shallow clone; see `history.check_whole`."""
        history.check_whole(self._place, commits)

    def has(self, commit: str) -> bool:
        """Return whether a commit, by its full id, is here."""
        return self._place.ask("cat-file", "-e", f"{commit}^{{commit}}").returncode == 0

    def here(self, ids: Iterable[str]) -> list[str]:
        """Return those of some full ids whose objects are here."""
        return history.here(self._place, ids)

    def peel(self, ids: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the commit that each object leads to, through any tags, and why the others lead to none."""
        return self._objects.peel(ids)

    def messages(self, commits: Sequence[str]) -> dict[str, str]:
        """Return the message of each commit that is here; of one that is not, an empty text."""
        return self._objects.messages(commits)

    def dropped(self, rewritten: Iterable[str] = ()) -> set[str]:
        """Return the commits that the branch had once and no branch, remote or not, has now.

        Args:
            rewritten: full ids of commits that are known to have been on it.
        """
        before, ref = history.earlier(self._place)
        head = self.head()
        moving = [ref, *history.moving(self._place)]
        others = [*(f"--exclude={one.removeprefix('refs/heads/')}" for one in moving), "--branches", "--remotes"]
        before = [one for one in dict.fromkeys([*before, *rewritten]) if one != head]
        return set(history.reachable(self._place, before, [*([head] if head else []), *others], lost=True))

    def newest(self, commits: Sequence[str]) -> str | None:
        """Return the commit that reaches all the others, or None."""
        return history.newest(self._place, commits)

    def changes(self, commits: Sequence[str]) -> dict[str, list[CommitChange]]:
        """Return the entries below `configs/<tool>/snapshots` that each commit has and none of its parents."""
        try:
            return self._history.changes(commits)
        except EndlessError:
            for commit in commits:
                self.tree(commit)  # reports the tree that contains itself
            raise

    def bringing(self, paths: Iterable[str], start: str) -> dict[str, str]:
        """Return the commit that brought each path in, followed from `start`; see `History.bringing`."""
        return self._history.bringing(paths, start)

    def index(self) -> Tree:
        """Return the entries of the stash in the index, which the next commit would have."""
        return index.read(self._place)

    def staged(self) -> dict[str, Entry]:
        """Return the entries below `configs/<tool>/snapshots/<tag>/` that the next commit brings in or changes."""
        return dict(index.assemble(self._staged.items()).files)

    def staged_misplaced(self) -> dict[str, Entry]:
        """Return what the next commit brings in where a directory on the way to a snapshot must be."""
        return dict(index.assemble(self._staged.items()).misplaced)

    def has_staged(self) -> bool:
        """Return whether the next commit would differ from HEAD, in whatever file."""
        return index.differs(self._place)

    @cached_property
    def _staged(self) -> Mapping[str, Entry | None]:
        return index.staged(self._place)

    def changed(self, entries: Mapping[str, Entry]) -> set[str]:
        """Return the paths, of those entries of the index, whose file on disk is not what the index records."""
        return index.changed(self._place, entries)

    def index_pins(self) -> Tree:
        """Return the pins and the registry of the index: HEAD's, but for what is staged. A large index is read once."""
        head = self.head()
        held = self.tree(head, "") if head else Tree({}, None, {})
        pins = {tool_path(tool): Entry(PIN, pin) for tool, pin in held.pins.items()}
        return index.assemble({**pins, REGISTRY: held.registry, **self._staged}.items())

    def tree(self, commit: str, tag: str | None = None) -> Tree:
        """Return the entries of the stash in a commit; does not read the rest of its tree.

        Args:
            commit: its full id.
            tag: only the files of this tag, or None for those of all.

        Raises:
            StashError: an object is not here, is damaged, or unfolds into more files than any disk holds.
        """
        return self.trees([(commit, tag)])[0]

    def trees(self, wanted: Sequence[tuple[str, str | None]]) -> list[Tree]:
        """Return `tree` of many commits; all of them are read at once, level by level."""
        unread: dict[str, dict[str | None, None]] = {}
        for commit, tag in wanted:
            if (commit, tag) not in self._trees:
                unread.setdefault(commit, {})[tag] = None
        if not unread:
            return [self._trees[pair] for pair in wanted]
        # many tags are not looked for one by one in each tool, which may be many too
        asked = [(one, (None,) if None in tags or len(tags) > _FEW else tuple(tags)) for one, tags in unread.items()]
        for (commit, tags), entries in zip(unread.items(), self._entries(asked), strict=True):
            self._keep(commit, tags, index.assemble(entries))
        return [self._trees[pair] for pair in wanted]

    def _keep(self, commit: str, tags: Iterable[str | None], tree: Tree) -> None:
        files: dict[str, dict[str, Entry]] = {}
        for path, entry in tree.files.items():
            files.setdefault(tag_of(path), {})[path] = entry
        for tag in tags:
            self._trees[commit, tag] = tree if tag is None else tree._replace(files=files.get(tag, {}))

    def _entries(self, wanted: Sequence[tuple[str, tuple[str | None, ...]]]) -> list[list[tuple[str, Entry]]]:
        """Return the relevant entries of each commit, by path."""
        found: list[list[tuple[str, Entry]]] = [[] for _ in wanted]
        count = [0 for _ in wanted]
        tops = self._objects.tops([commit for commit, _ in wanted])
        opened = [(number, "", tree) for number, tree in enumerate(tops)]
        while opened:
            asked = [(number, path, tree, _wanted(path, wanted[number][1])) for number, path, tree in opened]
            self._objects.load([(tree, name) for _, _, tree, names in asked for name in names])
            opened = []
            for number, path, tree, names in asked:
                inside = self._inside(path, tree, names)
                opened += [(number, at, entry.id) for at, entry in inside if _opens(at, entry)]
                found[number] += [(at, entry) for at, entry in inside if not _opens(at, entry)]
                count[number] += len(inside)
                if count[number] > location.MOST:
                    raise StashError(f"{wanted[number][0]}: more than {location.MOST} files in {path}")
        return found

    def _inside(self, path: str, tree: str, names: tuple[str | None, ...]) -> list[tuple[str, Entry]]:
        folder = f"{path}/" if path else ""
        return [(folder + child, entry) for name in names for child, entry in self._objects.tree(tree, name).items()]

    def submodules(self, commits: Collection[str | None]) -> dict[str | None, Mapping[str, Submodule]]:
        """Return the submodules that commits record, by path; None means the index; see `Submodules.at`."""
        return self._submodules.at(commits)

    def clones(self, path: str, name: str) -> tuple[list[Clone], list[str]]:
        """Return the repositories that a submodule has on this machine; see `clone.find_clones`."""
        from experimentstash.git.clone import find_clones  # a commit that records no such tool waits for none

        return find_clones(self._place, path, name)

    def read(self, blob: str, limit: int) -> bytes:
        """Return the bytes of a blob.

        Raises:
            TooLargeError: it has more bytes than `limit`; they are not read.
            StashError: it is not here.
        """
        found = self._objects.read(blob, limit)
        if found.data is None:
            raise TooLargeError(f"{found.size} bytes, of at most {limit}")
        return found.data

    def check_tag_free(self, tag: str) -> None:
        """Check that the tag is a valid name, does not exist, and can be created; see `refs.check_free`."""
        refs.check_free(self._place, tag)

    def make_tag(self, tag: str, commit: str, message: str, when: dt.datetime) -> None:
        """Make the annotated tag `snapshot/<tag>`; see `refs.make_tag`."""
        refs.make_tag(self._place, tag, commit, message, when)

    def tag_message(self, tag: str) -> str | None:
        """Return the text of the annotated tag `snapshot/<tag>`, or None if it is a light one."""
        return refs.message(self._place, tag)

    def move_tag(self, tag: str, old: str, commit: str, message: str, when: dt.datetime) -> None:
        """Move an unpublished tag to another commit; see `refs.move_tag`."""
        refs.move_tag(self._place, tag, old, commit, message, when)

    def remote_names(self) -> list[str]:
        """Return the names of the remotes."""
        return self._place.lines("remote")

    def remembered(self) -> list[str]:
        """Return the ids of the remotes' branches and tags when last fetched."""
        return remotes.remembered(self._place)

    def held_by_remotes(self) -> list[str]:
        """Return the current ids of the remotes' branches and tags that are here, of those remotes that answer."""
        answers = [self.refs_at(remote) or {} for remote in self.remote_names()]
        return self.here({name for refs in answers for name in refs.values()})

    def published(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return the published tags, each with its remote; see `remotes.published`."""
        return remotes.published(self._place, tags)

    def tags_at(self, remote: str) -> dict[str, str] | None:
        """Return the id of each snapshot tag of a remote, or None if it does not answer; see `remotes.tags_at`."""
        return remotes.tags_at(self._place, remote)

    def refs_at(self, remote: str) -> dict[str, str] | None:
        """Return the id of each branch and tag of a remote, or None if it does not answer."""
        return remotes.refs_at(self._place, remote)


def _opens(path: str, entry: Entry) -> bool:
    """Return whether a directory is looked into: of the tools only their pins are wanted."""
    return entry.mode == FOLDER and not path.startswith("tools/")


def _wanted(path: str, tags: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """Return the names to read in a directory; None means all."""
    if not path:
        return ("configs", "tools")
    return {1: ("snapshots",), 2: tags}.get(path.count("/"), (None,))
