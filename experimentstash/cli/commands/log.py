"""`log [TOOL|EXPERIMENT|TAG]`: lists the snapshots, newest first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from experimentstash.cli.terminal import FAINT, HEAD, Cell, Table, show
from experimentstash.core.errors import FINE, StashError, UsageError
from experimentstash.core.names import SHORT, near
from experimentstash.git.repository import Repository
from experimentstash.history.catalog import Catalog
from experimentstash.stash.stash import find_stash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.core.names import SnapshotName
    from experimentstash.history.catalog import TagRecord
    from experimentstash.stash.snapshot_file import Snapshot

_HEAD = ("date", "tag", "experiment", "tool commit", "results", "message")


@click.command("log")
@click.argument("name", required=False, metavar="[TOOL|EXPERIMENT|TAG]")
@click.option("-n", "count", type=click.IntRange(1), help="Show at most this many tags.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--md", "as_md", is_flag=True, help="Print a Markdown table.")
def command(name: str | None, count: int | None, as_json: bool, as_csv: bool, as_md: bool) -> int:
    """List the snapshots, newest first: all, or those of a tool, an experiment or a tag.

    Example: experimentstash log figure1/pca
    """
    if as_json + as_csv + as_md > 1:
        raise UsageError("use only one of --json, --csv and --md")
    with Repository.open(find_stash().root) as repository:
        catalog = Catalog(repository)
        records = [
            (record, names)
            for record in reversed(catalog.records.values())
            if (names := _matching(record, name)) or (name in (None, record.tag, f"snapshot/{record.tag}"))
        ][:count]
        if name and not records:
            raise _unknown(name, catalog)
        subjects = catalog.subjects(record for record, _ in records)
        snapshots = {record.tag: catalog.readable(record) for record, _ in records}
    if as_json:
        tags = [_as_json(record, names, snapshots[record.tag], subjects) for record, names in records]
        click.echo(json.dumps({"tags": tags}, indent=2))
        return FINE
    rows = [row for record, names in records for row in _rows(record, names, snapshots[record.tag], subjects)]
    table = Table(_HEAD, rows)
    if as_csv or as_md:
        click.echo(table.csv() if as_csv else table.markdown(), nl=False)
    elif rows:
        show(table.lines())
    else:
        click.echo("no snapshots yet (experimentstash snapshot TOOL EXPERIMENT --tag TAG --commit)")
    return FINE


def _matching(record: TagRecord, name: str | None) -> list[SnapshotName]:
    if name is None or name in (record.tag, f"snapshot/{record.tag}"):
        return list(record.names)
    return [one for one in record.names if name in (one.tool, one.experiment, one.title)]


def _unknown(name: str, catalog: Catalog) -> StashError:
    known = {word for record in catalog.records.values() for one in record.names for word in (one.tool, one.experiment)}
    what = f"no snapshot has the tag, tool or experiment {name!r}{near(name, {*known, *catalog.records})}"
    return StashError(what, "experimentstash log")


def _rows(
    record: TagRecord, names: list[SnapshotName], snapshots: dict[SnapshotName, Snapshot], subjects: dict[str, str]
) -> Iterator[list[str | Cell]]:
    subject = subjects.get(record.tag, "") if record.commit else "no git tag (experimentstash tag)"
    if not names:
        yield ["", Cell(record.tag, HEAD), Cell(record.complaint or "no snapshots", FAINT), "", "", subject]
    for name in names:
        snapshot = snapshots.get(name)
        if snapshot is None:
            yield ["", Cell(record.tag, HEAD), name.title, Cell("cannot be read", FAINT), "", subject]
            continue
        results = "recorded" if name.results_path in record.files else ""
        moment = snapshot.one("TIMESTAMP")[:16].replace("T", " ")
        yield [moment, Cell(record.tag, HEAD), name.title, snapshot.tool_commit[:SHORT], results, subject]


def _as_json(
    record: TagRecord, names: list[SnapshotName], snapshots: dict[SnapshotName, Snapshot], subjects: dict[str, str]
) -> dict[str, Any]:
    experiments = []
    for name in names:
        entry: dict[str, Any] = {"tool": name.tool, "experiment": name.experiment}
        if snapshot := snapshots.get(name):
            entry["timestamp"] = snapshot.one("TIMESTAMP")
            entry["commits"] = snapshot.pins(name.tool)
            entry["results"] = name.results_path in record.files
        experiments.append(entry)
    return {
        "tag": record.tag,
        "commit": record.commit,
        "message": subjects.get(record.tag),
        "complaint": record.complaint or None,
        "experiments": experiments,
    }
