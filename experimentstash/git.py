"""The user's own git: what acts goes through it, and what dulwich cannot read is asked of it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from experimentstash.problems import StashError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# `git rev-parse --local-env-vars` (git 2.55): in a hook these point at one repository, and git asked
# about another would answer about the first (traps.md, *Which repository*).
LOCAL_ENVIRONMENT = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
HELD = "EXPERIMENTSTASH_FREEZING"
"""In the environment of a freeze commit, whose maker makes the tag too: no hook is to make it before."""
_KEPT = frozenset({"GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"})  # `git -c …` of the user's, not a place


def clean_environment(**extra: str) -> dict[str, str]:
    """Return the environment without the variables that point git at one repository, plus `extra`."""
    kept = {key: value for key, value in os.environ.items() if key not in LOCAL_ENVIRONMENT or key in _KEPT}
    return kept | extra


def git(*args: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> str:
    """Run git in `cwd` and return its stdout without the last line break.

    Args:
        args: the arguments after `git`.
        cwd: the working folder; git finds the repository from there.
        env: the whole environment; by default the user's without the variables of another repository.
        stdin: bytes for its standard input.

    Raises:
        StashError: git failed; the message is git's own.
    """
    done = ask_git(*args, cwd=cwd, env=env, stdin=stdin)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "surrogateescape").strip()
        raise StashError(f"git {args[0]} failed in {cwd}: {said or f'exit code {done.returncode}'}")
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


def ask_git(
    *args: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run git as `git` does and return what it said, whatever its exit code.

    Raises:
        StashError: there is no git on this machine.
    """
    try:
        return subprocess.run(
            ["git", *args],
            cwd=cwd,
            env=clean_environment() if env is None else env,
            input=stdin,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        if not cwd.is_dir():
            raise StashError(f"{cwd}: no such folder") from None
        raise StashError("git is not on the PATH of this machine", "install git, https://git-scm.com") from None


def show_git(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run git with the user's terminal, so that it can show progress and ask for a password.

    Raises:
        StashError: git failed; what it said has been shown.
    """
    try:
        code = subprocess.run(
            ["git", *args], cwd=cwd, env=clean_environment() if env is None else env, check=False
        ).returncode
    except FileNotFoundError:
        raise StashError("git is not on the PATH of this machine", "install git, https://git-scm.com") from None
    if code != 0:
        raise StashError(f"git {args[0]} failed with exit code {code}")
