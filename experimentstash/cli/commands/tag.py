"""`tag`: makes missing snapshot tags, and moves tags whose commits were rewritten."""

from __future__ import annotations

import json

import click

from experimentstash.core.errors import FINDING, FINE, StashError, report
from experimentstash.git.repository import Repository
from experimentstash.stash.stash import find_stash
from experimentstash.verify.missing_tags import make_missing
from experimentstash.verify.rewritten_tags import carry


@click.command("tag")
@click.option("--json", "as_json", is_flag=True, help="Print the new tags and the findings as JSON.")
def command(as_json: bool) -> int:
    """Make missing snapshot/* tags for the snapshots that hold.

    An unpublished tag whose commit was amended or rebased moves to the new commit.

    Example: experimentstash tag
    """
    with Repository.open(find_stash().root) as repository:
        if repository.rebasing:
            raise StashError(
                "a rebase is in progress: tags made now would stay on abandoned commits",
                "git rebase --continue && experimentstash tag  # once conflicts are resolved",
            )
        moved, move_problems = carry(repository)
        made, tag_problems = make_missing(repository)
    tags, problems = [*moved, *made], [*move_problems, *tag_problems]
    if as_json:
        entries = [{"tag": f"snapshot/{tag.tag}", "commit": tag.commit} for tag in tags]
        findings = [problem.as_json() for problem in sorted(set(problems))]
        click.echo(json.dumps({"tags": entries, "problems": findings}, indent=2))
        return FINDING if problems else FINE
    for tag in tags:
        click.echo(f"snapshot/{tag.tag} {tag.commit}")
    return report(problems)
