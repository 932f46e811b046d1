"""Command lines of Hydra programs: what is a flag, what an override, and in which order they stand."""

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
    """Split what a user typed for Hydra into flags (with their values) and overrides.

    Hydra's argparse takes its overrides in one run only; with the flags first, any order works. The order
    among the flags and among the overrides stays.
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
    """Return whether the flags ask for a sweep."""
    return "--multirun" in flags or "-m" in flags


def key(override: str) -> str:
    """Return what an override sets: `hydra/launcher` of `+hydra/launcher=joblib`."""
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


_WHOLE = ("launcher", "sweeper", "job_logging", "hydra_logging")
"""Groups of Hydra's that are replaced as a whole, with the groups inside them: the parameters of one choice do not
fit another."""


def without_replaced(settings: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """Return the frozen settings (flags too) that overrides of this run leave in place."""
    keys = {key(line) for line in overrides}
    groups = [name for name in keys if name.startswith("hydra/") and name.split("/")[1] in _WHOLE]
    nodes = [name.replace("/", ".") for name in groups]
    parts = (*(f"{name}/" for name in groups), *(f"{name}." for name in nodes))
    keys.update(nodes)
    return [line for line in settings if line.startswith("-") or not (key(line) in keys or key(line).startswith(parts))]


def program(python: Path, tool: Tool, work: Path) -> list[str]:
    """Return how the tool's program is started, without arguments of Hydra's.

    Args:
        python: the interpreter.
        tool: its entrypoint decides: a module, a script, or a console script beside the interpreter.
        work: the tool's working directory.
    """
    if tool.module is not None:
        return [str(python), "-m", tool.module]
    if "/" not in tool.entrypoint and not (work / tool.entrypoint).is_file():
        return [str(python.parent / tool.entrypoint)]
    return [str(python), tool.entrypoint]


def selection(select: str, experiment: str, group: str = "experiment") -> tuple[list[str], list[str]]:
    """Return the flags and the overrides that choose an experiment in one of the ways of `tool.SELECTS`.

    Without an experiment there is nothing to choose. The group `.` is that of the primary configs.
    """
    if not experiment:
        return [], []
    if select == "primary":
        return [f"--config-name={experiment if group == '.' else f'{group}/{experiment}'}"], []
    if select == "compose":
        return [], []
    return [], [f"{'+' if select == 'append' else ''}{group}={quoted(experiment)}"]


def quoted(text: str) -> str:
    """Return a text as Hydra's grammar reads it as a text: in quotes where it would be something else without."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_/.-]*", text) and text.lower() not in _NO_TEXTS:
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def is_circular(settings: Sequence[str], late: Sequence[str]) -> bool:
    """Return whether Hydra alone would never end to resolve the interpolations of a `RERUN` line.

    They are overrides of the task there, and so part of what `job.override_dirname` and `overrides.task` hold.

    Args:
        settings: the `HYDRA` lines.
        late: the overrides that hold interpolations: those of `LATE` lines, and those that a sweep builds anew.
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
