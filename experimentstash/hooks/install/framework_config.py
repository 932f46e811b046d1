"""Adds our hooks to the config of pre-commit or prek, and runs the framework's own install."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from experimentstash.core.errors import StashError
from experimentstash.core.invocation import installing
from experimentstash.core.names import EXCLUDE
from experimentstash.core.yaml_edit import append_item, set_value
from experimentstash.core.yaml_nodes import compose
from experimentstash.git.user_git import clean_environment
from experimentstash.hooks.install import frameworks, hook_scripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_TYPES = "default_install_hook_types"
_HEAD = """\
# Hooks that pre-commit or prek runs in this stash. They are console scripts of the experimentstash on your PATH.
"""
# `language: system` downloads nothing and keeps the active environment, in which a tool's Python is found. An
# environment of the framework would hide it (traps.md, *pre-commit and prek*). Without the program, the hook fails.
_HOOK = """\
  - id: {id}
    name: {name}
    entry: {id}
    language: system
    stages: [{stages}]
    always_run: true
    pass_filenames: false
    require_serial: true"""
_TOML_HOOK = (
    '  {{ id = "{id}", name = "{name}", entry = "{id}", language = "system", stages = {stages}, '
    "always_run = true, pass_filenames = false, require_serial = true{more} }},"
)
_LARGEST = 1_000_000  # bytes


def program(framework: str) -> str:
    """Return the path of a framework's program: from the PATH, or from the directory of the running Python.

    Raises:
        StashError: the program is missing.
    """
    path = shutil.which(framework) or shutil.which(framework, path=str(Path(sys.executable).parent))
    if path is None:
        raise StashError(f"{framework} is not on the PATH", installing(framework))
    return path


def with_entry(root: Path, framework: str) -> tuple[str, str] | None:
    """Return the name of the framework's config and its text with our hooks, or None if nothing is missing.

    Keeps every other byte of the config.

    Raises:
        StashError: the config cannot be edited automatically; the message has the lines to add.
    """
    path = frameworks.config_of(root, framework)
    if path is None:
        lines = [
            f"{_TYPES}: {_inline(hook_scripts.CLONE)}",
            f'exclude: "{EXCLUDE}"',
            "repos:",
            *_as_item(frameworks.STAGES),
        ]
        return frameworks.CONFIGS[frameworks.PRE_COMMIT][0], _HEAD + "\n".join(lines) + "\n"
    config = frameworks.read_config(path)
    missing = [id_ for id_ in frameworks.STAGES if id_ not in frameworks.named_ids(config)]
    if not missing and not frameworks.missing_types(config) and frameworks.excludes_snapshots(config):
        return None
    configured = _configured_types(config)
    types = [*configured, *(kind for kind in hook_scripts.CLONE if kind not in configured)]
    try:
        return path.name, _edited(path, missing, types)
    except (StashError, ValueError, yaml.YAMLError):
        raise StashError(*_manual_edit(path, missing, types, framework)) from None


def _configured_types(config: Mapping[str, Any]) -> list[str]:
    types = config.get(_TYPES)
    return [str(kind) for kind in types] if isinstance(types, list) else []


def _edited(path: Path, missing: Sequence[str], types: Sequence[str]) -> str:
    if path.is_symlink():
        raise StashError(f"{path.name}: a symlink")
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    compose(data, path.name, largest=_LARGEST, aliases=False)
    text = data.decode()
    edited = append_item(text, "repos", _entry(missing)) if missing else text
    edited = _with_types(edited, types)
    before = yaml.safe_load(text)
    exclude = before["exclude"] if frameworks.excludes_snapshots(before) else _excluding(before)
    if exclude != before.get("exclude"):
        edited = set_value(edited, ("exclude",), exclude)
    after = yaml.safe_load(edited)
    ours = yaml.safe_load("\n".join(_entry(missing))) if missing else None
    expected = {
        **before,
        _TYPES: list(types),
        "exclude": exclude,
        "repos": [*(before.get("repos") or []), *([ours] if ours else [])],
    }
    if after != expected:
        raise StashError(f"{path.name}: its layout cannot be edited automatically")
    return edited


def _with_types(text: str, types: Sequence[str]) -> str:
    configured = _configured_types(yaml.safe_load(text))
    try:
        for kind in types[len(configured) :] if configured else ():
            text = append_item(text, _TYPES, [kind])
    except StashError:  # a list on one line
        configured = []
    return text if configured else set_value(text, (_TYPES,), list(types))


def _excluding(config: Mapping[str, Any]) -> str:
    """Return the `exclude:` pattern of the config, extended by the pattern of snapshots."""
    pattern = config.get("exclude")
    if not isinstance(pattern, str) or pattern in ("", "^$"):
        return EXCLUDE
    return pattern if EXCLUDE in pattern else f"{pattern.strip()}|{EXCLUDE}"


def _entry(ids: Iterable[str]) -> list[str]:
    """Return the lines of our entry under `repos:` with the hooks `ids`."""
    lines = ["repo: local", "hooks:"]
    for id_ in ids:
        stages = ", ".join(frameworks.STAGES[id_])
        lines += _HOOK.format(id=id_, name=id_.replace("-", " "), stages=stages).split("\n")
        lines += ["    verbose: true"] if id_ in frameworks.REPORTING else []
    return lines


def _as_item(ids: Iterable[str]) -> list[str]:
    return [f"  {'  ' if number else '- '}{line}" for number, line in enumerate(_entry(ids))]


def _inline(words: Iterable[str]) -> str:
    return f"[{', '.join(words)}]"


def _manual_edit(path: Path, missing: Sequence[str], types: Sequence[str], framework: str) -> tuple[str, str]:
    """Return the message with the lines to add to a config that cannot be edited automatically, and the fix."""
    if path.suffix == ".toml":
        quoted = [f'"{kind}"' for kind in types]
        lines = [f"{_TYPES} = {_inline(quoted)}", f"exclude = '{EXCLUDE}'", *(_toml_entry(missing) if missing else [])]
    else:
        lines = [
            f"{_TYPES}: {_inline(types)}",
            f'exclude: "{EXCLUDE}"',
            *(["repos:", *_as_item(missing)] if missing else []),
        ]
    return "\n".join(
        [f"{path}: cannot be edited automatically; add these lines:", *lines]
    ), f"{framework} install && {hook_scripts.INSTALL}"


def _toml_entry(ids: Iterable[str]) -> list[str]:
    hooks = []
    for id_ in ids:
        stages = _inline(f'"{stage}"' for stage in frameworks.STAGES[id_])
        more = ", verbose = true" if id_ in frameworks.REPORTING else ""
        hooks.append(_TOML_HOOK.format(id=id_, name=id_.replace("-", " "), stages=stages, more=more))
    return ["[[repos]]", 'repo = "local"', "hooks = [", *hooks, "]"]


def install_framework(root: Path, program: str) -> None:
    """Run a framework's own install.

    Args:
        root: the top of the working tree.
        program: the path of the framework's program.

    Raises:
        StashError: the install fails; the message contains its output.
    """
    process = subprocess.run([program, "install"], cwd=root, env=clean_environment(), capture_output=True, check=False)
    if process.returncode != 0:
        output = (process.stdout + process.stderr).decode("utf-8", "replace").strip()
        what = f"{Path(program).name} install failed with exit code {process.returncode}: {output}"
        raise StashError(what, "experimentstash init --hooks native")
