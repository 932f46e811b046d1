"""`show TAG[:EXPERIMENT]`: shows one snapshot, or those of a tag."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from experimentstash.cli.terminal import BAD, GOOD, HEAD, Table, show, styled
from experimentstash.core.errors import FINE, StashError, printable
from experimentstash.git.repository import Repository
from experimentstash.history.catalog import Catalog, choose_names
from experimentstash.history.config_values import as_json_value, config_values, late_values, shown
from experimentstash.history.figures import figures
from experimentstash.stash.stash import find_stash
from experimentstash.verify.tag_findings import findings_of_tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from experimentstash.core.errors import Problem
    from experimentstash.core.names import SnapshotName
    from experimentstash.history.catalog import TagRecord
    from experimentstash.stash.snapshot_file import Snapshot

_FACTS = ("TOOL_COMMIT", "DEPENDS", "TIMESTAMP", "OVERRIDE", "SWEEP", "HYDRA", "PYTHON", "PLATFORM", "LOCK", "RERUN")


@click.command("show")
@click.argument("what", metavar="TAG[:EXPERIMENT]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(what: str, as_json: bool) -> int:
    """Show the snapshots of a tag: their commits, configs and results, and whether they hold.

    Example: experimentstash show camera-ready:figure1/pca
    """
    tag, _, experiment = what.partition(":")
    with Repository.open(find_stash().root) as repository:
        catalog = Catalog(repository)
        record = catalog.record(tag)
        names = choose_names(record, experiment)
        snapshots = {name: catalog.snapshot(record, name) for name in names}
        subject = catalog.subjects([record]).get(record.tag, "")
        problems = findings_of_tag(repository, record.tag, record.commit)
        parts = {name: _Part(catalog, record, name, snapshots[name]) for name in names}
    if as_json:
        entry = {
            "tag": record.tag,
            "commit": record.commit,
            "message": subject,
            "holds": not problems,
            "problems": [problem.as_json() for problem in problems],
            "snapshots": [part.as_json() for part in parts.values()],
        }
        click.echo(json.dumps(entry, indent=2))
    else:
        show(_lines(record, subject, problems, parts, is_whole=len(parts) == 1))
    return FINE


class _Part:
    """The parsed content of one snapshot."""

    def __init__(self, catalog: Catalog, record: TagRecord, name: SnapshotName, snapshot: Snapshot) -> None:
        self.name = name
        self.snapshot = snapshot
        self.complaints: list[str] = []
        self.values: Mapping[str, Any] = {}
        self.late = late_values(snapshot)
        try:
            self.values = config_values(snapshot, name.path)
            manifest = catalog.results(record, name)
        except StashError as error:
            self.complaints.append(str(error.args[0]))
            manifest = None
        self.files = [] if manifest is None else list(manifest.files)
        self.figures = {} if manifest is None else figures(manifest)

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `show --json`."""
        return {
            "tool": self.name.tool,
            "experiment": self.name.experiment,
            "path": self.name.path,
            "header": [list(line) for line in self.snapshot.header],
            "config": {address: as_json_value(value) for address, value in self.values.items()},
            "late": self.late,
            "results": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in self.files],
            "figures": {name: as_json_value(figure.value) for name, figure in self.figures.items()},
            "complaints": self.complaints,
        }

    def lines(self, *, is_whole: bool) -> Iterator[str]:
        """Yield the lines for the terminal; with config and figures only if the command shows one snapshot."""
        yield styled(printable(self.name.title), HEAD)
        yield f"  file: {printable(self.name.path)}"
        for key in _FACTS:
            yield from (f"  {key.lower().replace('_', ' ')}: {printable(line)}" for line in self.snapshot.all(key))
        yield from (f"  {printable(complaint)}" for complaint in self.complaints)
        if not is_whole:
            results = f"{len(self.files):,} result files" if self.files else "no results recorded"
            yield f"  {len(self.values):,} values, {len(self.late):,} late, {results}"
            return
        yield from _section("Config", ("key", "value"), [(key, shown(value)) for key, value in self.values.items()])
        yield from _section("Late values", ("key", "built from"), list(self.late.items()))
        rows = [(file.path, f"{file.size:,}", file.sha256[:12]) for file in self.files]
        yield from _section("Result files", ("file", "bytes", "sha256"), rows)
        numbers = [(one.name, shown(one.value), one.basis) for one in self.figures.values()]
        yield from _section("Figures", ("figure", "value", "basis"), numbers)


def _section(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if rows:
        yield ""
        yield styled(title, HEAD)
        yield from Table(head, rows).lines()


def _lines(
    record: TagRecord,
    subject: str,
    problems: Sequence[Problem],
    parts: Mapping[SnapshotName, _Part],
    *,
    is_whole: bool,
) -> Iterator[str]:
    yield f"snapshot/{record.tag} at {record.commit or 'no commit: the git tag is missing'}"
    if subject:
        yield f"  {printable(subject)}"
    yield styled("  it holds", GOOD) if not problems else styled("  it does not hold", BAD)
    yield from (line for problem in problems for line in str(problem).split("\n"))
    for part in parts.values():
        yield ""
        yield from part.lines(is_whole=is_whole)
