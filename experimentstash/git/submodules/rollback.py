"""What a stash held before a tool was added, and how it is put back."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.files import write_text
from experimentstash.core.invocation import rerun
from experimentstash.core.names import REGISTRY, tool_path
from experimentstash.git.user_git import ask_git, git

if TYPE_CHECKING:
    from pathlib import Path

    from experimentstash.stash.stash import Stash

_MODULES = ".gitmodules"


@dataclass
class Record:
    """What a stash held before a tool was added.

    Attributes:
        tool: the tool that is being added.
        head: the commit that was checked out, or nothing.
        index: the entries of the index that an add may change, as `git ls-files -s` prints them.
        modules: the text of `.gitmodules`, or None where there was no such file.
        registry: that of `configs/meta.yaml`.
        written: that of `configs/meta.yaml` as we wrote it last.
        absent: folders that were not there, from the stash's root or absolute.
        made: files that we made, from the stash's root.
    """

    tool: str
    head: str
    index: list[str]
    modules: str | None
    registry: str
    written: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)


def modules_folder(stash: Stash, tool: str) -> Path:
    """Return where git keeps the repository of a tool's submodule, in a linked worktree too."""
    return stash.root / git("rev-parse", "--git-path", f"modules/{tool_path(tool)}", cwd=stash.root)


def take_record(stash: Stash, tool: str) -> Record:
    """Return what the stash holds now, before `tool` is added."""
    head = ask_git("rev-parse", "--verify", "-q", "HEAD", cwd=stash.root).stdout.decode().strip()
    modules, registry = _read(stash.root / _MODULES), _read(stash.root / REGISTRY)
    return Record(tool, head, _index(stash, tool), modules, registry or "")


def _index(stash: Stash, tool: str) -> list[str]:
    paths = (_MODULES, REGISTRY, tool_path(tool), f"configs/{tool}")
    listed = git("ls-files", "-s", "-z", "--", *paths, cwd=stash.root)
    return [entry for entry in listed.split("\0") if entry]


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None


def put_back(stash: Stash, record: Record) -> None:
    """Make the stash what the record says, as far as it is ours to change.

    Raises:
        StashError: something could not be put back; the message says what, and the rest was.
    """
    modules = modules_folder(stash, record.tool)
    failures = []
    # what takes up the space of a full disk goes first
    for step in (
        lambda: _remove(stash, record, modules),
        lambda: ask_git("config", "--local", "--remove-section", _section(record), cwd=stash.root),
        lambda: _put_back_modules(stash, record),
        lambda: _put_back_registry(stash, record),
        lambda: _put_back_index(stash, record),
    ):
        try:
            step()
        except (OSError, StashError) as error:
            failures.append(str(error))
    if failures:
        raise StashError(f"not all could be put back: {'; '.join(failures)}", rerun())


def _section(record: Record) -> str:
    return f"submodule.{tool_path(record.tool)}"


def _remove(stash: Stash, record: Record, modules: Path) -> None:
    for folder in (stash.root / tool_path(record.tool), modules):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
    for path in record.made:
        (stash.root / path).unlink(missing_ok=True)
    for folder in sorted((stash.root / path for path in record.absent), key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):  # not there, or something else lies in it
            folder.rmdir()


def _put_back_modules(stash: Stash, record: Record) -> None:
    path = stash.root / _MODULES
    now = _read(path)
    if now == record.modules:
        return
    if now is not None:
        ask_git("config", "-f", _MODULES, "--remove-section", _section(record), cwd=stash.root)
        before = ask_git(
            "config", "-f", "-", "--no-includes", "-z", "-l", cwd=stash.root, stdin=_bytes(record.modules)
        ).stdout
        if ask_git("config", "-f", _MODULES, "--no-includes", "-z", "-l", cwd=stash.root).stdout != before:
            return  # the user has edited it since
    if record.modules is None:
        path.unlink(missing_ok=True)
    else:
        write_text(path, record.modules)


def _put_back_registry(stash: Stash, record: Record) -> None:
    now = _read(stash.root / REGISTRY)
    if now != record.registry and now in record.written:
        write_text(stash.root / REGISTRY, record.registry)


def _put_back_index(stash: Stash, record: Record) -> None:
    now = _index(stash, record.tool)
    if now == record.index:
        return
    if ask_git("rev-parse", "--verify", "-q", "HEAD", cwd=stash.root).stdout.decode().strip() != record.head:
        # the user has committed since: only the submodule, which is gone, is no entry any more
        git("update-index", "--force-remove", "--", tool_path(record.tool), cwd=stash.root)
        return
    paths = {entry.partition("\t")[2] for entry in now}
    git("update-index", "--force-remove", "-z", "--stdin", cwd=stash.root, stdin=_bytes("\0".join(sorted(paths))))
    git("update-index", "-z", "--index-info", cwd=stash.root, stdin=_bytes("\0".join(record.index)))


def _bytes(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "surrogateescape")
