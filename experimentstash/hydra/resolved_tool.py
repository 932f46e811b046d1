"""A registered tool as it is on disk: its checkout, program, configs and interpreter, each found once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.files import check_inside
from experimentstash.environments.tool_python import interpreter
from experimentstash.git.checkouts.checked_out import check_checked_out
from experimentstash.git.checkouts.tool_commit import checked_out
from experimentstash.hydra.source.hydra_main import read_main
from experimentstash.hydra.source.layout import config_folder, guess_select

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.hydra.source.hydra_main import HydraMain
    from experimentstash.stash.stash import Stash
    from experimentstash.stash.tool import Tool


@dataclass(frozen=True)
class ResolvedTool:
    """A registered tool in a checkout of the stash. A command makes one value and keeps it: nothing is read twice.

    Attributes:
        stash: the stash.
        tool: its entry in the registry.
    """

    stash: Stash
    tool: Tool

    @property
    def name(self) -> str:
        """Its name."""
        return self.tool.name

    @cached_property
    def root(self) -> Path:
        """Its checkout."""
        return self.stash.checkout(self.tool.name)

    @cached_property
    def work(self) -> Path:
        """Its working directory."""
        return self.root / self.tool.workdir

    @cached_property
    def commit(self) -> str:
        """The full id of the commit that it is checked out at, whatever its files hold; see `tool_commit.checked_out`.

        Raises:
            StashError: it is not checked out, is the stash itself, or has no commit.
        """
        return checked_out(self.stash, self.name)

    @cached_property
    def main(self) -> HydraMain | None:
        """How its program calls Hydra, or None if its source does not show it."""
        return read_main(self.root, self.tool)

    @cached_property
    def config_directory(self) -> Path | None:
        """The directory of its own configs, or None if it has none on disk."""
        return config_folder(self.root, self.tool, self.main)

    @cached_property
    def interpreter(self) -> Path:
        """The Python that runs it; see `tool_python.interpreter`.

        Raises:
            StashError: the one that the registry or git's configuration names is not there, or there is none.
        """
        return interpreter(self.stash.root, self.tool)

    def guess_select(self, experiment_text: str) -> str | None:
        """Tell from its source how the program chooses an experiment; see `layout.guess_select`."""
        if self.main is None:
            return None
        return guess_select(self.root, self.tool, self.main, self.config_directory, experiment_text)

    def check_there(self) -> None:
        """Raise `StashError` unless the tool is checked out and its working directory is there."""
        check_checked_out(self.stash, self.name)
        check_inside(self.root, self.work)
        if not self.work.is_dir():
            where = f"{self.tool.path}/{self.tool.workdir}"
            raise StashError(f"{where}: the tool has no such working directory (workdir: in the registry)")
