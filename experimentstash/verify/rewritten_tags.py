"""Tags after rewritten history (amend, rebase): moves unpublished tags to the new commits, never published ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.core.errors import Problem, StashError
from experimentstash.core.names import SHORT, tag_ref
from experimentstash.verify.missing_tags import missing_tags, not_made

if TYPE_CHECKING:
    from collections.abc import Iterable

    from experimentstash.git.repository import Repository
    from experimentstash.verify.missing_tags import NewTag


def carry(repository: Repository, rewritten: Iterable[str] = ()) -> tuple[list[NewTag], list[Problem]]:
    """Move the tags of rewritten commits to the commits that replaced them, if the snapshots hold there.

    Args:
        repository: the repository, without a rebase in progress.
        rewritten: full ids of rewritten commits, as far as they are known.

    Returns:
        The moved tags, and the findings that kept others where they are.

    Raises:
        StashError: judging is impossible: a missing object, or the boundary of a shallow clone.
    """
    head = repository.head()
    left = left_behind(repository, head, rewritten) if head else {}
    if not head or not left:
        return [], []
    new, problems = missing_tags(repository, head, among=left, aside=left, fresh=True)
    moved = [tag for tag in new if _move(repository, left[tag.tag], tag, problems)]
    kept = left.keys() - {tag.tag for tag in moved}
    return moved, problems + [_not_moved(tag, left[tag]) for tag in sorted(kept)]


def left_behind(repository: Repository, head: str, rewritten: Iterable[str] = ()) -> dict[str, str]:
    """Return the unpublished tags that name rewritten commits, with the full ids of these commits.

    Such a tag names a commit that was on this branch and is on no branch now. HEAD has snapshots of the tag, and no
    remote has the tag.
    """
    dropped = repository.dropped(rewritten)
    tags = {tag: commit for tag, commit in repository.tags().commits.items() if commit in dropped} if dropped else {}
    movable = {tag: commit for tag, commit in tags.items() if repository.tree(head, tag).files}
    published = repository.published(movable)
    return {tag: commit for tag, commit in movable.items() if tag not in published}


def _move(repository: Repository, old: str, new: NewTag, problems: list[Problem]) -> bool:
    message = repository.tag_message(new.tag) or new.message  # the user may have written it
    try:
        repository.move_tag(new.tag, old, new.commit, message, new.when)
    except StashError as error:
        problems.append(not_made(new.tag, error))
        return False
    return True


def _not_moved(tag: str, old: str) -> Problem:
    what = f"it stays at {old[:SHORT]}, which is on no branch now: the commit that replaced it does not hold"
    return Problem(tag_ref(tag), "tag", what, f"git reset --keep {old[:SHORT]}  # moves the branch back to it")
