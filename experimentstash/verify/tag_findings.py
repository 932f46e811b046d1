"""The findings of each tag, for commands that show many tags: a tag that cannot be judged does not stop the others."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from experimentstash.core.counter import counted
from experimentstash.core.errors import Problem, StashError
from experimentstash.core.names import tag_of, tag_ref
from experimentstash.verify import rules
from experimentstash.verify.examination import Examination
from experimentstash.verify.flat_memory import remembering

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experimentstash.git.repository import Repository
    from experimentstash.stash.snapshot_file import Snapshot


class TagFindings(NamedTuple):
    """The findings of a stash.

    Attributes:
        problems: the findings by tag; none for a tag that holds. A finding in the index belongs to the tag of its
            path; a finding that belongs to no tag has the key "".
        headers: the snapshots that were read, without their bodies, by path and blob id; None for one that cannot be
            read.
    """

    problems: Mapping[str, tuple[Problem, ...]]
    headers: Mapping[tuple[str, str], Snapshot | None]


def findings_by_tag(repository: Repository) -> TagFindings:
    """Judge the snapshots of each snapshot tag, and those of the index.

    Does not parse a text again that is known to be flat.

    Args:
        repository: the stash; a bare repository has no index.
    """
    with remembering(repository.own_folder):
        return _findings(repository)


def _findings(repository: Repository) -> TagFindings:
    examination = Examination(repository)
    tags = examination.tags
    problems_by_tag: dict[str, list[Problem]] = {tag: [] for tag in tags.commits}
    problems_by_tag |= {tag: [rules.broken_tag(tag, why, tags.remote)] for tag, why in tags.broken.items()}
    with contextlib.suppress(StashError):  # reported below, for the tag that fails
        repository.trees([(commit, tag) for tag, commit in tags.commits.items()])
    for tag, commit in counted(tags.commits.items(), "checking tags"):
        seen = len(examination.problems)
        try:
            examination.tag(tag, commit)
        except StashError as error:
            problems_by_tag[tag].append(_not_judged(tag_ref(tag), error))
        problems_by_tag[tag] += examination.problems[seen:]
    seen = len(examination.problems)
    try:
        if not repository.bare:
            examination.index()
    except StashError as error:
        problems_by_tag.setdefault("", []).append(_not_judged("the index", error))
    for problem in examination.problems[seen:]:
        tag = tag_of(problem.where)
        if tag not in tags.broken:
            problems_by_tag.setdefault(tag, []).append(problem)
    unique = {tag: tuple(dict.fromkeys(problems)) for tag, problems in problems_by_tag.items()}
    return TagFindings(unique, examination.facts.headers)


def findings_of_tag(repository: Repository, tag: str, commit: str | None) -> tuple[Problem, ...]:
    """Judge the snapshots of one snapshot tag.

    Args:
        repository: the stash.
        tag: the name of the tag.
        commit: the full id of the commit that the tag names, or None if the git tag is missing.
    """
    if commit is None:
        return (missing_tag(tag),)
    examination = Examination(repository)
    try:
        examination.tag(tag, commit)
    except StashError as error:
        return (*examination.problems, _not_judged(tag_ref(tag), error))
    return tuple(dict.fromkeys(examination.problems))


def missing_tag(tag: str) -> Problem:
    """Return the finding for snapshots without a git tag."""
    return Problem(tag_ref(tag), "tag", "the git tag is missing", "experimentstash tag")


def _not_judged(where: str, error: StashError) -> Problem:
    return Problem(where, "tag", f"it cannot be judged: {error.args[0]}", error.fix or "git fsck")
