"""`tag-snapshots`: the tags of what was just committed, merged or rewritten, made for what holds."""

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
_STAGE = "PREK_HOOK_STAGE"  # said by prek, which says nothing of a merge
_MERGE = ("PRE_COMMIT_IS_SQUASH_MERGE", "PRE_COMMIT_SQUASH_MERGE")
_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def main(argv: Sequence[str] | None = None) -> int:
    """Make the tags, and return the exit code: 1 where something does not hold and gets none.

    Args:
        argv: `--stage KIND` and what git gave the hook; a framework says so in its environment.
    """
    options = read("tag-snapshots", "Make the snapshot tags of what was just committed, merged or rewritten.", argv)
    return guard(lambda: _tag(*_stage(options)))


def _stage(options: Options) -> tuple[str, str]:
    """Return the type of the hook, and of `post-rewrite` the command that rewrote."""
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
        # at its end a rebase says so by `post-rewrite`; what is tagged before that would be left behind
        if repository.rebasing and command != "rebase":
            return FINE
        if stage == "post-rewrite":
            return _settle(repository, amended=command == "amend")
        if not (touched := _touched(repository, stage)):
            return FINE
        from experimentstash.verify.missing_tags import make_missing  # what most commits have no need of

        made, problems = make_missing(repository, among=touched, fresh=True)
        if stage == "post-commit" and touched != {one.tag for one in made}:
            problems += _taken_up(repository)
        return _report(repository, problems)


def _taken_up(repository: Repository) -> list[Problem]:
    """Carry tags along to what took the place of their commits after a `git reset`; an amend has a hook of its own."""
    from experimentstash.verify.rewritten_tags import carry

    return [] if repository.amended else carry(repository)[1]


def _settle(repository: Repository, *, amended: bool) -> int:
    """Carry tags along, and after a rebase make those of its commits; an amended one had its `post-commit`."""
    from experimentstash.verify.missing_tags import make_missing
    from experimentstash.verify.rewritten_tags import carry

    _, problems = carry(repository, _rewritten())
    touched = set() if amended else _touched(repository, "post-rewrite")
    _, found = make_missing(repository, among=touched, fresh=True) if touched else ([], [])
    return _report(repository, [*problems, *found])


def _report(repository: Repository, problems: Sequence[Problem]) -> int:
    """Report what does not hold: it is committed already, and nobody else has it yet."""
    if not problems:
        return FINE
    from experimentstash.core.names import SHORT
    from experimentstash.verify.rules import AMEND, in_commit

    head = repository.head() or ""
    roots = {root[:SHORT] for root in repository.roots([head])}
    told = []
    for problem in problems:
        commit, fix = problem.where.partition(":")[0], problem.fix
        if commit == head[:SHORT]:
            mend, comment, hint = fix.partition("  # ")
            fix = f"{mend} && {AMEND}{comment}{hint}"
        elif problem.rule != "tag":
            fix = in_commit(fix, commit, is_root=commit in roots)
        told.append(problem._replace(fix=fix))
    return report(told)


def _touched(repository: Repository, stage: str) -> set[str]:
    """Return the tags of which the commits that were made here just now brought in or changed something."""
    if (head := repository.head()) is None:
        return set()
    if stage != "post-commit":
        commits = _ours(repository, head, stage)
    elif len(parents := repository.parents()) > 1:  # a merge that stopped, and that `git commit` has concluded
        commits = repository.reachable([head], [parents[0], *repository.remembered()])
    else:
        commits = [head]
    changes = repository.changes(commits) if commits else {}
    return {tag for told in changes.values() for change in told if (tag := tag_of(change.path))}


def _ours(repository: Repository, head: str, stage: str) -> list[str]:
    """Return the commits that no remote is known to have: others tag their own, and two tags would clash."""
    before = ["ORIG_HEAD"] if stage == "post-merge" and repository.has("ORIG_HEAD") else []
    return repository.reachable([head], [*before, *repository.remembered()])


def _rewritten() -> list[str]:
    """Return the commits that git says were rewritten; a framework does not hand that on."""
    if sys.stdin is None or sys.stdin.isatty():
        return []
    words = [line.partition(b" ")[0] for line in sys.stdin.buffer.read().split(b"\n")]
    return [word.decode("ascii") for word in words if _ID.fullmatch(word)]
