"""Compose experiments inside the tool's own processes, without running a task."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from experimentstash.hydra.launch import are_alike
from experimentstash.hydra.query import ask, ask_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.hydra.run_request import RunRequest


def compose(request: RunRequest, *, mode: str = "capture") -> tuple[RunRequest, dict[str, Any]]:
    """Compose the request in the tool's process.

    Where the registry does not say how an experiment is chosen, Hydra's own word on it counts: whether its group is
    in the defaults list. No other way is tried, and none that cannot fail.

    The caller has said `keep_clean` before.

    Returns:
        The request with the way that worked, and what the tool's process answered.

    Raises:
        StashError: it does not compose; the message is Hydra's own, whole.
    """
    answer = ask(request, mode)
    if not isinstance(answer, dict) and (select := _corrected(request, answer.text)):
        request = replace(request, select=select)
        answer = ask(request, mode)
    if not isinstance(answer, dict):
        raise answer.error
    return request, answer


class Compositions:
    """Composes experiments of one tool, each twice, in two processes of the tool where that can be.

    The second process is started for the last experiment and composes them in the opposite order: what depends on
    the order, or on the experiment that the process was started for, differs and is told. An experiment that one of
    the processes has no answer for is composed alone.

    Args:
        requests: the experiments.
    """

    def __init__(self, requests: Sequence[RunRequest]) -> None:
        self._requests = list(requests)
        self._answers: list[list[dict[str, Any] | None]] = []

    def first(self, request: RunRequest) -> tuple[RunRequest, dict[str, Any]]:
        """Compose a request for the first time.

        Returns, raises: as `compose`.
        """
        answer = self._answer(0, request)
        return compose(request) if answer is None else (request, answer)

    def second(self, request: RunRequest) -> dict[str, Any]:
        """Compose a request, as `first` has returned it, once more.

        Raises:
            StashError: it does not compose.
        """
        answer = self._answer(1, request)
        return compose(request)[1] if answer is None else answer

    def _answer(self, number: int, request: RunRequest) -> dict[str, Any] | None:
        if len(self._requests) == 1 or request not in self._requests or not are_alike(self._requests):
            return None
        if not self._answers:
            self._answers.append(ask_each(self._requests))
        if number == len(self._answers):
            self._answers.append(ask_each(self._requests[::-1])[::-1])
        return self._answers[number][self._requests.index(request)]


def _corrected(request: RunRequest, said: str) -> str | None:
    """Return the way that Hydra's message asks for: `+` for a group that is not in the defaults list, or none."""
    if request.tool.select is not None or request.snapshot is not None:
        return None
    group = request.tool.group
    if request.select == "group" and f"Could not override '{group}'. No match in the defaults list." in said:
        return "append"
    return "group" if request.select == "append" and f"Multiple values for {group}." in said else None
