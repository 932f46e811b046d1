"""`remove-tool NAME`: takes a tool out of the stash, and keeps its snapshots."""

from __future__ import annotations

import click

from experimentstash.core.errors import FINE, listed
from experimentstash.core.errors import command as command_text
from experimentstash.freeze.freeze_commit import check_nothing_under_way
from experimentstash.git.submodules.tool_removal import remove
from experimentstash.stash.stash import find_stash


@click.command("remove-tool")
@click.argument("name")
def command(name: str) -> int:
    """Remove a tool: its submodule, its working configs and its entry in configs/meta.yaml.

    Stages the changes. Existing snapshots stay valid, and `reproduce` still runs them. Git keeps the repository of the
    tool in .git/modules.

    Example: experimentstash remove-tool mytool
    """
    stash = find_stash()
    check_nothing_under_way(stash)
    staged = remove(stash, name)
    click.echo(f"removed {name}; its snapshots stay")
    click.echo(f"staged: {listed(staged, 6)}")
    click.echo(f"next: {command_text('git', 'commit', '-m', f'Remove {name}')}")
    return FINE
