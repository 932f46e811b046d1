"""Whether a checkout has the snapshot tags that it is to be judged by; CI often fetches without tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command
from experimentstash.core.names import SnapshotName, tag_of

if TYPE_CHECKING:
    from experimentstash.git.repository import Repository


def check_tags_fetched(repository: Repository, commit: str) -> None:
    """Check that no remote has a tag of a commit's snapshots that is missing here.

    The remotes are asked only where a snapshot has no tag. Where none answers, a checkout with one snapshot tag at
    least is taken for one that has them all.

    Args:
        repository: the repository.
        commit: the full id of the commit that is judged.

    Raises:
        StashError: a tag has to be fetched, or nobody can say whether one has to be.
    """
    tags = repository.tags()
    known = tags.commits.keys() | tags.broken.keys()
    missing = {tag_of(path) for path in repository.tree(commit).files if SnapshotName.from_path(path)} - known
    for remote in repository.remote_names() if missing else ():
        deepen = ("--unshallow",) if repository.shallow else ()
        fix = command("git", "fetch", *deepen, "--tags", remote)
        if (there := repository.tags_at(remote)) is None:
            if not known:
                what = f"this checkout has no snapshot tag, and {remote} does not say whether it has one"
                raise StashError(what, fix)
        elif lost := missing & there.keys():
            raise StashError(f"this checkout lacks snapshot/{min(lost)}, by which its snapshots are judged", fix)
