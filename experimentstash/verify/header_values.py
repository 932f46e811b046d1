"""The rule `header` for header lines, lock files and results: checks them with the parsers of `run` and `reproduce`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from experimentstash.core.errors import Problem, StashError, short
from experimentstash.core.names import SnapshotName, snapshot_directory
from experimentstash.stash.snapshot_file import refreeze_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from experimentstash.stash.snapshot_file import Snapshot

_TYPE = re.compile(r"(\S+) (\S.*)")
_RAW = frozenset({"raw dict", "raw list", "raw tuple"})
_PART = re.compile(r"[^\[\],\s=]+|[\[\]]")
_PLAIN = frozenset("Any Path NoneType int float bool str bytes dict list tuple keys ...".split())
_GENERIC = frozenset("Dict List Tuple Union Optional Required".split())
_RESULTS = re.compile(r"sha256:[0-9a-f]{64}")
_SELECTS = frozenset({"", "group", "append", "primary", "compose"})


def value_problems(snapshot: Snapshot, name: SnapshotName) -> list[Problem]:
    """Judge the rule `header` for the lines that `run --snapshot` and `reproduce` read."""
    complaints = list(_complaints(snapshot, name))
    refreeze = refreeze_command(name) if complaints else ""
    return [Problem(name.path, "header", what, refreeze) for what in complaints]


def _complaints(snapshot: Snapshot, name: SnapshotName) -> Iterator[str]:
    yield from _environment_complaints(snapshot, name)
    for line in snapshot.all("TYPE"):
        match = _TYPE.fullmatch(line)
        if match is None or not _is_kind(match[2]):
            yield f"TYPE {short(line)} must be a key and a type"
    if (results := snapshot.one("RESULTS")) and not _RESULTS.fullmatch(results):
        yield f"RESULTS {short(results)} must be sha256:DIGEST"
    if (jobs := snapshot.one("JOBS")) and jobs != "apart" and not jobs.startswith("chosen by "):
        yield f"JOBS must be 'apart' or 'chosen by SWEEPER', not {short(jobs)}"
    if jobs == "apart" and not snapshot.all("JOB"):
        yield "JOBS is 'apart', but there is no JOB line"
    if (select := snapshot.one("SELECT")) not in _SELECTS:
        yield f"SELECT {short(select)} must be one of {', '.join(sorted(_SELECTS - {''}))}"


def _environment_complaints(snapshot: Snapshot, name: SnapshotName) -> Iterator[str]:
    keys = {key for key, _ in snapshot.header}
    if keys.isdisjoint(("PYTHON", "PACKAGE", "LOCK", "PROJECT")):
        return
    from experimentstash.environments.header_lines import read_lines

    try:
        lines = read_lines(snapshot, name.path)
    except StashError as error:
        yield str(error.args[0]).removeprefix(f"{name.path}: ")
        return
    if lines.lock and not _is_kept(lines.lock.name, name):
        yield f"LOCK {short(lines.lock.name)} is neither in a tool nor beside the snapshot"


def _is_kept(lock: str, name: SnapshotName) -> bool:
    """Return whether a lock file is frozen with the snapshot: by the pin of a tool, or by the tag."""
    return lock.startswith(("tools/", f"{snapshot_directory(name.tool, name.tag)}/"))


def _is_kind(text: str) -> bool:
    """Return whether a text has the form of a type in a `TYPE` line. Does not check that its classes exist."""
    if text in _RAW:
        return True
    parts = _PART.findall(text)
    depth = 0
    for number, part in enumerate(parts):
        if part in "[]":
            depth += 1 if part == "[" else -1
        elif part in _GENERIC:
            if parts[number + 1 : number + 2] != ["["]:
                return False
        elif part not in _PLAIN and not _is_class(part):
            return False
        if depth < 0:
            return False
    return depth == 0 and bool(parts) and parts[0] not in "[]"


def _is_class(part: str) -> bool:
    module, colon, name = part.partition(":")
    return bool(module and colon and name)


def beside_complaint(path: str, data: bytes, texts: Mapping[str, bytes]) -> str | None:
    """Return why `reproduce` would refuse a file that a snapshot names, or None.

    Args:
        path: the path of the file: a manifest of results, or a lock file.
        data: the bytes of the file.
        texts: the files in the same directory that a lock file can include, by path.
    """
    if path.endswith(".results.json"):
        from experimentstash.stash.results.manifest_parser import parse

        try:
            parse(data, path)
        except StashError as error:
            return str(error.args[0])
        return None
    return _lock_complaint(path, data, texts)


def _lock_complaint(path: str, data: bytes, texts: Mapping[str, bytes]) -> str | None:
    import hashlib
    import tempfile
    from pathlib import Path

    from experimentstash.environments.lock_file import open_lock

    with tempfile.TemporaryDirectory(prefix="experimentstash-") as directory:
        root = Path(directory).resolve()
        for name, text in {**texts, path: data}.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)
        try:
            open_lock(root, path, hashlib.sha256(data).hexdigest())
        except StashError as error:
            return str(error.args[0]).replace(f"{root}/", "")
    return None
