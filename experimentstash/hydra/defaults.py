"""Defaults lists, read as text: what a config brings in, and which groups it chooses from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from experimentstash.hydra.program import inside
from experimentstash.problems import StashError
from experimentstash.yaml_nodes import compose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LARGEST = 1_000_000  # bytes; a primary config is a page
_DEEPEST = 5  # primary configs that extend others
# Hydra's header ends at the first line that is neither empty nor a `# @` line.
_PACKAGE = re.compile(r"(?m)\A(?:[ \t]*(?:#[ \t]*@[^\n]*)?\n)*[ \t]*#[ \t]*@package[ \t]+(\S+)[ \t]*$")


def package(text: str) -> str | None:
    """Return what the header of a config says: `_global_` of `# @package _global_`; None where it says nothing."""
    found = _PACKAGE.search(text.replace("\r\n", "\n"))
    return found[1] if found else None


def is_global(text: str) -> bool:
    """Return whether the header of a config says `# @package _global_`."""
    return package(text) == "_global_"


def extends(text: str, config_name: str, folder: Path | None) -> bool:
    """Return whether a config brings a primary config in itself: `defaults: [/config, …]`.

    Args:
        text: the config's YAML.
        config_name: the program's own primary config.
        folder: where the tool's primary configs lie, if they are on disk.
    """
    name = config_name.removesuffix(".yaml").removesuffix(".yml")
    for word, option in _defaults(text):
        if option is None and word.startswith(("/", "../")):
            target = word.lstrip("./")
            if target == name or (folder is not None and (folder / f"{target}.yaml").is_file()):
                return True
        elif option is None and word == name:
            return True
    return False


def chooses_experiment(root: Path, folder: Path, config_name: str, deeper: int = _DEEPEST) -> bool:
    """Return whether a primary config, or one that it extends, has the group `experiment` in its defaults.

    Args:
        root: the tool's checkout, out of which no link is followed.
        folder: where the tool's primary configs lie.
        config_name: the primary config, with or without its ending.
        deeper: how many levels of configs that it extends are looked at.
    """
    name = config_name.removesuffix(".yaml").removesuffix(".yml").lstrip("/").partition("@")[0]
    for ending in (".yaml", ".yml"):
        file = inside(root, folder / f"{name}{ending}")
        if file is not None and file.stat().st_size <= _LARGEST:
            break
    else:
        return False
    for word, option in _defaults(file.read_bytes().decode("utf-8", "replace")):
        if option is not None and word.lstrip("/").partition("@")[0] == "experiment":
            return True
        if option is None and word != "_self_" and deeper and chooses_experiment(root, folder, word, deeper - 1):
            return True
    return False


def _defaults(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield each entry of a defaults list: a group and its option, or a config and None."""
    try:
        node = compose(text.encode("utf-8", "replace"), "defaults", largest=_LARGEST, aliases=True)
    except StashError:
        return
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if getattr(key, "value", None) == "defaults" and isinstance(value, yaml.SequenceNode):
            for entry in value.value:
                yield from _entry(entry)


def _entry(entry: yaml.Node) -> Iterator[tuple[str, str | None]]:
    if isinstance(entry, yaml.ScalarNode):
        yield _bare(entry.value), None
    elif isinstance(entry, yaml.MappingNode):
        for group, option in entry.value:
            if isinstance(group, yaml.ScalarNode):
                yield _bare(group.value), str(getattr(option, "value", ""))


def _bare(word: str) -> str:
    return re.sub(r"^(?:(?:optional|override)\s+)+", "", word.strip())
