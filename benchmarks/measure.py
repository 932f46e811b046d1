"""Times whole processes, each once in every round."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

WARM_UPS = 2


def _nothing() -> None:
    pass


@dataclass(frozen=True, eq=False)
class Timed:
    """A timed command: from the start of its process to its end.

    Attributes:
        label: its name in the table.
        command: program and arguments.
        cwd, env: its working directory and variables.
        before: restores the state before each run, untimed.
        stdin: its input.
    """

    label: str
    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    before: Callable[[], None] = _nothing
    stdin: bytes = field(default=b"", repr=False)

    def seconds(self) -> float:
        """Run it once; it must succeed."""
        self.before()
        began = time.perf_counter()
        done = subprocess.run(
            self.command, cwd=self.cwd, env=self.env, input=self.stdin, capture_output=True, check=False
        )
        took = time.perf_counter() - began
        if done.returncode != 0:
            sys.exit(f"{self.label}: exit code {done.returncode}\n{done.stderr.decode()}{done.stdout.decode()}")
        return took


@dataclass(frozen=True)
class Row:
    """One line of the table: a command and its peer.

    Attributes:
        subject: what is measured.
        peer: the command to compare with, or None; a text if it is not available.
        times: how often the subject does the peer's work.
        most_added: the aim in seconds above the peer, or None.
        most_ratio: the aim as a multiple of the peer, or None.
        most: the aim in seconds, or None.
    """

    subject: Timed
    peer: Timed | str | None = None
    times: int = 1
    most_added: float | None = None
    most_ratio: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Spread:
    """A median with the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float], median: float | None = None) -> Spread:
        """Return the spread of some values; `median` replaces theirs."""
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(middle if median is None else median, low, high)


Seconds = dict[Timed, list[float]]


def measure(rows: list[Row], rounds: int) -> Seconds:
    """Time every command of the rows: warm-ups first, then rounds that run each once, in a new random order.

    So a busy machine affects all of them, and the ratio within a round is still fair.
    """
    stated = [one for row in rows for one in (row.subject, row.peer)]
    everything = [one for one in dict.fromkeys(stated) if isinstance(one, Timed)]
    took: Seconds = {timed: [] for timed in everything}
    order = random.Random(2)  # noqa: S311  (a reproducible shuffle)
    for number in range(-WARM_UPS, rounds):
        order.shuffle(everything)
        for timed in everything:
            seconds = timed.seconds()
            if number >= 0:
                took[timed].append(seconds)
        print(f"round {number + 1} of {rounds}" if number >= 0 else "warm-up", file=sys.stderr)
    return took


def added(row: Row, took: Seconds) -> Spread:
    """Return the seconds that the subject takes more than its peer: between medians, quartiles by round."""
    assert isinstance(row.peer, Timed)  # noqa: S101  (asked of rows with a peer)
    mine, theirs = took[row.subject], took[row.peer]
    median = statistics.median(mine) - row.times * statistics.median(theirs)
    return Spread.of([a - row.times * b for a, b in zip(mine, theirs, strict=True)], median)


def ratio(row: Row, took: Seconds) -> Spread:
    """Return the subject as a multiple of its peer's work: of medians, quartiles by round."""
    assert isinstance(row.peer, Timed)  # noqa: S101  (asked of rows with a peer)
    mine, theirs = took[row.subject], took[row.peer]
    median = statistics.median(mine) / statistics.median(theirs) / row.times
    return Spread.of([a / b / row.times for a, b in zip(mine, theirs, strict=True)], median)
