"""`verify [--all | --staged | REV | A..B]`: judges whether snapshots hold, from git objects alone."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import click

from experimentstash.core.errors import FINDING, FINE, StashError, UsageError, report
from experimentstash.git.repository import Repository
from experimentstash.stash.stash import find_stash
from experimentstash.verify.examination import Verdict, judge_all, judge_commit, judge_index, judge_range
from experimentstash.verify.published import unpublished


@click.command("verify")
@click.argument("rev", required=False, metavar="[REV | A..B]")
@click.option("--all", "everything", is_flag=True, help="Judge the index, HEAD, every branch and every snapshot tag.")
@click.option("--staged", is_flag=True, help="Judge the index: the content of the next commit (the default).")
@click.option("--strict", is_flag=True, help="Require every snapshot to match the pins of the same commit.")
@click.option("--online", is_flag=True, help="Ask the tools' remotes whether they have the recorded commits.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(rev: str | None, everything: bool, staged: bool, strict: bool, online: bool, as_json: bool) -> int:
    """Judge whether snapshots hold: those of the index, of a commit, of each commit in a range, or all.

    Needs no checked-out submodules and no installed tools.

    Example: experimentstash verify origin/main..HEAD
    """
    if everything + staged + (rev is not None) > 1:
        raise UsageError("use only one of --all, --staged and a revision")
    with Repository.open(_root()) as repository:
        verdict = _judge(repository, rev, everything=everything, strict=strict)
        if online:
            problems = unpublished(repository, verdict.recorded, online=True)
            verdict = verdict._replace(problems=(*verdict.problems, *problems))
    return _print_json(verdict) if as_json else _print(verdict)


def _root() -> Path:
    try:
        return find_stash().root
    except StashError:
        with contextlib.suppress(StashError), Repository.open(Path.cwd()) as repository:
            if repository.bare:  # a server has no working tree, but can judge
                return repository.root
        raise


def _judge(repository: Repository, rev: str | None, *, everything: bool, strict: bool) -> Verdict:
    if everything:
        return judge_all(repository, strict=strict)
    if rev is None:
        return judge_index(repository, strict=strict)
    if ".." in rev:
        return judge_range(repository, repository.range(rev), strict=strict)
    return judge_commit(repository, repository.resolve(rev), strict=strict)


def _print(verdict: Verdict) -> int:
    if not verdict.problems:
        count = verdict.snapshots
        click.echo(f"{count} {'snapshot holds' if count == 1 else 'snapshots hold'}")
    return report(verdict.problems)


def _print_json(verdict: Verdict) -> int:
    problems = [problem.as_json() for problem in sorted(verdict.problems)]
    click.echo(json.dumps({"snapshots": verdict.snapshots, "problems": problems}, indent=2))
    return FINDING if problems else FINE
