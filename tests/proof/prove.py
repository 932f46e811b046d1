"""The proof at full size: `make proof`. It prints its figures as Markdown, and what is wrong to stderr.

With --record, it keeps the figures and writes them into docs/proof.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    parser.add_argument("--first", type=int, default=0, help="the number of the first history")
    parser.add_argument("--faults", type=int, default=10_000, help="at most so many calls of each command and error")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end each part after so long")
    parser.add_argument("--command", action="append", help="a command whose calls fail; by default each in turn")
    parser.add_argument("--record", action="store_true", help="keep the figures, and write them into docs/proof.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="experimentstash-proof-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        seal(home)
        wrong = list(_parts(asked, Path(folder)))
    for one in wrong:
        print(f"wrong: {one}", file=sys.stderr)
    return 1 if wrong else 0


def plain(figures: Any) -> dict[str, Any]:
    """Return the attributes of figures as JSON has them."""
    kept: dict[str, Any] = json.loads(json.dumps(vars(figures)))
    return kept


def _parts(asked: argparse.Namespace, folder: Path) -> Iterator[str]:
    """Prove each part, print its figures, and yield what is wrong."""
    sys.path[:0] = [str(TESTS), str(TESTS / "drift")]
    from faults import COMMANDS, prove_faults
    from markdown_figures import code_and_versions, fault_lines, history_lines, mutation_lines, record
    from mutations import prove_mutations
    from two_people import prove_histories

    arguments = shlex.join(word for word in sys.argv[1:] if word != "--record")
    on = code_and_versions()
    start, seconds = time.monotonic(), 60 * asked.minutes

    def told(part: str, figures: dict[str, Any], lines: list[str]) -> None:
        if asked.record:
            record(part, arguments, on, figures)
        print("\n".join(lines), flush=True)

    if asked.mutations:
        mutated = plain(prove_mutations(asked.seed, asked.mutations, folder, time.monotonic() + seconds))
        told("mutations", mutated, mutation_lines(mutated))
        yield from mutated["wrong"]
    if asked.histories:
        end = time.monotonic() + seconds
        histories = plain(prove_histories(asked.seed, asked.histories, folder, end, asked.first))
        told("histories", histories, history_lines(histories))
        yield from histories["wrong"]
    for number, name in enumerate((asked.command or COMMANDS) if asked.faults else ()):
        place = folder / f"faults{number}"
        place.mkdir()
        outcome = plain(prove_faults(asked.seed, asked.faults, place, name, time.monotonic() + seconds))
        told(name, outcome, fault_lines({name: outcome}))
        yield from outcome["wrong"]
    print(f"\n{time.monotonic() - start:.0f} seconds")


if __name__ == "__main__":
    sys.exit(main())
