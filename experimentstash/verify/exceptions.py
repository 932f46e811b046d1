"""Deliberate exceptions: rules whose findings the user allows for one command, and the log of allowed findings."""

from __future__ import annotations

import datetime as dt
import os
import sys
from typing import TYPE_CHECKING

from experimentstash.core.errors import UsageError, printable, report

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from experimentstash.core.errors import Problem

VARIABLE = "EXPERIMENTSTASH_ALLOW"
"""The environment variable with the allowed rules, separated by commas."""
RULES = ("flat", "header", "pin", "frozen", "tag", "published")
LOG = "allowed.log"
"""The log in the program's directory below `.git`: time, rule, place and problem of each allowed finding."""


def report_unless_allowed(problems: Iterable[Problem], directory: Path, retry: str) -> int:
    """Print every finding and return the exit code: 0 if all findings are of allowed rules.

    Also writes allowed findings to `directory/LOG`, so that the exception can be traced later.

    Args:
        problems: the findings.
        directory: the program's directory below `.git`.
        retry: the refused command, which the message shows with the exception.

    Raises:
        UsageError: the variable names an unknown rule.
    """
    allowed = allowed_rules()
    unique = sorted(set(problems))
    passed = [problem for problem in unique if problem.rule in allowed]
    refused = [problem for problem in unique if problem.rule not in allowed]
    if passed:
        _log_allowed(passed, directory)
    code = report(refused)
    if refused:
        rules = ",".join(rule for rule in RULES if rule in {*allowed, *(problem.rule for problem in refused)})
        print(f"    or, if you mean it: {VARIABLE}={rules} {retry}", file=sys.stderr)
    return code


def allowed_rules() -> set[str]:
    """Return the rules that the user allows to fail.

    Raises:
        UsageError: the variable names an unknown rule.
    """
    rules = {word.strip() for word in os.environ.get(VARIABLE, "").split(",")} - {""}
    if unknown := sorted(rules - set(RULES)):
        raise UsageError(
            f"{VARIABLE}: {unknown[0]!r} is not a rule; the rules are {', '.join(RULES)}", f"unset {VARIABLE}"
        )
    return rules


def _log_allowed(passed: list[Problem], directory: Path) -> None:
    # few commands need it, and hooks start faster without it
    from experimentstash.core.secrets import for_others, masked

    now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / LOG).open("a", encoding="utf-8", errors="backslashreplace") as log:
        for problem in passed:
            line = masked(f"{printable(problem.where)}: {problem.rule}: {printable(problem.what)}")
            print(f"allowed by {VARIABLE}: {line}", file=sys.stderr)
            log.write(f"{now} {for_others(line)}\n")
