"""Mutations of valid frozen stashes, through the server's gate, judged by the oracle."""

from __future__ import annotations

import itertools
import math
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mutators import mutate
from oracle import TAGS, Oracle, read
from scenes import Scene, scenes
from server_gate import Push, Server

_BATCH = 50  # mutations whose objects are written at once
_REAL = 200  # of so many mutations, one goes through `git push` as well


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
    """Return why an accepted mutation is right, by comparing what it froze with what was frozen before."""
    reasons = {_snapshot_why(server.scene, path, push, oracle) for path in scene.frozen}
    changed = sorted(reasons - {""})
    return "; ".join(changed) if changed else f"the snapshots are as they were: {_without_details(kind)}"


def _without_details(kind: str) -> str:
    """Return what was done without the mode, token or name that was drawn."""
    first, further, _ = kind.partition(" and ")
    first = re.sub(r",? the tag at commit \d|of commit \d.*", "", first)
    first = re.sub(r"modes: \d+ for", "modes: of", first)
    first = re.sub(r"entries: \S+ of mode \d+ added", "entries: a file added", first)
    first = re.sub(r"an entry '.*'", "an entry", first)
    return f"{first.strip()}{' and one more' * bool(further)}"


def _snapshot_why(original: Scene, path: str, push: Push, oracle: Oracle) -> str:
    tag = path.split("/")[3]
    name = push.refs.get(f"{TAGS}{tag}") or push.refs.get("refs/heads/main", "")
    commit = oracle.peeled(name) if name else None
    listing = (oracle.listing(commit) if commit else None) or {}
    before = original.commits[1].files[path].content
    assert isinstance(before, bytes)
    if path not in listing:
        return "a snapshot is not part of what is pushed, or was taken off the branch"
    after = oracle.blob(listing[path][1])
    if after == before:
        return ""
    old, new = read(before), read(after)
    keys = sorted(_differing(old.header, new.header))
    if old.config != new.config:
        return "another snapshot, made before its tag: its body, and no BODY line holds it"
    if keys:
        return f"another snapshot, made before its tag: other values of {', '.join(keys)}"
    return "the same config and the same header values, spelled otherwise before its tag"


def _differing(old: dict[str, list[str]], new: dict[str, list[str]]) -> Iterator[str]:
    for key in old.keys() | new.keys():
        if old.get(key) != new.get(key):
            yield key
