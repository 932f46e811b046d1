"""Lists the refs of remotes: asked with the user's git, or as last fetched."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from experimentstash.core.names import TAG_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experimentstash.git.location import GitLocation

PATIENCE = 20.0
"""Seconds that a remote has for its answer: a commit or a push waits for it."""
# in a hook, nobody can type a password, and it must not hang
_NO_QUESTIONS = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true"}
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=10"


def tags_at(place: GitLocation, remote: str) -> dict[str, str] | None:
    """Return the id of the object of each snapshot tag of a remote, or None if it does not answer.

    Args:
        place: the repository.
        remote: the name of a remote, or a URL.
    """
    told = refs_at(place, remote, f"{TAG_PREFIX}*")
    return None if told is None else {ref.removeprefix(TAG_PREFIX): name for ref, name in told.items()}


def refs_at(place: GitLocation, remote: str, *patterns: str) -> dict[str, str] | None:
    """Return the id of the object of each ref of a remote, or None if it does not answer.

    Args:
        place: the repository.
        remote: the name of a remote, or a URL.
        patterns: which refs; by default all branches and tags.
    """
    env = {**place.env, **_NO_QUESTIONS}
    if "GIT_SSH_COMMAND" not in env and place.ask("config", "--get", "core.sshCommand").returncode != 0:
        env["GIT_SSH_COMMAND"] = _SSH
    kinds = () if patterns else ("--heads", "--tags")
    asked = ("git", "ls-remote", "--refs", *kinds, "--", remote, *patterns)
    try:
        done = subprocess.run(
            asked, cwd=place.root, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        return None
    told = (line.partition("\t") for line in done.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1])
    return {ref: name for name, _, ref in told}


def published(place: GitLocation, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the published tags, each with its remote.

    Asks each remote. For one that does not answer, a tag counts as published if a branch of it, as this repository
    last saw it, contains the commit of the tag.

    Args:
        place: the repository.
        tags: the full id of the commit of each tag.
    """
    found: dict[str, str] = {}
    for remote in place.lines("remote") if tags else ():
        there = tags_at(place, remote)
        for tag, commit in tags.items():
            if tag in there if there is not None else _has(place, remote, commit):
                found.setdefault(tag, remote)
    return found


def remembered(place: GitLocation) -> list[str]:
    """Return the ids of the remotes' branches and tags when last fetched.

    Other refs below `refs/remotes/`, such as pull requests, are not branches.
    """
    from experimentstash.git.clone import Clone  # no commit waits for it

    return [tip for remote in Clone(place.git_dir, place.root).remotes for tip in remote.tips]


def _has(place: GitLocation, remote: str, commit: str) -> bool:
    return bool(place.lines("for-each-ref", "--count=1", f"--contains={commit}", f"refs/remotes/{remote}/"))
