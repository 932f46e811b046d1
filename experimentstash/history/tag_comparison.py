"""Compares two tags, or a tag and the current working configs, experiment by experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.history.catalog import Catalog, choose_names
from experimentstash.history.comparison import Comparison, check_comparable, compare_sides
from experimentstash.history.sides import frozen_side, working_side
from experimentstash.stash import registry

if TYPE_CHECKING:
    from experimentstash.core.names import SnapshotName
    from experimentstash.git.repository import Repository
    from experimentstash.history.catalog import TagRecord
    from experimentstash.stash.results.comparison_rules import Rules


def compare_tags(repository: Repository, old: str, new: str | None) -> list[Comparison]:
    """Compare the common experiments of two tags.

    Args:
        repository: the stash.
        old: `TAG` or `TAG:EXPERIMENT`.
        new: the same, or None for the working configs.

    Raises:
        StashError: a tag or experiment does not exist, or they have none in common.
    """
    catalog = Catalog(repository)
    first, name = _chosen(catalog, old)
    if new is None:
        return [_with_working(repository, catalog, first, one) for one in choose_names(first, name)]
    second, other = _chosen(catalog, new)
    found = []
    for one, two in _pairs(first, name, second, other):
        sides = frozen_side(repository, catalog, first, one), frozen_side(repository, catalog, second, two)
        check_comparable(*sides)
        found.append(compare_sides(repository, *sides, _rules(repository, one)))
    return found


def _chosen(catalog: Catalog, text: str) -> tuple[TagRecord, str]:
    tag, _, experiment = text.partition(":")
    return catalog.record(tag), experiment


def _pairs(first: TagRecord, name: str, second: TagRecord, other: str) -> list[tuple[SnapshotName, SnapshotName]]:
    old, new = choose_names(first, name), choose_names(second, other or name)
    if name and other and len(old) == len(new) == 1:
        return [(old[0], new[0])]
    titles = {one.title: one for one in new}
    found = [(one, titles[one.title]) for one in old if one.title in titles]
    if not found:
        what = f"snapshot/{first.tag} and snapshot/{second.tag} have no experiment in common"
        raise StashError(what, f"experimentstash diff {first.tag}:EXPERIMENT {second.tag}:EXPERIMENT")
    return found


def _with_working(repository: Repository, catalog: Catalog, record: TagRecord, name: SnapshotName) -> Comparison:
    snapshot = catalog.snapshot(record, name)
    old = frozen_side(repository, catalog, record, name)
    is_sweep = "--multirun" in snapshot.all("HYDRA")
    new = working_side(repository, name, snapshot.all("OVERRIDE"), is_sweep=is_sweep)
    return compare_sides(repository, old, new, _rules(repository, name))


def _rules(repository: Repository, name: SnapshotName) -> Rules | None:
    """Return the comparison rules for a tool's results; None if the registry has none or cannot be read."""
    try:
        tool = registry.load(repository.root).get(name.tool)
    except StashError:
        return None
    return tool.results if tool else None
