"""Takes back a snapshot that nobody else has: its tag, its files and, if it holds nothing else, its commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, listed
from experimentstash.core.names import SHORT, SnapshotName, near, snapshot_directory, tag_of, tag_ref, tool_path
from experimentstash.freeze.freeze_commit import check_nothing_under_way
from experimentstash.freeze.hidden_worktree import hidden_worktree
from experimentstash.git.stash_change import ChangeStep, StashChange, file_text, index_entries
from experimentstash.git.user_git import answer, git
from experimentstash.stash.snapshot_file import LARGEST, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from experimentstash.git.entries import Entry
    from experimentstash.git.repository import Repository
    from experimentstash.stash.stash import Stash


@dataclass(frozen=True)
class Withdrawal:
    """How a snapshot is taken back.

    Attributes:
        tag: its tag.
        names: the snapshots of the tag.
        change: what changes in the stash.
        lines: what happens, for the user.
    """

    tag: str
    names: tuple[SnapshotName, ...]
    change: StashChange
    lines: tuple[str, ...]


def plan_withdrawal(repository: Repository, stash: Stash, tag: str, *, offline: bool = False) -> Withdrawal:
    """Return how the snapshot of a tag is taken back.

    If HEAD is the freeze commit and holds nothing else, the branch goes back to the commit before it. Otherwise a new
    commit removes the files; it is made here, but no branch has it until the change is made.

    Args:
        repository: the stash.
        stash: the stash.
        tag: the tag, without `snapshot/`.
        offline: do not ask the remotes; what this clone last saw of them counts.

    Raises:
        StashError: there is no such snapshot, others have it, a remote does not answer, a file of it has changes that
            are not committed, or something else is in progress.
    """
    check_nothing_under_way(stash)
    found = _read(repository, stash, tag)
    _check_unpublished(repository, found, offline=offline)
    _check_unchanged(stash, found)
    files = [*_committed_files(stash, found), *(ChangeStep(path, found.new[path], None) for path in found.new)]
    entries = [ChangeStep(path, entry, None) for path, entry in found.index.items()]
    refs = []
    lines = [f"dropped snapshot/{tag}: {listed([name.title for name in found.names], 5)}"]
    if found.commit and (target := answer("rev-parse", "--verify", "--quiet", tag_ref(tag), cwd=stash.root)):
        refs.append(ChangeStep(tag_ref(tag), target, None))
    if found.head and found.at_head:
        if _is_only_freeze(repository, stash, found):
            (parent,) = repository.parents()
            entries += _pins_before(stash, found, parent)
            lines.append(f"removed the freeze commit {found.head[:SHORT]}; HEAD is at {parent[:SHORT]} again")
        else:
            parent = _removal(stash, found)
            lines.append(f"committed {parent[:SHORT]}, which removes its files; earlier commits still contain them")
        refs.append(ChangeStep("HEAD", found.head, parent))
    lines += _elsewhere(stash, found)
    return Withdrawal(
        tag, found.names, StashChange(f"drop {tag}", tuple(refs), tuple(entries), tuple(files)), tuple(lines)
    )


@dataclass(frozen=True)
class _SnapshotTraces:
    """What the stash has of a snapshot.

    Attributes:
        tag: its tag.
        commit: the full id of the commit that the git tag names, or None without a git tag.
        head: the full id of HEAD, or None before the first commit.
        at_head: the files that HEAD has of it.
        index: mode and id of the entries that the index has of it.
        new: the texts of its files on disk that no commit has.
        names: its snapshots.
    """

    tag: str
    commit: str | None
    head: str | None
    at_head: Mapping[str, Entry]
    index: Mapping[str, str]
    new: Mapping[str, str]
    names: tuple[SnapshotName, ...]


def _read(repository: Repository, stash: Stash, tag: str) -> _SnapshotTraces:
    tags = repository.tags()
    if tag in tags.broken:
        raise StashError(f"snapshot/{tag}: {tags.broken[tag]}", command("git", "tag", "-d", f"snapshot/{tag}"))
    commit, head = tags.commits.get(tag), repository.head()
    frozen = repository.tree(commit, tag).files if commit else {}
    at_head = repository.tree(head, tag).files if head else {}
    folders = [folder.relative_to(stash.root).as_posix() for folder in stash.root.glob(f"configs/*/snapshots/{tag}")]
    index = {path: entry for path, entry in index_entries(stash, ["configs"]).items() if tag_of(path) == tag}
    new = _new_files(stash, folders, {*frozen, *at_head})
    paths = [*frozen, *at_head, *new, *index]
    names = tuple(sorted({name for path in paths if (name := SnapshotName.from_path(path))}))
    if not commit and not names:
        known = {*tags.commits, *(tag_of(path) for path in repository.index().files)}
        raise StashError(f"no snapshot {tag!r}{near(tag, known)}", "experimentstash log")
    return _SnapshotTraces(tag, commit, head, at_head, index, new, names)


def _new_files(stash: Stash, folders: list[str], committed: set[str]) -> dict[str, str]:
    """Return the texts of snapshots on disk that no commit has, and of the files beside them that they name."""
    new: dict[str, str] = {}
    for folder in folders:
        for file in sorted((stash.root / folder).rglob("*.yaml")):
            path = file.relative_to(stash.root).as_posix()
            name = SnapshotName.from_path(path)
            stash.inside(path)
            if path in committed or name is None or not file.is_file():
                continue
            named = [path]
            if file.stat().st_size <= LARGEST:
                named += parse(file.read_bytes(), path).beside(name)
            texts = {one: file_text(stash.inside(one)) for one in named if one not in committed}
            new |= {one: text for one, text in texts.items() if text is not None}
    return new


def _check_unpublished(repository: Repository, found: _SnapshotTraces, *, offline: bool) -> None:
    """Check that no branch and no tag of a remote has the freeze commit.

    Raises:
        StashError: one has it, or a remote does not answer.
    """
    commits = {found.commit} if found.commit else set()
    if found.at_head and found.head:
        commits |= set(repository.bringing(found.at_head, found.head).values())
    for remote in repository.remote_names() if commits else ():
        refs = None if offline else repository.refs_at(remote)
        if refs is None and not offline:
            what = f"the remote {remote!r} does not answer: it may have snapshot/{found.tag}"
            again = command("experimentstash", "drop", found.tag, "--offline")
            raise StashError(what, f"{again}  # relies on what this clone last saw of the remote")
        holder = tag_ref(found.tag) if refs and tag_ref(found.tag) in refs else _holder(repository, refs, commits)
        if holder:
            short = holder.removeprefix("refs/heads/").removeprefix("refs/tags/")
            what = (
                f"snapshot/{found.tag} is published: {short} of the remote {remote!r} has it; it cannot be taken back"
            )
            names = [name.experiment for name in found.names if name.tool == found.names[0].tool]
            again = command("experimentstash", "snapshot", found.names[0].tool, *names, "--tag", "NEW") if names else ""
            raise StashError(what, f"{again}  # freezes it under another tag" if again else "")


def _holder(repository: Repository, refs: Mapping[str, str] | None, commits: set[str]) -> str:
    """Return a ref of a remote that has one of the commits behind it; an empty text where none has."""
    here = set(repository.here(refs.values())) if refs else set()
    if _contained(repository, commits, here):
        return next(ref for ref, tip in (refs or {}).items() if tip in here and _contained(repository, commits, {tip}))
    if refs is not None and here == set(refs.values()):
        return ""
    # a branch of the remote is not here: it may have grown on top of what this clone pushed
    return "a branch" if _contained(repository, commits, set(repository.remembered())) else ""


def _contained(repository: Repository, commits: set[str], tips: set[str]) -> bool:
    """Return whether a tip has one of the commits behind it."""
    return bool(tips) and not commits <= set(repository.reachable(sorted(commits), sorted(tips)))


def _check_unchanged(stash: Stash, found: _SnapshotTraces) -> None:
    """Check that no file of the snapshot has changes that a commit does not have.

    Raises:
        StashError: one has.
    """
    folders = [snapshot_directory(name.tool, name.tag) for name in found.names]
    listed_changes = git(
        "--literal-pathspecs", "status", "--porcelain", "-z", "--no-renames", "-uno", "--", *dict.fromkeys(folders),
        cwd=stash.root,
    ) if folders else ""  # fmt: skip
    for line in filter(None, listed_changes.split("\0")):
        state, path = line[:2], line[3:]
        if path in found.at_head and "M" in state:
            fix = command("git", "checkout", "HEAD", "--", path)
            raise StashError(f"{path}: has uncommitted changes", f"{fix}  # discards them")


def _committed_files(stash: Stash, found: _SnapshotTraces) -> list[ChangeStep]:
    return [ChangeStep(path, file_text(stash.inside(path)), None) for path in found.at_head if path not in found.new]


def _is_only_freeze(repository: Repository, stash: Stash, found: _SnapshotTraces) -> bool:
    """Return whether HEAD brought in all files of the snapshot, and has nothing else but the pins it records."""
    head, parents = found.head, repository.parents()
    if head is None or len(parents) != 1 or found.commit not in (None, head):
        return False
    if set(repository.bringing(found.at_head, head).values()) != {head}:
        return False
    changed = git("diff-tree", "-r", "-z", "--name-only", "--no-commit-id", parents[0], head, cwd=stash.root)
    pins = set(_pinned_paths(repository, found))
    return all(tag_of(path) == found.tag or path in pins for path in filter(None, changed.split("\0")))


def _pinned_paths(repository: Repository, found: _SnapshotTraces) -> Iterable[str]:
    for path, entry in found.at_head.items():
        if (name := SnapshotName.from_path(path)) and entry.is_file:
            yield from map(tool_path, parse(repository.read(entry.id, LARGEST), path).pins(name.tool))


def _pins_before(stash: Stash, found: _SnapshotTraces, parent: str) -> list[ChangeStep]:
    """Return the steps that stage the pins of the commit before the freeze, where the index has those of the freeze."""
    listed_pins = git(
        "diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-commit-id", parent, str(found.head), cwd=stash.root
    )
    words = listed_pins.split("\0")
    steps = []
    for line, path in zip(words[::2], words[1::2], strict=False):
        old_mode, new_mode, old, new, _ = line.removeprefix(":").split(" ")
        if path.startswith("tools/"):
            before = f"{old_mode} {old}" if old.strip("0") else None
            steps.append(ChangeStep(path, f"{new_mode} {new}", before))
    return steps


def _removal(stash: Stash, found: _SnapshotTraces) -> str:
    """Commit, on no branch, what HEAD has without the files of the snapshot; return the id of the commit."""
    with hidden_worktree(stash, str(found.head)) as worktree:
        paths = "\0".join(found.at_head).encode("utf-8", "surrogateescape")
        worktree.git("update-index", "--force-remove", "-z", "--stdin", stdin=paths)
        worktree.commit(f"Drop snapshot/{found.tag}")
        return worktree.git("rev-parse", "HEAD")


def _elsewhere(stash: Stash, found: _SnapshotTraces) -> list[str]:
    """Return a line for the other branches that still have the freeze commit."""
    if not found.commit:
        return []
    holders = git(
        "for-each-ref", "--format=%(refname:lstrip=2)", "--contains", found.commit, "refs/heads", cwd=stash.root
    )
    here = answer("symbolic-ref", "--quiet", "--short", "HEAD", cwd=stash.root)
    others = [name for name in holders.split("\n") if name and name != here]
    return (
        [f"still on the branch {listed(others, 3)}, where `experimentstash tag` would tag it again"] if others else []
    )
