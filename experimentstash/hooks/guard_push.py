"""`guard-push`: judges every ref of a push before git sends it."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import FINE, StashError, guard, short
from experimentstash.git.repository import Repository
from experimentstash.hooks.options import Options, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.git.ref_updates import RefUpdate
    from experimentstash.verify.push import Receiver

_FRAMEWORK_REMOTE = "PRE_COMMIT_REMOTE_NAME"
_ANCESTORS = 12
"""The maximum number of processes (shells, a framework) between a hook and the `git push` that started it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Judge a push and return the exit code.

    Git passes lines of `<local ref> <local id> <remote ref> <remote id>` on stdin. A framework passes one ref in
    environment variables. Without either, this judges the commits of HEAD that no remote has.

    Args:
        argv: `--online`, to ask the tools' remotes for the recorded commits; or `--stage KIND` and the arguments that
            git passes to the hook: the name and the URL of the remote.
    """
    options = read("guard-push", "Judge every ref of a push.", argv, ("--online",), words="REMOTE URL")
    return guard(lambda: _guard(options))


def _guard(options: Options) -> int:
    words = options.words
    updates = [] if _FRAMEWORK_REMOTE in os.environ and not options.stage else _updates_on_stdin()
    if words and not updates:
        return FINE  # git also runs the hook if there is nothing to push
    from experimentstash.verify.exceptions import report_unless_allowed
    from experimentstash.verify.push import judge_updates

    with Repository.open(Path.cwd()) as repository:
        if updates:
            remote = words[0] if words else None
            receiver = _receiver(repository, updates, remote, words[-1] if words else None)
        elif _FRAMEWORK_REMOTE in os.environ:
            updates = _framework_updates(repository)
            remote, url = _framework_variable("REMOTE_NAME"), _framework_variable("REMOTE_URL")
            # the framework passes only one of the pushed refs
            receiver = _receiver(repository, updates, remote, url, gets_more=True)
        else:
            updates = _head_updates(repository)
            receiver = _receiver(repository, updates, None, None)
        online = options.online or repository.setting("experimentstash.online", boolean=True) == "true"
        pushes_tools = partial(_pushes_tools, repository)
        problems = judge_updates(repository, updates, receiver, online=online, pushed_along=pushes_tools)
        return report_unless_allowed(problems, repository.own_folder, "git push …")


def _pushes_tools(repository: Repository) -> bool:
    """Return whether git pushes the tools' branches first, and those of the stash only if that succeeds.

    An option of `git push` overrides the configuration. Git does not pass it to the hook, so it is read from the
    command line of the process. If that cannot be read, the answer is False.
    """
    configured = repository.setting("push.recurseSubmodules") == "on-demand"
    option = _recursion_option()
    return option == "on-demand" or (option == "" and configured)


def _recursion_option() -> str | None:
    """Return the value of `--recurse-submodules` of the running `git push`.

    An empty string means that the option is absent, None that the command line cannot be read.
    """
    import subprocess

    process = os.getppid()
    for _ in range(_ANCESTORS):
        try:
            command = ("ps", "-ww", "-o", "ppid=,args=", "-p", str(process))
            answer = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
        except OSError:
            return None
        parent, *words = answer.stdout.decode("utf-8", "replace").split() or [""]
        if words and Path(words[0]).name == "git" and "push" in words:
            return _last_recursion_option(words)
        if not parent.isdigit() or int(parent) < 2:
            return None
        process = int(parent)
    return None


def _last_recursion_option(words: Sequence[str]) -> str:
    value = ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("--no-rec"):
            value = "no"
        elif word.startswith("--rec"):  # git accepts abbreviated options
            value = word.partition("=")[2] if "=" in word else following
    return value


def _updates_on_stdin() -> list[RefUpdate]:
    """Return the ref updates that git passes on stdin; none if stdin is a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        return []
    from experimentstash.git.ref_updates import told_lines

    return [_update(line) for line in told_lines(sys.stdin.buffer)]


def _update(line: str) -> RefUpdate:
    from experimentstash.git.ref_updates import ref_update

    words = line.rsplit(" ", 3)  # the local ref may contain spaces: `HEAD@{1 day ago}`
    if len(words) != 4:
        raise StashError(f"invalid input on stdin: {short(line)}", "git push")
    return ref_update(words[2], old=words[3], new=words[1])


def _framework_updates(repository: Repository) -> list[RefUpdate]:
    """Return the one ref that pre-commit or prek passes, as a new ref with its whole history."""
    from experimentstash.git.ref_updates import RefUpdate

    revision = _framework_variable("TO_REF") or _framework_variable("LOCAL_BRANCH") or "HEAD"
    new = repository.resolve_object(revision)
    return [RefUpdate(_framework_variable("REMOTE_BRANCH") or "HEAD", None, new)]


def _framework_variable(name: str) -> str:
    return os.environ.get(f"PRE_COMMIT_{name}", "")


def _head_updates(repository: Repository) -> list[RefUpdate]:
    from experimentstash.git.ref_updates import RefUpdate

    head = repository.head()
    return [RefUpdate("HEAD", None, head)] if head else []


def _receiver(
    repository: Repository,
    updates: Sequence[RefUpdate],
    remote: str | None,
    url: str | None,
    *,
    gets_more: bool = False,
) -> Receiver:
    from experimentstash.verify.push import Receiver

    # the receiver's old commits may be missing here, if another user has pushed since the last fetch
    known = repository.here(update.old for update in updates if update.old)
    if remote is None:  # not a push: judge the commits that no remote-tracking branch has
        known += repository.remembered()
    return Receiver(tuple(known), remote, url, gets_more)
