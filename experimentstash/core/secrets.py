"""Finds and masks secrets and names of this machine, outside of a tool's process.

The definitions are in `secrets.py` and `machine.py` of `hydra/inside/experimentstash_inside/`, for both sides.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from experimentstash.hydra.inside.experimentstash_inside import machine
from experimentstash.hydra.inside.experimentstash_inside.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

__all__ = [
    "Secrets",
    "first_secret",
    "for_others",
    "for_others_in",
    "masked",
    "without_machine",
    "without_names",
]


def masked(text: str) -> str:
    """Return a text with `***` in place of each secret, and of each text that looks like one."""
    return str(Secrets().masked(text))


def first_secret(
    text: str, kept: Collection[str] = (), more: Mapping[str, str] | None = None
) -> tuple[int, str] | None:
    """Return the line number (from 1) and the kind of the first secret in a text, or None.

    Args:
        text: the whole text of a file.
        kept: texts that the user chose to publish, even if they look like secrets.
        more: secrets that are not in the environment of this process, by name.
    """
    for secret in Secrets(more=more).all(text):
        if not any(secret.text in published for published in kept):
            return text.count("\n", 0, max(text.find(secret.text), 0)) + 1, secret.what
    return None


def without_machine(text: str, cwd: Path, *directories: Path) -> str | None:
    """Return an override with interpolations in place of the directories of this machine.

    Args:
        text: the override.
        cwd: the working directory of the tool.
        directories: those of the tool and of the stash.

    Returns:
        The override, or None if a directory has no interpolation that names it on every machine.
    """
    roots = machine.roots(str(cwd), *map(str, directories))
    key, equals, value = text.partition("=")
    portable = machine.portable(value, roots)
    if portable == "???":
        return None
    return text if portable is None else f"{key}{equals}{portable}"


def without_names(text: str) -> str:
    """Return a text with `~`, `…`, `USERNAME` and `HOSTNAME` in place of this machine's directories and names."""
    for directory in sorted(machine.places(), key=len, reverse=True):
        placeholder = "~" if directory == os.path.expanduser("~") else "…"  # noqa: PTH111  (a text, not a path)
        text = re.sub(rf"(?<![\w.~-]){re.escape(directory)}(?![\w-])", placeholder, text)
    for name, variable in machine.people().items():
        if name.lower() not in machine.COMMON:
            word = "USERNAME" if variable in ("USER", "LOGNAME", "USERNAME") else "HOSTNAME"
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", word, text)
    return text


def for_others(text: str) -> str:
    """Return a text to share with others: without secrets, and without directories and names of this machine."""
    return without_names(masked(text))


def for_others_in(value: Any, change: Callable[[str], str] = for_others) -> Any:
    """Return a JSON value with `change` applied to each of its strings and keys."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): for_others_in(inner, change) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [for_others_in(inner, change) for inner in value]
    return value
