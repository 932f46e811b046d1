"""All the rules of one file below `snapshots/`, from its facts to its problems; no disk, no git."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.core.errors import Problem, StashError
from experimentstash.core.names import REGISTRY
from experimentstash.stash.snapshot_file import header_problems
from experimentstash.verify import rules
from experimentstash.verify.flat import flat_problems
from experimentstash.verify.header_values import beside_complaint, value_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from experimentstash.core.names import SnapshotName
    from experimentstash.stash.snapshot_file import Snapshot
    from experimentstash.verify.facts import FileFacts, FrozenBeside
    from experimentstash.verify.rules import FreezeCommit


def file_problems(file: FileFacts) -> list[Problem]:
    """Judge a file at its freeze commit; what its text says by itself, where its bytes were not judged before."""
    found = rules.frozen_problems(file.path, file.entry, file.freeze)
    is_changed = bool(found)
    if file.name is None:
        return found
    if file.text is not None:
        found += text_problems(file.name, file.text, file.freeze)
    if file.snapshot is not None:
        found += rules.pin_problems(file.name, file.snapshot, file.freeze)
        found += [] if is_changed else rules.body_problems(file.name, file.snapshot, file.freeze)
        found += _beside(file, file.name)
    return found


def text_problems(name: SnapshotName, text: Snapshot | StashError, freeze: FreezeCommit) -> list[Problem]:
    """Judge the rules `flat` and `header` of a snapshot, or tell why it cannot be read."""
    if isinstance(text, StashError):
        return [unread(name.path, "header", name.path, text)]
    found = header_problems(text, name) + value_problems(text, name) + flat_problems(text, name)
    return found if freeze.is_open else [one._replace(fix=rules.refreeze(name, freeze)) for one in found]


def _beside(file: FileFacts, name: SnapshotName) -> Iterator[Problem]:
    """Yield what is wrong with the files that are frozen with a snapshot: lock, recorded results, jobs."""
    for one in file.beside:
        yield from rules.beside_problems(file.path, one.path, one.digest, one.held, file.freeze)
        if complaint := _unreadable(one):
            yield Problem(file.path, "header", complaint, rules.refreeze(name, file.freeze))
    for job in file.lost_jobs:
        yield from rules.beside_problems(file.path, job, "", None, file.freeze)
    if lock := file.shipped:
        yield from rules.shipped_problems(name, lock.path, lock.digest, lock.held, lock.commit, file.freeze)


def _unreadable(one: FrozenBeside) -> str | None:
    """Return why a file that is the recorded one cannot be used, or None."""
    if one.too_large:
        return f"{one.path}: {one.too_large}"
    return None if one.data is None else beside_complaint(one.path, one.data, one.lists or {})


def registry_problem(title: str, error: StashError) -> Problem:
    """Return the finding for a registry that cannot be read; `title` is what findings call its tree."""
    return unread(place(title, REGISTRY), "pin", REGISTRY, error)


def unread(where: str, rule: str, path: str, error: StashError) -> Problem:
    """Return the failure to read a file as a finding: the other files are judged all the same."""
    return Problem(where, rule, str(error.args[0]).removeprefix(f"{path}: "), error.fix)


def place(title: str, where: str) -> str:
    """Return the place of a finding in a tree, as `git show` takes it."""
    return f"{title}:{where}" if title else where


def placed(problems: Iterable[Problem], title: str) -> list[Problem]:
    """Return problems with their places in the tree that findings call `title`."""
    return [problem._replace(where=place(title, problem.where)) for problem in problems]
