"""What a tool's checkout says about its configs: where they lie, and how an experiment is chosen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.hydra.source.defaults_list import chooses, extends, is_global
from experimentstash.hydra.source.hydra_main import import_roots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.hydra.source.hydra_main import HydraMain
    from experimentstash.stash.registry import Tool

CONFIG_FOLDERS = ("configs", "conf", "config")


def config_folder(root: Path, tool: Tool, main: HydraMain | None) -> Path | None:
    """Return the directory of the tool's own configs, or None if it has none on disk.

    Args:
        root: the tool's checkout.
        tool: its entry in the registry.
        main: what `read_main` found.
    """
    folders = (Path(os.path.normpath(folder)) for folder in _config_folders(root, tool, main))
    return next((folder for folder in folders if _holds_yaml(root, folder)), None)


def _config_folders(root: Path, tool: Tool, main: HydraMain | None) -> Iterator[Path]:
    work = root / tool.workdir
    if main is not None and main.config_path is not None:
        if main.config_path.startswith("pkg://"):
            yield from _package_folders(root, work, main.config_path.removeprefix("pkg://"))
        elif "://" not in main.config_path:
            yield main.file.parent / main.config_path.removeprefix("file://")
    for package in tool.search_packages:
        yield from _package_folders(root, work, package)
    start = main.file.parent if main is not None else work
    for folder in dict.fromkeys((start, work, root)):
        yield from (folder / name for name in CONFIG_FOLDERS)


def _package_folders(root: Path, work: Path, package: str) -> Iterator[Path]:
    for base in import_roots(root, work):
        yield base.joinpath(*package.replace("/", ".").split("."))


def _holds_yaml(root: Path, folder: Path) -> bool:
    try:
        if not folder.is_dir() or not folder.resolve().is_relative_to(root.resolve()):
            return False
        return any(path.suffix in {".yaml", ".yml"} for depth in ("*", "*/*") for path in folder.glob(depth))
    except (OSError, RuntimeError):
        return False


def find_search_packages(root: Path, tool: Tool, folder: Path | None) -> tuple[str, ...]:
    """Return the package that holds the tool's configs, as `search_packages` names it; () where it is none.

    Hydra reads `pkg://…` only from a directory with an `__init__.py`; the directories above it may do without.

    Args:
        root: the tool's checkout.
        tool: its entry in the registry.
        folder: what `config_folder` found.
    """
    if folder is None or not (folder / "__init__.py").is_file():
        return ()
    for base in import_roots(root, root / tool.workdir):
        if folder.resolve() == base.resolve() or not folder.resolve().is_relative_to(base.resolve()):
            continue
        parts = folder.resolve().relative_to(base.resolve()).parts
        # src/ is a directory of packages, unless it is one itself
        if parts[0] == "src" and len(parts) > 1 and not (base / "src" / "__init__.py").is_file():
            continue
        if all(part.isidentifier() for part in parts):
            return (".".join(parts),)
    return ()


def guess_select(root: Path, tool: Tool, main: HydraMain, folder: Path | None, experiment_text: str) -> str | None:
    """Tell from the source how the program chooses an experiment; None if only the program itself knows.

    An experiment is an option of a group or the primary config (traps.md, *Hydra*). What is not literal in the
    source, or not in a YAML file, is not known, and not absent.

    Args:
        root: the tool's checkout.
        tool: its entry in the registry.
        main: what `read_main` found.
        folder: what `config_folder` found.
        experiment_text: an experiment's YAML.

    Returns:
        One of `tool.SELECTS`, or None.
    """
    if main.uses_compose:
        return "compose"
    if tool.group == "." or not main.names_config:
        return "primary"
    if main.config_name is None:
        return None
    return _by_configs(root, folder, main.config_name, tool.group, experiment_text)


def _by_configs(root: Path, folder: Path | None, config_name: str, group: str, text: str) -> str | None:
    if extends(text, config_name, None if is_global(text) else folder):
        return "primary"
    chosen = chooses(root, folder, config_name, group) if folder is not None else None
    if chosen:
        return "group"
    return "append" if chosen is False and is_global(text) else None
