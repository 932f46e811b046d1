"""Composes experiments in the tool's own processes, without running a task."""

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

    If the registry does not record how an experiment is selected, Hydra's message decides: whether its group is
    in the defaults list. No other way is tried, and no way that cannot fail.

    The caller must call `keep_clean` first.

    Returns:
        The request with the way that worked, and the answer of the tool's process.

    Raises:
        StashError: it does not compose; the message is Hydra's.
    """
    answer = ask(request, mode)
    if not isinstance(answer, dict) and (select := _corrected(request, answer.text)):
        request = replace(request, select=select)
        answer = ask(request, mode)
    if not isinstance(answer, dict):
        raise answer.error
    return request, answer


class Compositions:
    """Composes experiments of one tool, each twice, in two processes of the tool if possible.

    The second process is started for the last experiment and composes in reverse order, so that values that depend on
    the order, or on the first experiment of the process, differ and are reported. If one of the processes gives no
    answer for an experiment, it is composed alone.

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
        """Compose a request, as returned by `first`, again.

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
    """Return the way that Hydra's message requires: `+` for a group that is not in the defaults list, or none."""
    if request.tool.select is not None or request.snapshot is not None:
        return None
    group = request.tool.group
    if request.select == "group" and f"Could not override '{group}'. No match in the defaults list." in said:
        return "append"
    return "group" if request.select == "append" and f"Multiple values for {group}." in said else None
