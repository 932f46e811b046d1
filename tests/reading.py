"""What the tests of the repository room share: its doors, and a healthy stash read through all of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from conftest import git
from stashes import (
    REGISTRY,
    pin_id,
    snapshot_path,
)

from experimentstash.git.repository import Repository

if TYPE_CHECKING:
    pass

WHEN = dt.datetime(2026, 1, 12, 9, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def opened(root: Path) -> Repository:
    return Repository.open(root)


def blob(root: Path, rev: str) -> str:
    return git("rev-parse", rev, cwd=root)


def object_file(root: Path, name: str) -> Path:
    return root / ".git" / "objects" / name[:2] / name[2:]


def check_healthy(root: Path, head: str) -> None:
    """Read a healthy stash through every door at once."""
    with opened(root) as repository:
        assert repository.head() == head
        tree = repository.tree(head)
        assert tree.pins == {"mytool": pin_id("four", root)}
        assert tree.registry is not None
        assert repository.read(tree.registry.id, 1000).decode() == REGISTRY
        assert sorted(tree.files) == sorted(
            snapshot_path(f"pca-{number}", f"tag-{number}") for number in ("one", "two", "three")
        )
        commits = repository.tags().commits
        assert sorted(commits) == ["tag-one", "tag-three", "tag-two"]
        assert repository.tree(commits["tag-two"], "tag-two").pins == {"mytool": pin_id("two", root)}
        assert list(repository.tree(commits["tag-two"], "tag-two").files) == [snapshot_path("pca-two", "tag-two")]
        assert repository.bringing(tree.files, head) == {
            snapshot_path(f"pca-{number}", f"tag-{number}"): commits[f"tag-{number}"]
            for number in ("one", "two", "three")
        }


def partial(root: Path, into: Path, kind: str) -> Path:
    """Clone a repository without some of its objects."""
    git("config", "uploadpack.allowFilter", "true", cwd=root)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=root)
    git("clone", "-q", "--bare", f"--filter={kind}", root.resolve().as_uri(), into, cwd=root.parent)
    return into
