"""`drop TAG`: takes back a snapshot that is not published."""

from __future__ import annotations

import click

from experimentstash.core.errors import FINE, printable
from experimentstash.core.names import plain_tag
from experimentstash.freeze.withdrawal import plan_withdrawal
from experimentstash.git.repository import Repository
from experimentstash.git.stash_change import make_change
from experimentstash.stash.stash import find_stash


@click.command("drop")
@click.argument("tag")
@click.option("--offline", is_flag=True, help="Do not ask the remotes; rely on what this clone last saw of them.")
def command(tag: str, offline: bool) -> int:
    """Take back a snapshot that is not published: its files, its tag and its commit.

    If the freeze commit is not the newest, or contains other changes, a new commit removes the files. A snapshot that a
    remote has is published, and is refused.

    Example: experimentstash drop camera-ready
    """
    stash = find_stash()
    with Repository.open(stash.root) as repository:
        drop = plan_withdrawal(repository, stash, plain_tag(tag), offline=offline)
    make_change(stash, drop.change)
    click.echo("\n".join(map(printable, drop.lines)))
    return FINE
