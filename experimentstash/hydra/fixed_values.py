"""Refuses overrides of a frozen experiment on which a fixed value depends: the `FIXED` lines of the snapshot."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from experimentstash.core.errors import StashError, command
from experimentstash.hydra import command_line
from experimentstash.stash.config_paths import component, is_at_or_below, of_override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.core.names import SnapshotName
    from experimentstash.stash.snapshot_file import Snapshot

_WORD = re.compile(r"[A-Za-z0-9_./-]+")


def check_overrides(frozen: Snapshot, name: SnapshotName, overrides: Sequence[str]) -> None:
    """Check that every value that depends on an overridden one follows it, or is overridden too.

    Args:
        frozen: the snapshot.
        name: its name.
        overrides: the user's overrides.

    Raises:
        StashError: a value is fixed, and would not follow an override.
    """
    if not overrides or not frozen.all("FIXED"):
        return
    typed = [of_override(command_line.key(line)) for line in overrides]
    for line in frozen.all("FIXED"):
        value, *reads = line.split(" ")
        read = next((read for read in reads for key in typed if _meet(read, key)), None)
        if read is None or any(is_at_or_below(value, key) or is_at_or_below(key, value) for key in typed):
            continue
        run = ["experimentstash", "run", name.tool, name.experiment, "--snapshot", name.tag, *overrides]
        text = _text_at(yaml.load(frozen.body, getattr(yaml, "CSafeLoader", yaml.SafeLoader)), value)  # noqa: S506
        raise StashError(
            f"{name.title}: {value} was built from {read} when it was frozen, and cannot follow a change of it",
            f"{command(*run, f'{value}={text}')}  # with the value that it should have",
        )


def _meet(read: str, key: str) -> bool:
    return is_at_or_below(read, key) or is_at_or_below(key, read)


def _text_at(body: Any, address: str) -> str:
    """Return the frozen value at an address as an override, or a placeholder."""
    children = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, child in children:
        here = str(key) if isinstance(body, list) else component(key)
        if address == here:
            text = "null" if child is None else str(child).lower() if isinstance(child, bool) else str(child)
            return text if _WORD.fullmatch(text) else "VALUE"
        if address.startswith(f"{here}."):
            return _text_at(child, address[len(here) + 1 :])
    return "VALUE"
