"""`install`: installs the native git hooks, and keeps existing hooks."""

from __future__ import annotations

import click

from experimentstash.core.errors import printable
from experimentstash.hooks.install.installation import install
from experimentstash.hooks.install.locations import find_locations


@click.command("install")
def command() -> None:
    """Install the native git hooks; existing hooks stay and run first. In a bare repository: the pre-receive hook.

    Safe to run again. `uninstall` restores the former hooks. `doctor` finds what keeps the hooks from working.

    Example: experimentstash install
    """
    first, *more = install(find_locations())
    print("\n  ".join(map(printable, [first, *more])))
