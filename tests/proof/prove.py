"""The proof at full size: `make proof`. It prints its figures as Markdown, and what is wrong to stderr."""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]


def seal(home: Path) -> None:
    """Let git and our program see no configuration of this machine."""
    for name in [
        name for name in os.environ if name.startswith(("GIT_", "XDG_", "HYDRA_", "PYTHON", "EXPERIMENTSTASH_"))
    ]:
        del os.environ[name]
    os.environ.update(HOME=str(home), GIT_CONFIG_NOSYSTEM="1", LC_ALL="C.UTF-8", GIT_TERMINAL_PROMPT="0")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada Tester\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n"
        '[protocol "file"]\n\tallow = always\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n'
        "[advice]\n\tdetachedHead = false\n[experimentstash]\n\thooks = none\n"
    )


def main() -> int:
    """Prove what is asked for, and return 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutations", type=int, default=10_000, help="how many mutations of frozen stashes")
    parser.add_argument("--histories", type=int, default=1_000, help="how many histories of two people")
    parser.add_argument("--faults", type=int, default=10_000, help="at most so many calls of each command and error")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end each part after so long")
    parser.add_argument("--command", action="append", help="a command whose calls fail; by default each in turn")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="experimentstash-proof-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        seal(home)
        wrong = list(_parts(asked, Path(folder)))
    for one in wrong:
        print(f"wrong: {one}", file=sys.stderr)
    return 1 if wrong else 0


def _parts(asked: argparse.Namespace, folder: Path) -> Iterator[str]:
    """Prove each part, print its figures, and yield what is wrong."""
    sys.path[:0] = [str(TESTS), str(TESTS / "drift")]
    from faults import COMMANDS, prove_faults
    from markdown_figures import fault_lines, history_lines, mutation_lines
    from mutations import prove_mutations
    from two_people import prove_histories

    start, seconds = time.monotonic(), 60 * asked.minutes
    if asked.mutations:
        figures = prove_mutations(asked.seed, asked.mutations, folder, time.monotonic() + seconds)
        print("\n".join(["", "## Mutations", "", *mutation_lines(figures)]), flush=True)
        yield from figures.wrong
    if asked.histories:
        counts = prove_histories(asked.seed, asked.histories, folder, time.monotonic() + seconds)
        print("\n".join(["", "## Histories", "", *history_lines(counts)]), flush=True)
        yield from counts.wrong
    if asked.faults:
        names = asked.command or list(COMMANDS)
        outcome = prove_faults(asked.seed, asked.faults, folder, names, time.monotonic() + seconds)
        print("\n".join(["", "## Faults", "", *fault_lines(outcome)]), flush=True)
        yield from outcome.wrong
    print(f"\n{time.monotonic() - start:.0f} seconds")


if __name__ == "__main__":
    sys.exit(main())
