"""`doctor`: finds what keeps the hooks from working, with a fix for each finding."""

from __future__ import annotations

import json

import click

from experimentstash.core.errors import FINDING, FINE, report
from experimentstash.hooks.install.diagnosis import diagnose
from experimentstash.hooks.install.locations import find_locations


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> int:
    """Find what keeps the hooks from working, and print a fix for each finding.

    Example: experimentstash doctor
    """
    problems = diagnose(find_locations())
    if as_json:
        print(json.dumps({"problems": [problem.as_json() for problem in sorted(problems)]}, indent=2))
        return FINDING if problems else FINE
    if not problems:
        print("the hooks are installed and working")
    return report(problems)
