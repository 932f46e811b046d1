"""Which configs of a tool become experiments of the stash, and which are left with the tool."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from experimentstash.core.errors import listed
from experimentstash.core.names import experiment_complaint
from experimentstash.hydra.source.hydra_main import inside

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

LARGEST = 50_000_000  # bytes
_MOST = 10_000  # files
_SHOWN = 5  # names in a message

FIRST = """\
# @package _global_
# overrides of {tool}'s own config go here
{{}}
"""
"""The experiment that a tool without any begins with: the tool's own config as it is."""


@dataclass(frozen=True)
class Experiments:
    """The experiments that a tool brings with it.

    Attributes:
        texts: their YAML by name, in order.
        left_out: what was found and is none, each with the reason.
    """

    texts: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def read_experiments(folder: Path | None, group: str, primaries: Collection[str]) -> Experiments:
    """Read the experiments of a tool; its other configs stay with it, where Hydra finds them.

    Args:
        folder: the tool's config directory, or None.
        group: the group of its experiments; `.` for configs beside the primary config.
        primaries: those of them that are no part of another, for the group `.`.
    """
    if folder is None:
        return Experiments()
    texts: dict[str, str] = {}
    left_out = [*_parts(folder, primaries)] if group == "." else []
    for path in _files(folder, group, primaries):
        shown = path.relative_to(folder).as_posix()
        name = path.relative_to(folder / group).as_posix().removesuffix(".yaml")
        text = _text(folder, path)
        if complaint := experiment_complaint(name):
            left_out.append(f"{shown}: {complaint}")
        elif text is None:
            left_out.append(f"{shown}: no UTF-8 text of at most 50 MB in the tool's config directory")
        elif not text.strip():
            left_out.append(f"{shown}: empty")
        else:
            texts[name] = text
    return Experiments(texts, tuple(left_out))


def _parts(folder: Path, primaries: Collection[str]) -> Iterator[str]:
    """Yield the reason why configs beside the primary configs are no experiments: others bring them in."""
    parts = sorted(path.name for path in folder.glob("*.yaml") if path.stem not in primaries)
    if parts:
        yield f"{listed(parts, _SHOWN)}: in the defaults list of another config"


def _files(folder: Path, group: str, primaries: Collection[str]) -> list[Path]:
    if group == ".":
        return sorted(path for name in primaries if (path := folder / f"{name}.yaml").is_file())
    return sorted((folder / group).rglob("*.yaml"))[:_MOST]


def _text(folder: Path, path: Path) -> str | None:
    try:
        if inside(folder, path) is None or path.stat().st_size > LARGEST:
            return None
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
