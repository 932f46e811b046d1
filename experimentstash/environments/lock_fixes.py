"""What a user can do where the lock that a tool ships is refused, as commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from experimentstash.core.errors import quote
from experimentstash.core.names import REGISTRY

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.environments.lock_file import Lock


def freeze_installed(stash: Path, tool: str) -> str:
    """Return what makes the next freeze record what is installed, and not the lock.

    It is a command where the registry is written as `add-tool` writes it.

    Args:
        stash: the stash's root.
        tool: the tool's name.
    """
    text = (stash / REGISTRY).read_text("utf-8", "replace")
    block = re.search(rf"(?m)^  {re.escape(tool)}:[ \t]*\n((?:    .*\n?|[ \t]*\n)*)", text)
    if block is None or re.search(r"(?m)^    lock:", block[1]):
        return f"set `lock: installed` for {tool} in {REGISTRY}, to freeze what is installed"
    edit = quote(f"s/^  {re.escape(tool)}:\\K/\\n    lock: installed/")
    return f"perl -pi -e {edit} {REGISTRY}  # to freeze what is installed"


def synchronise(lock: Lock, python: Path) -> str:
    """Return the command that installs what a lock has into the environment of a tool.

    Args:
        lock: the lock.
        python: the tool's interpreter.
    """
    folder, file = (quote(path.relative_to(lock.stash).as_posix()) for path in (lock.folder, lock.path))
    inside, prefix = quote(str(python)), quote(str(python.parents[1]))
    if lock.kind == "uv":
        chosen = [*(f" --extra {name}" for name in lock.extras), *(f" --group {name}" for name in lock.groups)]
        target = "" if python == lock.folder / ".venv/bin/python" else f"UV_PROJECT_ENVIRONMENT={prefix} "
        return f"{target}uv sync --locked --project {folder}{''.join(chosen)}"
    return {
        "pylock": f"uv pip sync --python {inside} {file}",
        "poetry": f"poetry install --directory {folder}",
        "conda": f"micromamba update --file {file} --prefix {prefix}",
        "conda-lock": f"micromamba install --file {file} --prefix {prefix}",
    }.get(lock.kind, f"{inside} -m pip install -r {file}")
