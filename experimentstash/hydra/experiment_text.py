"""Finds a tool's experiments, and reads the text of one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command
from experimentstash.core.files import check_inside
from experimentstash.core.names import experiment_path, near

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from experimentstash.hydra.resolved_tool import ResolvedTool

_LARGEST = 10 * 1024 * 1024  # bytes; larger than any real config


def find(tool: ResolvedTool, experiment: str) -> str | None:
    """Return the YAML of an experiment, from the stash or else from the tool; None if there is no file.

    Raises:
        StashError: it is not a text file of the stash, or is a directory of experiments.
    """
    own = tool.stash.root / experiment_path(tool.name, experiment)
    if os.path.lexists(own):
        tool.stash.inside(own)
        return _text(own)
    theirs = _own_folder(tool)
    if theirs is not None and os.path.lexists(path := theirs / f"{experiment}.yaml"):
        check_inside(tool.root, path)
        return _text(path)
    if own.with_suffix("").is_dir():
        names = sorted(f"{experiment}/{name}" for name in _names_below(own.with_suffix("")))
        raise StashError(f"{experiment!r} is a directory of experiments{near(experiment, names)}")
    return None


def unknown(tool: ResolvedTool, experiment: str, further: Iterable[str] = ()) -> StashError:
    """Return the error for a missing experiment, with similar names.

    Args:
        tool: the tool.
        experiment: its name.
        further: experiments of the program without a file.
    """
    folders = [tool.stash.root / f"configs/{tool.name}/experiment", _own_folder(tool)]
    known = {name for folder in folders if folder is not None for name in _names_below(folder)}
    shown = experiment_path(tool.name, experiment)
    return StashError(f"no experiment {experiment!r} of {tool.name!r} ({shown}){near(experiment, {*known, *further})}")


def _own_folder(tool: ResolvedTool) -> Path | None:
    """Return the directory of the tool's own experiments, if its source shows it."""
    theirs = tool.config_directory
    return theirs / tool.tool.group if theirs is not None else None


def _names_below(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix().removesuffix(".yaml") for path in folder.rglob("*.yaml")]


def _text(path: Path) -> str:
    if not path.is_file():
        raise StashError(f"{path}: not a file")
    size = path.stat().st_size
    if size > _LARGEST:
        raise StashError(f"{path}: {size} bytes, too large for an experiment (at most {_LARGEST})")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise StashError(
            f"{path}: not UTF-8 (byte {error.start})", f"{command('file', str(path))}  # then save it as UTF-8"
        ) from None
    if not text.strip():
        raise StashError(f"{path}: empty: nothing to run")
    return text
