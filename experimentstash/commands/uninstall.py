"""`uninstall`: takes the native git hooks away, and gives back what was there before."""

from __future__ import annotations

import click

from experimentstash.installing.place import find_place
from experimentstash.installing.uninstall import uninstall
from experimentstash.problems import printable


@click.command("uninstall")
def command() -> None:
    """Take the native git hooks away, and give back the hooks and settings that were there before."""
    first, *more = uninstall(find_place())
    print("\n  ".join(map(printable, [first, *more])))
