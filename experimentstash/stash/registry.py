"""The registry: the tools of `configs/meta.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from experimentstash.core import files
from experimentstash.core.errors import StashError
from experimentstash.core.names import REGISTRY, near, tool_complaint
from experimentstash.core.yaml_nodes import compose, is_null, pairs, wrong
from experimentstash.stash.tool import SELECTS, Tool, read_tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SELECTS", "Tool", "find", "load", "parse", "read", "with_key", "with_name", "with_tool", "without_tool"]

LARGEST = 1_000_000  # bytes: ten thousand tools


def parse(data: bytes, where: str) -> dict[str, Tool]:
    """Parse the bytes of a registry, in file order.

    Args:
        data: the file, as it is on disk or in a commit.
        where: its name in messages.

    Raises:
        StashError: it is not a registry; the message gives the line and the column.
    """
    root = compose(data, where, largest=LARGEST, aliases=False)
    if root is None:
        raise StashError(f"{where}: it has no `tools:`", f"echo 'tools: {{}}' >> {where}")
    if not isinstance(root, yaml.MappingNode):
        raise wrong(where, root.start_mark, "a registry is a mapping with the key `tools`")
    tools = next((value for key, _, value in list(pairs(root, where)) if key == "tools"), None)
    if tools is None:
        raise wrong(where, root.start_mark, "a registry has the key `tools`")
    if is_null(tools):
        return {}
    if not isinstance(tools, yaml.MappingNode):
        raise wrong(where, tools.start_mark, "`tools` must be a mapping of tool names to settings")
    return {name: read_tool(name, key, value, where) for name, key, value in pairs(tools, where)}


def load(root: Path) -> dict[str, Tool]:
    """Read the registry of the stash whose root is `root`, as it is on disk.

    Raises:
        StashError: it is missing, is a symlink out of the stash, or `parse` refuses it.
    """
    return parse(read(root), REGISTRY)


def read(root: Path) -> bytes:
    """Return the bytes of the registry on disk, at most one more than `parse` takes.

    Raises:
        StashError: it is missing, or is a symlink out of the stash.
    """
    files.check_inside(root, root / REGISTRY)
    try:
        with (root / REGISTRY).open("rb") as file:
            return file.read(LARGEST + 1)
    except FileNotFoundError:
        raise StashError(f"{root}: not a stash: it has no {REGISTRY}", "experimentstash init") from None
    except OSError as error:
        raise StashError(f"{root / REGISTRY}: cannot be read: {error.strerror}") from None


def find(tools: Mapping[str, Tool], name: str) -> Tool:
    """Return the tool called `name`.

    Raises:
        StashError: it is not registered; the message gives similar names.
    """
    if name in tools:
        return tools[name]
    fix = f"experimentstash add-tool {name} URL" if tool_complaint(name) is None else ""
    raise StashError(f"no tool {name!r} in {REGISTRY}{near(name, tools)}", fix)


def with_tool(text: str, tool: Tool) -> str:
    """Return the registry's text with one more tool; all other bytes stay as they are.

    The path and the entrypoint are always written, other keys only if they differ from the default.

    Raises:
        StashError: the tool already exists, or the text is no registry.
    """
    if tool.name in parse(text.encode(), REGISTRY):
        raise StashError(f"{REGISTRY}: the tool {tool.name!r} already exists")
    return _edited(text, ("tools", tool.name), _as_mapping(tool))


def _as_mapping(tool: Tool) -> dict[str, object]:
    entry: dict[str, object] = {"path": tool.path, "entrypoint": tool.entrypoint}
    for key, default in Tool._field_defaults.items():
        value = getattr(tool, key)
        if value != default:
            entry[key] = list(value) if isinstance(value, tuple) else value
    if tool.search_packages:
        entry["search_packages"] = ":".join(tool.search_packages)
    return entry


def with_key(text: str, tool: str, key: str, value: object) -> str:
    """Return the registry's text with one key of a tool set; all other bytes stay as they are.

    Raises:
        StashError: there is no such tool, or the text with the new value would not be a registry.
    """
    find(parse(text.encode(), REGISTRY), tool)
    return _edited(text, ("tools", tool, key), value)


def with_name(text: str, old: str, new: str, path: str) -> str:
    """Return the registry's text with another name and path for a tool; all other bytes stay as they are.

    Raises:
        StashError: there is no such tool, the new name is taken, or the text cannot be edited automatically.
    """
    from experimentstash.core.yaml_edit import rename_key, set_value

    before = parse(text.encode(), REGISTRY)
    tool = find(before, old)
    edited = set_value(rename_key(text, ("tools", old), new), ("tools", new, "path"), path)
    expected = {name: one for name, one in before.items() if name != old} | {new: tool._replace(name=new)}
    return _checked(edited, expected, f"rename `{old}` there")


def without_tool(text: str, name: str) -> str:
    """Return the registry's text without a tool; all other bytes stay as they are.

    Raises:
        StashError: there is no such tool, or the text cannot be edited automatically.
    """
    from experimentstash.core.yaml_edit import remove_key

    before = parse(text.encode(), REGISTRY)
    find(before, name)
    try:
        edited = remove_key(text, ("tools", name))
    except StashError:
        edited = text
    return _checked(edited, {key: tool for key, tool in before.items() if key != name}, f"remove `{name}` there")


def _checked(text: str, expected: Mapping[str, Tool], step: str) -> str:
    if parse(text.encode(), REGISTRY) != expected:
        raise StashError(f"{REGISTRY}: it cannot be edited automatically", step)
    return text


def _edited(text: str, keys: tuple[str, ...], value: object) -> str:
    # loaded by the commands that edit: no hook waits for it
    from experimentstash.core.yaml_edit import set_value

    edited = set_value(text, keys, value)
    before, after = parse(text.encode(), REGISTRY), parse(edited.encode(), REGISTRY)
    if {**after, keys[1]: None} != {**before, keys[1]: None}:
        import json  # 3 ms that no hook should wait for

        raise StashError(
            f"{REGISTRY}: it cannot be edited automatically",
            f"write `{keys[-1]}: {json.dumps(value)}` below `{keys[-2]}` there",
        )
    return edited
