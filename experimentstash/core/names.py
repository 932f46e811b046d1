"""The names in a stash (tools, experiments, tags) and the paths built from them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from experimentstash.core.errors import StashError, listed, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

REGISTRY = "configs/meta.yaml"
TAG_PREFIX = "refs/tags/snapshot/"
TAG_DIRECTORY = TAG_PREFIX.rstrip("/")
SHORT = 12
"""Hex digits of a commit in a message; `git show` takes them."""

_COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXPERIMENT_COMPONENT = re.compile(r"\w[\w.+@-]*")
_LONGEST = 255  # bytes of a file name: the limit of the common file systems
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")


def tag_complaint(tag: str) -> str | None:
    """Return why `tag` is not a valid tag (spec.md, *Terms*; `git check-ref-format`), or None."""
    if not _COMPONENT.fullmatch(tag):
        return "a tag consists of letters, digits, '.', '_' and '-', and begins with a letter or a digit"
    if ".." in tag or tag.endswith((".lock", ".")):
        return "git accepts no tag that contains '..' or ends with '.lock' or '.'"
    return _file_complaint(tag)


def tool_complaint(tool: str) -> str | None:
    """Return why `tool` is not a valid tool name (a directory, a YAML key, a submodule name), or None."""
    if tag_complaint(tool) is not None:
        return "use letters, digits, '.', '_' and '-', begin with a letter or a digit, and avoid '..'"
    return "git reserves this name" if tool.lower() == ".git" else None


def experiment_complaint(experiment: str) -> str | None:
    """Return why `experiment` is not a valid experiment name (it may contain directories), or None."""
    for part in experiment.split("/"):
        if not _EXPERIMENT_COMPONENT.fullmatch(part) or ".." in part or part.endswith("."):
            return "use letters, digits, '_', '.', '+', '@' and '-', and begin each part with a letter, a digit or '_'"
        if part.endswith((".lock", ".yaml", ".yml")):
            return "give the name without the file extension"
        if complaint := _file_complaint(part):
            return complaint
    return None


def _file_complaint(name: str) -> str | None:
    if len(name.encode()) > _LONGEST - len(".yaml.XXXXXXXX"):
        return "it is too long for a file name"
    return "Windows reserves this name for a device" if _RESERVED.match(name) else None


def check_tag(tag: str) -> None:
    """Raise `StashError` unless `tag` is a valid tag."""
    if complaint := tag_complaint(tag):
        raise StashError(f"{tag!r} is not a valid tag: {complaint}")


def plain_tag(text: str) -> str:
    """Return the tag that `TAG`, `snapshot/TAG` or `refs/tags/snapshot/TAG` names.

    Raises:
        StashError: the text is not a valid tag.
    """
    tag = text.removeprefix(TAG_PREFIX).removeprefix(TAG_PREFIX.removeprefix("refs/tags/"))
    check_tag(tag)
    return tag


def check_tool(tool: str) -> None:
    """Raise `StashError` unless `tool` is a valid tool name."""
    if complaint := tool_complaint(tool):
        raise StashError(f"{tool!r} is not a valid tool name: {complaint}")


def check_experiment(experiment: str) -> None:
    """Raise `StashError` unless `experiment` is a valid experiment name."""
    if complaint := experiment_complaint(experiment):
        raise StashError(f"{experiment!r} is not a valid experiment name: {complaint}")


def experiment_path(tool: str, experiment: str) -> str:
    """Return the path of a working config relative to the stash's root, with '/' on every system."""
    return f"configs/{tool}/experiment/{experiment}.yaml"


def near(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` with the names most like `name`, else a list of the first ten `known` names."""
    names = sorted(known)
    if close := _close(name, names, 3):
        return f"; did you mean {' or '.join(map(printable, close))}?"
    if not names:
        return ""
    return f"; known: {listed(list(map(printable, names)), 10)}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the `known` name that is most like `name`, or None if none is similar."""
    return next(iter(_close(name, sorted(known), 1)), None)


def _close(name: str, names: Sequence[str], most: int) -> list[str]:
    import difflib  # 2 ms, and only messages need it

    return difflib.get_close_matches(name, names, n=most, cutoff=0.5)


class SnapshotName(NamedTuple):
    """The tool, tag and experiment in the path `configs/<tool>/snapshots/<tag>/<experiment>.yaml`."""

    tool: str
    tag: str
    experiment: str

    @property
    def path(self) -> str:
        """The path of the snapshot file relative to the stash's root, with '/' on every system."""
        return f"{snapshot_directory(self.tool, self.tag)}/{self.experiment}.yaml"

    @property
    def results_path(self) -> str:
        """The path of the results manifest, in the same directory."""
        return f"{self.path.removesuffix('.yaml')}.results.json"

    @property
    def title(self) -> str:
        """The value of the `SNAPSHOT` header line: `<tool>/<experiment>`."""
        return f"{self.tool}/{self.experiment}"

    def job(self, number: int) -> SnapshotName:
        """Return the name of one job of this sweep: each job is a separate snapshot."""
        return SnapshotName(self.tool, self.tag, f"{self.experiment}/{number}")

    @classmethod
    def from_path(cls, path: str) -> SnapshotName | None:
        """Return the name for `path`, or None if it is not the path of a snapshot.

        Does not check the parts: a snapshot with an invalid name is a finding.
        """
        parts = path.split("/")
        if len(parts) < 5 or parts[0] != "configs" or parts[2] != "snapshots" or not path.endswith(".yaml"):
            return None
        return cls(parts[1], parts[3], "/".join(parts[4:]).removesuffix(".yaml"))


def snapshot_directory(tool: str, tag: str) -> str:
    """Return the directory of a tool's snapshots under `tag`, relative to the stash's root."""
    return f"configs/{tool}/snapshots/{tag}"


def tag_of(path: str) -> str:
    """Return the tag in `configs/<tool>/snapshots/<tag>/…`, or an empty string for any other path."""
    parts = path.split("/", 4)
    return parts[3] if len(parts) == 5 and parts[0] == "configs" and parts[2] == "snapshots" else ""


def leads_to_snapshots(path: str) -> bool:
    """Return whether a path is a parent directory of snapshots: `configs` to `configs/<tool>/snapshots/<tag>`."""
    parts = path.split("/")
    return parts[0] == "configs" and len(parts) <= 4 and parts[2:3] in ([], ["snapshots"])


EXCLUDE = "^configs/[^/]+/snapshots/"
"""The `exclude:` pattern in a hook framework's config: no other hook may rewrite a frozen file."""


def tool_path(tool: str) -> str:
    """Return the path of the submodule of `tool`, relative to the stash's root (spec.md, *Terms*)."""
    return f"tools/{tool}"


def tag_ref(tag: str) -> str:
    """Return the full ref name of the git tag for `tag`."""
    return TAG_PREFIX + tag
