"""`tag`: make the snapshot tags that are missing, at the commits that brought the snapshots in."""

from __future__ import annotations

import json

import click

from experimentstash.names import tag_ref
from experimentstash.problems import FINDING, FINE, Problem, StashError, report
from experimentstash.repository import Repository
from experimentstash.stash import find_stash
from experimentstash.tagging import NewTag, missing_tags


@click.command("tag")
@click.option("--json", "as_json", is_flag=True, help="Print the tags that were made, and what was found, as JSON.")
def command(as_json: bool) -> int:
    """Make the tags snapshot/* that are missing, for what holds."""
    with Repository.open(find_stash()) as repository:
        if repository.rebasing:
            raise StashError(
                "a rebase is under way: what is tagged now would be left behind by it",
                "git rebase --continue && experimentstash tag",
            )
        head = repository.head()
        new, problems = missing_tags(repository, head) if head else ([], [])
        made = [tag for tag in new if _make(repository, tag, problems)]
    if as_json:
        tags = [{"tag": f"snapshot/{one.tag}", "commit": one.commit} for one in made]
        found = [problem.as_json() for problem in sorted(set(problems))]
        click.echo(json.dumps({"tags": tags, "problems": found}, indent=2))
        return FINDING if problems else FINE
    for one in made:
        click.echo(f"snapshot/{one.tag} {one.commit}")
    return report(problems)


def _make(repository: Repository, new: NewTag, problems: list[Problem]) -> bool:
    """Make one tag; what stands in its way is a finding, so that the others are made."""
    try:
        repository.make_tag(new.tag, new.commit, new.message, new.when)
    except StashError as error:
        problems.append(Problem(tag_ref(new.tag), "tag", str(error.args[0]), error.fix))
        return False
    return True
