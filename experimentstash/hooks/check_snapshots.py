"""`check-snapshots`: the rules `flat`, `header`, `pin` and `frozen` for the commit being made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.names import SnapshotName
from experimentstash.problems import FINE, Problem, StashError, guard, quote
from experimentstash.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experimentstash.entries import Entry


def main(argv: Sequence[str] | None = None) -> int:  # noqa: ARG001  (each door has it)
    """Judge what the next commit brings in or changes below `snapshots/`, and return the exit code.

    Args:
        argv: taken as it comes: neither a framework nor git says anything here that is of interest.
    """
    return guard(_check)


def _check() -> int:
    with Repository.open(Path.cwd()) as repository:
        staged = repository.staged()
        if not staged:
            return FINE
        return _judge(repository, staged)


def _judge(repository: Repository, staged: Mapping[str, Entry]) -> int:
    from experimentstash.allowance import report_unless_allowed  # what most commits have no need of
    from experimentstash.examine import judge_staged

    problems = judge_staged(repository, staged).problems
    if not problems:
        return FINE
    found = _frozen_meanwhile(repository.root, staged, problems)
    return report_unless_allowed(found, repository.own_folder, "git commit …")


def _frozen_meanwhile(root: Path, staged: Mapping[str, Entry], problems: Sequence[Problem]) -> list[Problem]:
    """Return the findings; of a file that is right on disk by now, one that says so in the place of many.

    `freeze-snapshots` mends a file and does not stage it: under a framework this hook runs all the same.
    """
    places = [_file_of(problem) if problem.rule in ("flat", "header") else "" for problem in problems]
    mended = {path for path in staged.keys() & set(places) if _is_mended(root, path)}
    told = [problem for problem, path in zip(problems, places, strict=True) if path not in mended]
    what = "it is frozen in the working tree, and not as it is staged"
    return told + [Problem(path, "flat", what, f"git add {quote(path)}") for path in sorted(mended)]


def _file_of(problem: Problem) -> str:
    """Return the path of a finding's place, which may name a line."""
    return problem.where if problem.where.endswith(".yaml") else problem.where.rpartition(":")[0]


def _is_mended(root: Path, path: str) -> bool:
    from experimentstash.files import check_inside
    from experimentstash.frozen import problems_of
    from experimentstash.snapshot import LARGEST

    name = SnapshotName.from_path(path)
    if name is None:
        return False
    try:
        check_inside(root, root / path)
        with (root / path).open("rb") as file:
            return not problems_of(name, file.read(LARGEST + 1).decode("utf-8"))
    except (OSError, StashError, UnicodeDecodeError):
        return False
