"""`tag`: make the snapshot tags that are missing, and settle what hooks could not see."""

from __future__ import annotations

import json

import click

from experimentstash.core.errors import FINDING, FINE, StashError, report
from experimentstash.git.repository import Repository
from experimentstash.stash.stash import find_stash
from experimentstash.verify.missing_tags import make_missing
from experimentstash.verify.rewritten_tags import carry


@click.command("tag")
@click.option("--json", "as_json", is_flag=True, help="Print the tags that were made, and what was found, as JSON.")
def command(as_json: bool) -> int:
    """Make the tags snapshot/* that are missing, for what holds.

    A tag that nobody else has goes along where its commit was amended or rebased.
    """
    with Repository.open(find_stash().root) as repository:
        if repository.rebasing:
            raise StashError(
                "a rebase is under way: what is tagged now would be left behind by it",
                "git rebase --continue && experimentstash tag  # once conflicts are resolved",
            )
        carried, left = carry(repository)
        made, problems = make_missing(repository)
    made, problems = [*carried, *made], [*left, *problems]
    if as_json:
        tags = [{"tag": f"snapshot/{one.tag}", "commit": one.commit} for one in made]
        found = [problem.as_json() for problem in sorted(set(problems))]
        click.echo(json.dumps({"tags": tags, "problems": found}, indent=2))
        return FINDING if problems else FINE
    for one in made:
        click.echo(f"snapshot/{one.tag} {one.commit}")
    return report(problems)
