"""`check-snapshots`: applies the rules `flat`, `header`, `pin` and `frozen` to a new commit, a range, or HEAD."""

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

_ABOUT = "Judge the snapshots of the commit being made, of the range that a framework passes, or of HEAD."
_RANGE = ("PRE_COMMIT_FROM_REF", "PRE_COMMIT_TO_REF")  # set by pre-commit and prek for --from-ref and --to-ref
_INDEX = "GIT_INDEX_FILE"  # set by git for the hooks of `git commit`


def main(argv: Sequence[str] | None = None) -> int:
    """Judge a commit and return the exit code.

    By default this judges the changes below `snapshots/` that are staged. If a framework passes a range, as in CI, it
    judges that range. If nothing is staged and no commit is being made, it judges HEAD and the snapshot tags.

    Args:
        argv: `--strict` and `--online`; or `--stage KIND` and the arguments that git passes to the hook.
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
    """Judge the staged snapshots or, with `--strict`, all snapshots of the index.

    Raises:
        StashError: they cannot be judged: a conflict, a missing object, the boundary of a shallow clone.
    """
    staged = repository.staged()
    if not (staged or repository.staged_misplaced() or options.strict):
        return []
    from experimentstash.verify.examination import judge_index, judge_staged  # most commits do not need it

    verdict = judge_index(repository, strict=True) if options.strict else judge_staged(repository, staged)
    return [*verdict.problems, *_unpublished(repository, verdict, options)]


def report_staged(repository: Repository, problems: Sequence[Problem]) -> int:
    """Report the findings of `staged_problems`, and return the exit code."""
    if not problems:
        return FINE
    from experimentstash.verify.exceptions import report_unless_allowed

    merged = _merge_fixed_files(repository.root, repository.staged(), problems)
    return report_unless_allowed(merged, repository.own_folder, "git commit …")


def _merge_fixed_files(root: Path, staged: Mapping[str, Entry], problems: Sequence[Problem]) -> list[Problem]:
    """Return the findings, with one finding for each file that is correct on disk but not staged.

    `freeze-snapshots` fixes a file and does not stage it. A framework runs this hook after it all the same.
    """
    paths = [_path_of(problem) if problem.rule in ("flat", "header") else "" for problem in problems]
    fixed = {path for path in staged.keys() & set(paths) if _is_fixed(root, path)}
    remaining = [problem for problem, path in zip(problems, paths, strict=True) if path not in fixed]
    what = "the file is frozen in the working tree, but the frozen file is not staged"
    return remaining + [Problem(path, "flat", what, f"git add {quote(path)}") for path in sorted(fixed)]


def _path_of(problem: Problem) -> str:
    """Return the path in a finding's place, which may end with a line number."""
    return problem.where if problem.where.endswith(".yaml") else problem.where.rpartition(":")[0]


def _is_fixed(root: Path, path: str) -> bool:
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
