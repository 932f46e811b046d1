"""`uv.lock`: for every platform, with hashes; built only by uv."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash.core import toml_text
from experimentstash.core.errors import quote
from experimentstash.core.process import run_captured
from experimentstash.environments.formats.base import BuildContext, Plan
from experimentstash.environments.formats.toml_lock import TomlLock, is_url
from experimentstash.environments.installers import Step, Word, ask, find_uv, installing_environment
from experimentstash.environments.packages import normal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experimentstash.environments.packages import Python

_LOCAL_LINE = re.compile(r"(?:-e\s+)?((?:\.{1,2}(?:/.*)?)|/.*)")


class UvLock(TomlLock):
    """A `uv.lock`."""

    kind = "uv"
    file = "uv.lock"
    needs_uv = True

    def installs(self, package: str) -> bool:
        """Return whether `uv sync` installs a package for the project on some platform; true if unclear."""
        return package in self._synced()

    def _synced(self) -> set[str]:
        packages: dict[str, list[Mapping[str, Any]]] = {}
        for table in self.document().get("package", []):
            packages.setdefault(normal(toml_text.text(table, "name")), []).append(table)
        project = self.project()
        root = normal(toml_text.text(project, "project", "name"))
        if root not in packages:
            return set(packages)
        default = toml_text.table(project, "tool", "uv").get("default-groups", ["dev"])
        waiting = [(root, tuple(self.extras))]
        for table in packages[root]:
            groups = toml_text.table(table, "dev-dependencies")
            chosen = list(groups) if default == "all" else [*default, *self.groups]
            waiting += [pair for group in chosen for pair in _needs(groups.get(group))]
        seen: set[tuple[str, tuple[str, ...]]] = set()
        while waiting:
            if (pair := waiting.pop()) not in seen:
                seen.add(pair)
                for table in packages.get(pair[0], []):
                    optional = toml_text.table(table, "optional-dependencies")
                    for needs in (table.get("dependencies"), *(optional.get(extra) for extra in pair[1])):
                        waiting += _needs(needs)
        return {name for name, _ in seen}

    def is_stale(self, python: Python) -> bool:
        """Return whether uv would refuse the lock as outdated for its `pyproject.toml`.

        uv checks this without the network, if it has cached the packages; if uv is missing, or cannot tell, the
        result is false. A project with metadata from its own build is not checked: the build would leave files.
        """
        uv = find_uv()
        project = self.project()
        if uv is None or toml_text.table(project, "project").get("dynamic"):
            return False
        env = installing_environment(**self._index_variable(), **_cache_variable(uv))
        flags = ["--check", "--offline", "--python", str(python.path), "--project", str(self.folder)]
        code, output = run_captured([str(uv), "lock", *flags], cwd=self.folder, env=env)
        # without the network, uv resolves only if the lock does not match
        return code != 0 and ("needs to be updated" in output or "No solution found" in output)

    def sync_command(self, python: Path) -> str:
        """Return the `uv sync` that installs the lock's packages into a tool's environment."""
        chosen = [*(f" --extra {name}" for name in self.extras), *(f" --group {name}" for name in self.groups)]
        own = python == self.folder / ".venv/bin/python"
        target = "" if own else f"UV_PROJECT_ENVIRONMENT={quote(str(python.parents[1]))} "
        return f"{target}uv sync --locked --project {self.quoted(self.folder)}{''.join(chosen)}"

    def plan(self, context: BuildContext) -> Plan:
        """Plan what uv would sync, except the directories of the checkout.

        Raises:
            StashError: the lock does not match its `pyproject.toml`; the message is uv's.
        """
        uv = context.uv or context.fetch("uv")
        chosen = [f"--extra={name}" for name in self.extras] + [f"--group={name}" for name in self.groups]
        safe = _cache_variable(uv)
        common = ["--python", str(context.interpreter), "--project", str(self.folder), *chosen]
        lines = self._export(context, uv, ["--locked", *common], {**safe, **self._index_variable()})
        local = {
            line: Path(match[1]) for line in lines if (match := _LOCAL_LINE.fullmatch(line.partition(" ;")[0].strip()))
        }
        only_wheels = ["--no-build"] if context.wheels_only else []

        def steps(folder: Path) -> list[Step]:
            # the lock is checked already, and `--locked` would require the lock's indexes in the user's settings
            sync: list[Word] = [uv, "sync", "--frozen", "--no-install-local", *common, *only_wheels]
            return [Step(sync, self.folder, {**safe, "UV_PROJECT_ENVIRONMENT": str(folder)})]

        projects = tuple(self.folder / place for place in local.values())
        return Plan(("\n".join(line for line in lines if line not in local),), steps, projects)

    def _export(self, context: BuildContext, uv: Path, flags: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """Return the packages of the lock for this project, one requirement a line; checks the lock against it."""
        with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
            target = Path(folder, "requirements.txt")
            command = [str(uv), "export", "--no-header", "--no-annotate", "--output-file", str(target), *flags]
            code, output = run_captured(command, cwd=self.folder, env=installing_environment(**env))
            if code != 0:
                raise context.fail(output.splitlines())
            return target.read_text("utf-8").splitlines()

    def _index_variable(self) -> dict[str, str]:
        """Return the variable that adds the indexes of the lock to those of the user.

        uv calls a lock outdated if one of its indexes is not configured, as for a user with a mirror.
        """
        registries = (toml_text.text(entry.table, "source", "registry") for entry in self.entries())
        places = list(dict.fromkeys(place for place in registries if is_url(place)))
        own = [os.environ["UV_INDEX"]] if os.environ.get("UV_INDEX") else []
        return {"UV_INDEX": " ".join([*own, *places])} if places or own else {}


def _cache_variable(uv: Path) -> dict[str, str]:
    """Return the variable that keeps the user's cache of uv: the project's settings may not move it."""
    cache = ask([str(uv), "cache", "dir"], installing_environment())
    return {"UV_CACHE_DIR": cache} if cache else {}


def _needs(needs: Any) -> list[tuple[str, tuple[str, ...]]]:
    """Return the names and the extras of a list of dependencies."""
    tables = [table for table in needs if isinstance(table, dict)] if isinstance(needs, list) else []
    return [(normal(toml_text.text(table, "name")), tuple(map(str, table.get("extra", ())))) for table in tables]
