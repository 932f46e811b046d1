"""Checks that a checkout has the snapshot tags needed to judge it: CI often fetches without tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command
from experimentstash.core.names import SnapshotName, tag_of

if TYPE_CHECKING:
    from experimentstash.git.repository import Repository


def check_tags_fetched(repository: Repository, commit: str) -> None:
    """Check that no remote has a tag for the commit's snapshots that is missing here.

    Asks the remotes only if a snapshot has no tag. If a remote does not answer, a checkout with at least one snapshot
    tag counts as complete.

    Args:
        repository: the repository.
        commit: the full id of the commit to judge.

    Raises:
        StashError: a tag must be fetched, or it is unknown whether one must be fetched.
    """
    tags = repository.tags()
    known = tags.commits.keys() | tags.broken.keys()
    missing = {tag_of(path) for path in repository.tree(commit).files if SnapshotName.from_path(path)} - known
    for remote in repository.remote_names() if missing else ():
        deepen = ("--unshallow",) if repository.shallow else ()
        fix = command("git", "fetch", *deepen, "--tags", remote)
        if (remote_tags := repository.tags_at(remote)) is None:
            if not known:
                what = f"this checkout has no snapshot tags, and the snapshot tags of {remote} are unknown"
                raise StashError(what, fix)
        elif unfetched := missing & remote_tags.keys():
            what = f"this checkout lacks snapshot/{min(unfetched)}, which is needed to judge its snapshots"
            raise StashError(what, fix)
