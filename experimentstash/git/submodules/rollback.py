"""Records the state of a stash before a tool is added, and restores it."""

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
    """The state of a stash before a tool is added.

    Attributes:
        tool: the tool that is being added.
        head: the commit that was checked out, or nothing.
        index: the entries of the index that an add may change, as `git ls-files -s` prints them.
        modules: the text of `.gitmodules`, or None if there was no such file.
        registry: that of `configs/meta.yaml`.
        written: that of `configs/meta.yaml` as we wrote it last.
        absent: directories that were not there, from the stash's root or absolute.
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
    """Return the path of a tool's submodule repository inside git's directory, also for linked worktrees."""
    return stash.root / git("rev-parse", "--git-path", f"modules/{tool_path(tool)}", cwd=stash.root)


def take_record(stash: Stash, tool: str) -> Record:
    """Record the current state of the stash, before `tool` is added."""
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


@dataclass(frozen=True)
class Rollback:
    """Restores a stash to its state before a tool was added.

    Attributes:
        stash: the stash.
        record: its state.
    """

    stash: Stash
    record: Record

    def put_back(self) -> None:
        """Restore the recorded state, except what others changed.

        Raises:
            StashError: something could not be put back; the message says what, and the rest was.
        """
        modules = modules_folder(self.stash, self.record.tool)
        failures = []
        # first: this frees space on a full disk
        for step in (
            lambda: self._remove(modules),
            lambda: self._ask("config", "--local", "--remove-section", self._section),
            self._put_back_modules,
            self._put_back_registry,
            self._put_back_index,
        ):
            try:
                step()
            except (OSError, StashError) as error:
                failures.append(str(error))
        if failures:
            raise StashError(f"not everything could be restored: {'; '.join(failures)}", rerun())

    @property
    def _section(self) -> str:
        return f"submodule.{tool_path(self.record.tool)}"

    def _ask(self, *arguments: str, stdin: bytes = b"") -> bytes:
        return ask_git(*arguments, cwd=self.stash.root, stdin=stdin).stdout

    def _remove(self, modules: Path) -> None:
        root = self.stash.root
        for folder in (self.stash.checkout(self.record.tool), modules):
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder)
        for path in self.record.made:
            (root / path).unlink(missing_ok=True)
        absent = (root / path for path in self.record.absent)
        for folder in sorted(absent, key=lambda path: len(path.parts), reverse=True):
            with contextlib.suppress(OSError):  # it is not there, or something else is in it
                folder.rmdir()

    def _put_back_modules(self) -> None:
        path = self.stash.root / _MODULES
        now = _read(path)
        if now == self.record.modules:
            return
        if now is not None:
            listing = ("--no-includes", "-z", "-l")
            self._ask("config", "-f", _MODULES, "--remove-section", self._section)
            before = self._ask("config", "-f", "-", *listing, stdin=_bytes(self.record.modules))
            if self._ask("config", "-f", _MODULES, *listing) != before:
                return  # the user has edited it since
        if self.record.modules is None:
            path.unlink(missing_ok=True)
        else:
            write_text(path, self.record.modules)

    def _put_back_registry(self) -> None:
        path = self.stash.root / REGISTRY
        now = _read(path)
        if now != self.record.registry and now in self.record.written:
            write_text(path, self.record.registry)

    def _put_back_index(self) -> None:
        root, record = self.stash.root, self.record
        now = _index(self.stash, record.tool)
        if now == record.index:
            return
        if self._ask("rev-parse", "--verify", "-q", "HEAD").decode().strip() != record.head:
            # the user has committed since: only the submodule, which is gone, is no entry any more
            git("update-index", "--force-remove", "--", tool_path(record.tool), cwd=root)
            return
        paths = {entry.partition("\t")[2] for entry in now}
        git("update-index", "--force-remove", "-z", "--stdin", cwd=root, stdin=_bytes("\0".join(sorted(paths))))
        git("update-index", "-z", "--index-info", cwd=root, stdin=_bytes("\0".join(record.index)))


def _bytes(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "surrogateescape")
