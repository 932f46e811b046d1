"""Where a tool's experiments are, and the text of one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from experimentstash.files import check_inside
from experimentstash.hydra.layout import config_folder
from experimentstash.hydra.program import read_main
from experimentstash.names import experiment_path, near
from experimentstash.problems import StashError

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.tool import Tool

_LARGEST = 10 * 1024 * 1024  # bytes; nobody wrote such a config


def read(stash: Path, tool: Tool, experiment: str) -> str:
    """Return the YAML of an experiment, of the stash or else of the tool itself.

    Raises:
        StashError: there is none (the message tells the nearest names), or it is no text file of the stash.
    """
    shown = experiment_path(tool.name, experiment)
    own = stash / shown
    if os.path.lexists(own):
        check_inside(stash, own)
        return _text(own)
    folders = [stash / f"configs/{tool.name}/experiment"]
    root = stash / tool.path
    theirs = config_folder(root, tool, read_main(root, tool))
    if theirs is not None:
        folders.append(theirs / "experiment")
        if os.path.lexists(path := theirs / "experiment" / f"{experiment}.yaml"):
            check_inside(root, path)
            return _text(path)
    if own.with_suffix("").is_dir():
        names = sorted(f"{experiment}/{name}" for name in _names_below(own.with_suffix("")))
        raise StashError(f"{experiment!r} is a folder of experiments{near(experiment, names)}")
    known = {name for folder in folders for name in _names_below(folder)}
    raise StashError(f"no experiment {experiment!r} of {tool.name!r} ({shown}){near(experiment, known)}")


def _names_below(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix().removesuffix(".yaml") for path in folder.rglob("*.yaml")]


def _text(path: Path) -> str:
    if not path.is_file():
        raise StashError(f"{path}: not a file")
    size = path.stat().st_size
    if size > _LARGEST:
        raise StashError(f"{path}: {size} bytes are no experiment (at most {_LARGEST})")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise StashError(f"{path}: not UTF-8 (byte {error.start})", f"file '{path}'  # then save it as UTF-8") from None
    if not text.strip():
        raise StashError(f"{path}: empty, there is nothing to run")
    return text
