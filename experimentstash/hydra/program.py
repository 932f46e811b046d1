"""Which file an entrypoint starts, and how that program calls Hydra; no link is followed out of the tool."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.hydra.scripts import console_scripts
from experimentstash.hydra.sources import Call, Source, read_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from experimentstash.registry import Tool

_FOLLOWED = 30
"""Files: a program that imports its `hydra.main` imports it near the top."""


@dataclass(frozen=True)
class HydraMain:
    """How a program calls Hydra. What is not literal in its source is None.

    Attributes:
        file: the file that holds the call; a relative `config_path` begins at its folder.
        config_path: of `hydra.main`, or of `initialize` (`pkg://…` for `initialize_config_module`).
        config_name: of `hydra.main`, or of `compose`.
        version_base: of either.
        uses_compose: it has no `hydra.main`, only the compose API, and so ignores its arguments.
    """

    config_path: str | None
    config_name: str | None
    version_base: str | None
    file: Path
    uses_compose: bool = False


def read_main(root: Path, tool: Tool) -> HydraMain | None:
    """Return how the tool's program calls Hydra, or None where its source does not show it.

    Args:
        root: the tool's checkout.
        tool: its entry in the registry; entrypoint and workdir count.
    """
    file = entry_file(root, tool)
    return find_main(root, file) if file is not None else None


def entry_file(root: Path, tool: Tool) -> Path | None:
    """Return the Python file that the entrypoint starts, or None where it is not in the tool."""
    work = root / tool.workdir
    if tool.module is None and "/" not in tool.entrypoint and not (work / tool.entrypoint).is_file():
        module = console_scripts(work).get(tool.entrypoint) or console_scripts(root).get(tool.entrypoint)
        return module_file(root, work, module) if module else None
    if tool.module is not None:
        return module_file(root, work, tool.module)
    return inside(root, work / tool.entrypoint)


def module_file(root: Path, work: Path, module: str) -> Path | None:
    """Return the file that `-m module` would run from `work`, or from the `src` below it, or None."""
    for base in import_roots(root, work):
        place = base.joinpath(*module.split("."))
        for file in (place.with_name(f"{place.name}.py"), place / "__main__.py"):
            if found := inside(root, file):
                return found
    return None


def import_roots(root: Path, work: Path) -> Iterator[Path]:
    """Yield the folders from which a tool's packages are imported, the most likely first."""
    yield from dict.fromkeys((work, work / "src", root, root / "src"))


def inside(root: Path, file: Path) -> Path | None:
    """Return `file` if it is a file and, links followed, below `root`; else None."""
    try:
        return file if file.is_file() and file.resolve().is_relative_to(root.resolve()) else None
    except (OSError, RuntimeError):  # a circle of links
        return None


def find_main(root: Path, file: Path) -> HydraMain | None:
    """Return how `file` calls Hydra, or else the first module of the tool that it imports and that does."""
    composing = None
    for place, source in _imported(root, file):
        if source.main is not None:
            return _from_main(place, source.main)
        if composing is None and source.composes:
            composing = _from_compose(place, source.calls)
    return composing


def _imported(root: Path, file: Path) -> Iterator[tuple[Path, Source]]:
    waiting, seen = deque([file]), {file}
    while waiting and len(seen) <= _FOLLOWED:
        place = waiting.popleft()
        if (source := read_source(place)) is None:
            continue
        yield place, source
        for found in _own_modules(root, place, source):
            if found not in seen:
                seen.add(found)
                waiting.append(found)


def _own_modules(root: Path, file: Path, source: Source) -> Iterator[Path]:
    above = [folder for folder in (file.parent, *file.parents) if folder.is_relative_to(root)]
    bases = [*dict.fromkeys((*above, root / "src"))]
    wanted = [(base, name) for name in source.imports for base in bases]
    wanted += [(above[level - 1], name) for level, name in source.relative if 1 <= level <= len(above)]
    for base, name in wanted:
        # `from a import b` may name the module a.b, or b of the module a
        for module in (name, name.rpartition(".")[0]):
            place = base.joinpath(*module.split("."))
            found = module and (
                inside(root, place.with_name(f"{place.name}.py")) or inside(root, place / "__init__.py")
            )
            if found:
                yield found
                break


def _from_main(file: Path, call: Call) -> HydraMain:
    path = call.values.get("config_path")
    if "config_path" not in call.given and call.values.get("version_base", "1.1") in ("1.1", "1.0"):
        path = "."  # Hydra's default before version_base 1.2
    return HydraMain(path, call.values.get("config_name"), call.values.get("version_base"), file)


def _from_compose(file: Path, calls: tuple[Call, ...]) -> HydraMain:
    def first(key: str) -> str | None:
        return next((value for call in calls if (value := call.values.get(key))), None)

    return HydraMain(first("config_path"), first("config_name"), first("version_base"), file, uses_compose=True)
