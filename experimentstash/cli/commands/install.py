"""`install`: the native git hooks, beside whatever is there."""

from __future__ import annotations

import click

from experimentstash.core.errors import printable
from experimentstash.hooks.install.installation import install
from experimentstash.hooks.install.locations import find_locations


@click.command("install")
def command() -> None:
    """Put the native git hooks to work, beside the hooks that are there; in a bare repository the gate of a server.

    Twice over does no harm. `uninstall` gives back what was there, `doctor` says what stands in their way.
    """
    first, *more = install(find_locations())
    print("\n  ".join(map(printable, [first, *more])))
