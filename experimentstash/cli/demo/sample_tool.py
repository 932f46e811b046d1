"""Makes the git repository of the sample tool, and its remote."""

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
"""The change that the tool's authors make while the paper is in review."""


def make_tool(directory: Path, env: Mapping[str, str]) -> Path:
    """Make the tool's repository at `directory/swissroll` and its bare remote; return the path of the remote."""
    root, remote = directory / "swissroll", directory / "swissroll.git"
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
    """Return the directory of its experiments: inside the package in a wheel, at the top of a checkout."""
    packaged = _FILES / _EXPERIMENTS
    return packaged if packaged.is_dir() else _PACKAGE.parent / "configs" / "swissroll" / "experiment"
