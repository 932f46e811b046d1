"""Stashes with pins but without submodules: a pin is an entry of mode 160000, whatever is checked out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from conftest import git, write

if TYPE_CHECKING:
    from pathlib import Path

TOOL = "mytool"
REGISTRY = "tools:\n  mytool:\n    path: tools/mytool\n    entrypoint: '-m mytool.main'\n"

URLS = '[submodule "tools/mytool"]\n\tpath = tools/mytool\n\turl = https://example.invalid/mytool.git\n'


def pin_id(name: str, root: Path | None = None) -> str:
    """Return a full commit id that stands for the commit of a tool called `name`."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    wide = root is not None and git("rev-parse", "--show-object-format", cwd=root) == "sha256"
    return digest if wide else digest[:40]


def pin(root: Path, name: str, tool: str = TOOL) -> str:
    """Stage a pin, and return the commit it names."""
    commit = pin_id(name, root)
    git("update-index", "--add", "--cacheinfo", f"160000,{commit},tools/{tool}", cwd=root)
    return commit


def snapshot_text(
    experiment: str, tag: str, commit: str, *, tool: str = TOOL, body: str = "lr: 0.1\n", more: str = ""
) -> str:
    """Return the text of a snapshot that holds where `commit` is the pin of `tool`."""
    return (
        f"# SNAPSHOT: {tool}/{experiment}\n# TAG: {tag}\n# TOOL_COMMIT: {commit}\n"
        f"# TIMESTAMP: 2026-01-12T09:30:00+00:00\n{more}\n{body}"
    )


def snapshot_path(experiment: str, tag: str, tool: str = TOOL) -> str:
    """Return where a snapshot lies."""
    return f"configs/{tool}/snapshots/{tag}/{experiment}.yaml"


def make_stash(root: Path, *init: str) -> Path:
    """Make a stash with one tool, pinned at `pin_id("one")`, in one commit."""
    root.mkdir(parents=True, exist_ok=True)
    git("init", "-q", *init, cwd=root)
    write(root, {"configs/meta.yaml": REGISTRY, "configs/mytool/experiment/pca.yaml": "lr: 0.1\n", ".gitmodules": URLS})
    git("add", "configs", ".gitmodules", cwd=root)
    pin(root, "one")
    commit_index(root, "a stash")
    return root


def stage(root: Path, files: dict[str, str]) -> None:
    """Write files and stage them, and nothing else: a pin without a checkout would be staged as removed."""
    write(root, files)
    git("add", "--", *files, cwd=root)


def commit_index(root: Path, message: str = "work") -> str:
    """Commit what is staged and return the full id of the commit."""
    git("commit", "-q", "--allow-empty", "-m", message, cwd=root)
    return git("rev-parse", "HEAD", cwd=root)


def freeze(root: Path, experiment: str, tag: str, pinned: str, *, tagged: bool = True, body: str = "lr: 0.1\n") -> str:
    """Pin the tool, write a snapshot, commit both, make the tag, and return the freeze commit."""
    commit = pin(root, pinned)
    stage(root, {snapshot_path(experiment, tag): snapshot_text(experiment, tag, commit, body=body)})
    made = commit_index(root, f"freeze {tag}")
    if tagged:
        git("tag", "-a", "-m", tag, f"snapshot/{tag}", cwd=root)
    return made


def healthy(root: Path) -> Path:
    """Make a stash with three snapshots of one tool at three commits, all tagged; the tool has moved on since."""
    make_stash(root)
    for number in ("one", "two", "three"):
        freeze(root, f"pca-{number}", f"tag-{number}", number)
    pin(root, "four")
    commit_index(root, "the tool moves on")
    return root
