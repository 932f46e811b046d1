"""The sample tool: its files, put together as a git repository with a remote of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.git.user_git import git

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGE = Path(__file__).parents[2]
_FILES = Path(__file__).with_name("sample")
_EXPERIMENTS = Path("swissroll", "conf", "experiment")
PATCH = Path(__file__).with_name("standardise.patch")
"""What the tool's authors do to it while the paper is in review."""


def make_tool(folder: Path, env: Mapping[str, str]) -> Path:
    """Make the tool's repository at `folder/swissroll` and its bare remote, and return the remote."""
    root, remote = folder / "swissroll", folder / "swissroll.git"
    shutil.copytree(_FILES, root, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(_experiments(), root / _EXPERIMENTS, dirs_exist_ok=True)
    git("init", "-q", cwd=root, env=env)
    git("add", "-A", cwd=root, env=env)
    git("commit", "-q", "-m", "Flatten swiss rolls", cwd=root, env=env)
    git("clone", "-q", "--bare", ".", str(remote), cwd=root, env=env)
    git("remote", "add", "origin", str(remote), cwd=root, env=env)
    git("fetch", "-q", cwd=root, env=env)
    git("branch", "-q", "--set-upstream-to=origin/main", cwd=root, env=env)
    return remote


def _experiments() -> Path:
    """Return the folder of its experiments: the wheel holds them among its files, a checkout at the top."""
    packaged = _FILES / _EXPERIMENTS
    return packaged if packaged.is_dir() else _PACKAGE.parent / "configs" / "swissroll" / "experiment"
