"""Tags after a rewriting of history: one that nobody else has goes along, a published one never moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experimentstash.core.errors import Problem, StashError
from experimentstash.core.names import SHORT, tag_ref
from experimentstash.verify.missing_tags import missing_tags, not_made

if TYPE_CHECKING:
    from collections.abc import Iterable

    from experimentstash.git.repository import Repository
    from experimentstash.verify.missing_tags import NewTag


def carry(repository: Repository, rewritten: Iterable[str] = ()) -> tuple[list[NewTag], list[Problem]]:
    """Let the tags that a rewriting left behind name what took the place of their commits, where that holds.

    Args:
        repository: the repository; a rebase in it has come to its end.
        rewritten: full ids of commits that are known to have been rewritten.

    Returns:
        The tags that went along, and why the others did not.

    Raises:
        StashError: it cannot be checked: a missing object, the edge of a shallow clone.
    """
    head = repository.head()
    left = left_behind(repository, head, rewritten) if head else {}
    if not head or not left:
        return [], []
    new, problems = missing_tags(repository, head, among=left, aside=left, fresh=True)
    carried = [one for one in new if _move(repository, left[one.tag], one, problems)]
    stay = left.keys() - {one.tag for one in carried}
    return carried, problems + [_stays(tag, left[tag]) for tag in sorted(stay)]


def left_behind(repository: Repository, head: str, rewritten: Iterable[str] = ()) -> dict[str, str]:
    """Return the tags that a rewriting left at commits of no branch, and that can go along, with those commits.

    Such a tag names a commit that this branch had once and no branch has now, HEAD has snapshots of it, and no
    remote has it.
    """
    dropped = repository.dropped(rewritten)
    tags = {tag: commit for tag, commit in repository.tags().commits.items() if commit in dropped} if dropped else {}
    there = {tag: commit for tag, commit in tags.items() if repository.tree(head, tag).files}
    published = repository.published(there)
    return {tag: commit for tag, commit in there.items() if tag not in published}


def _move(repository: Repository, old: str, new: NewTag, problems: list[Problem]) -> bool:
    told = replace(new, message=repository.tag_message(new.tag) or new.message)  # perhaps somebody wrote it by hand
    try:
        repository.move_tag(told.tag, old, told.commit, told.message, told.when)
    except StashError as error:
        problems.append(not_made(new.tag, error))
        return False
    return True


def _stays(tag: str, old: str) -> Problem:
    what = f"it stays at {old[:SHORT]}, which is on no branch now: the commit that replaced it does not hold"
    return Problem(tag_ref(tag), "tag", what, f"git reset --keep {old[:SHORT]}  # takes the branch back to it")
