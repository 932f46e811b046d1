"""Adds a tool completely or not at all: records the state first, and restores it after any failure.

The record lies in git's own directory while an add is under way, so that the next one finds it after a kill.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from experimentstash.core.errors import StashError, command
from experimentstash.core.file_lock import take_lock
from experimentstash.core.names import tool_path
from experimentstash.core.signals import held_signals, ignore_from_now_on, ignored_signals
from experimentstash.git.submodules.rollback import Record, Rollback, modules_folder, take_record
from experimentstash.git.user_git import answer, ask_git, fix_of, git

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.stash.stash import Stash

_RECORD = "experimentstash-add-tool"


@dataclass
class Undo:
    """The record of one add, open while the add is under way."""

    stash: Stash
    file: IO[str]
    record: Record

    def will_make(self, path: str) -> None:
        """Note a file, and the directories above it, before they are made."""
        self.record.made.append(path)
        self._note_folders(Path(path).parent)
        self._save()

    def will_write_registry(self, text: str) -> None:
        """Note a text of the registry before it is written."""
        self.record.written.append(text)
        self._save()

    def begin(self) -> None:
        """Note the directories that an add makes, and save the record."""
        self._note_folders(Path(tool_path(self.record.tool)))
        self._note_folders(modules_folder(self.stash, self.record.tool))
        self._save()

    def end(self) -> None:
        """Forget the record: the add is done, or undone."""
        self.file.seek(0)
        self.file.truncate()

    def _note_folders(self, folder: Path) -> None:
        for place in (folder, *folder.parents):
            if str(place) not in self.record.absent and not (self.stash.root / place).exists():
                self.record.absent.append(str(place))

    def _save(self) -> None:
        self.file.write(json.dumps(asdict(self.record)) + "\n")  # behind the earlier ones: a kill cuts off the last
        self.file.flush()
        os.fsync(self.file.fileno())


@contextlib.contextmanager
def only_add(stash: Stash) -> Iterator[IO[str]]:
    """Be the only one that adds a tool to this checkout; an add that was cut off is undone first.

    Raises:
        StashError: another add is under way, or the leftovers hold work of the user's.
    """
    path = stash.root / git("rev-parse", "--git-path", _RECORD, cwd=stash.root)
    with contextlib.ExitStack() as opened:
        with held_signals():
            file = opened.enter_context(path.open("a+", encoding="utf-8"))
            _lock(file, stash.root)
            opened.callback(_forget, file, path)
        file.seek(0)
        if left := file.read():
            _recover(stash, left)
            file.truncate(0)
        yield file


def _lock(file: IO[str], root: Path) -> None:
    if take_lock(file) is False:
        raise StashError(f"{root}: another add-tool is running there; wait until it ends")


def _forget(file: IO[str], path: Path) -> None:
    if os.fstat(file.fileno()).st_size == 0:  # else something could not be put back, and the next add tries again
        path.unlink(missing_ok=True)


def _recover(stash: Stash, left: str) -> None:
    whole = left[: left.rfind("\n") + 1].splitlines()
    if not whole:  # cut off before anything was done
        return
    record = Record(**json.loads(whole[-1]))
    place = tool_path(record.tool)
    if answer("rev-parse", "--verify", "-q", f"HEAD:{place}", cwd=stash.root) is not None:
        return  # the user has committed it since
    if _holds_work(stash.root / place):
        modules = modules_folder(stash, record.tool)
        raise StashError(
            f"{place}: an interrupted add-tool left it, and it contains your work now; save that elsewhere first",
            command("rm", "-rf", str(stash.root / place), str(modules)),
        )
    with ignored_signals():
        Rollback(stash, record).put_back()
    print(f"undid what an add-tool of {record.tool!r} that was cut off had left", file=sys.stderr)


def _holds_work(checkout: Path) -> bool:
    if not (checkout / ".git").exists():
        return checkout.is_dir() and any(checkout.iterdir())
    status = ask_git("status", "--porcelain", cwd=checkout)
    if fix := fix_of(status.stderr.decode("utf-8", "replace"), checkout):  # git does not say what is there
        raise StashError(f"{checkout}: {status.stderr.decode('utf-8', 'replace').strip()}", fix)
    local = ask_git("log", "--oneline", "-1", "HEAD", "--not", "--remotes", cwd=checkout)
    # a clone that was cut off has no HEAD to speak of, and nothing of the user's
    return local.returncode == 0 and bool(status.stdout.strip() or local.stdout.strip())


@contextlib.contextmanager
def all_or_nothing(stash: Stash, file: IO[str], tool: str) -> Iterator[Undo]:
    """Put back all that `Undo` noted, and git's own traces of the submodule, unless the work is done to its end.

    Args:
        stash: the stash.
        file: the file from `only_add`.
        tool: the tool that is being added; nothing of its name may be there yet.
    """
    undo = Undo(stash, file, take_record(stash, tool))
    try:
        undo.begin()
        yield undo
        ignore_from_now_on()
    except BaseException:
        with ignored_signals():
            Rollback(stash, undo.record).put_back()
            undo.end()
        raise
    undo.end()
