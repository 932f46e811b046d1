"""Finds the config group of a tool's experiments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from experimentstash.hydra.query import Description, NotComposed

if TYPE_CHECKING:
    from pathlib import Path

USUAL = "experiment"
NAMES = (USUAL, "experiments", "exp", "exps", "preset", "presets", "recipe", "recipes")
_SETTINGS = frozenset({"debug", "hparams_search", "machine", "local", "cluster", "user", "launcher", "paths"})
"""Groups at the root of a config that are usually not experiments."""


class Asking(Protocol):
    """The user's choices for the tool; `survey.Request` is one."""

    @property
    def group(self) -> str | None:
        """The group that the user named, or None."""

    def command(self, suffix: str, option: str, value: str) -> str:
        """Return the command for another choice."""


@dataclass(frozen=True)
class Choice:
    """Configs that may also be experiments.

    Attributes:
        what: their kind.
        names: their names.
        command: the command that uses them as experiments.
    """

    what: str
    names: tuple[str, ...]
    command: str


def choose_group(request: Asking, answer: Description | NotComposed, folder: Path | None) -> tuple[str, list[Choice]]:
    """Return the group of a tool's experiments, and other candidates if the choice is unclear.

    Args:
        request: the user's choices.
        answer: the answer of the program.
        folder: the directory of the tool's configs, or None.
    """
    if request.group is not None:
        return request.group, []
    groups = set(answer.groups) if isinstance(answer, Description) else set()
    if folder is not None:
        groups |= {path.name for path in folder.iterdir() if path.is_dir()}
    named = next((name for name in NAMES if name in groups), None)
    if isinstance(answer, Description) and answer.config_name and not answer.has_primary and answer.primaries:
        # The program composes only what --config-name selects: its own primary config does not exist.
        return ".", [_group_choice(request, answer, named)] if named else []
    if named:
        return named, []
    if isinstance(answer, NotComposed):
        return USUAL, []
    return _by_contents(request, answer)


def _group_choice(request: Asking, answer: Description, group: str) -> Choice:
    names = tuple(answer.groups.get(group, ()))
    return Choice(f"the group {group!r}", names, request.command(group, "--group", group))


def _by_contents(request: Asking, answer: Description) -> tuple[str, list[Choice]]:
    if answer.config_name is None and answer.primaries:
        return ".", []
    if [group for group in answer.global_groups if group not in _SETTINGS] == answer.global_groups[:1] != []:
        return answer.global_groups[0], []
    choices = [_group_choice(request, answer, group) for group in answer.global_groups]
    own = (answer.config_name or "").rpartition(".yaml")[0] or answer.config_name
    if others := tuple(name for name in answer.primaries if name != own):
        choices.append(Choice("other primary configs", others, request.command("configs", "--group", ".")))
    return USUAL, choices
