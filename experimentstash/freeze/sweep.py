"""Decides how to freeze a sweep: as one file if its jobs differ only in the swept values, else with one file per job.

Input: the two answers of the tool's process. Output: the contents of the files. No I/O.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from experimentstash.stash import snapshot_body
from experimentstash.stash.snapshot_file import late_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from experimentstash.stash.snapshot_body import Tree

Answer = dict[str, Any]
_ALONE = ("hydra.mode=MULTIRUN",)  # the flag `--multirun` implies it


@dataclass(frozen=True)
class SnapshotPart:
    """The contents of one snapshot file.

    Attributes:
        overrides: its `OVERRIDE` lines.
        settings: its `HYDRA` lines.
        sweep: its `SWEEP` lines.
        jobs: its `JOB` and `JOBS` lines, as (key, text).
        varies: its `VARIES` lines.
        lines: the header lines about values (`TYPE`, `LATE`, `BUILT`, …), as (key, text).
        answers: its `ANSWER` lines.
        body: the config.
        rerun: whether a `RERUN` command with plain Hydra can run it.
        follows: the overrides that make plain Hydra recompute values for each job.
    """

    overrides: tuple[str, ...]
    settings: tuple[str, ...]
    sweep: tuple[str, ...]
    jobs: tuple[tuple[str, str], ...]
    varies: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]
    answers: tuple[str, ...]
    body: Tree
    rerun: bool
    follows: tuple[str, ...] = ()


@dataclass(frozen=True)
class SnapshotParts:
    """The contents of all files of one freeze.

    Attributes:
        whole: the file of the run or of the sweep.
        jobs: the files of jobs that are separate snapshots.
        notices: the decisions, as (key, decision).
    """

    whole: SnapshotPart
    jobs: tuple[SnapshotPart, ...]
    notices: tuple[tuple[str, str], ...]


def parts(overrides: Sequence[str], first: Answer, second: Answer) -> SnapshotParts:
    """Return the contents of the files of a freeze.

    Args:
        overrides: the overrides on the command line.
        first: the answer of the tool's process for the first composition, which is frozen.
        second: the answer for the second composition.
    """
    pairs = list(_pairs(first, second))
    varies = list(dict.fromkeys(key for one, again in pairs for key in _varies(one, again)))
    moved = _own_folders(pairs, first, second, varies)
    whole = _part(overrides, first, varies, _without(moved, _settings(first)), first["sweep"])
    notices = list(dict.fromkeys(tuple(notice) for one, _ in pairs for notice in one["notices"]))
    notices += moved.items()
    within = {key for one, _ in pairs for key in one["varies"]}  # already reported
    notices += [
        (key, "differs from one composition to the next: frozen as first seen") for key in varies if key not in within
    ]
    if not first["multirun"]:
        return SnapshotParts(whole, (), tuple(notices))
    if "jobs" not in first:
        whole = replace(whole, jobs=(("JOBS", f"chosen by {first['sweeper']}"),))
        return SnapshotParts(
            whole, (), (*notices, ("jobs", f"not known in advance: {first['sweeper']} chooses them as it runs"))
        )
    texts = [shlex.join(job["overrides"]) for job in first["jobs"]]
    jobs = tuple(("JOB", f"{number} {text}".rstrip()) for number, text in enumerate(texts))
    follows = _follows(first["jobs"], varies)
    if follows is None:
        return _apart(whole, jobs, overrides, pairs, notices, moved)
    notices += [(late_key(line), "follows what the sweep changes") for line in follows]
    notices += [(f"job {number}", text) for number, text in enumerate(texts)]
    return SnapshotParts(replace(whole, jobs=jobs, follows=follows), (), tuple(notices))


def _pairs(first: Answer, second: Answer) -> Iterator[tuple[Answer, Answer]]:
    """Yield each config of the first composition with the same config of the second."""
    again = {tuple(job["overrides"]): job for job in second.get("jobs", [second])} if "jobs" in first else {}
    if not again:
        yield first, second
    for job in first.get("jobs", ()):
        yield job, again.get(tuple(job["overrides"]), job)


def _part(
    overrides: Iterable[str], said: Answer, varies: Collection[str], settings: Iterable[str], sweep: Iterable[str] = ()
) -> SnapshotPart:
    lines = _settled(said, varies)
    rerun = bool(said.get("rerun", True)) and not any(key == "LATE_AT" for key, _ in lines)
    answers = tuple(said["answers"])
    return SnapshotPart(
        tuple(overrides), tuple(settings), tuple(sweep), (), tuple(varies), lines, answers, said["body"], rerun
    )


def _settings(said: Answer) -> list[str]:
    lines = [*said["settings"], *said["choices"]]
    return ["--multirun", *(line for line in lines if line not in _ALONE)] if said["multirun"] else lines


def _own_folders(
    pairs: Sequence[tuple[Answer, Answer]], first: Answer, second: Answer, varies: Sequence[str]
) -> Mapping[str, str]:
    """Return the run directory settings to omit, each with the reason.

    If a random id names the directory, the frozen id would give all replays the same directory, and the second replay
    would find the files of the first. Hydra's default gives each run its own directory.
    """
    found = {}
    for setting in ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"):
        read = {key for one, _ in pairs for key in one["folders_read"].get(setting, ())}
        keys = [key for key in varies if key in read or any(f"{key}.".startswith(f"{part}.") for part in read)]
        lines = [next((line for line in one["settings"] if _key(line) == setting), "") for one in (first, second)]
        if lines[0] and (keys or lines[0] != lines[1]):
            why = f"built from {', '.join(keys)}, which differs" if keys else "it differs"
            found[setting] = f"{why} from one composition to the next: each run gets a directory of its own"
    return found


def _without(moved: Mapping[str, str], settings: Iterable[str]) -> list[str]:
    return [line for line in settings if _key(line) not in moved]


def _varies(one: Answer, again: Answer) -> list[str]:
    """Return the keys of values that differ between the compositions, or between two reads."""
    return list(dict.fromkeys([*snapshot_body.differing(one["body"], again["body"]), *one["varies"]]))


def _settled(said: Answer, varies: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Return the header lines of values. A value from a resolver of the tool is recomputed, unless it varies."""
    instead = {tuple(built): tuple(fixed) for key, built, fixed in said["unsure"] if key in varies}
    return tuple(instead.get((key, text), (key, text)) for key, text in said["lines"])


def _follows(jobs: Sequence[Answer], varies: Sequence[str]) -> tuple[str, ...] | None:
    """Return the `BUILT` overrides of the values that differ between jobs and are not swept.

    None if these overrides and the swept values, applied to the config of the first job, do not give exactly the
    config of every job: then each job needs a separate file.
    """
    zero = jobs[0]
    built = {late_key(text): text for key, text in zero["lines"] if key == "BUILT"}
    found: dict[str, str] = {}
    for job in jobs[1:]:
        if None in job["keys"] or any(job[part] != zero[part] for part in ("lines", "own_settings")):
            return None
        for key in snapshot_body.differing(zero["body"], job["body"]):
            if any(f"{key}.".startswith(f"{swept}.") for swept in job["keys"]):
                continue
            above = next((name for name in built if f"{key}.".startswith(f"{name}.")), None)
            if above is None or key in varies:
                return None
            found[above] = built[above]
    return tuple(found.values())


def _apart(
    whole: SnapshotPart,
    jobs: tuple[tuple[str, str], ...],
    overrides: Sequence[str],
    pairs: Sequence[tuple[Answer, Answer]],
    notices: Sequence[tuple[str, str]],
    moved: Mapping[str, str],
) -> SnapshotParts:
    parted, all_notices = [], list(notices)
    for number, (job, again) in enumerate(pairs):
        given = [*(line for line in overrides if _key(line) not in map(_key, job["overrides"])), *job["overrides"]]
        varies = _varies(job, again)
        parted.append(_part(given, job, varies, _without(moved, job["own_settings"])))
        all_notices.append((f"job {number}", f"{shlex.join(job['overrides'])}, a snapshot of its own"))
    settings = tuple(line for line in whole.settings if line not in pairs[0][0]["choices"])
    return SnapshotParts(
        replace(whole, settings=settings, jobs=(("JOBS", "apart"), *jobs), rerun=False),
        tuple(parted),
        tuple(all_notices),
    )


def _key(line: str) -> str:
    return line.partition("=")[0].lstrip("+~")
