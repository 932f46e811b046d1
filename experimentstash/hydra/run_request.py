"""What is to be run: a tool, an experiment of it, and what the user typed for Hydra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.hydra.resolved_tool import ResolvedTool
    from experimentstash.stash.stash import Stash
    from experimentstash.stash.tool import Tool


@dataclass(frozen=True)
class RunRequest:
    """What is to be run.

    Attributes:
        resolved: the tool.
        experiment: the experiment's name; empty for the program as it is by itself.
        flags: Hydra's flags as the user typed them.
        overrides: overrides as the user typed them.
        select: one of `tool.SELECTS`.
        snapshot: the snapshot file to replay, or None for the working config.
        settings: the frozen settings of Hydra that go with it.
        late, keep: keys whose lateness the user decided.
        plain: keys below which the user takes plain values for what cannot be given back as it is.
        configs: a directory of configs that comes before the stash's own.
        stash_configs: the directory of the stash's own, where that is not `configs/<tool>`.
        frozen_with: the overrides that the snapshot was frozen with.
        folder: the run directory of this one run, whatever the config chooses; of a sweep, the directory of its jobs.
        loaded: a directory that takes what each process of the run loaded, for `checkouts.code`.
        imports: the directory that takes the names of what the run imports, or None.
        note: the text of a file in the run directory that says how the run differs from what was frozen.
    """

    resolved: ResolvedTool
    experiment: str
    flags: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    select: str = "primary"
    snapshot: Path | None = None
    settings: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    configs: Path | None = None
    stash_configs: Path | None = None
    frozen_with: tuple[str, ...] = ()
    folder: Path | None = None
    loaded: Path | None = None
    imports: Path | None = None
    note: str = ""

    @property
    def stash(self) -> Stash:
        """The stash."""
        return self.resolved.stash

    @property
    def tool(self) -> Tool:
        """The tool's entry in the registry."""
        return self.resolved.tool

    @property
    def root(self) -> Path:
        """The tool's checkout."""
        return self.resolved.root

    @property
    def work(self) -> Path:
        """The tool's working directory."""
        return self.resolved.work
