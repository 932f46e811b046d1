"""Parses the text of a config that is not a working config of the stash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from experimentstash.core.errors import StashError, command
from experimentstash.core.yaml_nodes import compose, wrong
from experimentstash.core.yaml_scalars import KINDS, YAML, construct, kind
from experimentstash.hydra.source.defaults_list import package
from experimentstash.stash import snapshot_file
from experimentstash.stash.config_paths import component, of_override

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 10 * 1024 * 1024
"""Bytes; larger than any real config."""
_MOST = 500_000  # values, with aliases expanded
_PATHS = frozenset(f"{YAML}python/object/apply:pathlib.{kind}Path" for kind in ("", "Posix", "Windows"))
_TAGS = KINDS | _PATHS | {f"{YAML}{kind}" for kind in ("map", "seq", "merge", "timestamp")}  # a plain date has this tag


@dataclass(frozen=True)
class Text:
    """A parsed config.

    Attributes:
        where: its path, for messages.
        config: the text without the header lines of a snapshot.
        frozen: the text as a snapshot, perhaps without a header.
        root: the config's mapping.
    """

    where: str
    config: str
    frozen: snapshot_file.Snapshot
    root: yaml.MappingNode

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the config."""
        return frozenset(key.value for key, _ in self.root.value)

    @property
    def is_part(self) -> bool:
        """Whether it has a defaults list or a package header, so that it merges with other configs."""
        return "defaults" in self.keys or package(self.config) is not None

    @property
    def is_snapshot(self) -> bool:
        """Whether it was frozen; a header above a config that is not Hydra's output is a user's own comment."""
        return snapshot_file.is_stamped(self.frozen) and not self.is_part

    @property
    def further_lines(self) -> tuple[tuple[str, str], ...]:
        """The unknown header lines of a snapshot, perhaps written by hand."""
        stamped = snapshot_file.is_stamped(self.frozen)
        return tuple(line for line in self.frozen.header if stamped and line[0] not in snapshot_file.KEYS)

    @property
    def late_keys(self) -> tuple[str, ...]:
        """The keys of the `LATE` lines, and the addresses of the `LATE_AT` lines, whose values are still late."""
        addresses = map(of_override, self.frozen.late_keys)
        lines = [*zip(self.frozen.late_keys, addresses, strict=True), *((at, at) for at in self.frozen.late_addresses)]
        missing = set(_missing(self.root, ()))
        return tuple(key for key, address in lines if address in missing)


def read(data: bytes, where: str) -> Text:
    """Parse a config's text, without constructing objects.

    Raises:
        StashError: it is not a YAML mapping for Hydra, or is too large with its aliases expanded.
    """
    frozen = snapshot_file.parse(data, where)
    root = compose(data, where, largest=LARGEST, aliases=True)
    if root is None:
        raise StashError(f"{where}: empty: nothing to freeze", command("git", "rm", "--cached", where))
    if not isinstance(root, yaml.MappingNode):
        raise wrong(where, root.start_mark, "a config is a mapping")
    _Unfolding(where).size(root)
    text = data.decode("utf-8")
    return Text(where, snapshot_file.without_header(text) if snapshot_file.is_stamped(frozen) else text, frozen, root)


def _missing(node: yaml.Node, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the address of each `???`."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _missing(value, (*path, _component(key)))
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield from _missing(value, (*path, str(position)))
    elif node.value == "???":
        yield ".".join(path)


def _component(key: yaml.Node) -> str:
    try:
        return component(construct(kind(key), key.value))
    except ValueError:
        return component(str(key.value))


class _Unfolding:
    """Counts the values of a document with aliases expanded, and refuses tags that would construct objects."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._sizes: dict[yaml.Node, int] = {}
        self._open: set[yaml.Node] = set()

    def size(self, node: yaml.Node) -> int:
        """Return the number of values of a node, including itself.

        Raises:
            StashError: too many values, a cycle, a language tag, or a key that is not a scalar or is repeated.
        """
        if node in self._sizes:
            return self._sizes[node]
        if node in self._open:
            raise wrong(self._where, node.start_mark, "it contains itself")
        if node.tag not in _TAGS:
            raise wrong(self._where, node.start_mark, f"the tag {node.tag!r}; a config holds plain values")
        self._open.add(node)
        total = 1 + sum(map(self.size, self._children(node)))
        if total > _MOST:
            raise wrong(self._where, node.start_mark, f"more than {_MOST} values, too many for a config")
        self._open.remove(node)
        self._sizes[node] = total
        return total

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            return [value for _, value in node.value]
        return list(node.value) if isinstance(node, yaml.SequenceNode) else []

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise wrong(self._where, key.start_mark, "a key must be a scalar, not a list or a mapping")
            if (key.tag, key.value) in seen:
                raise wrong(self._where, key.start_mark, f"the key {key.value!r} occurs twice")
            seen.add((key.tag, key.value))
