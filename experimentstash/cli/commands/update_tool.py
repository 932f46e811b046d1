"""`update-tool NAME [REV]`: moves the pin of a tool, and refreshes the configs that were copied from it."""

from __future__ import annotations

import click

from experimentstash.core.errors import FINE, listed, printable
from experimentstash.core.errors import command as command_text
from experimentstash.core.names import SHORT, tool_path
from experimentstash.freeze.freeze_commit import check_nothing_under_way
from experimentstash.git.stash_change import make_change
from experimentstash.git.user_git import show_git
from experimentstash.hydra.resolved_tool import ResolvedTool
from experimentstash.hydra.tool_update import fetch_commit, new_experiments, plan_update
from experimentstash.stash.stash import find_stash


@click.command("update-tool")
@click.argument("name")
@click.argument("rev", required=False)
def command(name: str, rev: str | None) -> int:
    """Move the pin of a tool to REV: a branch, a tag or a commit; by default the newest commit of its branch.

    Refreshes the copied configs that nobody edited, shows the changes of the others, and stages everything. The
    snapshots keep their own commits.

    Example: experimentstash update-tool mytool v2.1
    """
    stash = find_stash()
    tool = ResolvedTool(stash, stash.tool(name))
    tool.check_there()
    check_nothing_under_way(stash)
    commit = fetch_commit(stash, name, rev)
    update = plan_update(tool, commit)
    if all(step.old == step.new for step in (*update.change.entries, *update.change.files, *update.change.checkouts)):
        click.echo(f"{tool_path(name)} is at {commit[:SHORT]} already")
        return FINE
    make_change(stash, update.change)
    root = stash.checkout(name)
    if (root / ".gitmodules").is_file():
        show_git("submodule", "--quiet", "update", "--init", "--recursive", cwd=root)
    lines = [str(update.move)]
    if update.refreshed:
        lines.append(f"refreshed: {listed(update.refreshed, 5)}")
    lines += [f"{one}: the tool no longer has this experiment; the copy is unchanged" for one in update.gone]
    for experiment, diff in update.edited:
        lines.append(f"{experiment}: edited here, so the copy is unchanged; the new version of the tool differs:")
        lines += [f"    {line}" for line in diff.splitlines()]
    lines += [
        f"new in the tool: {one}\n    to copy it: {copy}"
        for one, copy in new_experiments(ResolvedTool(stash, tool.tool))
    ]
    lines.append(f"next: {command_text('git', 'commit', '-m', f'Update {name} to {commit[:SHORT]}')}")
    click.echo("\n".join(printable(line, keep="\n") for line in lines))
    return FINE
