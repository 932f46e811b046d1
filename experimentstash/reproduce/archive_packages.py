"""Builds environments from the packages in an archive, if it has any; else from the sources in the locks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, printable
from experimentstash.environments.build_request import Supply
from experimentstash.environments.wheelhouse import check_locked
from experimentstash.reproduce import experiment_environments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from experimentstash.reproduce.archive.archive_manifest import Supplied
    from experimentstash.reproduce.archive.unpack import Archive
    from experimentstash.reproduce.experiment_environments import Need, Within
    from experimentstash.stash.stash import Stash

    Supplies = Callable[[Need], Within]

_PACKAGES = ".git/experimentstash/packages"
"""Below the directory of the reproduction: the packages of an archive, until the environments are built."""


@contextmanager
def supplied(archive: Archive | None, stash: Stash) -> Iterator[Supplies]:
    """Have what builds the environment of a snapshot.

    Args:
        archive: the archive, perhaps with packages.
        stash: the checkout of the tag, with its tools.

    Raises:
        StashError: a package of the archive is damaged.
    """
    if archive is None or archive.manifest.locks is None:
        yield lambda wanted: experiment_environments.built(stash, wanted)
        return
    with archive.unpacked_packages(stash.root / _PACKAGES) as folder:
        yield lambda wanted: _built(archive, stash, folder, wanted)


def _built(archive: Archive, stash: Stash, folder: Path, wanted: Need) -> Within:
    experiment_environments.check_can_build(wanted)
    one = _find(archive, wanted)
    supply = _supply(archive, one, stash, folder, wanted)
    try:
        return experiment_environments.built(stash, wanted, supply)
    except StashError as error:
        raise StashError(
            f"{error.args[0]}\nNothing was fetched: the packages of {archive.path} are for {printable(one.platform)}.",
            error.fix,
        ) from None


def _find(archive: Archive, wanted: Need) -> Supplied:
    asked = (wanted.lock.name if wanted.lock else "", str(wanted.said.python or ""))
    for one in archive.manifest.locks or ():
        if (one.lock, one.wanted) == asked:
            return one
    raise StashError(f"{archive.path}: it contains packages, but none for {asked[0]}")


def _supply(archive: Archive, one: Supplied, stash: Stash, folder: Path, wanted: Need) -> Supply:
    """Return the packages. Each must be listed in the lock: the tag decides, not the archive."""
    known = wanted.lock.hashes() if wanted.lock else {}
    digests = {package.file: package.sha256 for package in archive.manifest.packages}
    for package, file in one.files.items():
        check_locked(str(archive.path), known, package, digests[file])
    lines = tuple(f"{package} --hash=sha256:{digests[file]}" for package, file in sorted(one.files.items()))
    projects = tuple(stash.inside(project) for project in one.projects)
    return Supply(folder, lines, tuple(sorted(digests.values())), projects)
