"""`find FILE`: finds the snapshot or run that a file comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experimentstash.cli.terminal import HEAD, Table, show, styled
from experimentstash.core.errors import FINDING, FINE, printable
from experimentstash.core.names import SHORT
from experimentstash.git.repository import Repository
from experimentstash.history.catalog import Catalog
from experimentstash.history.provenance import Provenance, find_origin
from experimentstash.stash.stash import find_stash

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command("find")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: Path, as_json: bool) -> int:
    """Find the snapshot or run that a file comes from, by the digest of its content. The file may have moved.

    The exit code is 1 if no snapshot and no run has the file.

    Example: experimentstash find paper/figures/loss.pdf
    """
    root = find_stash().root
    with Repository.open(root) as repository:
        origin = find_origin(Catalog(repository), root, file)
    if as_json:
        click.echo(json.dumps(origin.as_json(), indent=2))
    else:
        show(_lines(file, origin))
    return FINE if origin.snapshots or origin.runs else FINDING


def _lines(file: Path, origin: Provenance) -> Iterator[str]:
    yield f"{printable(str(file))}: sha256 {origin.sha256}"
    if origin.snapshots:
        yield styled("recorded with:", HEAD)
        rows = [(f"snapshot/{one.tag}", one.name.title, one.path) for one in origin.snapshots]
        yield from (f"  {line}" for line in Table(("tag", "experiment", "file"), rows).lines())
    for run in origin.runs:
        yield styled(f"in the run directory {printable(str(run.folder))}:", HEAD)
        yield from (f"  {printable(f'{key}: {value}')}" for key, value in _facts(run.record))
    yield from (f"not read: {printable(line)}" for line in origin.unread)
    if not origin.snapshots and not origin.runs:
        yield "no recorded results and no run directory of this stash contain this file"


def _facts(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the facts of a run record, with checks: the file may be edited."""
    yield "experiment", f"{record.get('tool')}/{record.get('experiment')}"
    yield "snapshot", f"snapshot/{record['tag']}" if record.get("tag") else "none: a run of the working config"
    commits, dirty = record.get("tool_commits"), record.get("dirty")
    for tool, commit in commits.items() if isinstance(commits, dict) else ():
        changed = ", with uncommitted changes" if isinstance(dirty, list) and tool in dirty else ""
        yield str(tool), f"{str(commit)[:SHORT]}{changed}"
    yield "stash", str(record.get("stash_commit"))[:SHORT]
    overrides = record.get("overrides")
    if isinstance(overrides, list) and overrides:
        yield "overrides", " ".join(map(str, overrides))
    yield "ran", f"{record.get('start')} to {record.get('end')}, {record.get('status')}"
