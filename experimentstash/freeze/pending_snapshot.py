"""A snapshot that is ready to be written or committed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from experimentstash.core.errors import Problem, StashError, printable
from experimentstash.core.names import SHORT, SnapshotName, tool_path
from experimentstash.core.secrets import masked
from experimentstash.git.checkouts.tool_commit import tool_commit
from experimentstash.git.user_git import answer
from experimentstash.stash import snapshot_file
from experimentstash.verify.flat import flat_problems
from experimentstash.verify.header_values import value_problems

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from experimentstash.stash.stash import Stash


@dataclass(frozen=True)
class PendingSnapshot:
    """A snapshot that is ready to be written.

    Attributes:
        name: the tool, tag and experiment.
        text: the text of the whole file.
        notices: the decisions of the freeze, as (key, decision).
        pins: the recorded commit of each tool.
        files: the texts of the files beside it that belong to it, by path relative to the stash's root: its lock
            file, its jobs, and the manifest of its results.
        published: texts that the user chose to publish, although they look like secrets.
    """

    name: SnapshotName
    text: str
    notices: tuple[tuple[str, str], ...]
    pins: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    published: tuple[str, ...] = ()

    def equals_except_time(self, text: str) -> bool:
        """Return whether a text is this snapshot, except for its time and the values that vary."""
        other = snapshot_file.parse(text.encode("utf-8", "replace"), self.name.path)
        own = snapshot_file.parse(self.text.encode(), self.name.path)
        if _timeless(other.header) != _timeless(own.header):
            return False
        varies = set(own.all("VARIES"))
        try:
            return bool(_without(other.body, varies) == _without(own.body, varies))
        except yaml.YAMLError:
            return False

    def jobs(self) -> list[PendingSnapshot]:
        """Return the jobs of the sweep that are separate snapshots."""
        names = map(SnapshotName.from_path, self.files)
        return [replace(self, name=name, text=self.files[name.path], files={}) for name in names if name]

    def with_results(self, manifest: str) -> PendingSnapshot:
        """Return the snapshot with the manifest of its results, and the digest of the manifest in its header."""
        parsed = snapshot_file.parse(self.text.encode(), self.name.path)
        digest = hashlib.sha256(manifest.encode("utf-8")).hexdigest()
        kept = [line for line in parsed.header if line[0] != "RESULTS"]
        text = snapshot_file.render([*kept, ("RESULTS", f"sha256:{digest}")], parsed.body)
        return replace(self, text=text, files={**self.files, self.name.results_path: manifest})

    def lines(self) -> list[str]:
        """Return the output for the snapshot: its path, and the decisions of the freeze."""
        decisions = [masked(f"    {printable(key)}: {printable(decision)}") for key, decision in self.notices]
        return [f"frozen {printable(self.name.path)}", *decisions]

    def with_notices(self, notices: Sequence[tuple[str, str]]) -> PendingSnapshot:
        """Return the snapshot with further notices."""
        return replace(self, notices=(*self.notices, *notices))

    def as_written(self, text: str) -> PendingSnapshot:
        """Return the snapshot with the text that is on disk."""
        return replace(self, text=text)


def _timeless(header: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [line for line in header if line[0] not in ("TIMESTAMP", "RESULTS", "BODY")]


def _without(text: str, keys: set[str]) -> Any:
    """Return the parsed body, in order, without the values at some dotted keys."""

    def strip(node: Any, path: str) -> Any:
        if path in keys:
            return None
        if isinstance(node, dict):
            return [(key, strip(value, f"{path}.{key}" if path else str(key))) for key, value in node.items()]
        if isinstance(node, list):
            return [strip(value, f"{path}.{index}") for index, value in enumerate(node)]
        return repr(node)

    return strip(yaml.safe_load(text), "")


def problems_of(name: SnapshotName, text: str) -> list[Problem]:
    """Judge the text of a snapshot that is not committed: the rules `header` and `flat`, and its `BODY` line."""
    parsed = snapshot_file.parse(text.encode("utf-8", "surrogateescape"), name.path)
    rewritten = (
        [snapshot_file.rewritten_problem(name, snapshot_file.again_command(name))]
        if snapshot_file.is_rewritten(parsed)
        else []
    )
    judged = [*snapshot_file.header_problems(parsed, name), *value_problems(parsed, name), *flat_problems(parsed, name)]
    return [*judged, *rewritten]


def uncommitted(stash: Stash, tag: str, known: Collection[str]) -> list[PendingSnapshot]:
    """Return the uncommitted snapshots of a tag in the working tree, of all tools.

    Args:
        stash: the stash.
        tag: the tag.
        known: the paths of snapshots to omit.

    Raises:
        StashError: a snapshot does not hold, or its tool is not at the recorded commit.
    """
    files = sorted(path for folder in stash.root.glob(f"configs/*/snapshots/{tag}") for path in folder.rglob("*.yaml"))
    paths = [path.relative_to(stash.root).as_posix() for path in files]
    return [_read(stash, path) for path in paths if path not in known and not is_committed(stash, path)]


def is_committed(stash: Stash, path: str) -> bool:
    """Return whether HEAD has a file at a path."""
    return answer("rev-parse", "--verify", "--quiet", f"HEAD:{path}", cwd=stash.root) is not None


def _read(stash: Stash, path: str) -> PendingSnapshot:
    stash.inside(path)
    name = SnapshotName.from_path(path)
    data = (stash.root / path).read_bytes()
    if name is None:
        raise StashError(f"{path}: no snapshot's path")
    parsed = snapshot_file.parse(data, path)
    text = data.decode("utf-8")
    for problem in problems_of(name, text):
        raise StashError(f"{path} is frozen under the same tag, and does not hold: {problem.what}", f"rm {path}")
    recorded_pins = parsed.pins(name.tool)
    pins = {tool: tool_commit(stash, tool) for tool in recorded_pins}
    for tool, recorded in recorded_pins.items():
        if not snapshot_file.same_commit(recorded, here := pins[tool]):
            raise StashError(
                f"{path} is frozen under the same tag, with {tool_path(tool)} at {recorded[:SHORT]}, "
                f"not {here[:SHORT]}",
                f"git -C {tool_path(tool)} checkout {recorded[:SHORT]}  # or freeze it anew",
            )
    return PendingSnapshot(name, text, (), pins, files_beside(stash, name, parsed))


def files_beside(stash: Stash, name: SnapshotName, parsed: snapshot_file.Snapshot) -> dict[str, str]:
    """Return the texts of the files that belong to a snapshot of the working tree.

    Raises:
        StashError: a file that the header names is missing, was changed, or is outside of the stash.
    """
    named = list(parsed.beside(name))
    named += [name.job(number).path for number in range(parsed.jobs_apart)]
    found = {}
    for path in named:
        stash.inside(path)
        if not (stash.root / path).is_file():
            raise StashError(f"{path}: {name.path} refers to it, but it is missing", f"rm {name.path}")
        found[path] = (stash.root / path).read_text("utf-8", "surrogateescape")
    for path, digest in parsed.beside(name).items():
        if path in found and hashlib.sha256(found[path].encode("utf-8", "surrogateescape")).hexdigest() != digest:
            what = f"{path}: it was changed after it was frozen, perhaps by another hook"
            raise StashError(what, snapshot_file.again_command(name, path))
    return found
