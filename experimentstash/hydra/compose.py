"""Compose experiments inside the tool's own processes, without running a task."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from experimentstash.hydra.launch import are_alike
from experimentstash.hydra.query import ask, ask_each

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Compositions:
    """Composes experiments of one tool, each twice, in two processes of the tool where that can be.

    The second process is started for the last experiment and composes them in the opposite order: what depends on
    the order, or on the experiment that the process was started for, differs and is told. An experiment that one of
    the processes has no answer for is composed alone.

    Args:
        wishes: the experiments.
    """

    def __init__(self, wishes: Sequence[Wish]) -> None:
        self._wishes = list(wishes)
        self._answers: list[list[dict[str, Any] | None]] = []

    def first(self, wanted: Wish) -> tuple[Wish, dict[str, Any]]:
        """Compose a wish for the first time.

        Returns, raises: as `compose`.
        """
        answer = self._answer(0, wanted)
        return compose(wanted) if answer is None else (wanted, answer)

    def second(self, wanted: Wish) -> dict[str, Any]:
        """Compose a wish, as `first` has returned it, once more.

        Raises:
            StashError: it does not compose.
        """
        answer = self._answer(1, wanted)
        return compose(wanted)[1] if answer is None else answer

    def _answer(self, number: int, wanted: Wish) -> dict[str, Any] | None:
        if len(self._wishes) == 1 or wanted not in self._wishes or not are_alike(self._wishes):
            return None
        if not self._answers:
            self._answers.append(ask_each(self._wishes))
        if number == len(self._answers):
            self._answers.append(ask_each(self._wishes[::-1])[::-1])
        return self._answers[number][self._wishes.index(wanted)]


def _corrected(wanted: Wish, said: str) -> str | None:
    """Return the way that Hydra's message asks for: `+` for a group that is not in the defaults list, or none."""
    if wanted.tool.select is not None or wanted.snapshot is not None:
        return None
    group = wanted.tool.group
    if wanted.select == "group" and f"Could not override '{group}'. No match in the defaults list." in said:
        return "append"
    return "group" if wanted.select == "append" and f"Multiple values for {group}." in said else None
