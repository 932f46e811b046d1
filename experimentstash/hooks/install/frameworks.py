"""pre-commit and prek: finds the hooks of ours that a framework already runs, from its hook file and its config."""

from __future__ import annotations

import importlib
import importlib.util
import re
from typing import TYPE_CHECKING, Any

import yaml

from experimentstash.core.errors import StashError
from experimentstash.core.names import EXCLUDE
from experimentstash.core.yaml_nodes import compose
from experimentstash.hooks.install import hook_scripts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PRE_COMMIT, PREK = "pre-commit", "prek"
CONFIGS = {
    PRE_COMMIT: (".pre-commit-config.yaml",),
    PREK: ("prek.toml", ".pre-commit-config.yaml", ".pre-commit-config.yml"),
}
"""The config files of each framework, at the top of the repository; the first existing one applies."""
STAGES = {
    "freeze-snapshots": ("pre-commit",),
    "check-snapshots": ("pre-commit", "pre-merge-commit", "manual"),
    "compare-pins": ("post-checkout",),
    "tag-snapshots": ("post-commit", "post-merge", "post-rewrite"),
    "guard-push": ("pre-push",),
}
"""Our hook ids and their stages (spec.md, *Hooks*)."""

SYSTEM = "-system"
"""The suffix of the ids of hooks that a framework takes from the PATH, and does not build."""
REPORTING = frozenset({"compare-pins"})
"""The hooks that pass and have something to say: a framework shows the output of such a hook only if asked."""

_OLD_STAGES = {"commit": "pre-commit", "merge-commit": "pre-merge-commit", "push": "pre-push"}
_CONFIG_OPTION = re.compile(rb"--(config|cd)=[\"']?([^\"'\s)]+)")
_FROZEN = ("configs/tool/snapshots/tag/experiment.yaml", "configs/tool/snapshots/tag/experiment.results.json")
_LARGEST = 1_000_000  # bytes


def config_of(root: Path, framework: str) -> Path | None:
    """Return the path of a framework's config at the top of the repository, or None."""
    return next((root / name for name in CONFIGS[framework] if (root / name).is_file()), None)


def covers(root: Path, hook: Path) -> bool:
    """Return whether a hook file belongs to a framework whose config names all of our hooks of that type.

    Args:
        root: the top of the working tree.
        hook: the hook file; its name is the hook type.
    """
    framework = hook_scripts.framework_of(hook)
    if framework is None or not hook_scripts.is_hook(hook):
        return False
    return names_ours(root, framework, hook_scripts.content(hook), hook.name)


def names_ours(root: Path, framework: str, text: bytes, kind: str) -> bool:
    """Return whether the config that a framework uses names all of our hooks of a type.

    Args:
        root: the top of the working tree.
        framework: the name of the framework.
        text: the hook file or command that starts it; its options may name another config.
        kind: the hook type.
    """
    options = {key.decode(): value.decode("utf-8", "replace") for key, value in _CONFIG_OPTION.findall(text)}
    directory = root / options.get("cd", "")
    config = directory / options["config"] if "config" in options else config_of(directory, framework)
    ids = {id_ for id_, stages in STAGES.items() if kind in stages}
    return config is not None and ids <= _ids_at(read_config(config), kind)


def read_config(path: Path) -> Mapping[str, Any]:
    """Return the content of a config; an empty mapping if it cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if path.suffix == ".toml":
            config = _toml(data.decode()) if len(data) <= _LARGEST else None
        else:
            compose(data, path.name, largest=_LARGEST, aliases=False)  # refuses a YAML bomb
            config = yaml.safe_load(data)
    except (OSError, ValueError, StashError, yaml.YAMLError):
        return {}
    return config if isinstance(config, dict) else {}


def named_ids(config: Mapping[str, Any]) -> set[str]:
    """Return the ids of our hooks that a config names."""
    return {_plain_id(hook) for _, hook in _hooks(config)} & STAGES.keys()


def missing_types(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the hook types that `pre-commit install` with this config does not install."""
    configured = config.get("default_install_hook_types")
    types = configured if isinstance(configured, list) and configured else ["pre-commit"]
    return tuple(kind for kind in hook_scripts.CLONE if kind not in types)


def has_hooks(config: Mapping[str, Any]) -> bool:
    """Return whether a config names any hook."""
    return next(_hooks(config), None) is not None


def excludes_snapshots(config: Mapping[str, Any]) -> bool:
    """Return whether a config excludes frozen files from all hooks: a fixer would rewrite them."""
    pattern = config.get("exclude")
    if not isinstance(pattern, str):  # prek accepts globs
        return "snapshots" in str(pattern)
    try:
        return EXCLUDE in pattern or all(re.search(pattern, path) for path in _FROZEN)
    except re.error:
        return False


def _ids_at(config: Mapping[str, Any], stage: str) -> set[str]:
    return {_plain_id(hook) for repo, hook in _hooks(config) if stage in _stages(config, repo, hook)}


def _plain_id(hook: Mapping[str, Any]) -> str:
    """Return the id of a hook without the suffix of its form for the PATH."""
    return str(hook["id"]).removesuffix(SYSTEM)


def _stages(config: Mapping[str, Any], repo: Mapping[str, Any], hook: Mapping[str, Any]) -> set[str]:
    # A hook of a repository has the stages in that repository's manifest (ours). A local hook has those in the config.
    manifest = STAGES.get(_plain_id(hook), ()) if repo.get("repo") != "local" else None
    stages = hook.get("stages") or manifest or config.get("default_stages") or hook_scripts.CLONE
    return {_OLD_STAGES.get(str(stage), str(stage)) for stage in stages} if isinstance(stages, list | tuple) else set()


def _hooks(config: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    repos = config.get("repos")
    for repo in repos if isinstance(repos, list) else []:
        hooks = repo.get("hooks") if isinstance(repo, dict) else None
        for hook in hooks if isinstance(hooks, list) else []:
            if isinstance(hook, dict) and isinstance(hook.get("id"), str):
                yield repo, hook


def _toml(text: str) -> object:
    if importlib.util.find_spec("tomllib") is None:  # Python 3.10
        return None
    return importlib.import_module("tomllib").loads(text)
