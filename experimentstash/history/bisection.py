"""Finds the commit of a tool that changed a figure: reproduces a snapshot at commits between two pins.

Each commit under test becomes a separate snapshot in a private repository: the frozen config of the tag, with the pin
at that commit. So a test is a reproduction like any other, and the user's stash and checkouts stay as they are. Git
chooses the next commit (`git rev-list --bisect-all`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shlex
import shutil
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError, command
from experimentstash.core.files import write_text
from experimentstash.core.names import SHORT, SnapshotName, near, tag_ref, tool_path
from experimentstash.git.checkouts.checked_out import check_checked_out
from experimentstash.git.user_git import answer, ask_git, clean_environment, git
from experimentstash.history.figures import figures
from experimentstash.reproduce.reproduction import Request, reproduce
from experimentstash.stash import snapshot_file
from experimentstash.stash.results.collect import collect
from experimentstash.stash.results.manifest import render
from experimentstash.stash.results.manifest_parser import parse as parse_manifest
from experimentstash.stash.results.tolerance import compare_series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from experimentstash.git.repository import Repository
    from experimentstash.history.catalog import Catalog
    from experimentstash.history.figures import Figure
    from experimentstash.reproduce.stash_source import Source
    from experimentstash.stash.results.comparison_rules import Rules
    from experimentstash.stash.stash import Stash

_log = logging.getLogger(__name__)

_STATE = "bisect.json"
_PRIVATE = "stash.git"
_FIXED = {"NAME": "experimentstash", "EMAIL": "experimentstash@localhost", "DATE": "@1 +0000"}
"""A fixed author and date for the private commits, so that a repeated test gives the same commit id."""


@dataclass(frozen=True)
class Search:
    """What to search for.

    Attributes:
        stash: the stash.
        source: the source of tools and objects for reproductions.
        folder: the directory for the private repository, the reproductions and the state of the search.
        name: the snapshot whose config runs.
        freeze: the full id of its freeze commit.
        good: the full id of the tool's commit that the snapshot pins.
        bad: the full id of the tool's commit at the other end.
        metric: the figure, `FILE::KEY`.
        rules: the tolerances.
        builds: whether environments are built; else the current one is used.
        yes: whether the code may run without asking.
        limit: seconds for each run; None for no limit.
    """

    stash: Stash
    source: Source
    folder: Path
    name: SnapshotName
    freeze: str
    good: str
    bad: str
    metric: str
    rules: Rules
    builds: bool = True
    yes: bool = False
    limit: float | None = None


@dataclass(frozen=True)
class Tested:
    """A commit that was tested.

    Attributes:
        commit: its full id.
        subject: the first line of its message.
        figure: the figure; None if there is none.
        reason: why there is none; empty if there is one.
    """

    commit: str
    subject: str
    figure: Figure | None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the test as `bisect --json` prints it."""
        value = self.figure.value if self.figure else None
        return {"commit": self.commit, "subject": self.subject, "value": value, "skipped": self.reason or None}


@dataclass(frozen=True)
class Finding:
    """The result of a search.

    Attributes:
        first: the commit that changed the figure; None if commits that cannot run hide it, or if the code is not the
            cause.
        candidates: the commits of which one changed the figure, oldest first, if `first` is None.
        good: the test of the good end.
        bad: the test of the bad end.
        tests: all tests, in their order.
    """

    first: Tested | None
    candidates: tuple[str, ...]
    good: Tested
    bad: Tested
    tests: tuple[Tested, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the result as `bisect --json` prints it."""
        return {
            "first": self.first.as_json() if self.first else None,
            "candidates": list(self.candidates),
            "good": self.good.as_json(),
            "bad": self.bad.as_json(),
            "tests": [test.as_json() for test in self.tests],
        }


def pinned_ends(catalog: Catalog, good: str, bad: str, name: SnapshotName) -> tuple[str, str, str]:
    """Return the freeze commit of the good tag, and the commits of the tool that the two snapshots pin.

    Args:
        catalog: the tags of the stash.
        good: the good tag.
        bad: the bad tag.
        name: the snapshot under the good tag; the bad tag has one of the same tool.

    Raises:
        StashError: a tag is missing, or has no snapshot of the tool.
    """
    record, other = catalog.record(good), catalog.record(bad)
    if record.commit is None:
        raise StashError(f"snapshot/{record.tag}: the git tag is missing", "experimentstash tag")
    pin = catalog.snapshot(record, name).tool_commit
    own = [one for one in other.names if one.tool == name.tool]
    same = [one for one in own if one.experiment == name.experiment] or own
    if not same:
        what = f"snapshot/{other.tag} has no snapshot of the tool {name.tool!r}"
        raise StashError(what, command("experimentstash", "show", other.tag))
    return record.commit, pin, catalog.snapshot(other, same[0]).tool_commit


def full_ids(stash: Stash, tool: str, *pins: str) -> list[str]:
    """Return the full ids of commits of a tool.

    Raises:
        StashError: the tool is not checked out, or does not have one of them.
    """
    check_checked_out(stash, tool)
    root = stash.checkout(tool)
    found = []
    for pin in pins:
        commit = answer("rev-parse", "--verify", "--quiet", f"{pin}^{{commit}}", cwd=root)
        if commit is None:
            what = f"{tool_path(tool)}: the commit {pin[:SHORT]} is not in this clone of the tool"
            raise StashError(what, command("git", "-C", tool_path(tool), "fetch", "--all", "--tags"))
        found.append(commit)
    return found


def search(repository: Repository, wanted: Search) -> Finding:
    """Search for the commit that changed the figure. Run again, an interrupted search resumes.

    Args:
        repository: the stash.
        wanted: what to search for.

    Raises:
        StashError: an end cannot be tested, or the two ends are not on one line of history.
    """
    wanted.folder.mkdir(parents=True, exist_ok=True)
    tests = _Tests(repository, wanted)
    good = tests.of(wanted.good)
    _check_end(good, wanted, "good")
    bad = tests.of(wanted.bad)
    _check_end(bad, wanted, "bad")
    if tests.is_same(good, bad):
        return Finding(None, (), good, bad, tests.done)
    known = {wanted.good}
    if not _is_ancestor(wanted, wanted.good, wanted.bad):
        known |= _good_bases(wanted, tests, good)
    worst, skipped = wanted.bad, set[str]()
    while True:
        left = [one for one in _by_bisection(wanted, worst, known) if one != worst]
        untested = [one for one in left if one not in skipped]
        if not left:
            return Finding(tests.of(worst), (), good, bad, tests.done)
        if not untested:
            return Finding(None, (*reversed(left), worst), good, bad, tests.done)
        _log.info("bisecting: %d commits left to test, about %d runs", len(untested), len(untested).bit_length())
        test = tests.of(untested[0])
        if test.figure is None:
            skipped.add(test.commit)
        elif tests.is_same(good, test):
            known.add(test.commit)
        else:
            worst = test.commit


def _check_end(test: Tested, wanted: Search, which: str) -> None:
    if test.figure is None:
        what = (
            f"the {which} end, {tool_path(wanted.name.tool)} at {test.commit[:SHORT]}, cannot be tested: {test.reason}"
        )
        raise StashError(what, command("experimentstash", "show", f"{wanted.name.tag}:{wanted.name.experiment}"))


def _is_ancestor(wanted: Search, old: str, new: str) -> bool:
    root = wanted.stash.checkout(wanted.name.tool)
    return answer("merge-base", "--is-ancestor", old, new, cwd=root) is not None


def _good_bases(wanted: Search, tests: _Tests, good: Tested) -> set[str]:
    """Return the merge bases of two ends that are on different lines of history; each must be like the good end.

    Raises:
        StashError: the ends have no common history, or a merge base differs from the good end.
    """
    root = wanted.stash.checkout(wanted.name.tool)
    bases = (answer("merge-base", "--all", wanted.good, wanted.bad, cwd=root) or "").split()
    swapped = command("experimentstash", "bisect", "TAG2", "--bad", wanted.name.tag, "--metric", wanted.metric)
    if not bases:
        raise StashError("the two pins have no common history", swapped)
    for base in bases:
        test = tests.of(base)
        if test.figure is None:
            raise StashError(f"the merge base {base[:SHORT]} of the two pins cannot be tested: {test.reason}", swapped)
        if not tests.is_same(good, test):
            what = f"the merge base {base[:SHORT]} differs from the good end: the change is on the way to the good pin"
            raise StashError(what, f"{swapped}  # from the other end")
    return set(bases)


def _by_bisection(wanted: Search, bad: str, good: set[str]) -> list[str]:
    """Return the commits that may have changed the figure, the best one to test first."""
    ends = "".join(f"{one}\n" for one in [bad, *(f"^{one}" for one in sorted(good))])
    root = wanted.stash.checkout(wanted.name.tool)
    return [
        line.split(" ")[0]
        for line in git("rev-list", "--bisect-all", "--stdin", cwd=root, stdin=ends.encode()).split("\n")
    ]


class _Tests:
    """The tests of a search; their outcomes are saved in its directory.

    Args:
        repository: the stash.
        wanted: what to search for.
    """

    def __init__(self, repository: Repository, wanted: Search) -> None:
        self._wanted = wanted
        self._repository = repository
        self._private = _PrivateStash(repository, wanted)
        self._tested: dict[str, Tested] = {}
        self._kept = self._load()

    @property
    def done(self) -> tuple[Tested, ...]:
        """The tests, in their order."""
        return tuple(self._tested.values())

    def of(self, commit: str) -> Tested:
        """Return the test of a commit, from an earlier run of the search or done now."""
        if commit not in self._tested:
            self._tested[commit] = self._recorded(commit) or self._run(commit)
        return self._tested[commit]

    def is_same(self, good: Tested, other: Tested) -> bool:
        """Return whether the figure of a test is that of the good end, within its tolerance."""
        if good.figure is None or other.figure is None:
            return False
        tolerance = self._wanted.rules.tolerance(good.figure.file, good.figure.key)
        return not compare_series(good.figure.series, other.figure.series, tolerance).wrong

    def _subject(self, commit: str) -> str:
        return git("log", "-1", "--format=%s", commit, cwd=self._wanted.stash.checkout(self._wanted.name.tool))

    def _run(self, commit: str) -> Tested:
        wanted, subject = self._wanted, self._subject(commit)
        _log.info("testing %s at %s: %s", tool_path(wanted.name.tool), commit[:SHORT], subject)
        folder = wanted.folder / commit[:SHORT]
        reason, manifest = "", None
        try:
            self._private.pin(commit)
            with _stdout_on_stderr():
                account = reproduce(self._request(folder, yes=wanted.yes or bool(self._kept or self._tested)))
            outcome = account.outcomes[0] if account else None
            if outcome is None or outcome.exit_code:
                reason = outcome.verdict if outcome else "it does not hold with this commit"
            else:
                manifest = collect(outcome.folder, wanted.rules, [str(folder)])
        except StashError as error:
            reason = str(error.args[0]).partition("\n")[0]
            if not self._tested and not self._kept:  # the user declined, or no test works
                raise
        text = render(manifest) if manifest else None
        self._kept[commit] = {"reason": reason, "results": text}
        self._save()
        shutil.rmtree(folder, ignore_errors=True)
        return self._recorded(commit) or Tested(commit, subject, None, reason)

    def _request(self, folder: Path, *, yes: bool) -> Request:
        wanted = self._wanted
        source = replace(wanted.source, url=str(self._private.path))
        title = wanted.name.title
        return Request(wanted.name.tag, (title,), source, folder, False, wanted.builds, yes, wanted.rules, wanted.limit)

    def _recorded(self, commit: str) -> Tested | None:
        kept = self._kept.get(commit)
        if kept is None:
            return None
        if kept["results"] is None:
            return Tested(commit, self._subject(commit), None, kept["reason"])
        found = figures(parse_manifest(kept["results"].encode(), _STATE))
        figure = found.get(self._wanted.metric)
        reason = "" if figure else f"its results have no {self._wanted.metric}{near(self._wanted.metric, found)}"
        return Tested(commit, self._subject(commit), figure, reason)

    @property
    def _facts(self) -> dict[str, str]:
        wanted = self._wanted
        return {"freeze": wanted.freeze, "experiment": wanted.name.title}

    def _load(self) -> dict[str, dict[str, Any]]:
        folder = self._wanted.folder
        path = folder / _STATE
        if not path.exists():
            if any(folder.iterdir()):
                raise StashError(f"{folder}: not empty, and not the directory of a bisection", _aside(folder))
            return {}
        try:
            state = json.loads(path.read_text("utf-8"))
            facts, tests = state["facts"], state["tests"].items()
            kept = {str(key): {"reason": str(one["reason"]), "results": one["results"]} for key, one in tests}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise StashError(f"{path}: cannot be read", _aside(folder)) from None
        if facts != self._facts:
            raise StashError(f"{folder}: belongs to another bisection", _aside(folder))
        return kept

    def _save(self) -> None:
        text = json.dumps({"facts": self._facts, "tests": self._kept}, indent=1)
        write_text(self._wanted.folder / _STATE, text + "\n")


@contextlib.contextmanager
def _stdout_on_stderr() -> Iterator[None]:
    """Send the output of the tools to stderr: stdout is for the result."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _aside(folder: Path) -> str:
    return command("mv", str(folder), f"{folder}.old")


class _PrivateStash:
    """A bare repository in the directory of a search, whose tag pins the tool at the commit under test.

    Args:
        repository: the stash; only read.
        wanted: what to search for.
    """

    def __init__(self, repository: Repository, wanted: Search) -> None:
        self.path = wanted.folder / _PRIVATE
        self._repository = repository
        self._wanted = wanted

    def pin(self, commit: str) -> None:
        """Point the tag to a freeze commit with the config of the snapshot and the tool at a commit."""
        if not (self.path / "objects").is_dir():
            kind = f"--object-format={self._repository.object_format}"
            git("init", "--quiet", "--bare", "--template=", kind, str(self.path), cwd=self._wanted.folder)
        write_text(self.path / "objects/info/alternates", f"{self._repository.common_dir / 'objects'}\n")
        env = clean_environment(GIT_DIR=str(self.path), GIT_INDEX_FILE=str(self.path / "index-of-test"))
        env |= {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in _FIXED.items()}

        def run(*words: str, stdin: bytes = b"") -> str:
            return git(*words, cwd=self.path, env=env, stdin=stdin)

        name = self._wanted.name
        run("read-tree", self._wanted.freeze)
        entries = {tool_path(name.tool): f"160000 {commit}"}
        for path in self._repository.tree(self._wanted.freeze, name.tag).files:
            if SnapshotName.from_path(path) or path.endswith(".results.json"):
                entries[path] = f"0 {'0' * len(commit)}"
        blob = run("hash-object", "-w", "--stdin", stdin=self._text(commit).encode("utf-8", "surrogateescape"))
        entries[name.path] = f"100644 {blob}"
        lines = "".join(f"{entry}\t{path}\0" for path, entry in entries.items())
        run("update-index", "-z", "--add", "--index-info", stdin=lines.encode("utf-8", "surrogateescape"))
        made = run("commit-tree", run("write-tree"), "-m", f"{name.title} with {name.tool} at {commit}")
        run("update-ref", tag_ref(name.tag), made)

    def _text(self, commit: str) -> str:
        """Return the snapshot with the commit under test, and with the lock that this commit of the tool ships."""
        name = self._wanted.name
        entry = self._repository.tree(self._wanted.freeze, name.tag).files[name.path]
        snapshot = snapshot_file.parse(self._repository.read(entry.id, snapshot_file.LARGEST), name.path)
        header = []
        for key, value in snapshot.header:
            if key == "TOOL_COMMIT":
                header.append((key, commit))
            elif key == "LOCK" and snapshot.shipped_lock:
                header += self._lock(snapshot.lock_words, commit)
            elif key not in ("RESULTS", "JOBS", "JOB"):
                header.append((key, value))
        return snapshot_file.render(header, snapshot.body)

    def _lock(self, words: Sequence[str], commit: str) -> list[tuple[str, str]]:
        path, _, *choices = words
        inside = path.removeprefix(f"{tool_path(self._wanted.name.tool)}/")
        root = self._wanted.stash.checkout(self._wanted.name.tool)
        done = ask_git("cat-file", "blob", f"{commit}:{inside}", cwd=root)
        if done.returncode != 0 or inside == path:
            return []
        digest = hashlib.sha256(done.stdout).hexdigest()
        return [("LOCK", " ".join([shlex.quote(path), f"sha256:{digest}", *choices]))]


def remove_reproductions(folder: Path) -> None:
    """Remove the reproductions of a finished search; keep its state."""
    with contextlib.suppress(OSError):
        shutil.rmtree(folder / _PRIVATE)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def is_close_to_recorded(recorded: Mapping[str, Figure], test: Tested, rules: Rules) -> bool | None:
    """Return whether a test gives the recorded figure, within its tolerance; None if none is recorded."""
    if test.figure is None or (figure := recorded.get(test.figure.name)) is None:
        return None
    return not compare_series(figure.series, test.figure.series, rules.tolerance(figure.file, figure.key)).wrong
