"""`guard-push`: judges what is being pushed, of every ref, before it leaves."""

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
"""Processes between a hook and the `git push` that started it: shells, and those of a framework."""


def main(argv: Sequence[str] | None = None) -> int:
    """Judge a push and return the exit code.

    On stdin come git's own lines, `<local ref> <local id> <remote ref> <remote id>`; a framework tells of one ref
    in its environment. Where nothing says what is pushed, it is what HEAD has and no remote has.

    Args:
        argv: `--online`, to ask the tools' remotes for the recorded commits; `--stage KIND` and what git gave
            the hook: the remote's name and its URL.
    """
    options = read("guard-push", "Judge what is being pushed.", argv, ("--online",), words="REMOTE URL")
    return guard(lambda: _guard(options))


def _guard(options: Options) -> int:
    words = options.words
    updates = [] if _FRAMEWORK_REMOTE in os.environ and not options.stage else _told()
    if words and not updates:
        return FINE  # git runs the hook where nothing is to be pushed, too
    from experimentstash.verify.exceptions import report_unless_allowed
    from experimentstash.verify.push import judge_updates

    with Repository.open(Path.cwd()) as repository:
        if updates:
            remote = words[0] if words else None
            receiver = _receiver(repository, updates, remote, words[-1] if words else None)
        elif _FRAMEWORK_REMOTE in os.environ:
            updates = _of_framework(repository)
            # of one ref among many
            receiver = _receiver(repository, updates, _said("REMOTE_NAME"), _said("REMOTE_URL"), gets_more=True)
        else:
            updates = _of_head(repository)
            receiver = _receiver(repository, updates, None, None)
        online = options.online or repository.setting("experimentstash.online", boolean=True) == "true"
        along = partial(_pushes_tools, repository)
        problems = judge_updates(repository, updates, receiver, online=online, pushed_along=along)
        return report_unless_allowed(problems, repository.own_folder, "git push …")


def _pushes_tools(repository: Repository) -> bool:
    """Tell whether git will push the tools' branches before those of the stash, and the latter only if that succeeds.

    An option of `git push` goes before the configuration, and git tells its hooks nothing of it: it is read off the
    command line of the process. Where that is not to be had, nothing is taken for granted.
    """
    configured = repository.setting("push.recurseSubmodules") == "on-demand"
    typed = _typed_recursion()
    return typed == "on-demand" or (typed == "" and configured)


def _typed_recursion() -> str | None:
    """Return what `git push` was told of submodules, an empty text for nothing, or None where it is not found."""
    import subprocess

    process = os.getppid()
    for _ in range(_ANCESTORS):
        try:
            asked = ("ps", "-ww", "-o", "ppid=,args=", "-p", str(process))
            answer = subprocess.run(asked, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
        except OSError:
            return None
        parent, *words = answer.stdout.decode("utf-8", "replace").split() or [""]
        if words and Path(words[0]).name == "git" and "push" in words:
            return _recursion(words)
        if not parent.isdigit() or int(parent) < 2:
            return None
        process = int(parent)
    return None


def _recursion(words: Sequence[str]) -> str:
    found = ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("--no-rec"):
            found = "no"
        elif word.startswith("--rec"):  # git takes the beginning of an option for it
            found = word.partition("=")[2] if "=" in word else following
    return found


def _told() -> list[RefUpdate]:
    """Return what git says on stdin; whoever types there is not asked."""
    if sys.stdin is None or sys.stdin.isatty():
        return []
    from experimentstash.git.ref_updates import told_lines

    return [_update(line) for line in told_lines(sys.stdin.buffer)]


def _update(line: str) -> RefUpdate:
    from experimentstash.git.ref_updates import ref_update

    words = line.rsplit(" ", 3)  # what was pushed may be written with spaces: `HEAD@{1 day ago}`
    if len(words) != 4:
        raise StashError(f"stdin is no push: {short(line)}", "git push")
    return ref_update(words[2], old=words[3], new=words[1])


def _of_framework(repository: Repository) -> list[RefUpdate]:
    """Return the one ref that pre-commit or prek tells of; without a range it is new, with its whole history."""
    from experimentstash.git.ref_updates import RefUpdate

    new = repository.resolve_object(_said("TO_REF") or _said("LOCAL_BRANCH") or "HEAD")
    return [RefUpdate(_said("REMOTE_BRANCH") or "HEAD", None, new)]


def _said(name: str) -> str:
    return os.environ.get(f"PRE_COMMIT_{name}", "")


def _of_head(repository: Repository) -> list[RefUpdate]:
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

    # what it had may be unknown here: somebody else has pushed meanwhile
    known = repository.here(update.old for update in updates if update.old)
    if remote is None:  # nobody pushes: what is judged is what no remote had when it was last seen
        known += repository.remembered()
    return Receiver(tuple(known), remote, url, gets_more)
