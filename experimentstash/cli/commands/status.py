"""`status`: shows the tools, tags and hooks of a stash, and whether its snapshots hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from experimentstash.cli.terminal import BAD, FAINT, GOOD, HEAD, Cell, Table, show, styled
from experimentstash.core.errors import FINE, listed, omitted, printable
from experimentstash.core.names import SHORT
from experimentstash.git.repository import Repository
from experimentstash.history.overview import overview, summary
from experimentstash.stash.stash import find_stash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from experimentstash.core.errors import Problem
    from experimentstash.history.overview import Overview, TagState, ToolState

_NEWEST = 10  # tags that hold; tags that do not hold are always shown
_SHOWN = 3  # names in a cell
_MAX_PROBLEMS = 20


@click.command("status")
@click.option("--all", "everything", is_flag=True, help="Show every tag, not only the newest ones that hold.")
@click.option("--online", is_flag=True, help="Ask the remotes for the recorded commits.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(everything: bool, online: bool, as_json: bool) -> int:
    """Show the tools, the tags and the hooks, and whether the snapshots hold.

    The exit code is 0 whatever the findings. Use `verify --all` in scripts.

    Example: experimentstash status --all
    """
    with Repository.open(find_stash().root) as repository:
        state = overview(repository, online=online)
    if as_json:
        click.echo(json.dumps(state.as_json(), indent=2))
    else:
        show(_lines(state, everything=everything))
    return FINE


def _lines(state: Overview, *, everything: bool) -> Iterator[str]:
    yield summary(state)
    if state.tools:
        yield ""
        yield from Table(
            ("tool", "pin", "checkout", "changes", "configs"), [_tool_row(one) for one in state.tools]
        ).lines()
    left = state.tags if everything else _interesting(state.tags)
    if left:
        yield ""
        head = ("tag", "experiments", "holds", "on branch", "published")
        yield from Table(head, [_tag_row(one) for one in left]).lines()
    if len(left) < len(state.tags):
        yield f"and {len(state.tags) - len(left):,} older tags that hold (status --all)"
    problems = [problem for one in state.tags for problem in one.problems]
    yield from _problems("Findings:", [*state.problems, *problems])
    yield from _problems("Hooks:", state.hooks)
    yield from _fixes(state.tools)


def _interesting(tags: tuple[TagState, ...]) -> list[TagState]:
    newest = {one.record.tag for one in [one for one in tags if one.holds][-_NEWEST:]}
    return [one for one in tags if not one.holds or one.record.tag in newest]


def _tool_row(tool: ToolState) -> list[str | Cell]:
    is_at_pin = tool.standing == "at the pin"
    changed = Cell(listed(tool.changes, _SHOWN), BAD) if tool.changes else Cell("none" if tool.commit else "", GOOD)
    return [
        Cell(tool.name, HEAD),
        tool.pin[:SHORT] or "none",
        Cell(tool.standing, GOOD if is_at_pin else BAD),
        changed,
        _configs(tool),
    ]


def _configs(tool: ToolState) -> Cell:
    counts = {state: sum(copy.state.value == state for copy in tool.copies) for state in ("same", "outdated", "edited")}
    summary_of_copies = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return Cell(summary_of_copies, BAD if counts["outdated"] else FAINT)


def _tag_row(tag: TagState) -> list[str | Cell]:
    return [
        Cell(tag.record.tag, HEAD),
        listed([name.title for name in tag.record.names], _SHOWN),
        _holds(tag),
        _answer(tag.is_on_branch),
        _answer(tag.is_published),
    ]


def _holds(tag: TagState) -> Cell:
    if tag.record.commit is None:
        return Cell("no git tag", BAD)
    rules = dict.fromkeys(problem.rule for problem in tag.problems)
    return Cell(f"no: {', '.join(rules)}", BAD) if rules else Cell("yes", GOOD)


def _answer(answer: bool | None) -> Cell:
    return Cell("unknown", FAINT) if answer is None else Cell("yes" if answer else "no", "" if answer else FAINT)


def _problems(title: str, problems: Iterable[Problem]) -> Iterator[str]:
    unique = list(dict.fromkeys(problems))
    if unique:
        yield ""
        yield styled(title, HEAD)
        yield from (line for problem in unique[:_MAX_PROBLEMS] for line in str(problem).split("\n"))
    yield from omitted(unique, _MAX_PROBLEMS, "and {:,} more (experimentstash verify --all)")


def _fixes(tools: tuple[ToolState, ...]) -> Iterator[str]:
    """Yield the commands that check tools out at their pins and refresh copied configs."""
    lines = [f"{tool.name}: {tool.standing}\n    fix: {tool.fix}" for tool in tools if tool.fix]
    for tool in tools:
        for copy in tool.differing_copies:
            what = f"{copy.copy}: {copy.state.value}; the pin has another {copy.source}"
            lines.append(f"{what}\n    {'fix' if copy.state.value == 'outdated' else 'to replace it'}: {copy.refresh}")
    if lines:
        yield ""
        yield styled("Tools:", HEAD)
    for line in lines:
        yield from map(printable, line.split("\n"))
