"""The native pre-commit hook: judges the commit being made and freezes unfrozen snapshots, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import FINE, guard
from experimentstash.git.repository import Repository
from experimentstash.hooks.check_snapshots import report_staged, staged_problems
from experimentstash.hooks.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:  # noqa: ARG001  (git passes no arguments here)
    """Judge and freeze the staged snapshots, and return the exit code.

    An unfrozen snapshot breaks the rule `flat` or `header`. So this judges first, and imports the freezing modules
    only if there are findings.
    """
    return guard(_judge_and_freeze)


def _judge_and_freeze() -> int:
    with Repository.open(Path.cwd()) as repository:
        problems = staged_problems(repository, Options())
        if not problems:
            return FINE
        from experimentstash.hooks.freeze_snapshots import freeze_staged_files  # 40 ms

        return freeze_staged_files(repository) or report_staged(repository, problems)
