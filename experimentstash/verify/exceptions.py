"""Deliberate exceptions: findings of a rule that the user lets pass, by name, and the trace that they leave."""

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
"""The rules whose findings pass, separated by commas, in the environment of one command."""
RULES = ("flat", "header", "pin", "frozen", "tag", "published")
LOG = "allowed.log"
"""The trace, in the folder that this program has in the clone's git folder: when, by which rule, where, what."""


def report_unless_allowed(problems: Iterable[Problem], folder: Path, again: str) -> int:
    """Print every finding, let those pass that the user allowed, and return the exit code.

    What is allowed is printed too and written to `folder/LOG`, so that the exception can be found later.

    Args:
        problems: the findings.
        folder: the program's folder in the clone's git folder.
        again: the command that was refused, as the user would say it with the exception.

    Raises:
        UsageError: the variable names what is no rule.
    """
    allowed = allowed_rules()
    found = sorted(set(problems))
    passed = [problem for problem in found if problem.rule in allowed]
    refused = [problem for problem in found if problem.rule not in allowed]
    if passed:
        _trace(passed, folder)
    code = report(refused)
    if refused:
        rules = ",".join(rule for rule in RULES if rule in {*allowed, *(problem.rule for problem in refused)})
        print(f"    or, if you mean it: {VARIABLE}={rules} {again}", file=sys.stderr)
    return code


def allowed_rules() -> set[str]:
    """Return the rules whose findings the user lets pass.

    Raises:
        UsageError: the variable names what is no rule.
    """
    named = {word.strip() for word in os.environ.get(VARIABLE, "").split(",")} - {""}
    if unknown := sorted(named - set(RULES)):
        raise UsageError(
            f"{VARIABLE}: {unknown[0]!r} is not a rule; the rules are {', '.join(RULES)}", f"unset {VARIABLE}"
        )
    return named


def _trace(passed: list[Problem], folder: Path) -> None:
    # Imported here: few commands need it, and hooks start faster without it.
    from experimentstash.core.secrets import for_others, masked

    now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("a", encoding="utf-8", errors="backslashreplace") as log:
        for problem in passed:
            told = masked(f"{printable(problem.where)}: {problem.rule}: {printable(problem.what)}")
            print(f"allowed by {VARIABLE}: {told}", file=sys.stderr)
            log.write(f"{now} {for_others(told)}\n")
