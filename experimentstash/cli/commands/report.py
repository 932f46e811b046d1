"""`report [-o FILE]`: writes an HTML page about the snapshots."""

from __future__ import annotations

from pathlib import Path

import click

from experimentstash.core.errors import FINE, printable
from experimentstash.core.files import write_text
from experimentstash.git.repository import Repository
from experimentstash.history.report_data import report_data
from experimentstash.history.report_page import report_page
from experimentstash.stash.stash import find_stash


@click.command("report")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--reproduction",
    "reproductions",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.json",
    help="A report that `reproduce --report` wrote, to show with its tag. Repeat the option for several reports.",
)
def command(output: Path, reproductions: tuple[Path, ...]) -> int:
    """Write an HTML page with a timeline, a comparison of tags, plots of the results, and the commands to rerun them.

    The page is one file and needs no network.

    Example: experimentstash report -o snapshots.html
    """
    with Repository.open(find_stash().root) as repository:
        data = report_data(repository, reproductions)
    write_text(output, report_page(data))
    click.echo(f"wrote {printable(str(output))}: {len(data['tags']):,} tags")
    return FINE
