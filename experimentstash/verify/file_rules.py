"""Applies all rules to one file below `snapshots/`: facts in, problems out; no disk, no git."""

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
    """Judge a file at its freeze commit; judge its text only if these bytes were not judged before."""
    problems = rules.frozen_problems(file.path, file.entry, file.freeze)
    is_changed = bool(problems)
    if file.name is None:
        return problems
    if file.text is not None:
        problems += text_problems(file.name, file.text, file.freeze)
    if file.snapshot is not None:
        problems += rules.pin_problems(file.name, file.snapshot, file.freeze)
        problems += [] if is_changed else rules.body_problems(file.name, file.snapshot, file.freeze)
        problems += _companion_problems(file, file.name)
    return problems


def text_problems(name: SnapshotName, text: Snapshot | StashError, freeze: FreezeCommit) -> list[Problem]:
    """Judge the rules `flat` and `header` of a snapshot, or report why it cannot be read."""
    if isinstance(text, StashError):
        return [unread(name.path, "header", name.path, text)]
    problems = header_problems(text, name) + value_problems(text, name) + flat_problems(text, name)
    if freeze.is_open:
        return problems
    return [problem._replace(fix=rules.refreeze(name, freeze)) for problem in problems]


def _companion_problems(file: FileFacts, name: SnapshotName) -> Iterator[Problem]:
    """Yield the problems of the files that are frozen with a snapshot: lock, recorded results, jobs."""
    for beside in file.beside:
        yield from rules.beside_problems(file.path, beside.path, beside.digest, beside.held, file.freeze)
        if complaint := _unreadable(beside):
            yield Problem(file.path, "header", complaint, rules.refreeze(name, file.freeze))
    for job in file.lost_jobs:
        yield from rules.beside_problems(file.path, job, "", None, file.freeze)
    if lock := file.shipped:
        yield from rules.shipped_problems(name, lock.path, lock.digest, lock.held, lock.commit, file.freeze)


def _unreadable(file: FrozenBeside) -> str | None:
    """Return why a file with the recorded digest cannot be used, or None."""
    if file.too_large:
        return f"{file.path}: {file.too_large}"
    return None if file.data is None else beside_complaint(file.path, file.data, file.lists or {})


def registry_problem(title: str, error: StashError) -> Problem:
    """Return the finding for a registry that cannot be read; `title` names its tree in findings."""
    return unread(place(title, REGISTRY), "pin", REGISTRY, error)


def unread(where: str, rule: str, path: str, error: StashError) -> Problem:
    """Return the failure to read a file as a finding, so that the other files are still judged."""
    return Problem(where, rule, str(error.args[0]).removeprefix(f"{path}: "), error.fix)


def place(title: str, where: str) -> str:
    """Return the place of a finding in a tree, in the syntax of `git show`."""
    return f"{title}:{where}" if title else where


def placed(problems: Iterable[Problem], title: str) -> list[Problem]:
    """Return problems with `title`, the name of their tree, in front of their places."""
    return [problem._replace(where=place(title, problem.where)) for problem in problems]
