"""Compares the current environment with the recorded one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experimentstash.environments.formats.base import Lock
    from experimentstash.environments.header_lines import Recorded
    from experimentstash.environments.packages import Described, Python

_INSTALLERS = frozenset({"pip", "uv", "setuptools", "wheel", "experimentstash"})


def differences(said: Recorded, lock: Lock | None, described: Described) -> list[str]:
    """Return the differences of an environment from the recorded one, one sentence each; empty if equal.

    A lock that the tool ships lists packages for every platform and choice: one that is not installed here is
    not a difference. A lock that a freeze wrote lists exactly what was installed.

    Args:
        said: the snapshot's header.
        lock: its lock, opened, or None.
        described: the current environment.
    """
    return [
        *_of_python(said, described),
        *_of_packages(
            {name: frozenset([version]) for name, version in said.packages}, described, "recorded", whole=True
        ),
        *(_of_packages(lock.versions(), described, f"in {lock.name}", whole=lock.lists_everything) if lock else []),
        *(_more_than(lock, described) if lock and lock.lists_everything else []),
    ]


def not_locked(lock: Lock, described: Described) -> list[str]:
    """Return the installed packages that are missing in the tool's lock: an environment built from it lacks them.

    A lock that does not list dependencies is not checked.

    Args:
        lock: the lock that the tool ships.
        described: the current environment.
    """
    known = lock.versions() if lock.lists_dependencies else {}
    return [
        f"{name} {package.version}"
        for name, package in sorted(described.packages.items())
        if known and name not in known and name not in _INSTALLERS and package.folder is None
    ]


def not_as_locked(lock: Lock, described: Described) -> list[str]:
    """Return the packages that are installed in other versions than a tool's lock has, or that it does not name.

    Args:
        lock: the lock that the tool ships.
        described: the current environment, or the relevant part of it.
    """
    other = _of_packages(lock.versions(), described, f"in {lock.name}", whole=False)
    return [*other, *(f"{one} here, not in {lock.name}" for one in not_locked(lock, described))]


def _of_python(said: Recorded, described: Described) -> list[str]:
    python = described.python
    found = []
    if said.python and (said.python.version, said.python.implementation) != (python.version, python.implementation):
        found.append(
            f"{python.implementation} {python.version} here, {said.python.implementation} "
            f"{said.python.version} recorded"
        )
    return [*found, *of_platform(said, python)]


def of_platform(said: Recorded, python: Python) -> list[str]:
    """Return a sentence if a Python's platform differs from the recorded one; else nothing.

    The same packages use other CPU instructions and another libm there: the last digits of results may differ.
    """
    here = " ".join(filter(None, (python.platform, python.libc)))
    return [f"platform {here} here, {said.platform} recorded"] if said.platform and here != said.platform else []


def _of_packages(known: Mapping[str, frozenset[str]], described: Described, where: str, *, whole: bool) -> list[str]:
    found = []
    for name in sorted(known):
        wanted = " or ".join(sorted(known[name]))
        package = described.packages.get(name)
        if package is None:
            found += [f"{name} is not here, {wanted} {where}".replace("  ", " ")] if whole else []
        elif known[name] and not _is_among(package.version, known[name]) and package.folder is None:
            found.append(f"{name} {package.version} here, {wanted} {where}")
    return found


def _is_among(version: str, known: frozenset[str]) -> bool:
    """Return whether a version is one of those known: `1.0` and `1.0.0` are the same (PEP 440)."""
    try:
        return version in known or Version(version) in map(Version, known)
    except InvalidVersion:
        return False


def _more_than(lock: Lock, described: Described) -> list[str]:
    known = lock.versions().keys() | lock.left_out()
    return [
        f"{name} {package.version} here, not in {lock.name}"
        for name, package in sorted(described.packages.items())
        if name not in known and name not in _INSTALLERS and package.folder is None
    ]
