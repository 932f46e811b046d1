"""Mutations of valid frozen stashes, through the server's gate, judged by the oracle."""

from __future__ import annotations

import itertools
import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mutators import mutate
from oracle import TAGS, Oracle, read
from scenes import Scene, scenes
from server_gate import Push, Server

_BATCH = 50  # mutations whose objects are written at once
_REAL = 200  # of so many mutations, one goes through `git push` as well
REASONS = {
    "another body": "Another valid snapshot, made before its tag: another body, in a file that has no `BODY` "
    "line, such as one written by hand.",
    "another header": "Another valid snapshot, made before its tag: another value of a header line. Only "
    "`BODY`, `LOCK`, `RESULTS` and the pins have something to be held against; until the "
    "tag is there, the rest is what its author wrote.",
    "another spelling": "The same config and header values, spelled otherwise before the tag is there: a "
    "comment, a blank, quotes, the order of header lines.",
    "left out": "A snapshot is not pushed, or was removed from the branch in a later commit; its tag has it.",
    "modes": "The snapshots are as they were: permission bits of a file, or a mode outside of the snapshots.",
    "refs": "The snapshots are as they were: other refs, a branch deleted, the tag or the branch not pushed, "
    "a first tag on another commit that holds the same snapshot with the same pin.",
    "commits": "The snapshots are as they were: other histories in which the tag leads to a commit with the "
    "snapshot and its pin.",
    "entries": "The snapshots are as they were: later commits remove files or move pins, there are files "
    "elsewhere, or entries that git's own `receive.fsckObjects` refuses where a server sets it.",
    "other files": "The snapshots are as they were: a file that no rule is about changed (a working config, "
    "`.gitmodules`, a comment of the registry), or a snapshot that is not pushed.",
    "two": "The snapshots are as they were: two mutations.",
}
"""Why an accepted mutation is right; the first that applies is counted."""
_ELSEWHERE = {"modes": "modes", "refs": "refs", "order of commits": "commits", "tree entries": "entries"}
"""What families of mutations change where the snapshots are as they were."""


@dataclass
class Figures:
    """What came of the mutations.

    Attributes:
        tried: how many, by family.
        refused: how many of them the gate refused, by family.
        by_git: how many it accepted that git refuses by itself: objects are missing.
        survivors: those that the gate accepted, by why that is right.
        wrong: those that it accepted and the oracle does not, and those on which it failed.
        pushed: how many went through `git push` as well, with the same answer.
    """

    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    survivors: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    by_git: int = 0
    pushed: int = 0


def prove_mutations(seed: int, count: int, folder: Path, until: float = math.inf) -> Figures:
    """Try so many mutations of every scene in turn, or as many as there is time for (`time.monotonic`)."""
    rng = random.Random(seed)
    servers = [Server(scene, folder / f"{number}.git") for number, scene in enumerate(scenes())]
    figures = Figures()
    usual: dict[str, Push] = {}
    for server in servers:
        (push,) = server.receive([server.scene])
        usual[server.scene.name] = push
        answer = server.judge(push)
        faults = Oracle(server.folder, server.env()).faults(server.refs, push.refs)
        assert (answer.code, answer.text, faults) == (0, "", []), (server.scene.name, answer, faults)
    for server in itertools.cycle(servers):
        if (size := min(_BATCH, count - figures.tried.total())) <= 0 or time.monotonic() > until:
            return figures
        mutated = [mutate(rng, server.scene) for _ in range(size)]
        for (scene, kind), push in zip(mutated, server.receive([scene for scene, _ in mutated]), strict=True):
            if push.updates and push != usual[server.scene.name]:  # else nothing is mutated, or nothing is pushed
                _try(server, scene, kind, push, figures)
    return figures


def _try(server: Server, scene: Scene, kind: str, push: Push, figures: Figures) -> None:
    family = kind.partition(":")[0]
    figures.tried[family] += 1
    answer = server.judge(push)
    if answer.code > 128:  # a signal for the proof, which the gate has taken
        raise KeyboardInterrupt
    where = f"{server.scene.name}: {kind}"
    if answer.code == 1 and "Traceback" not in answer.text:
        figures.refused[family] += 1
    elif answer.code != 0:
        figures.wrong.append(f"{where}: exit code {answer.code}: {answer.text}")
        return
    else:
        oracle = Oracle(server.folder, server.env())
        if faults := oracle.faults(server.refs, push.refs):
            by_git = server.real_push(push).code != 0
            figures.by_git += by_git
            figures.wrong += [] if by_git else [f"{where}: {'; '.join(faults[:3])}"]
            return
        figures.survivors[_why(server, scene, kind, push, oracle)] += 1
    if figures.tried.total() % _REAL == 0:
        real = server.real_push(push)
        figures.pushed += 1
        if (real.code == 0) != (answer.code == 0):
            figures.wrong.append(f"{where}: git push answers {real.code}: {real.text}")


def _why(server: Server, scene: Scene, kind: str, push: Push, oracle: Oracle) -> str:
    """Return why an accepted mutation is right, as a key of `REASONS`: what it froze, compared with what was frozen."""
    reasons = {_snapshot_why(server.scene, path, push, oracle) for path in scene.frozen} - {""}
    if reasons:
        return min(reasons, key=list(REASONS).index)
    return "two" if " and " in kind else _ELSEWHERE.get(kind.partition(":")[0], "other files")


def _snapshot_why(original: Scene, path: str, push: Push, oracle: Oracle) -> str:
    tag = path.split("/")[3]
    name = push.refs.get(f"{TAGS}{tag}") or push.refs.get("refs/heads/main", "")
    commit = oracle.peeled(name) if name else None
    listing = (oracle.listing(commit) if commit else None) or {}
    before = original.commits[1].files[path].content
    assert isinstance(before, bytes)
    if path not in listing:
        return "left out"
    after = oracle.blob(listing[path][1])
    if after == before:
        return ""
    old, new = read(before), read(after)
    if old.config != new.config:
        return "another body"
    return "another header" if old.header != new.header else "another spelling"
