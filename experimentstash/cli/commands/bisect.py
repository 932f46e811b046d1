"""`bisect TAG --bad TAG2 --metric FILE::KEY`: finds the commit of a tool that changed a figure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from experimentstash.cli.terminal import BAD, HEAD, styled
from experimentstash.core.errors import FINDING, FINE, StashError, UsageError, listed, printable
from experimentstash.core.errors import command as command_text
from experimentstash.core.names import SHORT, plain_tag, tool_path
from experimentstash.core.progress import show_steps
from experimentstash.git.repository import Repository
from experimentstash.history.bisection import (
    Finding,
    Search,
    full_ids,
    is_close_to_recorded,
    pinned_ends,
    remove_reproductions,
    search,
)
from experimentstash.history.catalog import Catalog, choose_names
from experimentstash.history.causes import explain
from experimentstash.history.config_values import shown
from experimentstash.history.figures import figures
from experimentstash.history.tag_comparison import compare_tags
from experimentstash.reproduce import stash_source as sources
from experimentstash.reproduce.trust import check_can_ask
from experimentstash.stash.results.rule_parser import rules_of_words
from experimentstash.stash.stash import find_stash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.history.bisection import Tested


@click.command("bisect")
@click.argument("good", metavar="TAG[:EXPERIMENT]")
@click.option("--bad", required=True, metavar="TAG", help="The tag at whose pin the figure is another one.")
@click.option("--metric", required=True, metavar="FILE::KEY", help="The figure, as `show TAG` names it.")
@click.option("--rtol", multiple=True, metavar="[FILE::KEY=]NUMBER", help="Relative tolerance for numbers.")
@click.option("--atol", multiple=True, metavar="[FILE::KEY=]NUMBER", help="Absolute tolerance for numbers.")
@click.option("--into", metavar="DIR", help="The directory to work in; by default next to the clone.")
@click.option("--no-build", is_flag=True, help="Run in the current environment.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Stop a run that takes longer."
)
@click.option("--yes", is_flag=True, help="Run the code of others without asking.")
@click.option("--allow-local", is_flag=True, help="Allow tools whose URLs are paths of this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    good: str,
    bad: str,
    metric: str,
    rtol: tuple[str, ...],
    atol: tuple[str, ...],
    into: str | None,
    no_build: bool,
    timeout: float | None,
    yes: bool,
    allow_local: bool,
    as_json: bool,
) -> int:
    """Find the commit of a tool that changed a figure, between the pins of two tags.

    Runs the frozen config of TAG at commits between the two pins, each in a fresh reproduction. The environment is that
    of TAG; if the tool ships a lock file, that of each commit. A commit that cannot run is skipped. Run the same
    command to resume an interrupted search.

    Example: experimentstash bisect submission --bad revision --metric metrics.json::loss
    """
    tag, _, experiment = good.partition(":")
    tag, bad = plain_tag(tag), plain_tag(bad)
    if "::" not in metric:
        raise UsageError(f"--metric {metric!r} is not FILE::KEY", command_text("experimentstash", "show", good))
    check_can_ask(yes=yes)
    show_steps()
    stash = find_stash()
    source = sources.at_hand(tag, allow_local=allow_local)
    folder = sources.place_for(f"{tag}-bisect", source, into)
    with Repository.open(stash.root) as repository:
        catalog = Catalog(repository)
        record = catalog.record(tag)
        names = choose_names(record, experiment)
        if len(names) > 1:
            titles = [f"{tag}:{name.experiment}" for name in names]
            fix = command_text("experimentstash", "bisect", titles[0], "--bad", bad, "--metric", metric)
            raise StashError(f"snapshot/{tag} has several experiments: {listed(titles, 5)}", fix)
        (name,) = names
        freeze, *pins = pinned_ends(catalog, tag, bad, name)
        first, last = full_ids(stash, name.tool, *pins)
        rules = stash.tools[name.tool].results if name.tool in stash.tools else rules_of_words((), (), (), ())
        rules = rules.then(rules_of_words(rtol, atol, (), ()))
        wanted = Search(stash, source, folder, name, freeze, first, last, metric, rules, not no_build, yes, timeout)
        notes = _other_causes(repository, f"{tag}:{name.experiment}", bad)
        manifest = catalog.results(record, name)
        found = search(repository, wanted)
        recorded = figures(manifest) if manifest else {}
        if is_close_to_recorded(recorded, found.good, rules) is False:
            notes.append(
                f"the recorded figure of {tag} is {shown(recorded[metric].value)}, and this machine gives another"
            )
    remove_reproductions(folder)
    if as_json:
        click.echo(json.dumps({**found.as_json(), "metric": metric, "tool": name.tool, "notes": notes}, indent=2))
    else:
        click.echo("\n".join(_lines(found, wanted, bad, notes)))
    return FINE if found.first else FINDING


def _other_causes(repository: Repository, good: str, bad: str) -> list[str]:
    """Return a line for each kind of cause, other than the code, that differs between the two tags."""
    try:
        comparisons = compare_tags(repository, good, bad)
    except StashError:  # the experiments have other names
        return []
    causes = [cause for one in comparisons for cause in explain(one).causes if cause.kind != "code"]
    return [f"{cause.kind} differs between the tags, too ({cause.size:,})" for cause in causes]


def _lines(found: Finding, wanted: Search, bad: str, notes: list[str]) -> Iterator[str]:
    for test in found.tests:
        yield f"{test.commit[:SHORT]}  {_value(test)}  {printable(test.subject)}"
    yield ""
    path, tag = tool_path(wanted.name.tool), wanted.name.tag
    if found.first:
        yield styled(f"{wanted.metric} changed with {path} {found.first.commit}", HEAD)
        yield f"  {printable(found.first.subject)}"
        yield f"next: {command_text('git', '-C', path, 'show', found.first.commit[:SHORT])}"
    elif found.candidates:
        commits = listed([commit[:SHORT] for commit in found.candidates], 10)
        yield styled(f"{wanted.metric} changed with one of these commits of {path}: {commits}", BAD)
        yield "  the commits between cannot run"
    else:
        yield styled(f"the code is not the cause: with the config of {tag}, both pins give the same figure", BAD)
        yield f"next: {command_text('experimentstash', 'why', tag, bad)}"
    yield from (f"note: {printable(note)}" for note in notes)


def _value(test: Tested) -> str:
    return shown(test.figure.value) if test.figure else f"skipped ({printable(test.reason)})"
