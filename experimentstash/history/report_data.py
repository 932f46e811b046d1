"""The data of the HTML report: each tag with its snapshots, their configs and figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError, command, printable
from experimentstash.history.catalog import Catalog
from experimentstash.history.config_values import config_values, late_values, shown
from experimentstash.history.figures import figures
from experimentstash.verify.tag_findings import findings_by_tag, missing_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from experimentstash.core.errors import Problem
    from experimentstash.core.names import SnapshotName
    from experimentstash.git.repository import Repository
    from experimentstash.history.catalog import TagRecord
    from experimentstash.stash.snapshot_file import Snapshot

_FACTS = ("TIMESTAMP", "PYTHON", "PLATFORM", "LOCK", "RERUN")
_LARGEST_REPORT = 100_000_000  # bytes


def report_data(repository: Repository, reports: Sequence[Path]) -> dict[str, Any]:
    """Return the data of a report, without control characters.

    Args:
        repository: the stash.
        reports: the JSON files that `reproduce --report` wrote.

    Raises:
        StashError: a file is not a report of a reproduction, or the tags cannot be read.
    """
    findings = findings_by_tag(repository)
    catalog = Catalog(repository, findings.headers)
    subjects = catalog.subjects(catalog.records.values())
    reproductions = [_reproduction(path) for path in reports]
    tags = []
    for record in catalog.records.values():
        problems = findings.problems.get(record.tag, ())
        if record.commit is None and not problems:
            problems = (missing_tag(record.tag),)
        own = [one for one in reproductions if one["tag"] == record.tag and one["commit"] == record.commit]
        tags.append(_tag(catalog, record, subjects.get(record.tag, ""), problems, own))
    cleaned: dict[str, Any] = _printable({"stash": repository.root.name, "tags": tags})
    return cleaned


def _tag(
    catalog: Catalog,
    record: TagRecord,
    subject: str,
    problems: Sequence[Problem],
    reproductions: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    moment = catalog.moment(record)
    snapshots = catalog.readable(record)
    return {
        "tag": record.tag,
        "commit": record.commit or "",
        "date": moment.isoformat() if moment else "",
        "message": subject,
        "complaint": record.complaint,
        "problems": [f"{problem.where}: {problem.rule}: {problem.what}" for problem in problems[:20]],
        "holds": not problems and record.commit is not None,
        "reproduce": command("experimentstash", "reproduce", record.tag, "--check"),
        "reproductions": [f"{one['when']}: {one['verdict']} ({one['machine']})" for one in reproductions],
        "snapshots": [_snapshot(catalog, record, name, snapshot) for name, snapshot in snapshots.items()],
    }


def _snapshot(catalog: Catalog, record: TagRecord, name: SnapshotName, snapshot: Snapshot) -> dict[str, Any]:
    notes: list[str] = []
    values: Mapping[str, Any] = {}
    manifest = None
    try:
        values = config_values(snapshot, name.path)
        manifest = catalog.results(record, name)
    except StashError as error:
        notes.append(str(error.args[0]))
    found = figures(manifest) if manifest else {}
    return {
        "name": name.title,
        "commits": snapshot.pins(name.tool),
        "overrides": list(snapshot.all("OVERRIDE")),
        "config": {address: shown(value) for address, value in values.items()},
        "late": late_values(snapshot),
        "facts": {key.lower(): snapshot.one(key) for key in _FACTS if snapshot.one(key)},
        "figures": {key: value for key, one in found.items() if (value := one.number) is not None},
        "run": command("experimentstash", "run", name.tool, name.experiment, "--snapshot", name.tag),
        "notes": notes,
    }


def _reproduction(path: Path) -> dict[str, Any]:
    """Return the part of a `reproduce --report` file that the page shows."""
    fix = "experimentstash reproduce TAG --check --report FILE"
    try:
        with path.open("rb") as file:
            report = json.loads(file.read(_LARGEST_REPORT))
    except OSError as error:
        raise StashError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise StashError(f"{path}: no JSON, so no report of a reproduction", fix) from None
    keys = ("tag", "commit", "when", "verdict", "machine")
    if not isinstance(report, dict) or not all(isinstance(report.get(key), str) for key in keys):
        raise StashError(f"{path}: no report of a reproduction", fix)
    return {key: report[key] for key in keys}


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): _printable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_printable(inner) for inner in value]
    return value
