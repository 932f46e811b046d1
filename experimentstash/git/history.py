"""Reads the history: revisions, ranges, changes of a commit, and the commit that added a snapshot."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from experimentstash.core.errors import StashError, UsageError
from experimentstash.core.names import SHORT, leads_to_snapshots, tag_of
from experimentstash.git.entries import LINK, PIN, Entry
from experimentstash.git.location import MOST, ON_THE_WAY, SNAPSHOTS, UNMOVED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence, Sized

    from experimentstash.git.location import GitLocation

_FIRST_LOOK, _LONGEST_LOOK = 16, 4096  # commits read at once while a path is followed
_DIFF_TREE = ("diff-tree", "--stdin", "-r", "-z", "--raw", "--root", *UNMOVED)
_NONE = re.compile("0{40}|0{64}")
_PATHS = ("--", SNAPSHOTS)


class CommitChange(NamedTuple):
    """An entry that a commit has and none of its parents.

    Attributes:
        path: where.
        entry: the commit's entry.
        new: no parent has anything there: this commit brought it in.
    """

    path: str
    entry: Entry
    new: bool


def resolve(place: GitLocation, rev: str) -> str:
    """Return the full id of the commit that `rev` names.

    Raises:
        StashError: there is no such commit here.
    """
    return resolve_object(place, f"{rev}^{{commit}}", f"{rev!r} names no commit of this repository")


def resolve_object(place: GitLocation, name: str, otherwise: str = "") -> str:
    """Return the full id of the object that `name` names; a tag stays a tag.

    Raises:
        StashError: there is none here; `otherwise` is what it says.
    """
    answer = place.ask("rev-parse", "--verify", "--quiet", "--end-of-options", name)
    if answer.returncode != 0:
        fix = "git fetch --unshallow --tags" if place.shallow.exists() else "git fetch --all --tags"
        raise StashError(otherwise or f"{name!r} names no object of this repository", fix)
    return answer.stdout.decode().strip()


def commits_between(place: GitLocation, a_b: str) -> list[str]:
    """Return the commits of a range `A..B`, newest first: those that B has and A has not.

    An A of zeros is none: so CI calls what a branch was before it was there.

    Raises:
        UsageError: it is no range of that form.
        StashError: A or B names no commit of this repository, or the range leads over the edge of a shallow clone.
    """
    ends = re.fullmatch(r"(.*?)\.\.(.*)", a_b, re.DOTALL)
    if ends is None or ends[2].startswith(".") or ends[1] + ends[2] == "":
        raise UsageError(f"{a_b!r} is no range; it is written A..B")
    without = [] if _NONE.fullmatch(ends[1]) else [resolve(place, ends[1] or "HEAD")]
    found = reachable(place, [resolve(place, ends[2] or "HEAD")], without)
    check_whole(place, found)
    return found


def check_whole(place: GitLocation, commits: Iterable[str]) -> None:
    """Check that none of the commits is at the edge of a shallow clone, beyond which there may be more of them.

    Raises:
        StashError: one is.
    """
    if edge := sorted(_shallow_commits(place).intersection(commits)):
        raise StashError(
            f"{edge[0][:SHORT]} is at the edge of this shallow clone: older commits are missing",
            "git fetch --unshallow --tags",
        )


def reachable(place: GitLocation, tips: Sequence[str], without: Sequence[str], *, lost: bool = False) -> list[str]:
    """Return the commits that the tips have behind them, newest first, without those of others.

    Args:
        place: the repository.
        tips: full ids of commits.
        without: full ids of commits, and `rev-list`'s own `--all`, `--branches`, `--exclude=…`, `--remotes=…`.
        lost: a tip may be no longer here, and is passed over.
    """
    return _walked(place, tips, without, *(["--ignore-missing"] if lost else []))


def parents(place: GitLocation, tips: Sequence[str], without: Sequence[str]) -> dict[str, list[str]]:
    """Return the parents of each commit that are reachable from the tips, but not from others; see `reachable`."""
    lines = _walked(place, tips, without, "--parents")
    return {commit: told for commit, *told in (line.split(" ") for line in lines)}


def _walked(place: GitLocation, tips: Sequence[str], without: Sequence[str], *options: str) -> list[str]:
    if not tips:
        return []
    # options are not taken from stdin before git 2.42, and there is no end to the number of ids
    ids = [f"^{name}" for name in without if not name.startswith("--")]
    others = ["--not", *(name for name in without if name.startswith("--"))]
    stdin = "".join(f"{one}\n" for one in [*tips, *ids]).encode()
    return place.lines("rev-list", *options, "--stdin", *others, stdin=stdin)


def here(place: GitLocation, ids: Iterable[str]) -> list[str]:
    """Return those of some full ids whose objects are here."""
    asked = "".join(f"{one}\n" for one in ids).encode()
    lines = place.ask("cat-file", "--batch-check", stdin=asked).stdout.decode().split("\n")[:-1] if asked else []
    return [line.partition(" ")[0] for line in lines if not line.endswith(" missing")]


def moving(place: GitLocation) -> list[str]:
    """Return the names of the other branches that the rebase that is under way will take along (`--update-refs`)."""
    file = place.git_dir / "rebase-merge" / "update-refs"
    lines = file.read_text("utf-8", "surrogateescape").split("\n") if file.is_file() else []
    return [line for line in lines if line.startswith("refs/heads/")]  # two ids follow each


def earlier(place: GitLocation) -> tuple[list[str], str]:
    """Return the previous commit of the current (or rebased) branch, and the name of that ref.

    For a detached HEAD, only its last positions: before that, it may have been on any branch.
    """
    ref = _branch(place)
    if ref == "HEAD":
        answers = [place.ask("rev-parse", "--verify", "--quiet", name) for name in ("HEAD@{1}", "ORIG_HEAD")]
    else:
        answers = [place.ask("rev-list", "--walk-reflogs", f"--max-count={_LONGEST_LOOK}", ref)]
    ids = b"".join(answer.stdout for answer in answers if answer.returncode == 0).decode("ascii", "replace").split()
    return list(dict.fromkeys(ids)), ref


def _branch(place: GitLocation) -> str:
    for folder in ("rebase-merge", "rebase-apply"):  # while HEAD is detached, for a rebase
        file = place.git_dir / folder / "head-name"
        if file.is_file() and (name := file.read_text("utf-8", "surrogateescape").strip()).startswith("refs/heads/"):
            return name
    if (place.git_dir / "rebase-apply").is_dir():  # which has no such file where nothing stopped it
        there = place.lines("for-each-ref", "--format=%(refname)", "--points-at=ORIG_HEAD", "refs/heads")
        return there[0] if len(there) == 1 else "HEAD"
    return place.ask("symbolic-ref", "--quiet", "HEAD").stdout.decode("utf-8", "surrogateescape").strip() or "HEAD"


def amended(place: GitLocation) -> bool:
    """Return whether the commit that is checked out was made by `git commit --amend`, as far as the reflog says."""
    asked = ("-c", "log.showSignature=false", "log", "--walk-reflogs", "--max-count=1", "--format=%gs", "HEAD", "--")
    return place.ask(*asked).stdout.startswith(b"commit (amend)")


def roots(place: GitLocation, tips: Collection[str]) -> set[str]:
    """Return the commits without parents that the tips have behind them."""
    return set(place.lines("rev-list", "--max-parents=0", *tips, "--")) if tips else set()


def newest(place: GitLocation, commits: Sequence[str]) -> str | None:
    """Return the one of the commits that has all the others behind it, or None."""
    left = place.lines("merge-base", "--independent", *commits) if len(commits) > 1 else commits
    return left[0] if len(left) == 1 else None


def being_merged(place: GitLocation) -> list[str]:
    """Return the commits that the commit being made will have as parents beside HEAD.

    In a conflicting merge `MERGE_HEAD` names them. In a clean one the pre-merge-commit hook runs before that
    file is written (seen on git 2.39), and `git merge` names them in its environment.
    """
    named = [name.removeprefix("GITHEAD_") for name in place.env if name.startswith("GITHEAD_")]
    file = place.git_dir / "MERGE_HEAD"
    if file.exists():
        named += file.read_text("ascii", "replace").split()
    ids = dict.fromkeys(name for name in named if re.fullmatch("[0-9a-f]{40,64}", name))
    return [name for name in ids if place.ask("cat-file", "-e", f"{name}^{{commit}}").returncode == 0]


class History:
    """The commits of a repository, read in groups as paths are followed through them."""

    def __init__(self, place: GitLocation) -> None:
        self._place = place
        self._added: dict[str, list[tuple[str, frozenset[str]]]] = {}
        self._look = _FIRST_LOOK
        self._shallow = _shallow_commits(place)

    def changes(self, commits: Sequence[str]) -> dict[str, list[CommitChange]]:
        """Return the entries below `configs/<tool>/snapshots` that each commit has and none of its parents.

        Raises:
            StashError: git failed, or there are more of them than a commit has files.
        """
        found: dict[str, list[CommitChange]] = {commit: [] for commit in commits}
        stdin = "".join(f"{commit}\n" for commit in commits).encode()
        told = self._place.diff(*_DIFF_TREE, "-c", *_PATHS, *ON_THE_WAY, stdin=stdin, trees=len(commits))
        for commit, entry, status, path in _parse(told):
            if entry.mode.startswith("0000"):
                continue
            if tag_of(path) or (entry.mode in (LINK, PIN) and leads_to_snapshots(path)):
                new = set(status) == {"A"} and commit not in self._shallow
                found[commit].append(CommitChange(path, entry, new))
                _check_end(commit, found[commit])
        return found

    def bringing(self, paths: Iterable[str], start: str) -> dict[str, str]:
        """Return the commit that brought each path in: from `start` to a parent that has it, to the last.

        Args:
            paths: paths below `configs/<tool>/snapshots` that `start` has.
            start: the commit from which they are followed, to first parents first.

        Raises:
            StashError: the history ends at the edge of a shallow clone.
        """
        brought: dict[str, str] = {}
        waiting = {start: set(paths)}
        while waiting:
            commit, here = waiting.popitem()
            for parent, added in self._parents(commit):
                stay = {path for path in added if path in here}
                here -= stay  # `here` goes on as it is: a thousand paths are not copied at each commit
                if here:
                    waiting[parent] = here | waiting[parent] if parent in waiting else here
                here = stay
            if here and commit in self._shallow:
                raise StashError(
                    f"{min(here)}: the commit that added it is beyond the edge of this shallow clone",
                    "git fetch --unshallow --tags",
                )
            brought |= dict.fromkeys(here, commit)
        return brought

    def _parents(self, commit: str) -> Sequence[tuple[str, frozenset[str]]]:
        """Return each parent of a commit with the paths that the commit has and that parent has not."""
        if commit not in self._added:
            self._read(commit)
            self._look = min(self._look * 4, _LONGEST_LOOK)
        return self._added[commit]

    def _read(self, start: str) -> None:
        lines = self._place.lines("rev-list", "--parents", f"--max-count={self._look}", start, "--")
        told = [line.split(" ") for line in lines]
        # a line for each parent, since `-m` leaves out, without a trace, a parent that differs in nothing
        pairs = [(commit, parent) for commit, *parents in told for parent in parents]
        stdin = "".join(f"{commit} {parent}\n" for commit, parent in pairs).encode()
        added: list[set[str]] = []
        told_of = self._place.diff(*_DIFF_TREE, "--always", *_PATHS, stdin=stdin, trees=len(pairs))
        for commit, _, status, path in _parse(told_of):
            if not path:
                added.append(set())
            elif status == "A":
                added[-1].add(path)
                _check_end(commit, added[-1])
        self._added |= {commit: [] for commit, *_ in told}
        for (commit, parent), paths in zip(pairs, added, strict=True):
            self._added[commit].append((parent, frozenset(paths)))


def _check_end(commit: str, found: Sized) -> None:
    if len(found) > MOST:
        raise StashError(f"{commit}: more than {MOST} snapshots")


def _shallow_commits(place: GitLocation) -> frozenset[str]:
    try:
        return frozenset(place.shallow.read_text("ascii", "replace").split())
    except FileNotFoundError:
        return frozenset()


def _parse(fields: Iterable[str]) -> Iterator[tuple[str, Entry, str, str]]:
    """Parse `git diff-tree --raw -z`: commit, entry, status and path; a line of a commit has no path."""
    commit = ""
    told: tuple[Entry, str] | None = None
    for field in fields:
        if told is not None:
            yield commit, *told, field
            told = None
        elif field.startswith(":"):
            words = field.lstrip(":").split(" ")
            parents = len(field) - len(field.lstrip(":"))  # then that many modes and ids, and the commit's own
            told = Entry(words[parents], words[2 * parents + 1]), words[-1]
        else:
            commit = field
            yield commit, Entry("", ""), "", ""
