"""`check-snapshots`: the rules `flat`, `header`, `pin` and `frozen` for the commit being made, a range, or HEAD."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import FINE, Problem, StashError, guard, quote
from experimentstash.core.names import SnapshotName
from experimentstash.git.repository import Repository
from experimentstash.hooks.options import Options, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experimentstash.git.entries import Entry
    from experimentstash.verify.examination import Verdict

_ABOUT = "Judge the snapshots of the commit being made, of the range that a framework names, or of HEAD."
_RANGE = ("PRE_COMMIT_FROM_REF", "PRE_COMMIT_TO_REF")  # of pre-commit and prek, given --from-ref and --to-ref
_INDEX = "GIT_INDEX_FILE"  # which git sets for the hooks of a commit that is being made


def main(argv: Sequence[str] | None = None) -> int:
    """Judge a commit and return the exit code.

    Judged is what the next commit brings in or changes below `snapshots/`. Where a framework names a range, as in CI,
    it is that range; where nothing at all is staged and no commit is being made, it is HEAD with the snapshot tags.

    Args:
        argv: `--strict` and `--online`; `--stage KIND` and what git gave the hook.
    """
    options = read("check-snapshots", _ABOUT, argv, ("--strict", "--online"))
    return guard(lambda: _check(options))


def _check(options: Options) -> int:
    with Repository.open(Path.cwd()) as repository:
        start, end = (os.environ.get(name, "") for name in _RANGE)
        if start and end and not options.stage:
            return _judge_range(repository, start, end, options)
        if repository.staged() or repository.staged_misplaced() or options.strict or options.stage:
            return report_staged(repository, staged_problems(repository, options))
        if _INDEX not in os.environ and not repository.has_staged():
            return _judge_head(repository, options)
        return FINE


def _judge_range(repository: Repository, start: str, end: str, options: Options) -> int:
    from experimentstash.hooks.fetched_tags import check_tags_fetched
    from experimentstash.verify.examination import judge_range

    last = repository.resolve(end)
    first = start if not start.strip("0") else repository.resolve(start)
    commits = repository.range(f"{first}..{last}")
    check_tags_fetched(repository, last)
    return _report(repository, judge_range(repository, commits, strict=options.strict), options)


def _judge_head(repository: Repository, options: Options) -> int:
    if (head := repository.head()) is None:
        return FINE
    from experimentstash.hooks.fetched_tags import check_tags_fetched
    from experimentstash.verify.examination import judge_head

    check_tags_fetched(repository, head)
    return _report(repository, judge_head(repository, head, strict=options.strict), options)


def _report(repository: Repository, verdict: Verdict, options: Options) -> int:
    from experimentstash.verify.exceptions import report_unless_allowed

    problems = [*verdict.problems, *_unpublished(repository, verdict, options)]
    return report_unless_allowed(problems, repository.own_folder, "check-snapshots")


def _unpublished(repository: Repository, verdict: Verdict, options: Options) -> list[Problem]:
    if not options.online:
        return []
    from experimentstash.verify.published import unpublished

    return unpublished(repository, verdict.recorded, online=True)


def staged_problems(repository: Repository, options: Options) -> list[Problem]:
    """Judge the commit being made: what it brings in, or with `--strict` all that it holds.

    Raises:
        StashError: it cannot be judged: a conflict, a missing object, the edge of a shallow clone.
    """
    staged = repository.staged()
    if not (staged or repository.staged_misplaced() or options.strict):
        return []
    from experimentstash.verify.examination import judge_index, judge_staged  # what most commits have no need of

    verdict = judge_index(repository, strict=True) if options.strict else judge_staged(repository, staged)
    return [*verdict.problems, *_unpublished(repository, verdict, options)]


def report_staged(repository: Repository, problems: Sequence[Problem]) -> int:
    """Tell of what `staged_problems` found, and return the exit code."""
    if not problems:
        return FINE
    from experimentstash.verify.exceptions import report_unless_allowed

    found = _frozen_meanwhile(repository.root, repository.staged(), problems)
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
    from experimentstash.core.files import check_inside
    from experimentstash.freeze.pending_snapshot import problems_of
    from experimentstash.stash.snapshot_file import LARGEST

    name = SnapshotName.from_path(path)
    if name is None:
        return False
    try:
        check_inside(root, root / path)
        with (root / path).open("rb") as file:
            return not problems_of(name, file.read(LARGEST + 1).decode("utf-8"))
    except (OSError, StashError, UnicodeDecodeError):
        return False
