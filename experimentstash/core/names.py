"""The names that a stash uses (tools, experiments, tags) and the paths that are built from them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from experimentstash.core.errors import StashError, listed, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

REGISTRY = "configs/meta.yaml"
TAG_PREFIX = "refs/tags/snapshot/"
TAG_FOLDER = TAG_PREFIX.rstrip("/")

_COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXPERIMENT_COMPONENT = re.compile(r"\w[\w.+@-]*")
_LONGEST = 255  # bytes of a file name, on every file system that git is used on
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")


def tag_complaint(tag: str) -> str | None:
    """Return why `tag` is no tag (spec.md, *Words*; `git check-ref-format`), or None if it is one."""
    if not _COMPONENT.fullmatch(tag):
        return "a tag is letters, digits, '.', '_' and '-', and begins with a letter or digit"
    if ".." in tag or tag.endswith((".lock", ".")):
        return "git accepts no '..' in a tag and none that ends with '.lock' or '.'"
    return _file_complaint(tag)


def tool_complaint(tool: str) -> str | None:
    """Return why `tool` is no name for a tool (a folder, a YAML key, a submodule name), or None."""
    if tag_complaint(tool) is not None:
        return "it takes letters, digits, '.', '_' and '-', begins with a letter or digit, and no '..'"
    return "git keeps that name for itself" if tool.lower() == ".git" else None


def experiment_complaint(experiment: str) -> str | None:
    """Return why `experiment` is no name for an experiment (it may hold folders), or None."""
    for part in experiment.split("/"):
        if not _EXPERIMENT_COMPONENT.fullmatch(part) or ".." in part or part.endswith("."):
            return "each part takes letters, digits, '_', '.', '+', '@' and '-', and begins like a word"
        if part.endswith((".lock", ".yaml", ".yml")):
            return "an experiment is named without the ending of its file"
        if complaint := _file_complaint(part):
            return complaint
    return None


def _file_complaint(name: str) -> str | None:
    if len(name.encode()) > _LONGEST - len(".yaml.XXXXXXXX"):
        return "it is too long for a file name"
    return "Windows keeps that name for a device" if _RESERVED.match(name) else None


def check_tag(tag: str) -> None:
    """Raise `StashError` unless `tag` is a tag."""
    if complaint := tag_complaint(tag):
        raise StashError(f"{tag!r} is no tag: {complaint}")


def plain_tag(text: str) -> str:
    """Return the tag that a user names: `TAG`, `snapshot/TAG`, or the whole name of the ref.

    Raises:
        StashError: it is no tag.
    """
    tag = text.removeprefix(TAG_PREFIX).removeprefix(TAG_PREFIX.removeprefix("refs/tags/"))
    check_tag(tag)
    return tag


def check_tool(tool: str) -> None:
    """Raise `StashError` unless `tool` is a name for a tool."""
    if complaint := tool_complaint(tool):
        raise StashError(f"{tool!r} is no name for a tool: {complaint}")


def check_experiment(experiment: str) -> None:
    """Raise `StashError` unless `experiment` is a name for an experiment."""
    if complaint := experiment_complaint(experiment):
        raise StashError(f"{experiment!r} is no name for an experiment: {complaint}")


def experiment_path(tool: str, experiment: str) -> str:
    """Return where the stash keeps a working config, from its root, with '/' on every system."""
    return f"configs/{tool}/experiment/{experiment}.yaml"


def near(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` with the nearest of the `known` names, or all of them if they are few."""
    names = sorted(known)
    if close := _close(name, names, 3):
        return f"; did you mean {' or '.join(map(printable, close))}?"
    if not names:
        return ""
    return f"; there is {listed(list(map(printable, names)), 10)}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of the `known` names that is like `name`, or None where none is."""
    return next(iter(_close(name, sorted(known), 1)), None)


def _close(name: str, names: Sequence[str], most: int) -> list[str]:
    import difflib  # 2 ms, and only a mistake needs it

    return difflib.get_close_matches(name, names, n=most, cutoff=0.5)


class SnapshotName(NamedTuple):
    """What a snapshot file is called: `configs/<tool>/snapshots/<tag>/<experiment>.yaml`."""

    tool: str
    tag: str
    experiment: str

    @property
    def path(self) -> str:
        """Where the snapshot lies, from the stash's root, with '/' on every system."""
        return f"{snapshot_folder(self.tool, self.tag)}/{self.experiment}.yaml"

    @property
    def results_path(self) -> str:
        """Where the manifest of its results lies, beside it."""
        return f"{self.path.removesuffix('.yaml')}.results.json"

    @property
    def title(self) -> str:
        """What its `SNAPSHOT` header line says: `<tool>/<experiment>`."""
        return f"{self.tool}/{self.experiment}"

    def job(self, number: int) -> SnapshotName:
        """Return the name of a job of this sweep, where each is a snapshot of its own."""
        return SnapshotName(self.tool, self.tag, f"{self.experiment}/{number}")

    @classmethod
    def from_path(cls, path: str) -> SnapshotName | None:
        """Return the name that `path` spells, or None where it is no snapshot's path.

        The parts are not checked: a snapshot with a bad name is a finding, not no snapshot.
        """
        parts = path.split("/")
        if len(parts) < 5 or parts[0] != "configs" or parts[2] != "snapshots" or not path.endswith(".yaml"):
            return None
        return cls(parts[1], parts[3], "/".join(parts[4:]).removesuffix(".yaml"))


def snapshot_folder(tool: str, tag: str) -> str:
    """Return the folder of a tool's snapshots under `tag`, from the stash's root."""
    return f"configs/{tool}/snapshots/{tag}"


def tag_of(path: str) -> str:
    """Return the tag of `configs/<tool>/snapshots/<tag>/…`, or an empty text where it is no such path."""
    parts = path.split("/", 4)
    return parts[3] if len(parts) == 5 and parts[0] == "configs" and parts[2] == "snapshots" else ""


def leads_to_snapshots(path: str) -> bool:
    """Tell whether a path is that of a directory on the way to a snapshot, its tag's own directory included."""
    parts = path.split("/")
    return parts[0] == "configs" and len(parts) <= 4 and parts[2:3] in ([], ["snapshots"])


EXCLUDE = "^configs/[^/]+/snapshots/"
"""The line `exclude:` of a hook framework's config: no other hook may rewrite what is frozen."""


def tool_path(tool: str) -> str:
    """Return where the submodule of `tool` lies, from the stash's root (spec.md, *Words*)."""
    return f"tools/{tool}"


def tag_ref(tag: str) -> str:
    """Return the full name of the git tag of `tag`."""
    return TAG_PREFIX + tag
