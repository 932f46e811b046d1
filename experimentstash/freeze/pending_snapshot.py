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
        name: its tool, tag and experiment.
        text: the whole file.
        notices: what was decided, as (key, decision).
        pins: the commit of each tool that it records.
        files: the texts of what stands beside it and belongs to it, by path from the stash's root: a lock that was
            written for it, and what its run gave.
        published: texts of it that the user chose to publish, though they look like secrets.
    """

    name: SnapshotName
    text: str
    notices: tuple[tuple[str, str], ...]
    pins: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    published: tuple[str, ...] = ()

    def same_but_for_the_moment(self, text: str) -> bool:
        """Tell whether a snapshot's text is this one, but for its time and the values that vary by themselves."""
        there = snapshot_file.parse(text.encode("utf-8", "replace"), self.name.path)
        here = snapshot_file.parse(self.text.encode(), self.name.path)
        if _timeless(there.header) != _timeless(here.header):
            return False
        varies = set(here.all("VARIES"))
        try:
            return bool(_without(there.body, varies) == _without(here.body, varies))
        except yaml.YAMLError:
            return False

    def jobs(self) -> list[PendingSnapshot]:
        """Return the jobs of a sweep that are snapshots of their own, each by itself."""
        names = map(SnapshotName.from_path, self.files)
        return [replace(self, name=name, text=self.files[name.path], files={}) for name in names if name]

    def with_results(self, manifest: str) -> PendingSnapshot:
        """Return the snapshot with what a run of it gave, named by its digest."""
        parsed = snapshot_file.parse(self.text.encode(), self.name.path)
        digest = hashlib.sha256(manifest.encode("utf-8")).hexdigest()
        kept = [line for line in parsed.header if line[0] != "RESULTS"]
        text = snapshot_file.render([*kept, ("RESULTS", f"sha256:{digest}")], parsed.body)
        return replace(self, text=text, files={**self.files, self.name.results_path: manifest})

    def lines(self) -> list[str]:
        """Return what the user is told of it: that it is frozen, and what was decided."""
        told = [masked(f"    {printable(key)}: {printable(decision)}") for key, decision in self.notices]
        return [f"frozen {printable(self.name.path)}", *told]

    def with_notices(self, told: Sequence[tuple[str, str]]) -> PendingSnapshot:
        """Return the snapshot with more to tell of it."""
        return replace(self, notices=(*self.notices, *told))

    def as_written(self, text: str) -> PendingSnapshot:
        """Return the snapshot with the text that is on disk already."""
        return replace(self, text=text)


def _timeless(header: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [line for line in header if line[0] not in ("TIMESTAMP", "RESULTS", "BODY")]


def _without(text: str, keys: set[str]) -> Any:
    """Return what a body holds, in order, without the values of some dotted keys."""

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
    """Judge by itself a snapshot that no commit holds yet: the rules `header` and `flat`, and its `BODY`."""
    parsed = snapshot_file.parse(text.encode("utf-8", "surrogateescape"), name.path)
    rewritten = (
        [snapshot_file.rewritten_problem(name, snapshot_file.again_command(name))]
        if snapshot_file.is_rewritten(parsed)
        else []
    )
    judged = [*snapshot_file.header_problems(parsed, name), *value_problems(parsed, name), *flat_problems(parsed, name)]
    return [*judged, *rewritten]


def waiting(stash: Stash, tag: str, known: Collection[str]) -> list[PendingSnapshot]:
    """Return the snapshots of a tag that lie in the stash and are in no commit yet, of whatever tool.

    Args:
        stash: the stash.
        tag: the tag.
        known: the paths of those that are not asked for.

    Raises:
        StashError: one of them does not hold, or its tool is not at the commit that it records.
    """
    files = sorted(path for folder in stash.root.glob(f"configs/*/snapshots/{tag}") for path in folder.rglob("*.yaml"))
    paths = [path.relative_to(stash.root).as_posix() for path in files]
    return [_read(stash, path) for path in paths if path not in known and not is_committed(stash, path)]


def is_committed(stash: Stash, path: str) -> bool:
    """Tell whether the commit that is checked out holds a file."""
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
    """Return the texts of the files that stand beside a snapshot of the working tree and belong to it.

    Raises:
        StashError: one that its header names is not there, or is no file of the stash.
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
