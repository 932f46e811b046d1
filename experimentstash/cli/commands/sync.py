"""`sync`: brings a clone in line with the commit that is checked out."""

from __future__ import annotations

import sys

import click

from experimentstash.core.errors import FINDING, FINE, StashError, printable
from experimentstash.git.checkouts.pin_state import pin_states, sync_tool
from experimentstash.hooks.install.git_settings import HOOKS
from experimentstash.hooks.install.installation import install
from experimentstash.hooks.install.locations import find_locations, git_value
from experimentstash.stash.stash import find_stash


@click.command("sync")
@click.option("--env", "with_env", is_flag=True, help="Also build tools/TOOL/.venv from the lock of each tool.")
def command(with_env: bool) -> int:
    """Bring this clone in line with its commit: each tool at its pin, and the hooks installed.

    Fetches what is missing. A tool with changes or commits that would be lost stays as it is, and the exit code is 1.
    `--env` builds environments, which runs the build code of the packages in the locks.

    Example: experimentstash sync --env
    """
    stash = find_stash()
    code = FINE
    for state in pin_states(stash):
        try:
            print(printable(sync_tool(stash, state)), flush=True)
        except StashError as error:
            print(f"experimentstash: {error}", file=sys.stderr, flush=True)
            code = FINDING
    locations = find_locations()
    if git_value(locations, HOOKS, "--local") != "none":
        first, *more = install(locations)
        print("\n  ".join(map(printable, [first, *more])), flush=True)
    for tool in stash.tools.values() if with_env else ():
        from experimentstash.environments.checkout_environment import sync_environment  # 60 ms, and only this needs it

        if not (stash.checkout(tool.name) / ".git").exists():
            continue  # reported above
        try:
            print(printable(sync_environment(stash, tool)), flush=True)
        except StashError as error:
            print(f"experimentstash: {error}", file=sys.stderr, flush=True)
            code = FINDING
    return code
