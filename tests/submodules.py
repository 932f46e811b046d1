"""Stashes whose tools are real submodules, with remotes in directories."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from conftest import commit, git, write
from stashes import REGISTRY

from experimentstash.core.errors import Problem
from experimentstash.git.repository import Repository
from experimentstash.verify.published import unpublished
from experimentstash.verify.rules import RecordedCommit

_COUNT = itertools.count()
WHERE = "configs/mytool/snapshots/v1/a.yaml"


@dataclass(frozen=True)
class Lab:
    """A stash, its tool and the tool's remote.

    Attributes:
        stash: the stash, with one commit.
        tool: the checkout of its submodule, detached as `git submodule update` leaves it.
        remote: the remote of the tool, a bare repository with one commit on `main`.
        theirs: somebody else's clone of it.
    """

    stash: Path
    tool: Path
    remote: Path

    @property
    def theirs(self) -> Path:
        return Path(f"{self.remote}.work")

    @property
    def url(self) -> str:
        return str(self.remote)


def make_remote(folder: Path, *init: str) -> Path:
    """Make a bare repository with one commit on `main`, and beside it the clone of somebody who works on it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    theirs = Path(f"{folder}.work")
    for repository in (folder, theirs):
        git("init", "-q", *(["--bare"] if repository == folder else []), *init, repository, cwd=folder.parent)
    commit(theirs, {"main.py": "print(1)\n"}, "one")
    git("remote", "add", "origin", folder, cwd=theirs)
    git("push", "-q", "origin", "HEAD:refs/heads/main", cwd=theirs)
    return folder


def make_lab(root: Path, url: str | None = None, *init: str) -> Lab:
    """Make a stash whose tool was added as a submodule from `url`, by default the path of its remote."""
    remote = make_remote(root / "mytool.git", *init)
    stash = root / "stash"
    git("init", "-q", *init, stash, cwd=root)
    write(stash, {"configs/meta.yaml": REGISTRY})
    add_tool(stash, url or str(remote))
    git("add", "-A", cwd=stash)
    git("commit", "-q", "-m", "a stash", cwd=stash)
    return Lab(stash, stash / "tools/mytool", remote)


def add_tool(stash: Path, url: str, tool: str = "mytool", *options: str) -> Path:
    """Add a tool as a submodule, and detach its HEAD."""
    git("submodule", "--quiet", "add", *options, "--", url, f"tools/{tool}", cwd=stash)
    git("checkout", "-q", "--detach", cwd=stash / "tools" / tool)
    return stash / "tools" / tool


def work(tool: Path) -> str:
    """Make a commit like no other in a tool's checkout, wherever its HEAD is, and return the full id."""
    git("commit", "-q", "--allow-empty", "-m", f"work {next(_COUNT)}", cwd=tool)
    return git("rev-parse", "HEAD", cwd=tool)


def work_and_push(tool: Path, ref: str = "refs/heads/main") -> str:
    """Commit in a tool's checkout and push that, and return the full id."""
    made = work(tool)
    git("push", "-q", "origin", f"HEAD:{ref}", cwd=tool)
    return made


def judge(
    stash: Path,
    *commits: str,
    tool: str = "mytool",
    freeze: str | None = None,
    online: bool = False,
    patience: float = 60.0,
) -> list[Problem]:
    """Judge the rule `published` of commits recorded for a tool."""
    with Repository.open(stash) as repository:
        recorded = [RecordedCommit(WHERE, tool, one, freeze) for one in commits]
        return unpublished(repository, recorded, online=online, patience=patience)


def both(stash: Path, *commits: str, freeze: str | None = None) -> list[Problem]:
    """Judge without asking and with asking, which say the same."""
    found = judge(stash, *commits, freeze=freeze)
    assert judge(stash, *commits, freeze=freeze, online=True) == found
    return found
