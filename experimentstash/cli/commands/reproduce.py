"""`reproduce TAG`: what was frozen, brought to disk elsewhere, built, run and compared."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import click

from experimentstash.core.errors import FINDING, ToolExit, UsageError
from experimentstash.core.names import plain_tag
from experimentstash.core.progress import show_steps
from experimentstash.reproduce import stash_source as sources
from experimentstash.reproduce.download_limit import GIGABYTE, MOST, Limit
from experimentstash.reproduce.reproduction import Request, reproduce
from experimentstash.reproduce.reproduction_report import check_report
from experimentstash.stash.results.comparison_rules import Rules
from experimentstash.stash.results.rule_parser import rules_of_words

_LONGEST = 1e9  # seconds: thirty years


def _seconds(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value <= _LONGEST:  # NaN is no such number either
        raise click.BadParameter(f"{value:g} is no number of seconds that a run can have")
    return value


def _gigabytes(_context: click.Context, _option: click.Parameter, value: float) -> float:
    if not 0 < value <= _LONGEST:
        raise click.BadParameter(f"{value:g} is no number of gigabytes that can be fetched")
    return value


def _launcher_overrides(name: str | None, parameters: tuple[str, ...]) -> tuple[str, ...]:
    """Return the overrides that replace the recorded launcher as a whole.

    Raises:
        UsageError: a parameter is not KEY=VALUE, or there is no launcher that it is for.
    """
    example = "experimentstash reproduce TAG --launcher joblib --launcher-set n_jobs=2"
    if name is None:
        if parameters:
            raise UsageError("--launcher-set is for a launcher: name it with --launcher", example)
        return ()
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_/-]*", name):
        raise UsageError(f"--launcher {name!r} is no name of a launcher", example)
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
    help="The repository or the archive that has the tag; by default this clone.",
)
@click.option(
    "--into",
    metavar="DIR",
    help="The folder that it goes into: new, empty, or of an earlier try; by default beside the clone, or ./TAG.",
)
@click.option("--check", is_flag=True, help="Compare the results with the recorded ones.")
@click.option("--rtol", multiple=True, metavar="[FILE::KEY=]NUMBER", help="Relative tolerance of numbers.")
@click.option("--atol", multiple=True, metavar="[FILE::KEY=]NUMBER", help="Absolute tolerance of numbers.")
@click.option(
    "--ignore",
    multiple=True,
    metavar="FILE",
    help="Files that are no results; a shell pattern. It may be said again, as may the others.",
)
@click.option("--ignore-keys", multiple=True, metavar="[FILE::]KEY", help="Keys and columns that are not compared.")
@click.option("--report", metavar="FILE", help="Write the report to FILE.md and FILE.json.")
@click.option(
    "--launcher",
    metavar="NAME",
    help="Run the jobs of sweeps with this launcher of Hydra's, in place of the recorded one.",
)
@click.option("--launcher-set", multiple=True, metavar="KEY=VALUE", help="A parameter of that launcher: n_jobs=2.")
@click.option("--no-build", is_flag=True, help="Run in the environment at hand, and tell what of it differs.")
@click.option("--timeout", type=float, callback=_seconds, metavar="SECONDS", help="End a run that takes longer.")
@click.option(
    "--max-download",
    "gigabytes",
    type=float,
    callback=_gigabytes,
    default=MOST,
    show_default=True,
    metavar="GB",
    help="Stop where more than this has to be fetched before the question.",
)
@click.option("--yes", is_flag=True, help="The code of others may run: do not ask.")
@click.option("--allow-local", is_flag=True, help="Tools may come from paths of this machine.")
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
    launcher: str | None,
    launcher_set: tuple[str, ...],
    no_build: bool,
    timeout: float | None,
    gigabytes: float,
    yes: bool,
    allow_local: bool,
) -> int:
    """Run again what was frozen under TAG, with its code, its config and its packages.

    Nothing of the stash runs before it was told whose code it is. Said again, an interrupted reproduction goes on.
    """
    tag = plain_tag(tag)
    rules = rules_of_words(rtol, atol, ignore, ignore_keys)
    if rules != Rules() and not check:
        raise UsageError("--rtol, --atol, --ignore and --ignore-keys say how results are compared: say --check too")
    launched = _launcher_overrides(launcher, launcher_set)
    target = None if report is None else Path(report).expanduser()
    if target:
        check_report(target)
    if origin is None:
        source = sources.at_hand(tag, allow_local=allow_local)
    else:
        source = sources.named(origin, tag, allow_local=allow_local)
    source = replace(source, limit=Limit(int(gigabytes * GIGABYTE)))
    folder = sources.place_for(tag, source, into)
    request = Request(tag, experiments, source, folder, check, not no_build, yes, rules, timeout, launched)
    show_steps()
    try:
        account = reproduce(request)
    except KeyboardInterrupt:
        click.echo("\nstopped; the same command goes on from here", err=True)
        raise
    if account is None:
        return FINDING
    for line in account.lines():
        click.echo(line)
    if target:
        for path in account.write(target):
            click.echo(f"report: {path}")
    if any(one.report and not one.report.holds for one in account.outcomes):
        click.echo(
            "next: the same command with --rtol, --atol, --ignore-keys or --ignore compares again, and runs nothing"
        )
    if any(one.exit_code for one in account.outcomes):
        raise ToolExit(account.exit_code)
    return account.exit_code
