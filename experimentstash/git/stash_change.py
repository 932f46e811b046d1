"""A change of a stash's refs, index, files and checkouts that is made whole or not at all.

The change is written to a journal in git's own directory before its first step. If the program is killed, the next
command finds the journal and completes the change.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError, command, printable
from experimentstash.core.file_lock import take_lock
from experimentstash.core.files import check_no_link, remove_empty, write_text
from experimentstash.core.invocation import rerun
from experimentstash.core.journal import JOURNAL
from experimentstash.core.signals import held_signals, ignored_signals
from experimentstash.git.user_git import answer, ask_git, fix_of, git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from experimentstash.stash.stash import Stash


@dataclass(frozen=True)
class ChangeStep:
    """One thing that changes.

    Attributes:
        name: the full name of a ref, or a path from the root of the stash.
        old: what is there before: the id of a ref's object; mode and id of an index entry; the text of a file; the
            commit of a checkout. None if there is nothing.
        new: what is there afterwards, in the same form.
    """

    name: str
    old: str | None
    new: str | None

    def reversed(self) -> ChangeStep:
        """Return the step that takes this one back."""
        return ChangeStep(self.name, self.new, self.old)


@dataclass(frozen=True)
class StashChange:
    """A change of a stash.

    Attributes:
        title: the command that makes it, for messages.
        refs: the refs that move; all of them or none.
        entries: the entries of the index that change.
        files: the files that change.
        checkouts: the submodules that are checked out at another commit, or whose checkout goes.
        moves: the submodules that move, named by their old path; old and new are paths.
        is_undo: it takes back a change and what followed: files and entries are set whatever they are now, and nothing
            is done if the refs have moved on.
    """

    title: str
    refs: tuple[ChangeStep, ...] = ()
    entries: tuple[ChangeStep, ...] = ()
    files: tuple[ChangeStep, ...] = ()
    checkouts: tuple[ChangeStep, ...] = ()
    moves: tuple[ChangeStep, ...] = ()
    is_undo: bool = False

    def reversed(self) -> StashChange:
        """Return the change that takes this one back."""
        groups: dict[str, Any] = {group: tuple(step.reversed() for step in getattr(self, group)) for group in _GROUPS}
        return StashChange(self.title, **groups)


_GROUPS = ("refs", "entries", "files", "checkouts", "moves")


def make_change(stash: Stash, change: StashChange) -> None:
    """Make a change whole, or not at all.

    Raises:
        StashError: something has changed in the meantime, or git or the disk refused a step; the steps before it are
            reversed.
    """
    with _journal(stash) as journal:
        _make(stash, change, journal)


@contextlib.contextmanager
def changed_until_failure(stash: Stash, change: StashChange, new_files: Iterable[str]) -> Iterator[None]:
    """Make a change, and take it back if the body of the `with` statement fails or the program is killed.

    Args:
        stash: the stash.
        change: the change.
        new_files: the files that the body writes, from the root of the stash; they go, too.

    Raises:
        StashError: as `make_change`.
    """
    undo = replace(change.reversed(), is_undo=True)
    added = set(new_files) - {step.name for step in change.files}
    undo = replace(undo, files=(*undo.files, *(ChangeStep(path, None, None) for path in sorted(added))))
    with _journal(stash) as journal:
        _make(stash, change, journal)
        _save(journal, undo)
        try:
            yield
        except BaseException:
            with ignored_signals():
                _apply(stash, undo)
                journal.unlink()
            raise
        journal.unlink()


def finish_interrupted(stash: Stash) -> None:
    """Complete the change that a killed command left, and report it on stderr; one in progress is left alone.

    Raises:
        StashError: a step fails.
    """
    with _journal(stash, or_busy=True):
        pass


@contextlib.contextmanager
def _journal(stash: Stash, *, or_busy: bool = False) -> Iterator[Path]:
    """Yield the path of the journal while no other process uses it; an interrupted change is completed first.

    Args:
        stash: the stash.
        or_busy: yield it, too, while another process uses it.
    """
    path = stash.root / git("rev-parse", "--git-path", JOURNAL, cwd=stash.root)
    lock = path.with_name(f"{JOURNAL}.lock")
    with contextlib.ExitStack() as stack:
        with held_signals():
            is_mine = take_lock(stack.enter_context(lock.open("a"))) is not False
        if not is_mine and not or_busy:
            raise StashError(f"{stash.root}: another command is changing this stash; wait until it ends", rerun())
        if is_mine and path.exists():
            _complete(stash, path)
        yield path


def _complete(stash: Stash, journal: Path) -> None:
    change = _load(journal)
    with ignored_signals():
        if change is not None:
            try:
                _apply(stash, change)
            except (OSError, StashError) as error:
                what = f"cannot complete the interrupted change {change.title!r}: {error.args[-1]}"
                give_up = f"{command('rm', str(journal))}  # gives that change up"
                mend = error.fix if isinstance(error, StashError) and not _has_moved_on(stash, change) else ""
                raise StashError(what, mend or give_up) from None
        journal.unlink()
    if change is not None:
        print(printable(f"completed an interrupted change: {change.title}"), file=sys.stderr)


def _has_moved_on(stash: Stash, change: StashChange) -> bool:
    """Return whether a ref of an interrupted change has neither its old nor its new value."""
    return any(_ref(stash, step.name) not in (step.old, step.new) for step in change.refs)


def _make(stash: Stash, change: StashChange, journal: Path) -> None:
    with ignored_signals():
        _save(journal, change)
        try:
            _apply(stash, change)
        except (OSError, StashError):
            with contextlib.suppress(OSError, StashError):  # the first failure says why
                _apply(stash, change.reversed())
            raise
        finally:
            journal.unlink(missing_ok=True)


def _save(journal: Path, change: StashChange) -> None:
    write_text(journal, json.dumps(asdict(change)))


def _load(journal: Path) -> StashChange | None:
    """Return the change of a journal, or None if it is not one of this version."""
    try:
        data = json.loads(journal.read_bytes())
        groups = {group: tuple(ChangeStep(**step) for step in data[group]) for group in _GROUPS}
        return StashChange(str(data["title"]), **groups, is_undo=data["is_undo"] is True)
    except (KeyError, TypeError, ValueError):
        return None


def _apply(stash: Stash, change: StashChange) -> None:
    """Make each step that is not made yet. A step whose object the user has has changed in the meantime is left out."""
    refs = [(step, _ref(stash, step.name)) for step in change.refs]
    if change.is_undo and any(now not in (step.old, step.new) for step, now in refs):
        return
    for step in change.moves:
        _move_submodule(stash, step)
    _move_refs(stash, change.title, [step for step, now in refs if now != step.new])
    now = index_entries(stash, [step.name for step in change.entries]) if change.entries else {}
    _set_entries(stash, [step for step in change.entries if change.is_undo or now.get(step.name) == step.old])
    for step in change.files:
        _write(stash, step, always=change.is_undo)
    for step in change.checkouts:
        _move_checkout(stash, step)


def _move_refs(stash: Stash, title: str, steps: Sequence[ChangeStep]) -> None:
    if not steps:
        return
    lines = ["start", *map(_ref_line, steps), "prepare", "commit", ""]
    done = ask_git("update-ref", "-m", title, "--stdin", cwd=stash.root, stdin="\n".join(lines).encode())
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise StashError(
            f"the branch or the tag has changed in the meantime: {said}", fix_of(said, stash.root) or rerun()
        )


def _move_submodule(stash: Stash, step: ChangeStep) -> None:
    """Move a submodule, also after a git that was killed while it moved it."""
    old, new = str(step.old), str(step.new)
    if old not in index_entries(stash, [old]):
        return
    old_path, new_path = stash.root / old, stash.root / new
    if not os.path.lexists(old_path) and (new_path / ".git").exists():
        new_path.rename(old_path)
        git("checkout-index", "--force", "--", ".gitmodules", cwd=stash.root)
    git("mv", old, new, cwd=stash.root)


def _move_checkout(stash: Stash, step: ChangeStep) -> None:
    folder = stash.root / step.name
    if not step.old or not (folder / ".git").exists():
        return
    if answer("rev-parse", "--verify", "--quiet", "HEAD", cwd=folder) != step.old:
        return
    if step.new:
        git("checkout", "--quiet", "--detach", step.new, cwd=folder)
        return
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        elif child.name != ".git":
            child.unlink()
    (folder / ".git").unlink()  # last: without it, the next command would not complete an interrupted removal
    folder.rmdir()


def _ref(stash: Stash, name: str) -> str | None:
    return answer("rev-parse", "--verify", "--quiet", name, cwd=stash.root)


def _ref_line(step: ChangeStep) -> str:
    if step.new is None:
        return f"delete {step.name} {step.old}"
    return f"update {step.name} {step.new} {step.old}" if step.old else f"create {step.name} {step.new}"


def _set_entries(stash: Stash, steps: Sequence[ChangeStep]) -> None:
    lines = "".join(f"{step.new or _absent(step.old or '')}\t{step.name}\0" for step in steps if step.new != step.old)
    if lines:
        git("update-index", "-z", "--index-info", cwd=stash.root, stdin=lines.encode("utf-8", "surrogateescape"))


def _absent(entry: str) -> str:
    """Return the line for `git update-index --index-info` that removes an entry."""
    return f"0 {'0' * len(entry.partition(' ')[2])}"


def index_entries(stash: Stash, paths: list[str]) -> dict[str, str]:
    """Return mode and id of the entries of the index at some paths, or below them, by path."""
    listed = git("--literal-pathspecs", "ls-files", "-s", "-z", "--", *paths, cwd=stash.root)
    entries = {}
    for line in filter(None, listed.split("\0")):
        words, _, path = line.partition("\t")
        mode, name, _stage = words.split(" ")
        entries[path] = f"{mode} {name}"
    return entries


def _write(stash: Stash, step: ChangeStep, *, always: bool) -> None:
    path = stash.root / step.name
    check_no_link(stash.root, path)
    if file_text(path) != step.old and not always:
        return
    if step.new is not None:
        write_text(path, step.new)
    else:
        path.unlink(missing_ok=True)
        remove_empty(path.parent, stash.root)


def file_text(path: Path) -> str | None:
    """Return the text of a file, or None if there is no file."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None
