"""Secrets and names of this machine, as the program outside of a tool's process looks for them.

What is one, `hydra/inside/experimentstash_inside/secrets.py` and `machine.py` beside it say, for both sides.
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
    """Return a text for people, with `***` in the place of each secret, and of what looks like one."""
    return str(Secrets().masked(text))


def first_secret(
    text: str, kept: Collection[str] = (), more: Mapping[str, str] | None = None
) -> tuple[int, str] | None:
    """Return the line of a text, from 1, that holds a secret first, and what it is, in words; or None.

    Args:
        text: the whole text of a file.
        kept: texts that somebody chose to publish, whatever they look like.
        more: secrets that are not in the environment of this process, by name.
    """
    for held in Secrets(more=more).all(text):
        if not any(held.text in one for one in kept):
            return text.count("\n", 0, max(text.find(held.text), 0)) + 1, held.what
    return None


def without_machine(text: str, cwd: Path, *folders: Path) -> str | None:
    """Return an override with each folder of this machine as the interpolation that names it on any machine.

    None where no interpolation does.

    Args:
        text: the override.
        cwd: the working folder of the tool.
        folders: those of the tool and the stash.
    """
    roots = machine.roots(str(cwd), *map(str, folders))
    key, equals, value = text.partition("=")
    changed = machine.portable(value, roots)
    if changed == "???":
        return None
    return text if changed is None else f"{key}{equals}{changed}"


def without_names(text: str) -> str:
    """Return a text with `~`, `…`, `USERNAME` and `HOSTNAME` for the folders, the user and the name of this machine."""
    for place in sorted(machine.places(), key=len, reverse=True):
        named = "~" if place == os.path.expanduser("~") else "…"  # noqa: PTH111  (a text, not a path)
        text = re.sub(rf"(?<![\w.~-]){re.escape(place)}(?![\w-])", named, text)
    for name, variable in machine.people().items():
        if name.lower() not in machine.COMMON:
            word = "USERNAME" if variable in ("USER", "LOGNAME", "USERNAME") else "HOSTNAME"
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", word, text)
    return text


def for_others(text: str) -> str:
    """Return a text that is written for others: no secret, and no folder, user or name of this machine."""
    return without_names(masked(text))


def for_others_in(value: Any, change: Callable[[str], str] = for_others) -> Any:
    """Return a value of JSON with each text and key of it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): for_others_in(inner, change) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [for_others_in(inner, change) for inner in value]
    return value
