"""What each frozen experiment of a reproduction runs in: its lock, built again, or the environment at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.invocation import rerun
from experimentstash.core.names import tool_path
from experimentstash.environments.build import build
from experimentstash.environments.build_request import BuildRequest, Supply
from experimentstash.environments.differences import differences, of_platform
from experimentstash.environments.environment_cache import cache_folder
from experimentstash.environments.header_lines import read_header
from experimentstash.environments.hosts import hosts
from experimentstash.environments.interpreters import python_host
from experimentstash.environments.lock_file import find_lock, open_lock
from experimentstash.environments.packages import describe
from experimentstash.environments.tool_python import interpreter, tool_environment
from experimentstash.reproduce.safe_checkout import OWN

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.environments.formats.base import Lock
    from experimentstash.environments.header_lines import Recorded
    from experimentstash.reproduce.fetch import Frozen
    from experimentstash.stash.stash import Stash
    from experimentstash.stash.tool import Tool

_OWN = f".git/{OWN}/environments"
"""Below the directory of the reproduction: what holds the code of this checkout, and is shared with no other."""


@dataclass(frozen=True)
class Need:
    """The environment that a frozen experiment needs.

    Attributes:
        frozen: the snapshot.
        said: what its header records.
        lock: the lock, opened and compared with its digest; None if there is none.
        told: the differences from what was recorded, one sentence each.
    """

    frozen: Frozen
    said: Recorded
    lock: Lock | None
    told: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts of packages, except the package index."""
        if self.lock is None:
            return ()
        named = hosts(self.lock, [self.lock.stash / folder for folder in self.said.projects])
        return (*named, *python_host(self.said.python))


@dataclass(frozen=True)
class Within:
    """What it runs in.

    Attributes:
        python: the interpreter.
        told: the differences from what was recorded, one sentence each.
        version: that of Python; empty if a lock of conda's says it.
        lock: what it was built from; None if it was at hand.
        was_there: whether an earlier build is used again.
    """

    python: Path
    told: tuple[str, ...]
    version: str = ""
    lock: Lock | None = None
    was_there: bool = False

    def of_failure(self) -> Within:
        """Return it with a possible reason for a failed run: the packages that its lock lacks."""
        return replace(self, told=(*self.told, *_lacking(self.lock))) if self.lock else self

    def __str__(self) -> str:
        """Say it in a line."""
        python = f"Python {self.version}" if self.version else "the Python of its lock"
        return f"{python}, built from {self.lock.name}" if self.lock else f"{python}, at hand"


def _lacking(lock: Lock) -> list[str]:
    return [f"not installed: {one} ({lock.name})" for one in lock.left_out().values()]


def projects_in(frozen: Frozen) -> tuple[str, ...]:
    """Return the directories of the stash that were installed as packages when it was frozen.

    Raises:
        StashError: its header cannot be read.
    """
    return read_header(frozen.snapshot, frozen.name.path).projects


def need(stash: Stash, frozen: Frozen, tool: Tool) -> Need:
    """Return the environment that a snapshot needs; builds nothing.

    One that records no lock (frozen by hand, or before locks were) takes the one that its tool ships.

    Args:
        stash: the checkout of the tag, with its tools.
        frozen: the snapshot.
        tool: its tool, of the tag's own registry.

    Raises:
        StashError: the lock that it names is not there, is another, or leads out of the stash.
    """
    said = read_header(frozen.snapshot, frozen.name.path)
    if (line := said.lock) is not None:
        return Need(frozen, said, open_lock(stash.root, line.name, line.sha256, extras=line.extras, groups=line.groups))
    found = find_lock(stash.root, tool.path, tool.workdir, extras=tool.extras, groups=tool.groups)
    told = (f"{frozen.name.path} records no lock: built from {found.lock.name}",) if found.lock else ()
    return Need(frozen, said, found.lock, told)


def check_can_build(wanted: Need) -> None:
    """Raise `StashError` if there is no lock to build from."""
    if wanted.lock is None:
        raise StashError(
            f"{wanted.frozen.name.path} records no lock, and {tool_path(wanted.frozen.name.tool)} ships none: "
            "its environment is unknown",
            f"{rerun('--no-build')}  # to run it in the current environment",
        )


def order_for(stash: Stash, wanted: Need, supply: Supply | None = None) -> BuildRequest:
    """Return the build request for the environment of a snapshot.

    Args:
        stash: the checkout of the tag, with its tools.
        wanted: the environment that it needs.
        supply: the packages, if they are already here.

    Raises:
        StashError: there is no lock.
    """
    check_can_build(wanted)
    return BuildRequest(
        lock=wanted.lock,  # type: ignore[arg-type]  # checked above
        title=f"{wanted.frozen.name.title} of snapshot/{wanted.frozen.name.tag}",
        cache=cache_folder(),
        own=stash.root / _OWN,
        python=wanted.said.python,
        projects=tuple(stash.root / folder for folder in wanted.said.projects),
        versions=dict(wanted.said.packages),
        supply=supply,
    )


def built(stash: Stash, wanted: Need, supply: Supply | None = None) -> Within:
    """Build the environment of a snapshot, or return the cached one.

    Args:
        stash: the checkout of the tag, with its tools.
        wanted: the environment that it needs.
        supply: the packages, if they are already here.

    Raises:
        StashError: there is no lock, or it cannot be built; the message names the package.
    """
    made = build(order_for(stash, wanted, supply))
    elsewhere = of_platform(wanted.said, made.python) if made.python else []
    elsewhere += _other_versions(wanted.said, made.interpreter)
    version = made.python.version if made.python else ""
    return Within(made.interpreter, (*wanted.told, *made.told, *elsewhere), version, wanted.lock, made.was_there)


def _other_versions(said: Recorded, python: Path) -> list[str]:
    """Return which packages of the stash were built with another version than the recorded one, one sentence each."""
    if not said.projects:
        return []
    packages = describe(python, tool_environment()).packages
    pairs = ((name, version, packages.get(name)) for name, version in said.packages)
    return [
        f"{name} {here.version} was built from {here.folder.name}, {version} was recorded"
        for name, version, here in pairs
        if here and here.folder and here.version != version
    ]


def at_hand(home: Path, wanted: Need, tool: Tool) -> Within:
    """Return the current environment of a tool, and how it differs from the recorded one.

    Args:
        home: the stash that the user works in, or the checkout of the tag.
        wanted: the environment that the snapshot needs.
        tool: its tool.

    Raises:
        StashError: it is not there, or does not run.
    """
    python = interpreter(home, tool._replace(python=None))
    described = describe(python, tool_environment())
    found = differences(wanted.said, wanted.lock, described)
    return Within(python, (f"not built: {python} was at hand", *found), described.python.version)
