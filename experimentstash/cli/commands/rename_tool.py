"""`rename-tool OLD NEW`: gives a tool another name."""

from __future__ import annotations

import click

from experimentstash.core.errors import FINE, listed
from experimentstash.core.errors import command as command_text
from experimentstash.core.names import check_tool
from experimentstash.freeze.freeze_commit import check_nothing_under_way
from experimentstash.git.submodules.renaming import rename
from experimentstash.stash.stash import find_stash


@click.command("rename-tool")
@click.argument("old")
@click.argument("new")
def command(old: str, new: str) -> int:
    """Rename the tool OLD to NEW: its submodule, its working configs and its entry in configs/meta.yaml.

    Stages the changes. Existing snapshots keep the old name, and stay valid and reproducible.

    Example: experimentstash rename-tool mytool solver
    """
    stash = find_stash()
    check_tool(new)
    check_nothing_under_way(stash)
    staged = rename(stash, old, new)
    click.echo(f"renamed {old} to {new}")
    click.echo(f"staged: {listed(staged, 6)}")
    click.echo(f"next: {command_text('git', 'commit', '-m', f'Rename {old} to {new}')}")
    return FINE
