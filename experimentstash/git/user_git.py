"""Runs the user's git: for every change, and for what dulwich cannot read."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import subprocess
from typing import TYPE_CHECKING

from experimentstash.core.errors import FREE_SPACE, StashError, command, is_disk_full

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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


_MENDS_ITSELF = re.compile(r"^\s*(git config --global --add safe\.directory \S.*)$", re.MULTILINE)
"""Git's output for a repository of another user: the command that trusts it."""
_LOCKED = re.compile(r"Unable to create '(/[^'\n]+\.lock)': File exists")
"""Git's output if a lock file exists: another git is running, or was killed."""

_LOCKED_CONFIG = re.compile(r"could not lock config file ([^\n]+): File exists")
"""Git's output about a configuration."""


class EndlessError(StashError):
    """Git was given its time, and came to no end."""


def clean_environment(**extra: str) -> dict[str, str]:
    """Return the environment without the variables that point git at one repository, plus `extra`."""
    kept = {key: value for key, value in os.environ.items() if key not in LOCAL_ENVIRONMENT or key in _KEPT}
    return kept | extra


def git(*args: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> str:
    """Run git in `cwd` and return its stdout without the last line break.

    Args:
        args: the arguments after `git`.
        cwd: the working directory; git finds the repository from there.
        env: the whole environment; by default the user's without the variables of another repository.
        stdin: bytes for its standard input.

    Raises:
        StashError: git failed; the message is git's own.
    """
    done = ask_git(*args, cwd=cwd, env=env, stdin=stdin)
    _check_done(done, verb(args), cwd)
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


def verb(args: Sequence[str]) -> str:
    """Return which command of git's the arguments call; settings (`-c KEY=VALUE`) come before it."""
    return next(word for before, word in zip(("", *args), args, strict=False) if "-c" not in (before, word))


def _check_done(done: subprocess.CompletedProcess[bytes], asked: str, cwd: Path) -> None:
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "surrogateescape").strip()
        raise StashError(f"git {asked} failed in {cwd}: {said or f'exit code {done.returncode}'}", fix_of(said, cwd))


def fix_of(said: str, cwd: Path) -> str:
    """Return the command that fixes a failure of git's, or an empty string if its output shows none.

    Args:
        said: git's output.
        cwd: the directory that it ran in.
    """
    if is_disk_full(said):
        return FREE_SPACE
    if lock := _left_lock(said, cwd):
        return f"{command('rm', lock)}  # if no other git is at work there, then rerun the same command"
    return match[1] if (match := _MENDS_ITSELF.search(said)) else ""


def _left_lock(said: str, cwd: Path) -> str | None:
    if match := _LOCKED.search(said):
        return match[1]
    if match := _LOCKED_CONFIG.search(said):  # relative to the top of the working tree, if it is not absolute
        locks = (place / f"{match[1]}.lock" for place in (cwd, *cwd.parents))
        return next((str(lock) for lock in locks if lock.exists()), None)
    return None


def answer(*args: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> str | None:
    """Ask git a question that it may answer with no, and return its stdout without the last line break.

    Exit code 1 is git's no (`rev-parse --verify --quiet`, `config --get`, `merge-base --is-ancestor`). Any other
    failure, such as a repository of another user, is no answer.

    Returns:
        Git's output, or None if the answer is no.

    Raises:
        StashError: git failed; the message is git's own.
    """
    done = ask_git(*args, cwd=cwd, env=env, stdin=stdin)
    if done.returncode == 1:
        return None
    _check_done(done, verb(args), cwd)
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


def ask_git(
    *args: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run git as `git` does and return its output, whatever its exit code.

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
            raise StashError(f"{cwd}: no such directory") from None
        raise StashError("git is not on the PATH of this machine", "install git, https://git-scm.com") from None


def limited_git(*args: str, cwd: Path, env: Mapping[str, str], stdin: bytes, seconds: int) -> bytes:
    """Run git as `git` does, for no more than some seconds of a processor, and return its stdout.

    Raises:
        EndlessError: it took longer.
        StashError: git failed; the message is its own.
    """
    command, limit = ["git", *args], (resource.RLIMIT_CPU, (seconds, seconds + 1))
    # if a running process cannot be limited, it limits itself before it starts, which costs 8 ms
    by_itself = None if hasattr(resource, "prlimit") else lambda: resource.setrlimit(*limit)
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=by_itself,
    ) as process:
        if by_itself is None:
            with contextlib.suppress(OSError):  # it has ended already, or is under a stricter limit
                resource.prlimit(process.pid, *limit)
        try:
            out, err = process.communicate(stdin)
        except BaseException:
            process.kill()
            raise
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise EndlessError(f"{cwd}: there is no end to its files: git {args[0]} took {seconds} seconds")
    _check_done(subprocess.CompletedProcess(command, process.returncode, out, err), args[0], cwd)
    return out


def show_git(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run git with the user's terminal, so that it can show progress and ask for a password.

    Raises:
        StashError: git failed; its output has been shown.
    """
    try:
        code = subprocess.run(
            ["git", *args], cwd=cwd, env=clean_environment() if env is None else env, check=False
        ).returncode
    except FileNotFoundError:
        raise StashError("git is not on the PATH of this machine", "install git, https://git-scm.com") from None
    if code != 0:
        raise StashError(f"git {verb(args)} failed with exit code {code}")
