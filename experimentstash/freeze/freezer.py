"""Experiments of one stash, frozen: the one way to a snapshot, for the command and for the hook."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from experimentstash.core.errors import printable
from experimentstash.core.secrets import masked
from experimentstash.freeze.freeze import freeze
from experimentstash.git.checkouts.outward_links import outward_links
from experimentstash.hydra.compose import Compositions
from experimentstash.hydra.resolved_tool import ResolvedTool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from experimentstash.freeze.environment_capture import Surroundings
    from experimentstash.freeze.pending_snapshot import PendingSnapshot
    from experimentstash.git.checkouts.pins import PinMove
    from experimentstash.hydra.run_request import RunRequest
    from experimentstash.stash.stash import Stash


class Freezer:
    """Freezes experiments; nothing is written. A tool is resolved once, and its environment captured once for a tag.

    Args:
        stash: the stash.
    """

    def __init__(self, stash: Stash) -> None:
        self.stash = stash
        self._tools: dict[str, ResolvedTool] = {}
        self._environments: dict[tuple[str, str], Future[Surroundings]] = {}

    def tool(self, name: str) -> ResolvedTool:
        """Return a tool of the registry.

        Raises:
            StashError: it is not registered.
        """
        if name not in self._tools:
            self._tools[name] = ResolvedTool(self.stash, self.stash.tool(name))
        return self._tools[name]

    def freeze(
        self, requests: Sequence[RunRequest], tag: str, kept: Sequence[tuple[str, str]] = ()
    ) -> list[PendingSnapshot]:
        """Freeze experiments of one tool under a tag.

        Args:
            requests: the experiments.
            tag: the tag.
            kept: further header lines that somebody wrote, and that stay.

        Raises:
            StashError: as `freeze.freeze`.
        """
        tool = requests[0].resolved
        composing = Compositions(requests)
        with ThreadPoolExecutor(1) as beside:  # a question to the package index takes as long as composing
            key = (tool.name, tag)
            if key not in self._environments:
                self._environments[key] = beside.submit(_captured, tool, tag)
            environment = self._environments[key].result
            return [freeze(request, tag, environment, composing, kept) for request in requests]

    def lines(self, frozen: Iterable[PendingSnapshot], moves: Iterable[PinMove]) -> Iterator[str]:
        """Yield what the user is told of a freeze: the files, the environments, the pins, and links that lead out.

        Args:
            frozen: what was frozen.
            moves: how the pins move by that.
        """
        pins: dict[str, str] = {}
        notices: dict[str, None] = {}
        for one in frozen:
            yield from one.lines()
            pins |= one.pins
            notices |= dict.fromkeys(self._environments[one.name.tool, one.name.tag].result().told)
        yield from (masked(f"    environment: {printable(notice)}") for notice in notices)
        yield from map(str, moves)
        yield from outward_links(self.stash, pins)


def _captured(tool: ResolvedTool, tag: str) -> Surroundings:
    from experimentstash.freeze.environment_capture import surroundings  # loaded while the tool composes

    return surroundings(tool, tag)
