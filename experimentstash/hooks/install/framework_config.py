"""Our entry in the config of pre-commit or prek, and the framework's own install."""

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
# What pre-commit or prek runs in this stash. The hooks are programs of experimentstash, as it is on the PATH.
"""
# `language: system`: nothing is downloaded, and a tool's Python is found as anywhere else, where an environment of the
# framework's own would hide it (traps.md, *pre-commit and prek*). Where the program is missing, the hook fails.
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
    "always_run = true, pass_filenames = false, require_serial = true }},"
)
_LARGEST = 1_000_000  # bytes


def program(framework: str) -> str:
    """Return the program of a framework: from the PATH, or from beside the Python that runs this.

    Raises:
        StashError: there is none.
    """
    found = shutil.which(framework) or shutil.which(framework, path=str(Path(sys.executable).parent))
    if found is None:
        raise StashError(f"{framework} is not on the PATH of this machine", installing(framework))
    return found


def with_entry(root: Path, framework: str) -> tuple[str, str] | None:
    """Return the name of the framework's config and its text with our hooks, or None where it has them all.

    Every byte of it that is not ours stays as it is.

    Raises:
        StashError: it cannot be edited by program; the message says what to write there by hand.
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
    given = _given_types(config)
    types = [*given, *(kind for kind in hook_scripts.CLONE if kind not in given)]
    try:
        return path.name, _edited(path, missing, types)
    except (StashError, ValueError, yaml.YAMLError):
        raise StashError(*_by_hand(path, missing, types, framework)) from None


def _given_types(config: Mapping[str, Any]) -> list[str]:
    given = config.get(_TYPES)
    return [str(kind) for kind in given] if isinstance(given, list) else []


def _edited(path: Path, missing: Sequence[str], types: Sequence[str]) -> str:
    if path.is_symlink():
        raise StashError(f"{path.name}: a link")
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
    wanted = {
        **before,
        _TYPES: list(types),
        "exclude": exclude,
        "repos": [*(before.get("repos") or []), *([ours] if ours else [])],
    }
    if after != wanted:
        raise StashError(f"{path.name}: its layout cannot be edited by program")
    return edited


def _with_types(text: str, types: Sequence[str]) -> str:
    given = _given_types(yaml.safe_load(text))
    try:
        for kind in types[len(given) :] if given else ():
            text = append_item(text, _TYPES, [kind])
    except StashError:  # a list on one line
        given = []
    return text if given else set_value(text, (_TYPES,), list(types))


def _excluding(config: Mapping[str, Any]) -> str:
    """Return the pattern of files that no other hook is given: what the config says, and what is frozen."""
    given = config.get("exclude")
    if not isinstance(given, str) or given in ("", "^$"):
        return EXCLUDE
    return given if EXCLUDE in given else f"{given.strip()}|{EXCLUDE}"


def _entry(ids: Iterable[str]) -> list[str]:
    """Return the lines of our entry under `repos:`, as far as it names `ids`."""
    lines = ["repo: local", "hooks:"]
    for id_ in ids:
        stages = ", ".join(frameworks.STAGES[id_])
        lines += _HOOK.format(id=id_, name=id_.replace("-", " "), stages=stages).split("\n")
    return lines


def _as_item(ids: Iterable[str]) -> list[str]:
    return [f"  {'  ' if number else '- '}{line}" for number, line in enumerate(_entry(ids))]


def _inline(words: Iterable[str]) -> str:
    return f"[{', '.join(words)}]"


def _by_hand(path: Path, missing: Sequence[str], types: Sequence[str], framework: str) -> tuple[str, str]:
    """Return what to write into a config that cannot be edited by program, and what to say then."""
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
        [f"{path}: cannot be edited by program; write there", *lines]
    ), f"{framework} install && {hook_scripts.INSTALL}"


def _toml_entry(ids: Iterable[str]) -> list[str]:
    hooks = []
    for id_ in ids:
        stages = _inline(f'"{stage}"' for stage in frameworks.STAGES[id_])
        hooks.append(_TOML_HOOK.format(id=id_, name=id_.replace("-", " "), stages=stages))
    return ["[[repos]]", 'repo = "local"', "hooks = [", *hooks, "]"]


def install_framework(root: Path, program: str) -> None:
    """Let a framework put its hooks in place.

    Raises:
        StashError: it refuses; the message is its own.
    """
    done = subprocess.run([program, "install"], cwd=root, env=clean_environment(), capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
        what = f"{Path(program).name} install failed with exit code {done.returncode}: {said}"
        raise StashError(what, "experimentstash init --hooks native")
