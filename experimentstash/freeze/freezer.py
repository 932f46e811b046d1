"""Freezes experiments of one stash, for the command `snapshot` and the hook `freeze-snapshots`."""

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

    from experimentstash.freeze.environment_capture import CapturedEnvironment
    from experimentstash.freeze.pending_snapshot import PendingSnapshot
    from experimentstash.git.checkouts.pins import PinMove
    from experimentstash.hydra.run_request import RunRequest
    from experimentstash.stash.stash import Stash


class Freezer:
    """Freezes experiments without writing anything. Resolves each tool once, and captures its environment once per tag.

    Args:
        stash: the stash.
    """

    def __init__(self, stash: Stash) -> None:
        self.stash = stash
        self._tools: dict[str, ResolvedTool] = {}
        self._environments: dict[tuple[str, str], Future[CapturedEnvironment]] = {}

    def tool(self, name: str) -> ResolvedTool:
        """Return a tool of the registry.

        Raises:
            StashError: the tool is not registered.
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
            kept: further header lines, which the user wrote, to keep.

        Raises:
            StashError: as for `freeze.freeze`.
        """
        tool = requests[0].resolved
        composing = Compositions(requests)
        with ThreadPoolExecutor(1) as beside:  # a query to the package index takes as long as composing
            key = (tool.name, tag)
            if key not in self._environments:
                self._environments[key] = beside.submit(_captured, tool, tag)
            environment = self._environments[key].result
            return [freeze(request, tag, environment, composing, kept) for request in requests]

    def lines(self, frozen: Iterable[PendingSnapshot], moves: Iterable[PinMove]) -> Iterator[str]:
        """Yield the output of a freeze: the files, the environments, the pins, and symlinks that leave the stash.

        Args:
            frozen: the snapshots.
            moves: the changes of the pins.
        """
        pins: dict[str, str] = {}
        notices: dict[str, None] = {}
        for snapshot in frozen:
            yield from snapshot.lines()
            pins |= snapshot.pins
            notices |= dict.fromkeys(self._environments[snapshot.name.tool, snapshot.name.tag].result().warnings)
        yield from (masked(f"    environment: {printable(notice)}") for notice in notices)
        yield from map(str, moves)
        yield from outward_links(self.stash, pins)


def _captured(tool: ResolvedTool, tag: str) -> CapturedEnvironment:
    from experimentstash.freeze.environment_capture import capture_environment  # import while the tool composes

    return capture_environment(tool, tag)
