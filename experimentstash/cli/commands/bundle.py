"""`bundle TAG FILE`: writes a tag and everything needed to reproduce it to one file."""

from __future__ import annotations

from pathlib import Path

import click

from experimentstash.core.errors import FINDING, FINE, printable
from experimentstash.core.names import plain_tag
from experimentstash.core.progress import show_steps
from experimentstash.reproduce.bundling import bundle, summary
from experimentstash.reproduce.stash_source import at_hand


@click.command("bundle")
@click.argument("tag")
@click.argument("file")
@click.option("--with-packages", is_flag=True, help="Include the packages of the lock files, for this platform.")
@click.option("--allow-secrets", is_flag=True, help="Write the file even if the history seems to contain secrets.")
@click.option("--allow-local", is_flag=True, help="Allow tools whose URLs are paths of this machine.")
def command(tag: str, file: str, with_packages: bool, allow_secrets: bool, allow_local: bool) -> int:
    """Write TAG, with its tools at their pins, to one FILE for `reproduce TAG --from FILE`.

    Example: experimentstash bundle camera-ready figures.tar --with-packages
    """
    tag = plain_tag(tag)
    source = at_hand(tag, allow_local=allow_local)
    path = Path(file).expanduser()
    target = path.parent.resolve() / path.name
    show_steps()
    made = bundle(
        tag,
        target,
        source,
        with_packages=with_packages,
        allow_secrets=allow_secrets,
    )
    if made is None:
        return FINDING
    for line in summary(made):
        click.echo(printable(line))
    return FINE
