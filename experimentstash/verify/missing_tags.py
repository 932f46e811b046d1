"""Missing snapshot tags: finds the freeze commit of each, judges it, and makes the tag."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import Problem, StashError
from experimentstash.core.names import SHORT, SnapshotName, tag_of, tag_ref
from experimentstash.git.repository import Tags, retry
from experimentstash.stash.snapshot_file import LARGEST, parse, timestamp
from experimentstash.verify.examination import Examination
from experimentstash.verify.rules import broken_tag

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from experimentstash.git.entries import Entry
    from experimentstash.git.repository import Repository
    from experimentstash.stash.snapshot_file import Snapshot

_DEFAULT_MESSAGE = re.compile(r"Freeze .+ as \S+")
"""The default commit message of `snapshot`."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


@dataclass(frozen=True)
class NewTag:
    """A snapshot tag to make.

    Attributes:
        tag: the name of the tag, without `snapshot/`.
        commit: the full id of the freeze commit.
        message: the message of the git tag, with one line for each snapshot.
        when: the newest `TIMESTAMP` of its snapshots.
    """

    tag: str
    commit: str
    message: str
    when: dt.datetime


def missing_tags(
    repository: Repository,
    commit: str,
    *,
    among: Collection[str] | None = None,
    aside: Collection[str] = (),
    fresh: bool = False,
) -> tuple[list[NewTag], list[Problem]]:
    """Return the tags to make for the snapshots of a commit, and the findings that prevent other tags.

    Until a tag exists, several commits may add snapshots to it. The tag then names the newest of these commits, which
    has all the snapshots, and every snapshot must hold there (spec.md, *When a snapshot holds*: nothing is added to a
    tag after it was made).

    Args:
        repository: the repository.
        commit: the full id of the commit whose history is searched for the commits that added the snapshots.
        among: only these tags; by default all tags of the commit's snapshots.
        aside: existing tags to treat as missing, because they will move to another commit.
        fresh: whether the commits are still private, so that a fix may rewrite them.

    Raises:
        StashError: judging is impossible: a missing object, or the boundary of a shallow clone.
    """
    made = repository.tags(among)
    tags = Tags({tag: target for tag, target in made.commits.items() if tag not in aside}, made.broken)
    examination = Examination(repository, tags, fresh=fresh)
    trees = repository.trees([(commit, tag) for tag in ([None] if among is None else sorted(among))])
    files: dict[str, dict[str, Entry]] = {}
    for path, entry in ((path, entry) for tree in trees for path, entry in tree.files.items()):
        if (tag := tag_of(path)) not in tags.commits:
            files.setdefault(tag, {})[path] = entry
    problems = [broken_tag(tag, tags.broken[tag], made.remote) for tag in files if tag in tags.broken]
    files = {tag: below for tag, below in files.items() if tag not in tags.broken}
    brought = repository.bringing([path for below in files.values() for path in below], commit) if files else {}
    targets = {tag: repository.newest(sorted({brought[path] for path in below})) for tag, below in files.items()}
    repository.trees([(target, tag) for tag, target in targets.items() if target is not None])
    new: list[NewTag] = []
    for tag, target in targets.items():
        if not any(SnapshotName.from_path(path) for path in files[tag]):
            continue  # these files are not snapshots: the tag has nothing to freeze
        if target is None:
            problems.append(_two_lines(tag, commit))
            continue
        freeze = examination.freeze(target, tag, tagged=False)
        findings = examination.at({**freeze.files, **files[tag]}, freeze, target[:SHORT])
        problems += findings
        if not findings and freeze.registered is not None:
            new.append(new_tag(tag, target, _judged(freeze.files, examination), repository.messages([target])[target]))
    return new, [*examination.problems, *problems]


def make_missing(
    repository: Repository, *, among: Collection[str] | None = None, fresh: bool = False
) -> tuple[list[NewTag], list[Problem]]:
    """Make the missing tags for the snapshots of HEAD; see `missing_tags`.

    Returns:
        The tags that were made, and the findings that prevented others.
    """
    if (head := repository.head()) is None:
        return [], []
    new, problems = missing_tags(repository, head, among=among, fresh=fresh)
    made = []
    for tag in new:
        try:
            repository.make_tag(tag.tag, tag.commit, tag.message, tag.when)
        except StashError as error:
            problems.append(not_made(tag.tag, error))
        else:
            made.append(tag)
    return made, problems


def not_made(tag: str, error: StashError) -> Problem:
    """Return the finding for a tag that git refuses to make (for example, it cannot sign it), with git's message."""
    lines = (line.strip() for line in str(error.args[0]).splitlines())
    return Problem(tag_ref(tag), "tag", "; ".join(filter(None, lines)), retry(error, "experimentstash tag"))


def _two_lines(tag: str, commit: str) -> Problem:
    what = "its snapshots were added on two branches, and no commit that added one has them all"
    return Problem(tag_ref(tag), "tag", what, f"git tag -a -m {tag} snapshot/{tag} {commit[:SHORT]}")


def new_tag(tag: str, commit: str, snapshots: Mapping[SnapshotName, Snapshot], message: str) -> NewTag:
    """Return the tag for a freeze commit. Its message and date depend only on the contents of the commit.

    Two people who make the tag on different days therefore make the same tag.

    Args:
        tag: the name of the tag.
        commit: the full id of the freeze commit.
        snapshots: the snapshots of every tool under this tag; at least one.
        message: the message of the commit; the default message of `snapshot` is omitted.
    """
    lines = [f"{name.title}: {_pins(name, snapshots[name])}\n" for name in sorted(snapshots)]
    moments = [timestamp(snapshot.one("TIMESTAMP")) or EPOCH for snapshot in snapshots.values()]
    intro = "" if _DEFAULT_MESSAGE.fullmatch(message.strip()) else f"{message.strip()}\n\n"
    return NewTag(tag, commit, f"Snapshot {tag}\n\n{intro}{''.join(lines)}", max(moments))


def _pins(name: SnapshotName, snapshot: Snapshot) -> str:
    return ", ".join(f"{tool} {recorded}" for tool, recorded in snapshot.pins(name.tool).items())


def tag_of_commit(repository: Repository, tag: str, commit: str) -> NewTag:
    """Return the tag for a freeze commit that was just made, without judging it again.

    Raises:
        StashError: a snapshot of the commit under this tag cannot be read.
    """
    snapshots = {}
    for path, entry in repository.tree(commit, tag).files.items():
        if entry.is_file and (name := SnapshotName.from_path(path)):
            snapshots[name] = parse(repository.read(entry.id, LARGEST), path)
    return new_tag(tag, commit, snapshots, repository.messages([commit])[commit])


def _judged(files: Mapping[str, Entry], examination: Examination) -> dict[SnapshotName, Snapshot]:
    """Return the snapshots among judged files."""
    snapshots = {SnapshotName.from_path(path): examination.facts.snapshot(path, entry) for path, entry in files.items()}
    return {name: snapshot for name, snapshot in snapshots.items() if name is not None and snapshot is not None}
