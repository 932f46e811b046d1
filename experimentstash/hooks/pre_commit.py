"""Git's own pre-commit hook: judges the commit being made, and freezes what is not frozen yet, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import FINE, guard
from experimentstash.git.repository import Repository
from experimentstash.hooks.check_snapshots import report_staged, staged_problems
from experimentstash.hooks.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:  # noqa: ARG001  (git gives this hook nothing)
    """Answer the hook and return the exit code.

    What is not frozen yet breaks the rules `flat` or `header`. So a commit is judged first, and nothing that freezing
    needs is loaded where all holds.
    """
    return guard(_answer)


def _answer() -> int:
    with Repository.open(Path.cwd()) as repository:
        problems = staged_problems(repository, Options())
        if not problems:
            return FINE
        from experimentstash.hooks.freeze_snapshots import freeze_staged_files  # 40 ms

        return freeze_staged_files(repository) or report_staged(repository, problems)
