"""`tag-snapshots`: makes the snapshot tags after a commit, merge or rewrite, for the snapshots that hold."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import FINE, guard, report
from experimentstash.core.names import tag_of
from experimentstash.git.repository import Repository
from experimentstash.git.user_git import HELD
from experimentstash.hooks.options import Options, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.core.errors import Problem

_REWRITE = "PRE_COMMIT_REWRITE_COMMAND"
_STAGE = "PREK_HOOK_STAGE"  # prek sets no variable for a merge
_MERGE = ("PRE_COMMIT_IS_SQUASH_MERGE", "PRE_COMMIT_SQUASH_MERGE")
_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def main(argv: Sequence[str] | None = None) -> int:
    """Make the tags, and return the exit code: 1 if a snapshot does not hold and gets no tag.

    Args:
        argv: `--stage KIND` and the arguments that git passes to the hook; a framework sets environment variables.
    """
    options = read("tag-snapshots", "Make the snapshot tags after a commit, a merge or a rewrite.", argv)
    return guard(lambda: _tag(*_stage(options)))


def _stage(options: Options) -> tuple[str, str]:
    """Return the type of the hook and, for `post-rewrite`, the command that rewrote the commits."""
    if options.stage:
        return options.stage, next(iter(options.words), "")
    if _REWRITE in os.environ:
        return "post-rewrite", os.environ[_REWRITE]
    merged = os.environ.get(_STAGE) == "post-merge" or any(name in os.environ for name in _MERGE)
    return "post-merge" if merged else "post-commit", ""


def _tag(stage: str, command: str) -> int:
    if HELD in os.environ:
        return FINE
    with Repository.open(Path.cwd()) as repository:
        # A rebase runs `post-rewrite` at its end. Tags that are made earlier would stay on abandoned commits.
        if repository.rebasing and command != "rebase":
            return FINE
        if stage == "post-rewrite":
            return _after_rewrite(repository, amended=command == "amend")
        if not (touched := _touched(repository, stage)):
            return FINE
        from experimentstash.verify.missing_tags import make_missing  # most commits do not need it

        made, problems = make_missing(repository, among=touched, fresh=True)
        if stage == "post-commit" and touched != {tag.tag for tag in made}:
            problems += _move_after_reset(repository)
        return _report(repository, problems)


def _move_after_reset(repository: Repository) -> list[Problem]:
    """Move tags to the commits that replace theirs after a `git reset`; an amend has its own hook."""
    from experimentstash.verify.rewritten_tags import carry

    return [] if repository.amended else carry(repository)[1]


def _after_rewrite(repository: Repository, *, amended: bool) -> int:
    """Move tags to the rewritten commits. After a rebase, also make missing tags: an amend ran `post-commit`."""
    from experimentstash.verify.missing_tags import make_missing
    from experimentstash.verify.rewritten_tags import carry

    _, move_problems = carry(repository, _rewritten())
    touched = set() if amended else _touched(repository, "post-rewrite")
    _, tag_problems = make_missing(repository, among=touched, fresh=True) if touched else ([], [])
    return _report(repository, [*move_problems, *tag_problems])


def _report(repository: Repository, problems: Sequence[Problem]) -> int:
    """Report the findings, with fixes for a commit that exists but is not pushed yet."""
    if not problems:
        return FINE
    from experimentstash.core.names import SHORT
    from experimentstash.verify.rules import AMEND, in_commit

    head = repository.head() or ""
    roots = {root[:SHORT] for root in repository.roots([head])}
    reported = []
    for problem in problems:
        commit, fix = problem.where.partition(":")[0], problem.fix
        if commit == head[:SHORT]:
            mend, comment, hint = fix.partition("  # ")
            fix = f"{mend} && {AMEND}{comment}{hint}"
        elif problem.rule != "tag":
            fix = in_commit(fix, commit, is_root=commit in roots)
        reported.append(problem._replace(fix=fix))
    return report(reported)


def _touched(repository: Repository, stage: str) -> set[str]:
    """Return the tags whose snapshots the new local commits add or change."""
    if (head := repository.head()) is None:
        return set()
    if stage != "post-commit":
        commits = _local_commits(repository, head, stage)
    elif len(parents := repository.parents()) > 1:  # `git commit` has concluded a merge
        commits = repository.reachable([head], [parents[0], *repository.remembered()])
    else:
        commits = [head]
    changes = repository.changes(commits) if commits else {}
    return {tag for paths in changes.values() for change in paths if (tag := tag_of(change.path))}


def _local_commits(repository: Repository, head: str, stage: str) -> list[str]:
    """Return the commits that no remote-tracking branch has: others tag their own commits, and the tags would clash."""
    before = ["ORIG_HEAD"] if stage == "post-merge" and repository.has("ORIG_HEAD") else []
    return repository.reachable([head], [*before, *repository.remembered()])


def _rewritten() -> list[str]:
    """Return the rewritten commits, which git passes on stdin; a framework does not pass them on."""
    if sys.stdin is None or sys.stdin.isatty():
        return []
    words = [line.partition(b" ")[0] for line in sys.stdin.buffer.read().split(b"\n")]
    return [word.decode("ascii") for word in words if _ID.fullmatch(word)]
