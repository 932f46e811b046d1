"""Which configs of a tool become experiments of the stash, and which are left with the tool."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from experimentstash.hydra.program import inside
from experimentstash.names import experiment_complaint

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 50_000_000  # bytes
_MOST = 10_000  # files

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


def read_experiments(folder: Path | None) -> Experiments:
    """Read the group `experiment` of a tool; its other groups stay with it, where Hydra finds them.

    Args:
        folder: the tool's config folder, or None.
    """
    if folder is None:
        return Experiments()
    texts: dict[str, str] = {}
    left_out = []
    for path in sorted((folder / "experiment").rglob("*.yaml"))[:_MOST]:
        name = path.relative_to(folder / "experiment").as_posix().removesuffix(".yaml")
        text = _text(folder, path)
        if complaint := experiment_complaint(name):
            left_out.append(f"experiment/{name}.yaml: {complaint}")
        elif text is None:
            left_out.append(f"experiment/{name}.yaml: no UTF-8 text of at most 50 MB in the tool's config folder")
        else:
            texts[name] = text
    return Experiments(texts, tuple(left_out))


def _text(folder: Path, path: Path) -> str | None:
    try:
        if inside(folder, path) is None or path.stat().st_size > LARGEST:
            return None
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
