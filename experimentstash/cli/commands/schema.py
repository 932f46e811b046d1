"""`schema NAME`: prints a JSON schema."""

from __future__ import annotations

import click

from experimentstash.cli import json_schemas
from experimentstash.core.errors import FINE


@click.command("schema")
@click.argument("name", type=click.Choice(json_schemas.names()))
def command(name: str) -> int:
    """Print the JSON schema of the registry, of a run record, or of what a command prints with --json.

    Example: experimentstash schema status
    """
    click.echo(json_schemas.text(name), nl=False)
    return FINE
