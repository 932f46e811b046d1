"""Defaults lists, read as text: what a config brings in, and which groups it chooses from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from experimentstash.core.errors import StashError
from experimentstash.core.yaml_nodes import compose
from experimentstash.hydra.source.hydra_main import inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LARGEST = 1_000_000  # bytes; a primary config is a page
_DEEPEST = 5  # primary configs that extend others
# Hydra's header ends at the first line that is neither empty nor a `# @` line.
_PACKAGE = re.compile(r"(?m)\A(?:[ \t]*(?:#[ \t]*@[^\n]*)?\n)*[ \t]*#[ \t]*@package[ \t]+(\S+)[ \t]*$")


def package(text: str) -> str | None:
    """Return what the header of a config says: `_global_` of `# @package _global_`; None if it says nothing."""
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


def chooses(root: Path, folder: Path, config_name: str, group: str, deeper: int = _DEEPEST) -> bool | None:
    """Return whether a primary config, or a config that it brings in, has a group in its defaults.

    Args:
        root: the tool's checkout, out of which no link is followed.
        folder: where the tool's primary configs lie.
        config_name: the primary config, with or without its ending.
        group: the group's name.
        deeper: how many levels of configs that it brings in are looked at.

    Returns:
        None where a config on the way is in no file of the directory: it may be in a ConfigStore.
    """
    file = _file(root, folder, config_name)
    if file is None or not deeper:
        return None
    answer: bool | None = False
    for word, option in _defaults(file.read_bytes().decode("utf-8", "replace")):
        place = word.lstrip("/").partition("@")[0]
        if option is not None and place == group:
            return True
        if word == "_self_" or (option is not None and option in {"", "null", "~", "???"}):
            continue
        below = chooses(root, folder, place if option is None else f"{place}/{option}", group, deeper - 1)
        if below:
            return True
        # an option of a group that is not known may bring the group in as `/experiment: …` does, which is rare
        answer = None if below is None and option is None else answer
    return answer


def _file(root: Path, folder: Path, config_name: str) -> Path | None:
    name = config_name.removesuffix(".yaml").removesuffix(".yml").lstrip("/").partition("@")[0]
    files = (inside(root, folder / f"{name}{ending}") for ending in (".yaml", ".yml"))
    return next((file for file in files if file is not None and file.stat().st_size <= _LARGEST), None)


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
