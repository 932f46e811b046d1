"""conda's files: an `environment.yml` is a lock where every line of it means one release."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from experimentstash.core import yaml_nodes
from experimentstash.core.errors import StashError
from experimentstash.environments.formats import requirements_file
from experimentstash.environments.packages import normal

if TYPE_CHECKING:
    from collections.abc import Iterator

_PINNED = re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9_][\w.-]*)\s*={1,2}\s*([A-Za-z0-9][\w.!+]*)(?:=[\w.]+)?")


def read_environment(data: bytes, where: str) -> dict[str, str]:
    """Return the version of each package that an `environment.yml` names, those of its `pip:` list too.

    Raises:
        StashError: it is none, or a line of it means more than one release or a folder of a machine.
    """
    root = yaml_nodes.compose(data, where, largest=requirements_file.LARGEST, aliases=False)
    if not isinstance(root, yaml.MappingNode):
        raise StashError(f"{where}: no conda environment")
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
        raise StashError(f"{where}: it names no package")
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
