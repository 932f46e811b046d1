"""`diff A [B]`: compares two snapshots, or a snapshot and the working config."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from experimentstash.cli.terminal import BAD, FAINT, GOOD, HEAD, Cell, Table, show, styled
from experimentstash.core.errors import FINE, UsageError, printable
from experimentstash.core.names import SHORT
from experimentstash.git.repository import Repository
from experimentstash.history.comparison import PARTS, Comparison
from experimentstash.history.tag_comparison import compare_tags
from experimentstash.stash.stash import find_stash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.history.comparison import Row

_TITLES = {
    "config": "Config",
    "late": "Late values",
    "override": "Overrides",
    "code": "Code",
    "packages": "Packages",
    "platform": "Platform",
    "results": "Results",
}


@click.command("diff")
@click.argument("old", metavar="A[:EXPERIMENT]")
@click.argument("new", metavar="[B[:EXPERIMENT]]", required=False)
@click.option("--only-changed", is_flag=True, help="Leave out values that are the same.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--md", "as_md", is_flag=True, help="Print a Markdown table.")
def command(old: str, new: str | None, only_changed: bool, as_json: bool, as_csv: bool, as_md: bool) -> int:
    """Compare the snapshots of tag A with those of tag B or, without B, with the current working configs.

    Compares experiments of the same name. To compare others, name one experiment for each tag.

    Example: experimentstash diff submission camera-ready --only-changed
    """
    if as_json + as_csv + as_md > 1:
        raise UsageError("use only one of --json, --csv and --md")
    with Repository.open(find_stash().root) as repository:
        compared = compare_tags(repository, old, new)
    if as_json:
        documents = [comparison.as_json(only_changed=only_changed) for comparison in compared]
        click.echo(json.dumps({"comparisons": documents}, indent=2))
    elif as_csv or as_md:
        table = _table(compared, only_changed=only_changed)
        click.echo(table.csv() if as_csv else table.markdown(), nl=False)
    else:
        show(line for one in compared for line in _lines(one, only_changed=only_changed))
    return FINE


def _shown(row: Row, side: str | None) -> str:
    return "" if side is None else side[:SHORT] if row.part == "code" else side


def _table(compared: list[Comparison], *, only_changed: bool) -> Table:
    rows = [
        [one.old.name.title, row.part, row.key, _shown(row, row.old), _shown(row, row.new), _same(row), row.detail]
        for one in compared
        for row in one.rows
        if not (only_changed and row.is_same)
    ]
    labels = (compared[0].old.label, compared[0].new.label) if compared else ("", "")
    return Table(("experiment", "part", "key", *labels, "same", "detail"), rows)


def _same(row: Row) -> str:
    return "yes" if row.is_same else "no"


def _lines(one: Comparison, *, only_changed: bool) -> Iterator[str]:
    yield styled(printable(one.title), HEAD)
    for part in PARTS:
        rows = [row for row in one.rows if row.part == part]
        left = [row for row in rows if not (only_changed and row.is_same)]
        if left:
            head = ("key", one.old.label, one.new.label, *(("detail",) if any(row.detail for row in left) else ()))
            yield f"{_TITLES[part]}:"
            yield from (f"  {line}" for line in Table(head, [_cells(row, len(head)) for row in left]).lines())
        elif rows:
            yield f"{_TITLES[part]}: the same"
        if part == "code":
            yield from _commit_lines(one)
    if one.report:
        yield styled(f"Results: {one.report.verdict}", GOOD if one.report.holds else BAD)
    yield from (f"note: {printable(note)}" for note in one.notes)
    yield ""


def _cells(row: Row, width: int) -> list[str | Cell]:
    colour = FAINT if row.is_same else ""
    cells = [Cell(text, colour) for text in (row.key, _shown(row, row.old), _shown(row, row.new), row.detail)]
    return list(cells[:width])


def _commit_lines(one: Comparison) -> Iterator[str]:
    for commit in one.commits:
        yield styled(printable(f"    {commit}"), GOOD if commit.is_added else BAD)
