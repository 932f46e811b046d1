"""Parses and builds command lines of Hydra programs: flags and overrides."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from experimentstash.stash.tool import Tool

_WITH_VALUE = frozenset(
    {"--cfg", "-c", "--package", "-p", "--experimental-rerun"}
    | {"--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd"}
)
_WITH_OPTIONAL_VALUE = frozenset({"--info", "-i"})
_ASKS_FOR_OVERRIDES = re.compile(r"\$\{[^}]*\b(override_dirname|overrides)\b")
_OVERRIDE = re.compile(r"[+~]|[^-=][^=]*=")
_NO_TEXTS = frozenset({"null", "true", "false", "inf", "nan"})
FROZEN_CONFIG = "experimentstash_frozen"
"""The name of a replayed config in Hydra's ConfigStore; that of `experimentstash_inside.order.FROZEN`."""


def is_override(argument: str) -> bool:
    """Return whether an argument is an override: it begins with `+` or `~`, or holds a `=` and is no flag."""
    return _OVERRIDE.match(argument) is not None


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split arguments for Hydra into flags (with their values) and overrides.

    Hydra's argparse accepts overrides only as one group; with the flags first, any order works. The order
    of the flags and of the overrides is kept.
    """
    flags: list[str] = []
    overrides: list[str] = []
    waiting = ""
    for argument in arguments:
        if waiting in _WITH_VALUE or (waiting and not is_override(argument) and not argument.startswith("-")):
            flags.append(argument)
            waiting = ""
        elif argument.startswith("-"):
            flags.append(argument)
            waiting = argument if argument in _WITH_VALUE | _WITH_OPTIONAL_VALUE else ""
        else:
            overrides.append(argument)
            waiting = ""
    return flags, overrides


def is_multirun(flags: Sequence[str]) -> bool:
    """Return whether the flags request a sweep."""
    return "--multirun" in flags or "-m" in flags


def key(override: str) -> str:
    """Return what an override sets: `hydra/launcher` of `+hydra/launcher=joblib`."""
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


_WHOLE = ("launcher", "sweeper", "job_logging", "hydra_logging")
"""Groups of Hydra's that are replaced as a whole, with their subgroups: parameters of one choice are invalid for
another."""


def without_replaced(settings: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """Return the frozen settings, including flags, that overrides of this run do not replace."""
    keys = {key(line) for line in overrides}
    groups = [name for name in keys if name.startswith("hydra/") and name.split("/")[1] in _WHOLE]
    nodes = [name.replace("/", ".") for name in groups]
    parts = (*(f"{name}/" for name in groups), *(f"{name}." for name in nodes))
    keys.update(nodes)
    return [line for line in settings if line.startswith("-") or not (key(line) in keys or key(line).startswith(parts))]


def program(python: Path, tool: Tool, work: Path) -> list[str]:
    """Return the command that starts the tool's program, without Hydra's arguments.

    Args:
        python: the interpreter.
        tool: its entrypoint is a module, a script, or a console script next to the interpreter.
        work: the tool's working directory.
    """
    if tool.module is not None:
        return [str(python), "-m", tool.module]
    if "/" not in tool.entrypoint and not (work / tool.entrypoint).is_file():
        return [str(python.parent / tool.entrypoint)]
    return [str(python), tool.entrypoint]


def selection(select: str, experiment: str, group: str = "experiment") -> tuple[list[str], list[str]]:
    """Return the flags and the overrides that select an experiment in one of the ways of `tool.SELECTS`.

    Empty without an experiment. The group `.` is that of the primary configs.
    """
    if not experiment:
        return [], []
    if select == "primary":
        return [f"--config-name={experiment if group == '.' else f'{group}/{experiment}'}"], []
    if select == "compose":
        return [], []
    return [], [f"{'+' if select == 'append' else ''}{group}={quoted(experiment)}"]


def quoted(text: str) -> str:
    """Return a string for Hydra's grammar, quoted if it would be parsed as another type."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_/.-]*", text) and text.lower() not in _NO_TEXTS:
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def is_circular(settings: Sequence[str], late: Sequence[str]) -> bool:
    """Return whether Hydra alone would resolve the interpolations of a `RERUN` line forever.

    They are overrides of the task there, and so part of `job.override_dirname` and `overrides.task`.

    Args:
        settings: the `HYDRA` lines.
        late: the overrides with interpolations: those of `LATE` lines, and those that a sweep builds again.
    """
    unused = () if "--multirun" in settings else ("hydra.sweep.",)
    asking = [line for line in (*settings, *late) if _ASKS_FOR_OVERRIDES.search(line) and not line.startswith(unused)]
    return bool(asking) and any("${" in line for line in late)


def rerun(tool: Tool, config_flags: str, more: Sequence[str]) -> str:
    """Return the command that runs a frozen config with Hydra alone, for a shell in the tool's working directory."""
    words = ["python", "-m", tool.module] if tool.module else ["python", tool.entrypoint]
    if tool.module is None and "/" not in tool.entrypoint and "." not in tool.entrypoint:
        words = words[1:]  # a console script
    return " ".join(filter(None, [shlex.join(words), config_flags, shlex.join(more)]))
