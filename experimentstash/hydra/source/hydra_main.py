"""Which file an entrypoint starts, and how that program calls Hydra; no link is followed out of the tool."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.hydra.source.declared_scripts import console_scripts, script_files
from experimentstash.hydra.source.python_source import HydraCall, PythonSource, read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from experimentstash.stash.registry import Tool

_FOLLOWED = 30
"""Files: a program that imports its `hydra.main` imports it near the top."""


@dataclass(frozen=True)
class HydraMain:
    """How a program calls Hydra. What is not literal in its source is None.

    Attributes:
        file: the file of the task function, where a relative `config_path` begins: as a rule that of the call.
        config_path: of `hydra.main`, or of `initialize` (`pkg://…` for `initialize_config_module`).
        config_name: of `hydra.main`, or of `compose`.
        version_base: of either.
        names_config: whether it names a primary config, literally or not.
        uses_compose: it has no `hydra.main`, only the compose API, and so ignores its arguments.
    """

    config_path: str | None
    config_name: str | None
    version_base: str | None
    file: Path
    names_config: bool = True
    uses_compose: bool = False


def read_main(root: Path, tool: Tool) -> HydraMain | None:
    """Return how the tool's program calls Hydra, or None if its source does not show it.

    Args:
        root: the tool's checkout.
        tool: its entry in the registry; entrypoint and workdir count.
    """
    file = entry_file(root, tool)
    return find_main(root, file) if file is not None else None


def entry_file(root: Path, tool: Tool) -> Path | None:
    """Return the Python file that the entrypoint starts, or None if it is not in the tool."""
    work = root / tool.workdir
    if tool.module is None and "/" not in tool.entrypoint and not (work / tool.entrypoint).is_file():
        module = console_scripts(work).get(tool.entrypoint) or console_scripts(root).get(tool.entrypoint)
        return module_file(root, work, module) if module else _script_file(root, work, tool.entrypoint)
    if tool.module is not None:
        return module_file(root, work, tool.module)
    return inside(root, work / tool.entrypoint)


def _script_file(root: Path, work: Path, name: str) -> Path | None:
    """Return the file that is installed as the script `name`, or None."""
    paths = (base / path for base in (work, root) for path in script_files(base))
    return next((file for path in paths if path.name == name and (file := inside(root, path))), None)


def module_file(root: Path, work: Path, module: str) -> Path | None:
    """Return the file that `-m module` would run from `work`, or from the `src` below it, or None."""
    for base in import_roots(root, work):
        place = base.joinpath(*module.split("."))
        for file in (place.with_name(f"{place.name}.py"), place / "__main__.py"):
            if found := inside(root, file):
                return found
    return None


def import_roots(root: Path, work: Path) -> Iterator[Path]:
    """Yield the directories from which a tool's packages are imported, the most likely first."""
    yield from dict.fromkeys((work, work / "src", root, root / "src"))


def inside(root: Path, file: Path) -> Path | None:
    """Return `file` if it is a file and, links followed, below `root`; else None."""
    try:
        return file if file.is_file() and file.resolve().is_relative_to(root.resolve()) else None
    except (OSError, RuntimeError):  # a cycle of symlinks
        return None


def find_main(root: Path, file: Path) -> HydraMain | None:
    """Return how `file` calls Hydra, or else the first module of the tool that it imports and that does."""
    composing = None
    for place, source in _imported(root, file):
        if source.main is not None:
            return _from_main(_task_file(root, place, source.main), source.main)
        if composing is None and source.composes:
            composing = _from_compose(place, source.calls)
    return composing


def starts_imported(root: Path, file: Path, source: PythonSource) -> bool:
    """Return whether a program starts a function that it imports from a module of the tool, and that calls Hydra."""
    return any(_calls_hydra(root, file, name) for name in source.started)


def _calls_hydra(root: Path, file: Path, function: str, deeper: int = 5) -> bool:
    """Return whether a function, by where it is imported from, calls Hydra; what is handed on is followed."""
    module, _, name = function.rpartition(".")
    place = next(_module_places(root, file, module), None) if module else None
    source = read_source(place) if place is not None and deeper else None
    if source is None or place is None:
        return False
    further = source.names.get(name)
    return name in source.starters or (further is not None and _calls_hydra(root, place, further, deeper - 1))


def _module_places(root: Path, file: Path, module: str) -> Iterator[Path]:
    name = module.lstrip(".")
    level = len(module) - len(name)
    if not level:
        return _modules(root, file, [name])
    above = list(_above(root, file))[level - 1 : level]
    return _files(root, [(base, name or "__init__") for base in above])


def _task_file(root: Path, file: Path, call: HydraCall) -> Path:
    """Return the file of the task function: Hydra begins a relative `config_path` there, not where `main` is called."""
    module = call.origin.rpartition(".")[0]
    return next(_module_places(root, file, module), file) if module else file


def _imported(root: Path, file: Path) -> Iterator[tuple[Path, PythonSource]]:
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


def _own_modules(root: Path, file: Path, source: PythonSource) -> Iterator[Path]:
    above = list(_above(root, file))
    yield from _modules(root, file, source.imports)
    wanted = [(above[level - 1], name) for level, name in source.relative if 1 <= level <= len(above)]
    yield from _files(root, wanted)


def _above(root: Path, file: Path) -> Iterator[Path]:
    return (folder for folder in file.parents if folder.is_relative_to(root))


def _modules(root: Path, file: Path, names: Iterable[str]) -> Iterator[Path]:
    bases = [*dict.fromkeys((*_above(root, file), root / "src"))]
    yield from _files(root, [(base, name) for name in names for base in bases])


def _files(root: Path, wanted: Iterable[tuple[Path, str]]) -> Iterator[Path]:
    """Yield the files of modules, each with the directory that it is looked for in."""
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


def _from_main(file: Path, call: HydraCall) -> HydraMain:
    path = call.values.get("config_path")
    if "config_path" not in call.given and call.values.get("version_base", "1.1") in ("1.1", "1.0"):
        path = "."  # Hydra's default before version_base 1.2
    return HydraMain(path, call.values.get("config_name"), call.values.get("version_base"), file, call.names_config)


def _from_compose(file: Path, calls: tuple[HydraCall, ...]) -> HydraMain:
    def first(key: str) -> str | None:
        return next((value for call in calls if (value := call.values.get(key))), None)

    named = any(call.names_config for call in calls)
    return HydraMain(first("config_path"), first("config_name"), first("version_base"), file, named, uses_compose=True)
