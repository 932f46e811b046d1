"""`reproduce TAG`: checks a tag out elsewhere, builds its environment, runs the frozen configs, compares results."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import click

from experimentstash.core.errors import FINDING, StashError, ToolExit, UsageError
from experimentstash.core.names import plain_tag
from experimentstash.core.progress import show_steps
from experimentstash.reproduce import stash_source as sources
from experimentstash.reproduce.download_limit import GIGABYTE, MOST, Limit
from experimentstash.reproduce.reproduction import Request, reproduce
from experimentstash.reproduce.reproduction_report import check_report, write_badge
from experimentstash.stash.results.comparison_rules import Rules
from experimentstash.stash.results.rule_parser import rules_of_words

_LONGEST = 1e9  # seconds: thirty years


def _seconds(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value <= _LONGEST:  # also refuses NaN
        raise click.BadParameter(f"{value:g} is not a valid number of seconds")
    return value


def _gigabytes(_context: click.Context, _option: click.Parameter, value: float) -> float:
    if not 0 < value <= _LONGEST:
        raise click.BadParameter(f"{value:g} is not a valid number of gigabytes")
    return value


def _launcher_overrides(name: str | None, parameters: tuple[str, ...]) -> tuple[str, ...]:
    """Return the overrides that replace the recorded launcher.

    Raises:
        UsageError: a parameter is not KEY=VALUE, or there are parameters without a launcher.
    """
    example = "experimentstash reproduce TAG --launcher joblib --launcher-set n_jobs=2"
    if name is None:
        if parameters:
            raise UsageError("--launcher-set needs --launcher", example)
        return ()
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_/-]*", name):
        raise UsageError(f"--launcher {name!r} is not a launcher name", example)
    for parameter in parameters:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*=.*", parameter, re.DOTALL):
            raise UsageError(f"--launcher-set {parameter!r} is not KEY=VALUE", example)
    return (f"hydra/launcher={name}", *(f"++hydra.launcher.{parameter}" for parameter in parameters))


@click.command("reproduce")
@click.argument("tag")
@click.argument("experiments", metavar="[EXPERIMENT…]", nargs=-1)
@click.option(
    "--from",
    "origin",
    metavar="URL|FILE",
    help="The repository or archive with the tag; by default this clone.",
)
@click.option(
    "--into",
    metavar="DIR",
    help="The directory to use: new, empty, or of an interrupted reproduction; by default next to the clone, or ./TAG.",
)
@click.option("--check", is_flag=True, help="Compare the results with the recorded ones.")
@click.option("--rtol", multiple=True, metavar="[FILE::KEY=]NUMBER", help="Relative tolerance for numbers.")
@click.option("--atol", multiple=True, metavar="[FILE::KEY=]NUMBER", help="Absolute tolerance for numbers.")
@click.option(
    "--ignore",
    multiple=True,
    metavar="FILE",
    help="Files to leave out of the results (a shell pattern). Repeat this and the other options as needed.",
)
@click.option("--ignore-keys", multiple=True, metavar="[FILE::]KEY", help="Keys and columns to leave out.")
@click.option("--report", metavar="FILE", help="Write the report to FILE.md and FILE.json.")
@click.option("--badge", metavar="FILE", help="Write the verdict to FILE, as JSON for a badge of shields.io.")
@click.option(
    "--launcher",
    metavar="NAME",
    help="Run the jobs of sweeps with this Hydra launcher instead of the recorded one.",
)
@click.option("--launcher-set", multiple=True, metavar="KEY=VALUE", help="A parameter of that launcher: n_jobs=2.")
@click.option("--no-build", is_flag=True, help="Run in the current environment, and report how it differs.")
@click.option("--timeout", type=float, callback=_seconds, metavar="SECONDS", help="Stop a run that takes longer.")
@click.option(
    "--max-download",
    "gigabytes",
    type=float,
    callback=_gigabytes,
    default=MOST,
    show_default=True,
    metavar="GB",
    help="The maximum download before the program asks for permission to run code.",
)
@click.option("--yes", is_flag=True, help="Run the code of others without asking.")
@click.option("--allow-local", is_flag=True, help="Allow tools whose URLs are paths of this machine.")
def command(
    tag: str,
    experiments: tuple[str, ...],
    origin: str | None,
    into: str | None,
    check: bool,
    rtol: tuple[str, ...],
    atol: tuple[str, ...],
    ignore: tuple[str, ...],
    ignore_keys: tuple[str, ...],
    report: str | None,
    badge: str | None,
    launcher: str | None,
    launcher_set: tuple[str, ...],
    no_build: bool,
    timeout: float | None,
    gigabytes: float,
    yes: bool,
    allow_local: bool,
) -> int:
    """Run the experiments of TAG again, with the same code, config and packages.

    Shows whose code will run, and asks, before running anything. Run the same command to resume an interrupted
    reproduction.

    Example: experimentstash reproduce camera-ready --check
    """
    tag = plain_tag(tag)
    rules = rules_of_words(rtol, atol, ignore, ignore_keys)
    if rules != Rules() and not check:
        raise UsageError("--rtol, --atol, --ignore and --ignore-keys need --check")
    launched = _launcher_overrides(launcher, launcher_set)
    target = None if report is None else Path(report).expanduser()
    if target:
        check_report(target)
    limit = Limit(int(gigabytes * GIGABYTE))
    show_steps()
    try:
        source = _source(origin, tag, allow_local=allow_local)
        source = replace(source, limit=limit)
        folder = sources.place_for(tag, source, into)
        request = Request(tag, experiments, source, folder, check, not no_build, yes, rules, timeout, launched)
        account = reproduce(request)
    except KeyboardInterrupt:
        click.echo("\nstopped; run the same command to resume", err=True)
        raise
    except StashError:
        _write_failure(badge, tag)
        raise
    if account is None:
        _write_failure(badge, tag)
        return FINDING
    for line in account.lines():
        click.echo(line)
    if target:
        for path in account.write(target):
            click.echo(f"report: {path}")
    if badge:
        account.write_badge(Path(badge).expanduser())
    if any(one.report and not one.report.holds for one in account.outcomes):
        click.echo("next: add --rtol, --atol, --ignore-keys or --ignore to compare again without running anything")
    if any(one.exit_code for one in account.outcomes):
        raise ToolExit(account.exit_code)
    return account.exit_code


def _source(origin: str | None, tag: str, *, allow_local: bool) -> sources.Source:
    if origin is None:
        return sources.at_hand(tag, allow_local=allow_local)
    return sources.named(origin, tag, allow_local=allow_local)


def _write_failure(badge: str | None, tag: str) -> None:
    if badge:
        write_badge(Path(badge).expanduser(), tag, "cannot be reproduced", holds=False)
