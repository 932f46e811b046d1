"""`why A B`: lists the differences that may explain why the results of two snapshots differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from experimentstash.cli.terminal import HEAD, Table, show, styled
from experimentstash.core.errors import FINE, omitted, printable
from experimentstash.core.names import SHORT
from experimentstash.git.repository import Repository
from experimentstash.history.causes import Explanation, explain
from experimentstash.history.tag_comparison import compare_tags
from experimentstash.stash.stash import find_stash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.history.causes import Cause

_MOST = 10  # rows of each kind; `diff --only-changed` prints all


@click.command("why")
@click.argument("old", metavar="A[:EXPERIMENT]")
@click.argument("new", metavar="B[:EXPERIMENT]")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def command(old: str, new: str, as_json: bool) -> int:
    """List what differs between two snapshots (config, code, packages, data, platform), the narrowest first.

    Example: experimentstash why submission camera-ready
    """
    with Repository.open(find_stash().root) as repository:
        found = [explain(comparison) for comparison in compare_tags(repository, old, new)]
    if as_json:
        click.echo(json.dumps({"explanations": [one.as_json() for one in found]}, indent=2))
    else:
        show(line for one in found for line in _lines(one))
    return FINE


def _lines(one: Explanation) -> Iterator[str]:
    yield styled(printable(one.comparison.title), HEAD)
    yield f"{one.results}; {one.conclusion}"
    for cause in one.causes:
        yield from _cause_lines(one, cause)
    if one.same:
        yield f"the same: {', '.join(one.same)}"
    if one.unknown:
        yield f"not recorded: {', '.join(one.unknown)}"
    yield from (f"note: {printable(note)}" for note in one.comparison.notes)
    yield ""


def _cause_lines(one: Explanation, cause: Cause) -> Iterator[str]:
    yield f"{cause.kind}:"
    short = SHORT if cause.kind == "code" else None
    rows = [(row.key, (row.old or "")[:short], (row.new or "")[:short]) for row in cause.rows[:_MOST]]
    table = Table(("key", one.comparison.old.label, one.comparison.new.label), rows)
    yield from (f"  {line}" for line in table.lines())
    yield from omitted(cause.rows, _MOST, "  and {:,} more (experimentstash diff --only-changed)")
    if cause.kind == "code":
        for commit in one.comparison.commits[:_MOST]:
            yield printable(f"    {commit}")
