"""The snapshot tags that are missing: where each belongs, and whether what it would name holds there."""

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

_MADE_UP = re.compile(r"Freeze .+ as \S+")
"""The message of a freeze commit that `snapshot` made without `-m`."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


@dataclass(frozen=True)
class NewTag:
    """A snapshot tag to be made.

    Attributes:
        tag: its name, without the folder.
        commit: the freeze commit.
        message: what its header says: one line for each snapshot.
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
    """Return the tags to make for the snapshots of a commit, and what does not hold and gets none.

    Until a tag exists, several commits may bring its snapshots in. It belongs to the newest of them, which
    has them all, and everything under it must hold there (spec.md, *When a snapshot holds*: nothing is
    added to a tag after it was made).

    Args:
        repository: the repository.
        commit: the full id of the commit from which the snapshots are followed back.
        among: only these tags; by default all whose snapshots the commit has.
        aside: tags that do not count as made, since they are to name another commit.
        fresh: nobody else has the commits yet, so that they can be mended.

    Raises:
        StashError: it cannot be checked: a missing object, the edge of a shallow clone.
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
            continue  # what lies there is no snapshot: there is nothing to freeze
        if target is None:
            problems.append(_two_lines(tag, commit))
            continue
        freeze = examination.freeze(target, tag, tagged=False)
        told = examination.at({**freeze.files, **files[tag]}, freeze, target[:SHORT])
        problems += told
        if not told and freeze.registered is not None:
            new.append(new_tag(tag, target, _judged(freeze.files, examination), repository.messages([target])[target]))
    return new, [*examination.problems, *problems]


def make_missing(
    repository: Repository, *, among: Collection[str] | None = None, fresh: bool = False
) -> tuple[list[NewTag], list[Problem]]:
    """Make the tags that are missing for the snapshots of HEAD; see `missing_tags`.

    Returns:
        The tags that were made, and what does not hold or stood in the way of one.
    """
    if (head := repository.head()) is None:
        return [], []
    new, problems = missing_tags(repository, head, among=among, fresh=fresh)
    made = []
    for one in new:
        try:
            repository.make_tag(one.tag, one.commit, one.message, one.when)
        except StashError as error:
            problems.append(not_made(one.tag, error))
        else:
            made.append(one)
    return made, problems


def not_made(tag: str, error: StashError) -> Problem:
    """Return the finding for a tag that git refused to make, such as one that it cannot sign, in git's own words."""
    lines = (line.strip() for line in str(error.args[0]).splitlines())
    return Problem(tag_ref(tag), "tag", "; ".join(filter(None, lines)), retry(error, "experimentstash tag"))


def _two_lines(tag: str, commit: str) -> Problem:
    what = "its snapshots were added on two branches, and no commit that added one has them all"
    return Problem(tag_ref(tag), "tag", what, f"git tag -a -m {tag} snapshot/{tag} {commit[:SHORT]}")


def new_tag(tag: str, commit: str, snapshots: Mapping[SnapshotName, Snapshot], message: str) -> NewTag:
    """Return the tag of a freeze commit: what it says and its date, made of nothing but what that commit holds.

    So whoever makes it, and whenever, it says the same.

    Args:
        tag: its name.
        commit: the full id of the freeze commit.
        snapshots: what that holds under this tag, of every tool; at least one.
        message: the message of the commit; one that `snapshot` made up by itself is left out.
    """
    lines = [f"{name.title}: {_pins(name, snapshots[name])}\n" for name in sorted(snapshots)]
    moments = [timestamp(snapshot.one("TIMESTAMP")) or EPOCH for snapshot in snapshots.values()]
    told = "" if _MADE_UP.fullmatch(message.strip()) else f"{message.strip()}\n\n"
    return NewTag(tag, commit, f"Snapshot {tag}\n\n{told}{''.join(lines)}", max(moments))


def _pins(name: SnapshotName, snapshot: Snapshot) -> str:
    return ", ".join(f"{tool} {recorded}" for tool, recorded in snapshot.pins(name.tool).items())


def tag_of_commit(repository: Repository, tag: str, commit: str) -> NewTag:
    """Return the tag of a freeze commit that was just made, and is not judged again.

    Raises:
        StashError: one of the snapshots that it holds under this tag cannot be read.
    """
    snapshots = {}
    for path, entry in repository.tree(commit, tag).files.items():
        if entry.is_file and (name := SnapshotName.from_path(path)):
            snapshots[name] = parse(repository.read(entry.id, LARGEST), path)
    return new_tag(tag, commit, snapshots, repository.messages([commit])[commit])


def _judged(files: Mapping[str, Entry], examination: Examination) -> dict[SnapshotName, Snapshot]:
    """Return the snapshots among files that were judged."""
    found = {SnapshotName.from_path(path): examination.facts.snapshot(path, entry) for path, entry in files.items()}
    return {name: snapshot for name, snapshot in found.items() if name is not None and snapshot is not None}
