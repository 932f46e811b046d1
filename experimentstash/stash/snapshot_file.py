"""The snapshot file: a header of comment lines and a flat YAML body. Text in, facts out; no I/O.

The format is spec.md's, section *The snapshot file*.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from experimentstash.core.errors import Problem, StashError, command, quote, short
from experimentstash.core.names import (
    EXCLUDE,
    SnapshotName,
    experiment_complaint,
    snapshot_directory,
    tag_complaint,
    tool_complaint,
    tool_path,
)
from experimentstash.hydra.inside.experimentstash_inside.header import entry, header_spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REQUIRED = ("SNAPSHOT", "TOOL_COMMIT", "TIMESTAMP")
ONCE = (*REQUIRED, "TAG", "RERUN", "WORKDIR", "SELECT", "PYTHON", "PLATFORM", "LOCK", "RESULTS", "JOBS", "BODY")
_VALUES = ("VARIES", "LATE", "LATE_AT", "BUILT", "BUILT_AT", "FIXED", "TYPE", "NODE")
KEYS = (*ONCE, "DEPENDS", "OVERRIDE", "HYDRA", "SWEEP", "JOB", *_VALUES, "ANSWER", "PACKAGE", "PROJECT")
"""The keys that the program writes; others belong to the user, and are kept."""
LARGEST = 50 * 1024 * 1024
"""Bytes; larger files are refused before they are parsed."""
_LONGEST_HEADER, _WIDEST_HEADER = 20_000, 4_000_000
"""Lines and characters. An endless header is refused, not read."""
_MOST_DEPENDS = 100  # each is checked and reported separately
_TOLD = 50  # findings shown of one file: a hostile file can have thousands

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_GAP = re.compile(r"\r?\n")  # the empty line between header and body
_COMMENTS = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n|[ \t]*\r\n)*")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_DEPENDS = re.compile(r"(\S+)\s+(\S+)")


def is_commit(text: str) -> bool:
    """Return whether `text` is a commit id or an abbreviation of 7 or more hex digits."""
    return _COMMIT.fullmatch(text) is not None


def same_commit(recorded: str, commit: str) -> bool:
    """Return whether `recorded`, which may be an abbreviation, names `commit`, a full id."""
    return is_commit(recorded) and commit.startswith(recorded)


class Snapshot(NamedTuple):
    """A snapshot file, parsed.

    Attributes:
        header: the `KEY: value` lines in file order; unknown keys are kept.
        body: the YAML text below them.
        above: the text of the file before the body, line for line.
        rewritten: the result of `is_rewritten`, if the body is not kept.
    """

    header: tuple[tuple[str, str], ...]
    body: str
    above: str = ""
    rewritten: bool = False

    @property
    def text(self) -> str:
        """The whole file, as YAML and Hydra read it."""
        return self.above + self.body

    def all(self, key: str) -> tuple[str, ...]:
        """Return the values of every `key` line, in file order."""
        return tuple(value for name, value in self.header if name == key)

    def one(self, key: str) -> str:
        """Return the value of the first `key` line, or an empty string."""
        return next((value for name, value in self.header if name == key), "")

    @property
    def jobs_apart(self) -> int:
        """How many jobs of a sweep are snapshots of their own, named after it and their number; 0 for none."""
        return len(self.all("JOB")) if self.one("JOBS") == "apart" else 0

    @property
    def tool_commit(self) -> str:
        """The recorded commit of the tool, perhaps abbreviated."""
        return self.one("TOOL_COMMIT")

    @property
    def depends(self) -> tuple[tuple[str, str], ...]:
        """The further tools and their recorded commits; malformed lines are left to `header_problems`."""
        matches = map(_DEPENDS.fullmatch, self.all("DEPENDS"))
        return tuple((match[1], match[2]) for match in matches if match and not tool_complaint(match[1]))

    @property
    def late_keys(self) -> tuple[str, ...]:
        """The dotted keys of the `LATE` lines, in file order."""
        return tuple(late_key(line) for line in self.all("LATE"))

    @property
    def lock_words(self) -> tuple[str, ...]:
        """The words of the `LOCK` line: path, digest, choices; empty if it cannot be split as in a shell."""
        if not (line := self.one("LOCK")):
            return ()
        import shlex  # which a snapshot without a lock does not need

        try:
            return tuple(shlex.split(line))
        except ValueError:
            return ()

    @property
    def places(self) -> tuple[str, ...]:
        """The paths that the environment was made of, from the stash's root: the lock, and installed directories."""
        return (*self.lock_words[:1], *self.all("PROJECT"))

    @property
    def late_addresses(self) -> tuple[str, ...]:
        """The addresses of the `LATE_AT` lines, in file order."""
        return tuple(line.partition(" = ")[0] for line in self.all("LATE_AT"))

    def beside(self, name: SnapshotName) -> dict[str, str]:
        """Return the files next to the snapshot that are frozen with it, each with its SHA-256 in hex.

        A lock that the tool ships is not included: the pin determines it.
        """
        lock, digest, *_ = (*self.lock_words, "", "")
        named = ((lock, digest), (name.results_path, self.one("RESULTS")))
        folder = f"{snapshot_directory(name.tool, name.tag)}/"
        return {path: digest.removeprefix("sha256:") for path, digest in named if digest and path.startswith(folder)}

    @property
    def shipped_lock(self) -> tuple[str, str] | None:
        """The lock of a tool's own that the snapshot names: its path from the stash's root, and its SHA-256 in hex."""
        path, digest, *_ = (*self.lock_words, "", "")
        is_shipped = path.startswith("tools/") and digest.startswith("sha256:")
        return (path, digest.removeprefix("sha256:")) if is_shipped else None

    def pins(self, tool: str) -> dict[str, str]:
        """Return every recorded commit by tool: that of `tool` itself, then those it depends on."""
        return {tool: self.tool_commit, **dict(self.depends)}


def late_key(line: str) -> str:
    """Return the key of a `LATE` override: `a.b` of `a.b=${hydra:runtime.output_dir}`."""
    return line.partition("=")[0].lstrip("+").strip()


def parse(data: bytes, where: str) -> Snapshot:
    """Parse the bytes of a snapshot file.

    Raises:
        StashError: it is too large, not UTF-8, or has an endless header.
    """
    path = quote(where)
    if len(data) > LARGEST:
        raise StashError(
            f"{where}: {len(data)} bytes, too large for a snapshot (at most {LARGEST})", f"git rm --cached {path}"
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StashError(f"{where}: not UTF-8 (byte {error.start})", f"file {path}  # then save it as UTF-8") from None
    header: list[tuple[str, str]] = []
    end = 0
    for number, (start, stop) in enumerate(header_spans(text)):
        if number == _LONGEST_HEADER or stop > _WIDEST_HEADER:
            raise StashError(f"{where}: the header does not end", f"git rm --cached {path}")
        if (line := entry(text[start:stop])) is not None:
            header.append(line)
        end = min(stop + 1, len(text))
    if header and (gap := _GAP.match(text, end)):
        end = gap.end()
    if sum(key == "DEPENDS" for key, _ in header) > _MOST_DEPENDS:
        raise StashError(f"{where}: more than {_MOST_DEPENDS} DEPENDS lines", f"git rm --cached {path}")
    return Snapshot(tuple(header), text[end:], text[:end])


def is_stamped(snapshot: Snapshot) -> bool:
    """Return whether a file has a header, whole or in part; a comment of another kind is none."""
    return any(snapshot.all(key) for key in REQUIRED)


def without_header(text: str) -> str:
    """Return a file's text without its header lines; other comments stay."""
    kept: list[str] = []
    end = 0
    for start, stop in header_spans(text):
        end = stop + 1
        if entry(text[start:stop]) is None:
            kept.append(text[start:end])
    return "".join([*kept, text[end:]])


def render(header: Sequence[tuple[str, str]], body: str) -> str:
    """Write a snapshot file: the header lines in the order given, an empty line, the body.

    Raises:
        StashError: a header value holds a line break and would end the line early.
    """
    for key, value in header:
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]", value):
            raise StashError(f"the header line {key} cannot hold {value!r}: a comment is one line")
    return "".join(f"# {key}: {value}\n" for key, value in header) + "\n" + body


def header_problems(snapshot: Snapshot, name: SnapshotName) -> list[Problem]:
    """Judge the rule `header`: required keys once each, all well-formed, in agreement with the path.

    Returns:
        The findings, the first 50 of them.
    """

    def problem(what: str, fix: str = "") -> Problem:
        return Problem(name.path, "header", what, fix or refreeze_command(name))

    found = [problem(f"{short(part)}: {complaint}") for part, complaint in name_complaints(name)]
    for key in ONCE:
        values = snapshot.all(key)
        if len(values) > 1:
            fix = f"keep one '# {key}:' line of {quote(name.path)}"
            found.append(problem(f"{key} stands {len(values)} times", fix))
        if key in REQUIRED and not any(values):
            found.append(problem(f"no {key} line"))
    for key in dict.fromkeys(_below_the_header(snapshot.body)):
        what = f"{key} is below an empty line, after the end of the header"
        found.append(problem(what, f"remove the empty line above '# {key}:' in {quote(name.path)}"))
    if (title := snapshot.one("SNAPSHOT")) and title != name.title:
        found.append(problem(f"SNAPSHOT says {short(title)}, the path says {name.title!r}"))
    if (tag := snapshot.one("TAG")) and tag != name.tag:
        found.append(problem(f"TAG says {short(tag)}, the path says {name.tag!r}"))
    if (commit := snapshot.tool_commit) and not is_commit(commit):
        found.append(problem(f"TOOL_COMMIT {short(commit)} is no commit id of 7 or more hex digits"))
    if (stamp := snapshot.one("TIMESTAMP")) and timestamp(stamp) is None:
        found.append(problem(f"TIMESTAMP {short(stamp)} is no ISO 8601 date, with or without a time"))
    for line in snapshot.all("DEPENDS"):
        match = _DEPENDS.fullmatch(line)
        if match is None or tool_complaint(match[1]) or not is_commit(match[2]):
            found.append(problem(f"DEPENDS {short(line)} is no tool and commit"))
    depends = Counter(tool for tool, _ in snapshot.depends)
    found += [problem(f"DEPENDS names {tool!r} twice") for tool in sorted(depends) if depends[tool] > 1]
    if name.tool in depends:
        found.append(problem(f"DEPENDS names {name.tool!r}, whose commit TOOL_COMMIT records"))
    return found[:_TOLD]


def _below_the_header(body: str) -> Iterator[str]:
    """Yield the header keys in the comments above the first value of a body, where they have no effect."""
    above = _COMMENTS.match(body)
    for line in above[0].split("\n") if above else ():
        if (found := entry(line)) and found[0] in KEYS:
            yield found[0]


def body_digest(body: str) -> str:
    """Return the value of the `BODY` line for a body: its SHA-256, so that a later rewrite of the file is seen."""
    return f"sha256:{hashlib.sha256(body.encode('utf-8', 'surrogatepass')).hexdigest()}"


def is_rewritten(snapshot: Snapshot) -> bool:
    """Return whether the body is another than the `BODY` line records; a reader accepts a file without that line."""
    recorded = snapshot.one("BODY")
    return bool(recorded) and recorded != body_digest(snapshot.body)


def rewritten_problem(name: SnapshotName, fix: str) -> Problem:
    """Return the finding of the rule `frozen` for a body that was changed after it was frozen."""
    return Problem(name.path, "frozen", "its body was changed after it was frozen: its digest is not that of BODY", fix)


def again_command(name: SnapshotName, *beside: str) -> str:
    """Return the command that freezes again a snapshot that another hook may have rewritten, or files next to it."""
    hint = f"if another hook rewrites it, first add `exclude: {EXCLUDE}` to .pre-commit-config.yaml"
    return f"{refreeze_command(name, *beside)}  # {hint}"


def refreeze_command(name: SnapshotName, *beside: str) -> str:
    """Return the command that deletes a snapshot and files next to it, freezes it under its tag again and stages it.

    Where the name is none, it is the command that takes the file out of the next commit.
    """
    if any(name_complaints(name)):
        return command("git", "rm", "--cached", "--force", name.path)
    new = [snapshot_directory(name.tool, name.tag), tool_path(name.tool)]
    remove = command("rm", "-f", name.path, *beside)
    return f"{remove} && {freeze_command(name, name.tag)} && {command('git', 'add', *new)}"


def freeze_command(name: SnapshotName, tag: str) -> str:
    """Return the command that freezes an experiment under a tag."""
    return command("experimentstash", "snapshot", name.tool, name.experiment, "--tag", tag)


def name_complaints(name: SnapshotName) -> Iterator[tuple[str, str]]:
    """Yield each part of a name that a snapshot cannot have, and why."""
    for part, complaint in (
        (name.tool, tool_complaint(name.tool)),
        (name.tag, tag_complaint(name.tag)),
        (name.experiment, experiment_complaint(name.experiment)),
    ):
        if complaint:
            yield part, complaint


def timestamp(text: str) -> dt.datetime | None:
    """Read an ISO 8601 date and time, or a date alone (spec.md, *The snapshot file*), or return None if it is not one.

    A time without an offset is UTC; a date alone is its midnight in UTC.
    """
    try:
        moment = dt.datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        return None
    if len(text) <= len("2026-01-12") and not _DATE.fullmatch(text):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)
