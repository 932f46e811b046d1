"""`doctor`: finds what keeps the hooks from working, and names the command that mends each."""

from __future__ import annotations

import json

import click

from experimentstash.core.errors import FINDING, FINE, report
from experimentstash.hooks.install.diagnosis import diagnose
from experimentstash.hooks.install.locations import find_locations


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(as_json: bool) -> int:
    """Find what keeps the hooks from working, and name the command that mends each."""
    problems = diagnose(find_locations())
    if as_json:
        print(json.dumps({"problems": [problem.as_json() for problem in sorted(problems)]}, indent=2))
        return FINDING if problems else FINE
    if not problems:
        print("the hooks are in place, and nothing is in their way")
    return report(problems)
