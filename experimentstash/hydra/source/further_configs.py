"""The configs that a program composes besides the experiment, by its source: no snapshot holds them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.hydra.source.python_source import read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_COMPOSE = b"compose("


def further_configs(root: Path, files: Iterable[str], *, uses_compose: bool) -> tuple[str, ...]:
    """Return a line for each config that the program's own code composes besides the experiment.

    Args:
        root: the tool's checkout.
        files: the files of the modules that the program loaded, absolute and without links.
        uses_compose: whether the experiment itself is chosen by the compose API: then one call is the experiment's.
    """
    places = sorted(Path(file) for file in files if file.endswith(".py"))
    own = [place for place in places if place.is_relative_to(root.resolve())]
    calls = [line for place in own for line in _calls(root.resolve(), place)]
    return tuple(dict.fromkeys(calls[1:] if uses_compose else calls))


def _calls(root: Path, file: Path) -> Iterator[str]:
    try:
        mentioned = _COMPOSE in file.read_bytes()
    except OSError:
        return
    source = read_source(file) if mentioned else None
    for call in source.calls if source is not None else ():
        if call.name == "compose":
            yield f"{call.values.get('config_name') or 'a config'} of {file.relative_to(root).as_posix()}"
