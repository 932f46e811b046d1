"""Compose an experiment inside the tool's own process, without running its task."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from experimentstash.hydra.inquiry import ask

if TYPE_CHECKING:
    from experimentstash.hydra.launch import Wish


def compose(wanted: Wish, *, mode: str = "capture") -> tuple[Wish, dict[str, Any]]:
    """Compose the wish in the tool's process.

    Where the registry does not say how an experiment is chosen, Hydra's own word on it counts: whether its group is
    in the defaults list. No other way is tried, and none that cannot fail.

    The caller has said `keep_clean` before.

    Returns:
        The wish with the way that worked, and what the tool's process answered.

    Raises:
        StashError: it does not compose; the message is Hydra's own, whole.
    """
    answer = ask(wanted, mode)
    if not isinstance(answer, dict) and (select := _corrected(wanted, answer.text)):
        wanted = replace(wanted, select=select)
        answer = ask(wanted, mode)
    if not isinstance(answer, dict):
        raise answer.error
    return wanted, answer


def _corrected(wanted: Wish, said: str) -> str | None:
    """Return the way that Hydra's message asks for: `+` for a group that is not in the defaults list, or none."""
    if wanted.tool.select is not None or wanted.snapshot is not None:
        return None
    group = wanted.tool.group
    if wanted.select == "group" and f"Could not override '{group}'. No match in the defaults list." in said:
        return "append"
    return "group" if wanted.select == "append" and f"Multiple values for {group}." in said else None
