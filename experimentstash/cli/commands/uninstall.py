"""`uninstall`: removes the native git hooks and restores the former hooks."""

from __future__ import annotations

import click

from experimentstash.core.errors import printable
from experimentstash.hooks.install.locations import find_locations
from experimentstash.hooks.install.removal import uninstall


@click.command("uninstall")
def command() -> None:
    """Remove the native git hooks, and restore the former hooks and settings.

    Example: experimentstash uninstall
    """
    first, *more = uninstall(find_locations())
    print("\n  ".join(map(printable, [first, *more])))
