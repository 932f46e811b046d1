"""The values found by the walk of a config."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

from omegaconf import Node

from experimentstash_inside import following, kinds
from experimentstash_inside.addresses import Path, interpolation
from experimentstash_inside.kinds import Kind
from experimentstash_inside.tracing import Trace, path_of


class Place(NamedTuple):
    """The position of a value.

    Attributes:
        path: its keys, from the root.
        parent, key: its container and the key there.
        kind: what its container is.
        lists: how many of its keys are positions in a list.
        is_copy: whether it is part of what an interpolation gave: another value of the config, or a new one.
    """

    path: Path
    parent: Any
    key: Any
    kind: Kind
    lists: int
    is_copy: bool

    def below(self, parent: Any, key: Any, kind: Kind) -> Place:
        """Return the place of an element of the container that stands here."""
        lists = self.lists + (kinds.shape_of(parent) != "dict" and not isinstance(parent, dict))
        return Place((*self.path, key), parent, key, kind, lists, self.is_copy)


ROOT = Place((), None, None, Kind("dict", held=dict), 0, is_copy=False)


class Visit(NamedTuple):
    """A value that was visited.

    Attributes:
        place: its position.
        node: its node; None inside an object of a resolver's.
        trace: how it was resolved.
        value: what the task gets of it; None if it is late or missing.
        is_late: whether it has no frozen value.
    """

    place: Place
    node: Optional[Node]
    trace: Trace
    value: Any
    is_late: bool

    @property
    def is_interpolation(self) -> bool:
        """Whether its own node, and not one that it is a copy of, says how it is made."""
        return self.node is not None and not self.place.is_copy and bool(self.node._is_interpolation())

    @property
    def is_built(self) -> bool:
        """Whether it has a frozen value that is made of other values of the config."""
        return self.is_interpolation and not self.is_late and following.reads_config(self.trace)


def text(place: Place, node: Optional[Node]) -> str:
    """Return the interpolation of a value; `???`, to be given at the run, where it has none that holds there."""
    if node is not None and place.is_copy:  # its relative interpolations are right only where it comes from
        origin = path_of(node)
        return (interpolation(origin) if origin else None) or "???"
    return str(node._value()) if node is not None and node._is_interpolation() else "???"
