"""conda's locks: an `environment.yml` with exact versions, and the files of conda-lock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import yaml

from experimentstash.core import yaml_nodes
from experimentstash.core.errors import StashError, quote
from experimentstash.environments.formats import requirements_file
from experimentstash.environments.formats.base import LARGEST, BuildContext, Lock, Plan, joined_versions
from experimentstash.environments.installers import Step, find_program
from experimentstash.environments.packages import normal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PINNED = re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9_][\w.-]*)\s*={1,2}\s*([A-Za-z0-9][\w.!+]*)(?:=[\w.]+)?")
_CHANNELS = {"defaults": "repo.anaconda.com"}
_CHANNEL_HOST = "conda.anaconda.org"
"""The host of a channel given without a URL (conda's documentation, *Channels*)."""


class CondaLock(Lock):
    """A lock file of conda-lock; its content is not parsed.

    Attributes:
        programs: the programs that build it, the preferred one first.
        sync_verb: the command of micromamba that makes an environment match it.
    """

    kind = "conda-lock"
    brings_python = True
    lists_dependencies = False
    programs: ClassVar[tuple[str, ...]] = ("micromamba", "mamba")
    sync_verb: ClassVar[str] = "install"

    @classmethod
    def is_named(cls, file: str) -> bool:
        """Return whether a file of this name is of the format."""
        return file == "conda-lock.yml" or file.endswith(".conda-lock.yml")

    def check(self) -> None:
        """Check nothing: it lists packages of conda's channels only."""

    def sync_command(self, python: Path) -> str:
        """Return the command of micromamba that installs the lock's packages into a tool's environment."""
        prefix = quote(str(python.parents[1]))
        return f"micromamba {self.sync_verb} --file {self.quoted(self.path)} --prefix {prefix}"

    def plan(self, context: BuildContext) -> Plan:
        """Plan an environment; the lock also specifies the Python.

        Raises:
            StashError: no conda program is on the PATH.
        """
        program = find_program(*self.programs)
        if program is None:
            raise StashError(
                f"{context.title}: {self.name} is built by micromamba, which is not on the PATH of this machine",
                "install micromamba, https://mamba.readthedocs.io, or use the current environment with --no-build",
            )
        verb = ["env", "create"] if program.name == "conda" else ["create"]

        def steps(folder: Path) -> list[Step]:
            return [Step([program, *verb, "--yes", "--prefix", folder, "--file", self.path], folder.parent)]

        return Plan((self.kind, self.data()), steps, context.projects)


class CondaEnvironment(CondaLock):
    """An `environment.yml`."""

    kind = "conda"
    programs = ("micromamba", "mamba", "conda")
    sync_verb = "update"

    @classmethod
    def is_named(cls, file: str) -> bool:
        """Return whether a file of this name is of the format."""
        return file in ("environment.yml", "environment.yaml")

    def check(self) -> None:
        """Check that every line specifies one release."""
        read_environment(self.data(), self.name)

    def versions(self) -> dict[str, frozenset[str]]:
        """Return the version of each package in the lock, by normal name."""
        return joined_versions(read_environment(self.data(), self.name).items())

    def pinned_python(self) -> str:
        """Return the version of Python that the lock installs, or an empty string."""
        return next(iter(self.versions().get("python", ())), "")

    def channel_hosts(self) -> Iterator[str]:
        """Yield the hosts of the channels given without a URL."""
        root = yaml_nodes.compose(self.data(), self.name, largest=LARGEST, aliases=False)
        pairs = yaml_nodes.pairs(root, self.name) if isinstance(root, yaml.MappingNode) else ()
        channels = [
            item.value
            for key, _, value in pairs
            if key == "channels" and isinstance(value, yaml.SequenceNode)
            for item in value.value
            if isinstance(item, yaml.ScalarNode)
        ]
        for channel in channels or [next(iter(_CHANNELS))]:
            if "://" not in channel:
                yield _CHANNELS.get(channel, _CHANNEL_HOST)


def read_environment(data: bytes, where: str) -> dict[str, str]:
    """Return the version of each package in an `environment.yml`, including its `pip:` list.

    Raises:
        StashError: it is invalid, or a line specifies more than one release or a local directory.
    """
    root = yaml_nodes.compose(data, where, largest=LARGEST, aliases=False)
    if not isinstance(root, yaml.MappingNode):
        raise StashError(f"{where}: not a conda environment file")
    found: dict[str, str] = {}
    for line, from_pip in _lines(root, where):
        if from_pip:
            wanted = requirements_file.parse_line(line, where)
            found[wanted.name] = wanted.version
        else:
            match = _PINNED.fullmatch(line)
            found[normal(match[1]) if match else line] = match[2] if match else ""
    if loose := [name for name, version in found.items() if not version and name != "pip"]:
        raise StashError(f"{where}: {loose[0]!r} has no exact version")
    if not found:
        raise StashError(f"{where}: it lists no packages")
    return found


def _lines(root: yaml.MappingNode, where: str) -> Iterator[tuple[str, bool]]:
    for key, _, value in yaml_nodes.pairs(root, where):
        for item in value.value if key == "dependencies" and isinstance(value, yaml.SequenceNode) else ():
            if isinstance(item, yaml.ScalarNode):
                yield item.value.strip(), False
            elif isinstance(item, yaml.MappingNode):
                yield from _pip_lines(item, where)


def _pip_lines(item: yaml.MappingNode, where: str) -> Iterator[tuple[str, bool]]:
    for _, _, value in yaml_nodes.pairs(item, where):
        for line in value.value if isinstance(value, yaml.SequenceNode) else ():
            if isinstance(line, yaml.ScalarNode):
                yield line.value.strip(), True
