"""`uninstall`: takes the native git hooks away, and gives back what was there before."""

from __future__ import annotations

import click

from experimentstash.core.errors import printable
from experimentstash.hooks.install.locations import find_locations
from experimentstash.hooks.install.removal import uninstall


@click.command("uninstall")
def command() -> None:
    """Take the native git hooks away, and give back the hooks and settings that were there before."""
    first, *more = uninstall(find_locations())
    print("\n  ".join(map(printable, [first, *more])))
