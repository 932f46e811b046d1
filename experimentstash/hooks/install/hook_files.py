"""The hook files that a repository needs, compared with the files on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.hooks.install import frameworks, git_config_hooks, hook_scripts

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.hooks.install.locations import HookLocations


@dataclass(frozen=True)
class HookFile:
    """The hook file of one type.

    Attributes:
        kind: the hook type.
        path: the file; with a framework, the file that the framework runs in addition to its own hooks.
        text: the required content; None if no file of ours belongs there.
        framework: the framework that runs our hooks of this type, or that runs this file; None if there is none.
    """

    kind: str
    path: Path
    text: bytes | None
    framework: str | None

    @property
    def before(self) -> Path:
        """The path at which an existing hook of the user is kept."""
        return self.path.with_name(self.kind + hook_scripts.BEFORE)

    @property
    def holds(self) -> bool:
        """Whether the file on disk is as required."""
        if self.text is None:
            return not hook_scripts.is_ours(self.path)
        return hook_scripts.content(self.path) == self.text and hook_scripts.is_hook(self.path)

    @property
    def is_configured(self) -> bool:
        """Whether the framework's config names our hooks of this type, so that no native hook is needed."""
        return self.framework is not None and self.text != hook_scripts.shipped_text(self.kind)


def required_files(locations: HookLocations) -> list[HookFile]:
    """Return the hook files that a repository needs: first those that judge, then those that only forward."""
    if locations.uses_shipped:
        return []
    if locations.uses_default:
        return [_judging_file(locations, locations.default, kind) for kind in locations.types]
    return [_judging_file(locations, locations.ours, kind) for kind in locations.types] + _forwarding_files(locations)


def _judging_file(locations: HookLocations, directory: Path, kind: str) -> HookFile:
    top = directory / kind
    framework = hook_scripts.framework_of(top)
    path = top.with_name(kind + hook_scripts.LEGACY) if framework else top
    former = locations.former / kind
    left_to = next(
        (hook for hook in (top, former) if kind != hook_scripts.GATE and frameworks.covers(locations.root, hook)), None
    )
    if runner := git_config_hooks.runner_of(locations.root, kind) if left_to is None else None:
        return HookFile(
            kind, path, None if directory == locations.default else hook_scripts.forwarding_text(kind), runner
        )
    if left_to is None:
        return HookFile(kind, path, hook_scripts.shipped_text(kind), framework)
    text = None if directory == locations.default else hook_scripts.forwarding_text(kind)
    return HookFile(kind, path, text, hook_scripts.framework_of(left_to))


def _forwarding_files(locations: HookLocations) -> list[HookFile]:
    """Return the forwarding hook files of all other types, for hooks that the user adds to the former directory later.

    A type that has an effect by existing gets one only if the former directory has such a hook.
    """
    files = []
    for kind in hook_scripts.KNOWN:
        top = locations.ours / kind
        if kind not in locations.types and (not top.exists() or hook_scripts.is_ours(top)):
            is_needed = kind not in hook_scripts.ACTIVE_BY_EXISTING or hook_scripts.is_hook(locations.former / kind)
            files.append(HookFile(kind, top, hook_scripts.forwarding_text(kind) if is_needed else None, None))
    return files
