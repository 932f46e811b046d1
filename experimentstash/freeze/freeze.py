"""Freezes one experiment into a snapshot in memory: composes it twice, redacts and judges it, and writes nothing."""

from __future__ import annotations

import datetime as dt
import logging
import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError, quote
from experimentstash.core.names import REGISTRY, SnapshotName, near, nearest
from experimentstash.freeze.pending_snapshot import PendingSnapshot, problems_of
from experimentstash.freeze.redaction import Redaction, exposed
from experimentstash.freeze.sweep import SnapshotPart, parts
from experimentstash.git.checkouts.tool_commit import tool_commit
from experimentstash.hydra import command_line
from experimentstash.hydra.launch import keep_clean
from experimentstash.hydra.loaded_code import Loaded, check_own_code, foreign
from experimentstash.hydra.source.further_configs import further_configs
from experimentstash.stash import snapshot_body, snapshot_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from experimentstash.freeze.environment_capture import CapturedEnvironment
    from experimentstash.hydra.compose import Compositions
    from experimentstash.hydra.run_request import RunRequest
    from experimentstash.stash.stash import Stash

    _Lines = Sequence[tuple[str, str]]

_log = logging.getLogger(__name__)


def freeze(
    request: RunRequest,
    tag: str,
    within: Callable[[], CapturedEnvironment],
    composing: Compositions,
    kept: Sequence[tuple[str, str]] = (),
) -> PendingSnapshot:
    """Freeze one experiment, without writing anything.

    Args:
        request: the experiment, its overrides and flags.
        tag: the tag of the snapshot.
        within: returns the environment of the tool; called after the experiment has composed.
        composing: composes the experiment together with the others of the same freeze.
        kept: further header lines, which the user wrote, to keep.

    Raises:
        StashError: the experiment cannot be frozen (spec.md, section *Freezing*).
    """
    stash, tool = request.stash, request.tool
    commit = tool_commit(stash, tool.name)
    name = SnapshotName(tool.name, tag, request.experiment)
    keep_clean(request)
    _log.info("composing %s", name.title)
    request, first = composing.first(request)
    _refuse(request, name, first)
    _log.info("composing %s once more", name.title)
    with ThreadPoolExecutor(1) as beside:
        beside.submit(snapshot_body.render, first["body"])  # render while the tool composes again
        second = composing.second(request)
    depends = {other: tool_commit(stash, other) for other in _other_tools(stash, tool.name, first["files"])}
    if {commit, tool_commit(stash, tool.name)} != {request.resolved.commit}:
        raise StashError(
            f"{tool.path}: the checkout of the tool changed while {name.title} was composed", "rerun the same command"
        )
    redaction = Redaction(request, {**first["secrets"], **second["secrets"]}, _again(name))
    contents, environment = redaction.parts(parts(request.overrides, first, second)), within()
    projects = [value for key, value in environment.header if key == "PROJECT"]
    loaded = Loaded.of([first["loaded"], second["loaded"]])
    check_own_code(foreign(stash, [tool.name, *depends], loaded, projects))
    common, after = list(_common(tag, commit, depends)), [*environment.header, *kept]

    def text(name: SnapshotName, part: SnapshotPart) -> str:
        text = _text(request, name, common, after, part)
        redaction.check(text, name.title, part.body)
        return text

    jobs = {name.job(number).path: text(name.job(number), part) for number, part in enumerate(contents.jobs)}
    published = tuple(text for part in (contents.whole, *contents.jobs) for text in redaction.kept(part.body))
    notices = (*contents.notices, *_further(request, loaded))
    pins = {tool.name: commit, **depends}
    return PendingSnapshot(name, text(name, contents.whole), notices, pins, {**environment.files, **jobs}, published)


def _further(request: RunRequest, loaded: Loaded) -> list[tuple[str, str]]:
    files = [file for _, file in loaded.modules]
    named = further_configs(request.root, files, uses_compose=request.select == "compose")
    notice = "composed by the program itself, and not frozen: a replay takes it from the tag's commits"
    return [(config, notice) for config in named]


def _refuse(request: RunRequest, name: SnapshotName, answer: dict[str, Any]) -> None:
    written = request.configs is not None  # the text to be frozen stands in the snapshot's own file
    missing, refused, unresolved = (_of_all(answer, part) for part in ("missing", "refused", "unresolved"))
    _refuse_unused(request, name, answer)
    if missing:
        options = " ".join(f"--late {quote(key)}" for key in missing)
        raise StashError(
            f"{name.title}: missing value: {', '.join(f'{key} (???)' for key in missing)}",
            f"write a value into {name.path}  # if the program gives it: name it in `late:` of {REGISTRY}"
            if written
            else f"{_again(name)} {options}  # if the program gives it itself; or give a value: {missing[0]}=VALUE",
        )
    if unresolved:
        raise StashError(
            f"{name.title}: {unresolved[0]}",
            f"write what it is built from into {name.path}"
            if written
            else f"{_again(name)} {unresolved[0].partition(' ')[0]}=VALUE",
        )
    for line in answer["shaped"]:
        raise StashError(
            f"{name.title}: {answer['sweeper']} chooses as it runs what jobs the sweep {line} has: they may have other"
            " keys than the frozen config; it cannot be frozen",
            f"write one choice into {name.path}"
            if written
            else f"{_again(name)} hydra.mode=RUN {line.partition('=')[0]}=VALUE  # each choice by itself",
        )
    redaction = Redaction(request, answer["secrets"], _again(name))
    for refusal in exposed(_of_all(answer, "exposed"), redaction, name.title, name.path if written else ""):
        raise refusal
    for key, why, option in refused:
        if not option:
            fix = f"{_again(name)} {quote(f'{key}=VALUE')}  # with a value that a file can hold"
        elif written:
            fix = f"name it in `{option}:` of {name.tool} in {REGISTRY}"
        else:
            what = "freeze a plain value" if option == "plain" else "leave it to each run"
            fix = f"{_again(name)} --{option} {quote(key)}  # {what}"
        raise StashError(f"{name.title}: {key}: {why}", fix)


def _refuse_unused(request: RunRequest, name: SnapshotName, answer: dict[str, Any]) -> None:
    """Raise `StashError` if an option or the registry names a key that the config does not have."""
    said = answer.get("jobs", [answer])
    unused = [tuple(one) for one in said[0]["unused"] if all(one in other["unused"] for other in said)]
    if not unused:
        return
    option, key = unused[0]
    keys = list(dict.fromkeys(known for one in said for known in one["keys"]))
    if key in getattr(request.tool, option):
        where, fix = f"`{option}:` of {name.tool} in {REGISTRY}", f"take {key} out of `{option}:` in {REGISTRY}"
    else:
        where, fix = f"--{option} {key}", " ".join([_again(name), *_option(option, nearest(key, keys))])
    raise StashError(f"{name.title}: {where}: the config has no key {key!r}{near(key, keys)}", fix)


def _option(option: str, key: str | None) -> list[str]:
    return [] if key is None else [f"--{option} {quote(key)}"]


def _of_all(answer: dict[str, Any], part: str) -> list[Any]:
    """Return the values of one part of an answer, over all jobs, without duplicates."""
    values: list[Any] = []
    for job in answer.get("jobs", [answer]):
        values += [value for value in job[part] if value not in values]
    return values


def _config_flags(request: RunRequest, name: SnapshotName, work: str) -> str:
    """Return the flags, for a shell in the directory `work`, that make the frozen file Hydra's primary config."""
    folder, _, config = name.path.removesuffix(".yaml").rpartition("/")
    place = shlex.quote(os.path.relpath(folder, work))
    own = request.resolved.config_directory
    if own is not None and (own / f"{config}.yaml").exists():
        # With `--config-dir`, the tool's own file of that name would win; an absolute path replaces it.
        return f'--config-path="$(realpath {place})" --config-name={config}'
    return f"--config-dir={place} --config-name={config}"


def _again(name: SnapshotName) -> str:
    return f"experimentstash snapshot {name.tool} {name.experiment} --tag {name.tag}"


def _other_tools(stash: Stash, own: str, files: Sequence[str]) -> list[str]:
    """Return the other tools whose code or configs the program used."""
    folder = os.path.realpath(stash.root / "tools") + os.sep
    used = {Path(file.removeprefix(folder)).parts[0] for file in files if file.startswith(folder)} - {own}
    for other in sorted(used - set(stash.tools)):
        if (stash.root / "tools" / other / ".git").exists():
            raise StashError(
                f"tools/{other}: {own!r} uses code from it, and it is not registered",
                f"write `{other}: {{path: tools/{other}, entrypoint: PROGRAM}}` below `tools:` in {REGISTRY}",
            )
    return sorted(used & set(stash.tools))


def _common(tag: str, commit: str, depends: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Return the header lines that all files of a freeze share."""
    yield "TAG", tag
    yield "TOOL_COMMIT", commit
    yield "TIMESTAMP", dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
    for tool, pin in depends.items():
        yield "DEPENDS", f"{tool} {pin}"


def _text(request: RunRequest, name: SnapshotName, common: _Lines, after: _Lines, part: SnapshotPart) -> str:
    """Return the text of a snapshot file, after judging it: shared header lines, its own lines, and the body."""
    rendered = snapshot_body.render(part.body)
    own = [*_header(request, name, part), ("BODY", snapshot_file.body_digest(rendered))]
    text = snapshot_file.render([("SNAPSHOT", name.title), *common, *own, *after], rendered)
    if problems := problems_of(name, text):
        raise RuntimeError("a snapshot that does not hold was about to be written:\n" + "\n".join(map(str, problems)))
    return text


def _header(request: RunRequest, name: SnapshotName, part: SnapshotPart) -> Iterator[tuple[str, str]]:
    for override in part.overrides:
        yield "OVERRIDE", override
    for line in part.settings:
        yield "HYDRA", line
    for line in part.sweep:
        yield "SWEEP", line
    yield from part.jobs
    for key in part.varies:
        yield "VARIES", key
    yield from part.lines
    for answer in part.answers:
        yield "ANSWER", answer
    if request.select == "compose":
        yield "SELECT", "compose"
        return
    late = [text for key, text in part.lines if key == "LATE"]
    if not part.rerun or command_line.is_circular(part.settings, [*late, *part.follows]):
        return
    work = os.path.normpath(Path(request.tool.path, request.tool.workdir))
    flags, overrides = command_line.split([*part.settings, *part.sweep])
    yield "WORKDIR", work
    yield (
        "RERUN",
        command_line.rerun(
            request.tool, _config_flags(request, name, work), [*flags, *overrides, *late, *part.follows]
        ),
    )
