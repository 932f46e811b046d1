"""The push gate: one commit in each stash, and 1,000 commits that add a snapshot or move the pin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from histories import Past, stash_with
from hooked import NOTHING, SNAPSHOT, stashes
from measure import Row, Timed

if TYPE_CHECKING:
    from pathlib import Path

    from hooked import Hooked
    from places import Place

TITLE = "Pushing"
COMMITS = 1000
AIM = 3  # seconds
_NOBODY = "0" * 40


def rows(place: Place) -> list[Row]:
    """Measure the push of one commit, and the growth with the stash and with the pushed commits."""
    small, *others = stashes(place)
    found = []
    for what in (NOTHING, SNAPSHOT):
        one = _push_one(small, what)
        found += [Row(one), *(Row(_push_one(stash, what), one) for stash in others)]
    return found + [Row(many, one, most=AIM) for many in _push_many(place)]


def _push_one(stash: Hooked, what: str) -> Timed:
    remote = _remote(stash.place, stash.root, stash.base)
    told = f"refs/heads/main {stash.commits[what]} refs/heads/main {stash.base}\n"
    return stash.timed(_gate(stash.place, remote), f"`guard-push`: {what} in a commit", stdin=told.encode())


def _push_many(place: Place) -> list[Timed]:
    """Return the push of all commits of a branch except the first, without its tags and with them."""
    stash = stash_with(place, "push", Past(COMMITS // 2, moves=True))
    tip, base = place.git("rev-parse", "main", f"main~{COMMITS}", cwd=stash).split("\n")
    command = _gate(place, _remote(place, stash, base))
    lines = [f"refs/heads/main {tip} refs/heads/main {base}\n"]
    tags = place.git("for-each-ref", "--format=%(refname) %(objectname) %(refname)", "refs/tags", cwd=stash)
    pushes = {"": lines, f" and {COMMITS // 2} tags": [*lines, *(f"{tag} {_NOBODY}\n" for tag in tags.split("\n"))]}
    return [
        Timed(f"`guard-push`: {COMMITS:,} commits{more}", command, stash, place.env, stdin="".join(told).encode())
        for more, told in pushes.items()
    ]


def _gate(place: Place, remote: Path) -> tuple[str, ...]:
    return place.own.program("guard-push"), "--stage", "pre-push", "origin", str(remote)


def _remote(place: Place, stash: Path, commit: str) -> Path:
    """Return the remote of a stash, which has its commits up to a given one; created on first use."""
    remote = stash.with_suffix(".git")
    if not remote.exists():
        place.git("init", "-q", "--bare", str(remote), cwd=place.root)
        place.git("remote", "add", "origin", str(remote), cwd=stash)
        place.git("-c", "core.hooksPath=/dev/null", "push", "-q", "origin", f"{commit}:refs/heads/main", cwd=stash)
    return remote
