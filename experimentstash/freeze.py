"""From experiments to snapshot files in memory: composed twice, judged, and not yet written."""

from __future__ import annotations

import datetime as dt
import os
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from experimentstash import body, snapshot
from experimentstash.flatness import flat_problems
from experimentstash.git import git
from experimentstash.hydra import commandline, compose
from experimentstash.hydra.launch import keep_clean
from experimentstash.hydra.layout import config_folder
from experimentstash.hydra.program import read_main
from experimentstash.names import SnapshotName, tool_path
from experimentstash.problems import StashError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from experimentstash.hydra.launch import Wish
    from experimentstash.tool import Tool

# What Python, its installers and Hydra leave in a checkout; where git does not know it, it is no change of the tool.
_LEFT_BEHIND = re.compile(r"\?\? (\.venv|outputs|multirun|(.*/)?__pycache__|(.*/)?[^/]*\.egg-info)/")


@dataclass(frozen=True)
class Frozen:
    """A snapshot that is ready to be written.

    Attributes:
        name: its tool, tag and experiment.
        text: the whole file.
        notices: what was decided, as (key, decision).
        pins: the commit of each tool that it records.
    """

    name: SnapshotName
    text: str
    notices: tuple[tuple[str, str], ...]
    pins: Mapping[str, str]

    @property
    def timestamp(self) -> str:
        """When it was frozen, as its `TIMESTAMP` line says."""
        return snapshot.parse(self.text.encode(), self.name.path).one("TIMESTAMP")

    def same_but_for_the_moment(self, text: str) -> bool:
        """Tell whether a snapshot's text is this one, but for its time and the values that vary by themselves."""
        there = snapshot.parse(text.encode("utf-8", "replace"), self.name.path)
        here = snapshot.parse(self.text.encode(), self.name.path)
        if _timeless(there.header) != _timeless(here.header):
            return False
        varies = set(here.all("VARIES"))
        try:
            return bool(_without(there.body, varies) == _without(here.body, varies))
        except yaml.YAMLError:
            return False

    def as_written(self, text: str) -> Frozen:
        """Return the snapshot with the text that is on disk already."""
        return replace(self, text=text)


def _timeless(header: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [line for line in header if line[0] != "TIMESTAMP"]


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


def tool_commit(stash: Path, tool: str) -> str:
    """Return the commit that a tool is checked out at.

    Raises:
        StashError: it is not checked out, has no commit, or holds changes that are not committed.
    """
    root = stash / tool_path(tool)
    update = f"git submodule update --init --recursive {tool_path(tool)}"
    if not (root / ".git").exists():
        raise StashError(f"{tool_path(tool)}: the tool {tool!r} is not checked out", update)
    try:
        commit = git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", cwd=root)
    except StashError:
        raise StashError(f"{tool_path(tool)}: the tool {tool!r} is at no commit", update) from None
    status = git(
        "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=none", cwd=root
    )
    changed = [line[3:] for line in status.split("\0") if line and not _LEFT_BEHIND.match(line)]
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        raise StashError(
            f"{tool_path(tool)}: changes that are not committed: {', '.join(changed[:5])}{more}",
            f"git -C {tool_path(tool)} stash --include-untracked  # or commit them there",
        )
    return commit


def freeze(wanted: Wish, tag: str, tools: Mapping[str, Tool], say: Any) -> Frozen:
    """Freeze one experiment; nothing is written.

    Args:
        wanted: the experiment, its overrides and flags.
        tag: the tag it is frozen under.
        tools: the registry.
        say: called with each step, for the user to see.

    Raises:
        StashError: one of the refusals of spec.md, section *Freezing*.
    """
    stash, tool = wanted.stash, wanted.tool
    if commandline.is_question(wanted.flags):
        raise StashError(f"{' '.join(wanted.flags)}: a question to Hydra cannot be frozen")
    commit = tool_commit(stash, tool.name)
    name = SnapshotName(tool.name, tag, wanted.experiment)
    keep_clean(wanted)
    say(f"composing {name.title}")
    wanted, first = compose.compose(wanted)
    _refuse(name, first)
    say(f"composing {name.title} once more")
    _, second = compose.compose(wanted)
    depends = {other: tool_commit(stash, other) for other in _other_tools(stash, tool.name, first["files"], tools)}
    if tool_commit(stash, tool.name) != commit:
        raise StashError(f"{tool.path}: the tool moved while {name.title} was composed", "say it again")
    varies = body.differing(first["body"], second["body"])
    header = list(_header(wanted, name, commit, depends, first, varies))
    text = snapshot.render(header, body.render(first["body"]))
    _check_that_it_holds(name, text)
    notices = [tuple(notice) for notice in first["notices"]]
    notices += [(key, "differs from one composition to the next: frozen as first seen") for key in varies]
    return Frozen(name, text, tuple(notices), {tool.name: commit, **depends})


def _check_that_it_holds(name: SnapshotName, text: str) -> None:
    """Judge what is about to be written as a hook will; a finding is a fault of this program."""
    parsed = snapshot.parse(text.encode(), name.path)
    problems = [*snapshot.header_problems(parsed, name), *flat_problems(parsed, name)]
    if problems:
        raise RuntimeError("a snapshot that does not hold was about to be written:\n" + "\n".join(map(str, problems)))


def _refuse(name: SnapshotName, answer: dict[str, Any]) -> None:
    if answer["missing"]:
        keys = ", ".join(answer["missing"])
        raise StashError(
            f"{name.title}: nobody gave a value (???) for {keys}",
            f"{_again(name)} {answer['missing'][0]}=…",
        )
    for line in answer["shaped"]:
        raise StashError(
            f"{name.title}: the sweep {line} gives jobs other keys than the frozen config has; it cannot be frozen",
            f"{_again(name)} hydra.mode=RUN {line.partition('=')[0]}=…  # each choice by itself",
        )
    for key, why in answer["refused"]:
        raise StashError(
            f"{name.title}: {key}: {why}",
            f"{_again(name)} --keep {key}",
        )


def _config_flags(wanted: Wish, name: SnapshotName, work: str) -> str:
    """Return the flags, for a shell in the folder `work`, that make the frozen file Hydra's primary config."""
    folder, _, config = name.path.removesuffix(".yaml").rpartition("/")
    place = shlex.quote(os.path.relpath(folder, work))
    own = config_folder(wanted.root, wanted.tool, read_main(wanted.root, wanted.tool))
    if own is not None and (own / f"{config}.yaml").exists():
        # Behind `--config-dir`, the tool's own file of that name would win; only an absolute path takes its place.
        return f'--config-path="$(realpath {place})" --config-name={config}'
    return f"--config-dir={place} --config-name={config}"


def _again(name: SnapshotName) -> str:
    return f"experimentstash snapshot {name.tool} {name.experiment} --tag {name.tag}"


def _other_tools(stash: Path, own: str, files: Sequence[str], tools: Mapping[str, Tool]) -> list[str]:
    """Return the further tools whose files the program took code or configs from."""
    folder = os.path.realpath(stash / "tools") + os.sep
    used = {Path(file.removeprefix(folder)).parts[0] for file in files if file.startswith(folder)} - {own}
    for other in sorted(used - set(tools)):
        if (stash / "tools" / other / ".git").exists():
            raise StashError(
                f"tools/{other}: {own!r} takes code from it, and it is not registered",
                f"git rm --cached tools/{other} && experimentstash add-tool {other} URL",
            )
    return sorted(used & set(tools))


def _header(
    wanted: Wish,
    name: SnapshotName,
    commit: str,
    depends: Mapping[str, str],
    answer: dict[str, Any],
    varies: Sequence[str],
) -> Iterator[tuple[str, str]]:
    now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
    yield "SNAPSHOT", name.title
    yield "TAG", name.tag
    yield "TOOL_COMMIT", commit
    yield "TIMESTAMP", now
    for tool, pin in depends.items():
        yield "DEPENDS", f"{tool} {pin}"
    for override in wanted.overrides:
        yield "OVERRIDE", override
    settings, sweep = list(answer["settings"]), []
    if answer["multirun"]:
        settings = ["--multirun", *(line for line in settings if line != "hydra.mode=MULTIRUN")]
        sweep = list(answer["sweep"])
    for line in settings:
        yield "HYDRA", line
    for line in sweep:
        yield "SWEEP", line
    for key in varies:
        yield "VARIES", key
    yield from (tuple(line) for line in answer["lines"])
    if wanted.select == "compose":
        yield "SELECT", "compose"
        return
    if not answer["rerun"]:
        return
    late = [text for key, text in answer["lines"] if key == "LATE"]
    work = os.path.normpath(Path(wanted.tool.path, wanted.tool.workdir))
    flags, overrides = commandline.split([*settings, *sweep])
    yield "WORKDIR", work
    yield "RERUN", commandline.rerun(wanted.tool, _config_flags(wanted, name, work), [*flags, *overrides, *late])
