"""`freeze-snapshots`: flattens staged snapshot configs that are not frozen yet, and adds their headers, in place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import FINDING, FINE, command, guard
from experimentstash.git.repository import Repository
from experimentstash.hooks.options import read

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Freeze the staged files below `snapshots/`, and return the exit code: 1 if this changed a file.

    Args:
        argv: `--help`; or `--stage KIND` and the arguments that git passes to the hook.
    """
    read("freeze-snapshots", "Freeze the staged files below snapshots/ that are not frozen yet.", argv)
    return guard(_freeze)


def _freeze() -> int:
    with Repository.open(Path.cwd()) as repository:
        return freeze_staged_files(repository)


def freeze_staged_files(repository: Repository) -> int:
    """Freeze the staged configs that are not frozen yet, report them, and return the exit code."""
    if not (staged := repository.staged()):
        return FINE
    from experimentstash.core.progress import show_steps
    from experimentstash.freeze.freezer import Freezer
    from experimentstash.freeze.staged_configs import freeze_staged
    from experimentstash.git.checkouts.pins import pin_moves
    from experimentstash.stash.stash import Stash
    from experimentstash.verify.exceptions import VARIABLE  # most commits do not need these modules

    show_steps()
    freezer = Freezer(Stash(repository.root))
    frozen, failures = freeze_staged(repository, staged, freezer)
    if frozen:
        pins = {tool: pin for snapshot in frozen for tool, pin in snapshot.pins.items()}
        for line in freezer.lines(frozen, pin_moves(freezer.stash, pins)):
            print(line)
        paths = dict.fromkeys(path for snapshot in frozen for path in (snapshot.name.path, *snapshot.files))
        print(f"next: {command('git', 'add', *paths)} && git commit")
    sys.stdout.flush()
    for failure in failures:
        print(f"experimentstash: {failure}", file=sys.stderr)
    if failures:
        print(f"    or, if you mean it: {VARIABLE}=flat,header git commit …", file=sys.stderr)
    return FINDING if frozen or failures else FINE
