"""`pylock.toml` (PEP 751): uv reads it; pip since 26.1, experimentally."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from experimentstash.core import toml_text
from experimentstash.core.errors import StashError, quote
from experimentstash.core.files import write_text
from experimentstash.environments.formats.base import BuildContext, Plan
from experimentstash.environments.formats.toml_lock import TomlLock, entries
from experimentstash.environments.installers import Step, Word, filler

if TYPE_CHECKING:
    from pathlib import Path

_PACKAGE = "[[packages]]"
_TABLES = re.compile(r"(?m)^(?=\[\[packages\]\]|\[(?!\[?packages\b))")


class Pylock(TomlLock):
    """A `pylock.toml`."""

    kind = "pylock"
    file = "pylock.toml"
    locks_project = False
    needs_uv = True

    def sync_command(self, python: Path) -> str:
        """Return the `uv pip sync` that installs the lock's packages into a tool's environment."""
        return f"uv pip sync --python {quote(str(python))} {self.quoted(self.path)}"

    def plan(self, context: BuildContext) -> Plan:
        """Plan what uv would sync, except the directories of the checkout.

        Raises:
            StashError: the lock refers to files of the checkout other than its projects.
        """
        uv = context.uv or context.fetch("uv")
        text, projects = self._without_projects()
        only_wheels = ["--only-binary=:all:"] if context.wheels_only else []

        def steps(folder: Path) -> list[Step]:
            source = self.path
            if projects:
                source = folder.parent / self.file
                write_text(source, text)
            sync: list[Word] = [uv, "pip", "sync", "--python", folder / "bin/python", *only_wheels, source]
            return [filler(context.interpreter, uv).make(folder), Step(sync, folder.parent)]

        return Plan((text,), steps, projects)

    def _without_projects(self) -> tuple[str, tuple[Path, ...]]:
        """Return the text without its entries for directories of the checkout, and those directories.

        No maintained library writes TOML as it was read, so the entry of a directory is cut out of the text, and
        the rest is parsed again.
        """
        data = self.data()
        packages = entries(toml_text.parse(data, self.name), self.name)
        text = data.decode("utf-8")
        directories = {at: entry for at, entry in enumerate(packages) if "directory" in entry.table}
        if not directories:
            return text, ()
        number = -1
        kept = ""
        for part in _TABLES.split(text):
            number += part.startswith(_PACKAGE)
            kept += "" if part.startswith(_PACKAGE) and number in directories else part
        rest = entries(toml_text.parse(kept.encode("utf-8"), self.name), self.name)
        if rest != [entry for at, entry in enumerate(packages) if at not in directories]:
            raise StashError(f"{self.name}: not a lock file that a known program writes")
        if any(entry.values("path") for entry in rest):
            raise StashError(
                f"{self.name}: besides the tool, it lists files of the tool as packages; this is not supported"
            )
        return kept, tuple(self.folder / place for entry in directories.values() for place in entry.values("path"))
