"""The request of the parent process: read from the environment variable EXPERIMENTSTASH_ORDER."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterable, List, Optional

VARIABLE = "EXPERIMENTSTASH_ORDER"
FROZEN = "experimentstash_frozen"
"""The name of a frozen config in Hydra's ConfigStore."""


class Order:
    """The order, with a default for everything, so that a child process without one does nothing special.

    Attributes:
        mode: `run`, `capture`, `validate`, `replay` or `describe`.
        prepend: search paths (`file://…`) that come before the tool's own configs.
        append: search paths (`pkg://…`) that come after them.
        compose: whether the program uses the compose API and ignores its arguments.
        experiment: the experiment's name, for programs that ignore their arguments; empty for none.
        group: the group of the experiment; `.` where it stands beside the program's primary config.
        given: every override that was put on the command line; what else stands there the program added.
        overrides: what the user typed of them, for programs that ignore their arguments.
        more: further experiments to be composed in the same start, for `copies`.
        report: the file that takes the answer; of a replay, that the frozen config was loaded.
        snapshot: the snapshot file that is replayed, or is frozen anew.
        folder: whether the run has a directory of its own, whatever the config or the program says.
        frozen_with: the overrides that the snapshot was frozen with, for what the program composes besides.
        added: the overrides that the program added to its own command line; None while nobody knows.
        late, keep: keys whose lateness the user decided.
        plain: keys below which the user takes plain values for what cannot be given back as it is.
        imports: the directory that takes what a run imported; empty if nobody asks.
        stash, root: the directories of the stash and of the tool.
        loaded: the directory that takes what each process of a run loaded; empty for none.
        note: what a note in the run directory says; empty for none.
        origin: what the record in the run directory says; empty if none is written.
        work: the tool's working directory; empty if nobody asks.
    """

    def __init__(self, said: dict[str, Any]) -> None:
        self.mode: str = said.get("mode", "")
        self.prepend: list[str] = said.get("prepend", [])
        self.append: list[str] = said.get("append", [])
        self.compose: bool = said.get("compose", False)
        self.experiment: str = said.get("experiment", "")
        self.group: str = said.get("group", "experiment")
        self.overrides: list[str] = said.get("overrides", [])
        self.given: list[str] = said.get("given", [])
        self.more: List[Dict[str, Any]] = said.get("more", [])
        self.report: str = said.get("report", "")
        self.snapshot: str = said.get("snapshot", "")
        self.folder: bool = said.get("folder", False)
        self.frozen_with: list[str] = said.get("frozen_with", [])
        self.added: Optional[List[str]] = said.get("added")
        self.late: list[str] = said.get("late", [])
        self.keep: list[str] = said.get("keep", [])
        self.plain: list[str] = said.get("plain", [])
        self.imports: str = said.get("imports", "")
        self.stash: str = said.get("stash", "")
        self.root: str = said.get("root", "")
        self.loaded: str = said.get("loaded", "")
        self.note: str = said.get("note", "")
        self.origin: dict[str, Any] = said.get("origin", {})
        self.work: str = said.get("work", "")

    @property
    def replay(self) -> str:
        """The arguments of `experimentstash run` that replay the snapshot: `TOOL EXPERIMENT --snapshot TAG`."""
        parts = self.snapshot[: -len(".yaml")].split("/")
        place = len(parts) - 1 - parts[::-1].index("snapshots") if "snapshots" in parts[1:-2] else 0
        if not place:
            return "TOOL %s --snapshot TAG" % self.experiment
        return "%s %s --snapshot %s" % (parts[place - 1], "/".join(parts[place + 2 :]), parts[place + 1])

    def hand_on(self, added: Iterable[str]) -> None:
        """Let the processes that this one starts know what it found out: the launchers of sweeps start some."""
        self.added = sorted(added)
        os.environ[VARIABLE] = json.dumps(dict(json.loads(os.environ[VARIABLE]), added=self.added))

    def answer(self, said: dict[str, Any]) -> None:
        """Write the answer for the parent, whole or not at all."""
        part = self.report + ".part"
        with open(part, "w", encoding="ascii") as file:
            json.dump(said, file)
        os.replace(part, self.report)


def read() -> Order:
    """Read the order of this process."""
    return Order(json.loads(os.environ.get(VARIABLE) or "{}"))
