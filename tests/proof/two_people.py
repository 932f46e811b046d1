"""Random histories of two people with one server: real git, the native hooks in both clones, the gate on the server."""

from __future__ import annotations

import math
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conftest import Ran, estash, git, run
from lab import NATIVE, OURS, Lab, guard, make_lab, put_hooks
from oracle import Oracle
from preloaded import python
from shapes import EXPERIMENT, hard_coded
from stashes import TOOL

_ACTS = 10  # of both people, in each history
_LONGEST = 3600  # seconds of one git command, on a machine that does much else
_REAL_FREEZES = 0.1  # the part of the freezes that our command makes, in the tool's own process
_COMMITS = ("one", "two", "three", "four", "five")
_MAIN, _PIN = "refs/heads/main", f"tools/{TOOL}"


@dataclass
class Counts:
    """What came of the histories.

    Attributes:
        healthy: how many were pushed to their end.
        acts: how often each act was done.
        rightly: what was refused, and the oracle refuses too, by act.
        wrong: healthy pushes and commits that were refused, and drift that came through.
    """

    healthy: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    rightly: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Ended(Exception):  # noqa: N818  (no error: a history that ends early)
    """A hook refused what is no healthy history any more."""


def make_pair(folder: Path) -> dict[str, str]:
    """Make what each history starts from: two clones with hooks and a server with its gate."""
    commits = make_lab(folder, hard_coded())
    lab = Lab(folder, NATIVE, commits)
    lab.write(f"configs/{TOOL}/experiment/a.yaml", EXPERIMENT)
    lab.done("an experiment")
    lab.quietly("push -q origin main")
    put_hooks(NATIVE, folder)
    guard(folder / "server.git")
    git("clone", "-q", "--recurse-submodules", "server.git", "other", cwd=folder)
    git("remote", "set-url", "origin", "../server.git", cwd=folder / "other")
    assert estash("install", cwd=folder / "other").code == 0
    git("config", "experimentstash.python", python(), cwd=folder / "other")
    return commits


def prove_histories(seed: int, count: int, folder: Path, until: float = math.inf, first: int = 0) -> Counts:
    """Play so many histories from the number `first` on, or as many as there is time for."""
    base = folder / "pair"
    base.mkdir()
    commits = make_pair(base)
    counts = Counts()
    for number in range(first, first + count):
        if time.monotonic() > until:
            break
        place = folder / "history"
        shutil.copytree(base, place, symlinks=True)
        history = History(random.Random(f"{seed}-{number}"), Lab(place, NATIVE, commits), counts)
        try:
            history.play()
        except Ended:
            pass
        except AssertionError as error:
            counts.wrong.append(f"history {number}: {'; '.join(history.done)}: {error}")
        shutil.rmtree(place)
    return counts


class History:
    """One history: what the two people do, one after the other."""

    def __init__(self, rng: random.Random, lab: Lab, counts: Counts) -> None:
        self.rng = rng
        self.lab = lab
        self.counts = counts
        self.done: list[str] = []
        self.number = 0

    def play(self) -> None:
        """Do some acts, then let both push."""
        acts: list[Callable[[], None]] = [
            self.freeze,
            self.freeze,
            self.freeze_without_hooks,
            self.bump,
            self.work,
            self.amend,
            self.merge,
            self.rebase,
            self.cherry_pick,
            self.revert,
            self.push,
            self.push,
            self.late_tag,
        ]
        for _ in range(_ACTS):
            self.turn()
            self.act(self.rng.choice(acts))
        for person in (self.lab.stash, self.lab.folder / "other"):
            self.lab.at = person
            self.act(self.late_tag)
            self.act(self.push)
        server = self.lab.server
        faults = Oracle(server, dict(os.environ)).faults({}, refs_of(server))
        assert not faults, f"came through: {faults}"
        self.counts.healthy += 1

    def turn(self) -> None:
        """Let one of the two go on."""
        self.lab.at = self.rng.choice([self.lab.stash, self.lab.folder / "other"])

    def act(self, act: Callable[[], None]) -> None:
        """Do one act."""
        self.done.append(f"{self.lab.at.name} {act.__name__}")
        self.counts.acts[act.__name__] += 1
        act()

    def git(self, *args: str, may_fail: bool = False) -> Ran:
        """Run git; where a hook of ours refuses, the oracle says whether that is right."""
        ran = run("git", *args, cwd=self.lab.at, env={"GIT_EDITOR": "true"}, timeout=_LONGEST)
        if ran.code != 0 and OURS.search(f"{ran.err}\n{ran.out}"):
            self.refused(args, ran)
        assert may_fail or ran.code == 0, f"git {args}: {ran.err}{ran.out}"
        return ran

    def refused(self, args: tuple[str, ...], ran: Ran) -> None:
        """End the history where the oracle refuses as well."""
        if args[0] != "push":
            self.lab.quietly("commit -q --no-edit --allow-empty -m finished")
        here, there = refs_of(self.lab.at), refs_of(self.lab.server)
        tags = {ref: name for ref, name in here.items() if ref.startswith("refs/tags/") and ref not in there}
        after = {**there, **tags, _MAIN: here[_MAIN]}
        oracle = Oracle(self.lab.at / ".git", {**os.environ, "GIT_DIR": "."})
        assert oracle.faults(there, after), f"a false alarm: {args}: {ran.err}{ran.out}"
        self.counts.rightly[self.done[-1].partition(" ")[2]] += 1
        raise Ended

    def pushed(self) -> bool:
        """Return whether the server has what is checked out."""
        return run("git", "merge-base", "--is-ancestor", "HEAD", "origin/main", cwd=self.lab.at).code == 0

    def next_tag(self) -> str:
        """Return a tag that nobody has."""
        self.number += 1
        return f"{self.lab.at.name}-{self.number}"

    def freeze(self) -> None:
        """Freeze an experiment with a commit of the tool; most snapshots are written without Hydra."""
        tag = self.next_tag()
        if self.rng.random() < _REAL_FREEZES:
            self.counts.acts["freeze by our command"] += 1
            self.lab.check_out(self.rng.choice(_COMMITS))
            ran = estash("snapshot", TOOL, "a", "--tag", tag, "--allow-back", "--commit", cwd=self.lab.at)
            assert ran.code == 0, f"snapshot: {ran.err}{ran.out}"
            return
        self.lab.freeze(tag, self.rng.choice(_COMMITS))
        self.git("commit", "-q", "-m", f"freeze {tag}")

    def freeze_without_hooks(self) -> None:
        """Freeze where no hook makes the tag."""
        self.lab.frozen(self.next_tag(), self.rng.choice(_COMMITS), tagged=False)

    def late_tag(self) -> None:
        """Make the tags that are missing."""
        ran = estash("tag", cwd=self.lab.at)
        if ran.code != 0:
            self.refused(("push",), ran)

    def bump(self) -> None:
        """Let the tool move."""
        self.lab.pin(self.rng.choice(_COMMITS))
        self.git("commit", "-q", "--allow-empty", "-m", "the tool moves")

    def work(self) -> None:
        """Do something else."""
        self.number += 1
        self.lab.write(f"{self.lab.at.name}-{self.number}.txt", f"{self.number}\n")
        self.git("commit", "-q", "-m", f"work {self.number}")

    def amend(self) -> None:
        """Amend the last commit, if nobody else has it."""
        if not self.pushed():
            self.number += 1
            self.lab.write(f"{self.lab.at.name}-amended-{self.number}.txt")
            self.git("commit", "-q", "--amend", "--no-edit")

    def merge(self) -> None:
        """Pull with a merge; of two pins, one is taken."""
        self.git("fetch", "-q", "origin")
        if self.git("merge", "-q", "--no-edit", "origin/main", may_fail=True).code != 0:
            self.take_pin(self.rng.choice(["HEAD", "MERGE_HEAD"]))
            self.git("commit", "-q", "--no-edit")

    def rebase(self) -> None:
        """Pull with a rebase; each commit keeps its pin."""
        self.git("fetch", "-q", "origin")
        ran = self.git("rebase", "-q", "origin/main", may_fail=True)
        while ran.code != 0:
            self.take_pin("REBASE_HEAD")
            ran = self.git("rebase", "--continue", may_fail=True)

    def take_pin(self, rev: str) -> None:
        """Resolve a conflict of pins."""
        pin = git("rev-parse", f"{rev}:{_PIN}", cwd=self.lab.at)
        self.lab.check_out(pin)
        self.lab.quietly(f"add {_PIN}")

    def cherry_pick(self) -> None:
        """Work on a side branch, and pick that."""
        self.git("switch", "-q", "-c", "side")
        self.work()
        self.git("switch", "-q", "main")
        self.git("cherry-pick", "side")
        self.git("branch", "-q", "-D", "side")

    def revert(self) -> None:
        """Work, and take that back."""
        self.work()
        self.git("revert", "--no-edit", "HEAD")

    def push(self) -> None:
        """Push branch and tags; where the other one was faster, pull first."""
        for _ in range(2):
            if self.git("push", "-q", "--follow-tags", "origin", "HEAD:main", may_fail=True).code == 0:
                return
            self.rng.choice([self.merge, self.rebase])()
        self.git("push", "-q", "--follow-tags", "origin", "HEAD:main")


def refs_of(repository: Path) -> dict[str, str]:
    """Return what the branches and tags of a repository name."""
    told = git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags", cwd=repository)
    return {line.split()[0]: line.split()[1] for line in told.splitlines()}
