"""The spots that our hooks stand at, and what stands there now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.hooks.install import frameworks, git_config_hooks, hook_scripts

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.hooks.install.locations import HookLocations


@dataclass(frozen=True)
class Spot:
    """Where the hook of a type has to stand.

    Attributes:
        kind: the type.
        path: the file; under a framework the one that it runs beside its own hooks.
        text: what has to stand there; None: nothing of ours.
        framework: the framework that runs our hooks of this type, or runs ours as a file; None: there is none.
    """

    kind: str
    path: Path
    text: bytes | None
    framework: str | None

    @property
    def before(self) -> Path:
        """Where a hook of somebody else's that stood at the spot is kept."""
        return self.path.with_name(self.kind + hook_scripts.BEFORE)

    @property
    def holds(self) -> bool:
        """Whether the spot is as it has to be."""
        if self.text is None:
            return not hook_scripts.is_ours(self.path)
        return hook_scripts.content(self.path) == self.text and hook_scripts.is_hook(self.path)

    @property
    def left_out(self) -> bool:
        """Whether the framework's config names our hooks of this type, so that nothing has to be put beside it."""
        return self.framework is not None and self.text != hook_scripts.judging(self.kind)


def spots(place: HookLocations) -> list[Spot]:
    """Return where the hooks of a place have to stand: those that judge first, then those that only hand on."""
    if place.is_shipped:
        return []
    if place.is_plain:
        return [_judging(place, place.own, kind) for kind in place.types]
    return [_judging(place, place.aside, kind) for kind in place.types] + _handing_on(place)


def _judging(place: HookLocations, folder: Path, kind: str) -> Spot:
    top = folder / kind
    framework = hook_scripts.framework_of(top)
    path = top.with_name(kind + hook_scripts.LEGACY) if framework else top
    former = place.former / kind
    left_to = next(
        (hook for hook in (top, former) if kind != hook_scripts.GATE and frameworks.covers(place.root, hook)), None
    )
    if runner := git_config_hooks.runner_of(place.root, kind) if left_to is None else None:
        return Spot(kind, path, None if folder == place.own else hook_scripts.handing_on(kind), runner)
    if left_to is None:
        return Spot(kind, path, hook_scripts.judging(kind), framework)
    text = None if folder == place.own else hook_scripts.handing_on(kind)
    return Spot(kind, path, text, hook_scripts.framework_of(left_to))


def _handing_on(place: HookLocations) -> list[Spot]:
    """Return the spots of all other types: whoever puts a hook into the former folder later finds it run too.

    Of a type that is felt by being there, only if there is one.
    """
    found = []
    for kind in hook_scripts.KNOWN:
        top = place.aside / kind
        if kind not in place.types and (not top.exists() or hook_scripts.is_ours(top)):
            is_wanted = kind not in hook_scripts.FELT or hook_scripts.is_hook(place.former / kind)
            found.append(Spot(kind, top, hook_scripts.handing_on(kind) if is_wanted else None, None))
    return found
