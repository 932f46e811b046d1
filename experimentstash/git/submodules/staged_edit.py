"""Edits of the files that a tool has in a stash, as steps of a change: staged as they are written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, listed
from experimentstash.core.names import tool_path
from experimentstash.git.stash_change import ChangeStep, file_text, index_entries
from experimentstash.git.user_git import git

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experimentstash.stash.stash import Stash

MODULES = ".gitmodules"


def edit_files(stash: Stash, texts: Mapping[str, str | None]) -> tuple[tuple[ChangeStep, ...], tuple[ChangeStep, ...]]:
    """Return the steps that write files and stage them.

    Args:
        stash: the stash.
        texts: the new text of each file by its path, or None for a file that goes.

    Returns:
        The steps of the index, and those of the files.

    Raises:
        StashError: a path leads out of the stash, or git failed.
    """
    old = index_entries(stash, list(texts)) if texts else {}
    entries, files = [], []
    for path, text in texts.items():
        entry = None
        if text is not None:
            data = text.encode("utf-8", "surrogateescape")
            blob = git("hash-object", "-w", f"--path={path}", "--stdin", cwd=stash.root, stdin=data)
            entry = f"{old.get(path, '100644 ').partition(' ')[0]} {blob}"
        entries.append(ChangeStep(path, old.get(path), entry))
        files.append(ChangeStep(path, file_text(stash.inside(path)), text))
    return tuple(entries), tuple(files)


def tracked_experiments(stash: Stash, tool: str) -> dict[str, str]:
    """Return the texts of the working configs of a tool that git tracks, by path.

    Raises:
        StashError: one has uncommitted changes.
    """
    folder = f"configs/{tool}/experiment"
    changed = git("--literal-pathspecs", "status", "--porcelain", "-z", "--no-renames", "--", folder, cwd=stash.root)
    if lines := [line[3:] for line in changed.split("\0") if line]:
        commit = f"{command('git', 'add', folder)} && {command('git', 'commit', '-m', f'Edit the configs of {tool}')}"
        raise StashError(f"{folder}: uncommitted changes: {listed(lines, 3)}", commit)
    texts = {path: file_text(stash.inside(path)) for path in index_entries(stash, [folder])}
    return {path: text for path, text in texts.items() if text is not None}


def without_section(stash: Stash, tool: str) -> str | None:
    """Return the text of `.gitmodules` without the submodule of a tool, or None if no other submodule is left."""
    text = file_text(stash.root / MODULES) or ""
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        copy = Path(folder) / "modules"
        copy.write_bytes(text.encode("utf-8", "surrogateescape"))
        for section in sections_at(stash, tool_path(tool)):
            git("config", "-f", os.fspath(copy), "--remove-section", section, cwd=stash.root)
        left = file_text(copy) or ""
    return left if left.strip() else None


def sections_at(stash: Stash, path: str) -> list[str]:
    """Return the sections of `.gitmodules` for the submodule at a path."""
    if not (stash.root / MODULES).is_file():
        return []
    from experimentstash.git.user_git import answer

    listed_paths = answer("config", "-z", "-f", MODULES, "--get-regexp", r"^submodule\..*\.path$", cwd=stash.root) or ""
    pairs = (line.partition("\n") for line in listed_paths.split("\0") if line)
    return [key.removesuffix(".path") for key, _, value in pairs if value == path]
