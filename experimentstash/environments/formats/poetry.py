"""`poetry.lock`: built only by poetry, into a given environment."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from experimentstash.core import toml_text
from experimentstash.environments.formats.base import BuildContext, Plan, read_bytes
from experimentstash.environments.formats.toml_lock import TomlLock, entries
from experimentstash.environments.installers import Filler, Step, Word, find_program, installing_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from experimentstash.environments.packages import Python


class PoetryLock(TomlLock):
    """A `poetry.lock`."""

    kind = "poetry"
    file = "poetry.lock"
    python_keys = ("metadata", "python-versions")
    index_keys = ()

    def is_stale(self, python: Python) -> bool:
        """Return whether poetry 2 would refuse the lock: its `content-hash` must match its project's declaration.

        The rule is that of `Locker._get_content_hash` in poetry 2.5 (poetry/packages/locker.py), which takes the hash
        without dependency groups (PEP 735) as well, as older versions wrote it.
        """
        del python
        known = toml_text.text(self.document(), "metadata", "content-hash")
        project = self.project()
        groups = toml_text.table(project, "dependency-groups")
        return bool(known) and known not in {_content_hash(project, groups), _content_hash(project, {})}

    def sync_command(self, python: Path) -> str:
        """Return the `poetry install` that installs the lock's packages into a tool's environment."""
        del python
        return f"poetry install --directory {self.quoted(self.folder)}"

    def plan(self, context: BuildContext) -> Plan:
        """Plan what poetry would install, except the project itself."""
        poetry = find_program("poetry") or context.fetch("poetry")
        data, project = self.data(), read_bytes(self.stash, self.project_file)
        chosen = [f"--extras={name}" for name in self.extras] + [f"--with={name}" for name in self.groups]
        only_wheels = {"POETRY_INSTALLER_ONLY_BINARY": ":all:"} if context.wheels_only else {}

        def steps(folder: Path) -> list[Step]:
            env = {
                "VIRTUAL_ENV": str(folder),
                "POETRY_CACHE_DIR": str(context.cache / "poetry"),  # overrides the project's settings
                "PATH": f"{folder / 'bin'}:{installing_environment().get('PATH', '')}",
                **only_wheels,
            }
            # Its plugins would be put into the tool's directory.
            flags = ["--no-root", "--no-interaction", "--no-ansi", "--no-plugins", *chosen]
            install: list[Word] = [poetry, "install", *flags]
            make = Filler(context.interpreter, context.uv, has_pip=True).make(folder)
            return [make, Step(install, self.folder, env)]

        declared = toml_text.table(self.project(), "tool", "poetry")
        is_package = declared.get("package-mode") is not False
        packages = entries(toml_text.parse(data, self.name), self.name)
        has_directories = any(toml_text.text(entry.table, "source", "type") == "directory" for entry in packages)
        projects = (self.folder,) if is_package else ()
        return Plan((data, project, *chosen), steps, projects, is_shared=not has_directories)


def _content_hash(project: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    declared = _chosen(project.get("project"), ("requires-python", "dependencies", "optional-dependencies"))
    poetry = toml_text.table(project, "tool", "poetry")
    legacy: Sequence[str] = ("dependencies", "source", "extras", "dev-dependencies")
    own = _chosen(poetry, (*legacy, "group"))
    if not declared and not groups:
        return _digest({**dict.fromkeys(legacy), **own})
    whole = {
        **({"project": declared} if declared else {}),
        **({"dependency-groups": groups} if groups else {}),
        "tool": {"poetry": own},
    }
    return _digest(whole)


def _chosen(table: Any, keys: Sequence[str]) -> dict[str, Any]:
    return {key: table[key] for key in keys if isinstance(table, dict) and table.get(key) is not None}


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
