"""Git that executes nothing of what it brings, and its transfers, shown as they go.

What is fetched is fetched by the user's own git, with the user's credentials; what a remote says comes to the terminal
as plain text, whatever it holds.
"""

from __future__ import annotations

import functools
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import printable
from experimentstash.core.process import run_streaming
from experimentstash.core.urls import hide_secrets
from experimentstash.git.user_git import ask_git, clean_environment, git

if TYPE_CHECKING:
    from collections.abc import Callable

# on the command line, these count more than any file of configuration
_INERT = tuple(
    word
    for setting in (
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.attributesFile=/dev/null",
        "core.autocrlf=false",  # files are as they are recorded, whatever this user likes
        "core.eol=lf",
        "core.sparseCheckout=false",
        "submodule.recurse=false",
        "fetch.recurseSubmodules=false",
        # what comes, comes as one pack: whole or not at all, and a large file is not compressed once more
        "fetch.unpackLimit=1",
        "gc.auto=0",
        "maintenance.auto=false",
        "protocol.version=2",  # with which every git server gives single commits
        "protocol.ext.allow=never",
        "protocol.file.allow=always",  # `check_allowed` has judged what the stash says; the rest is this user's own say
        "advice.detachedHead=false",
    )
    for word in ("-c", setting)
)
_PROGRESS = re.compile(r"\d+% \(|^(remote: )?(Enumerating|Counting|Compressing|Total) |^From |^ [*+t-] ")
_MOST = 10  # lines of git's output in a message


@functools.cache
def settings() -> tuple[str, ...]:
    """Return the settings with which git executes nothing of what it brings, as words of a command line.

    Since git 2.54, a user's configuration can define hooks, which `core.hooksPath` does not turn off.
    """
    asked = ask_git("config", "-z", "--name-only", "--get-regexp", r"^hook\..*\.(command|event)$", cwd=Path("/"))
    keys = asked.stdout.decode("utf-8", "surrogateescape").split("\0")
    names = dict.fromkeys(key[len("hook.") :].rpartition(".")[0] for key in keys if key)
    return (*_INERT, *(word for name in names for word in ("-c", f"hook.{name}.enabled=false")))


def inert(*args: str, cwd: Path) -> str:
    """Run git among untrusted files, and return its stdout; see `git.git`.

    Raises:
        StashError: git failed; the message is its own.
    """
    return git(*settings(), *args, cwd=cwd)


def fetch(
    url: str,
    *refspecs: str,
    cwd: Path,
    foreign: bool = False,
    show: bool = True,
    tags: bool = False,
    watch: Callable[[], object] | None = None,
) -> str:
    """Fetch through the user's git, which may ask for a password at the terminal.

    Args:
        url: where from.
        refspecs: what.
        cwd: the repository that takes it.
        foreign: whether the URL is a stranger's: git keeps to its well-known protocols.
        show: whether to show its progress on a terminal.
        tags: whether the tags come along that name commits of the history that comes; refspecs say where to put it.
        watch: called while it comes, and once it has; what it raises stops it.

    Returns:
        An empty text on success, else git's error message.
    """
    shown = show and sys.stderr.isatty()
    said: list[str] = []

    def on_line(line: str) -> None:
        if line and not _PROGRESS.search(line):
            said.append(hide_secrets(line, url))
        elif shown:
            _show(line)

    # a commit at the edge of a shallow clone is as good as any other: its files are all there
    options = ("--progress" if shown else "--quiet", "--force", "--update-shallow", *([] if tags else ["--no-tags"]))
    command = ("git", *settings(), "fetch", *options, "--", url, *refspecs)
    env = clean_environment(GIT_PROTOCOL_FROM_USER="0") if foreign else clean_environment()
    code = run_streaming(command, cwd=cwd, env=env, on_line=on_line, watch=watch)
    if shown:
        _show("")
    if watch is not None:
        watch()
    return "" if code == 0 else "\n".join(said[-_MOST:]) or f"git fetch ended with exit code {code}"


def _show(line: str) -> None:
    """Show one line in the place of the last one."""
    width = shutil.get_terminal_size().columns - 1
    print(f"\r\x1b[K{printable(line)[:width]}", end="", file=sys.stderr, flush=True)


def list_refs(url: str, pattern: str, cwd: Path) -> dict[str, str] | None:
    """Return the refs of a repository, with the ids of what they name; None if it gives no answer."""
    env = clean_environment(GIT_CEILING_DIRECTORIES=str(cwd.parent))
    listed = ask_git(*settings(), "ls-remote", "--refs", "--", url, pattern, cwd=cwd, env=env)
    if listed.returncode != 0:
        return None
    lines = listed.stdout.decode("utf-8", "replace").splitlines()
    return {ref: name for name, _, ref in (line.partition("\t") for line in lines)}
