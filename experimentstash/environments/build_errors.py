"""Explains failed builds: finds the failed package and a fix in the output of uv, pip and others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, printable
from experimentstash.environments.packages import normal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_AT_HAND = "or use the current environment with --no-build"
_ERROR = re.compile(r"\s*(error\b|ERROR\b|\u00d7|The lock file|pyproject\.toml changed)")
_SHOWN = 60  # lines of an installer's output in a message; the log has all
_PINNED = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?={2,3}([A-Za-z0-9][\w.!+-]*)")
_QUOTED = re.compile(
    r"(?:wheel for|to build|download|package|built:?|trusted hash was provided for:) [`'\"]?([A-Za-z0-9][\w.-]*)"
)
_TAKEN_UP = re.compile(r"^\s*(?:Collecting|Processing|Building wheel for) (?:\S*/)?([A-Za-z0-9][\w.-]*)", re.MULTILINE)


@dataclass(frozen=True)
class _Sign:
    """For each kind of failure: a pattern of the installers' output, the explanation, and the fix."""

    pattern: re.Pattern[str]
    what: str
    fix: str


_SIGNS = (
    _Sign(
        re.compile(r"No space left on device|os error 28\b|Errno 28\b|Disk quota exceeded|os error 122\b|Errno 122\b"),
        "no space left for the environment that {lock} describes",
        "export EXPERIMENTSTASH_CACHE=FOLDER  # on a disk with room, then rerun the same command",
    ),
    _Sign(
        re.compile(
            r"lockfile at .* needs to be updated|significantly since poetry\.lock was last generated"
            r"|project's requirements are unsatisfiable|lock file is not compatible"
        ),
        "{lock} does not fit the pyproject.toml beside it, so it cannot be built unchanged",
        f"take a commit of the tool whose lock fits, {_AT_HAND}",
    ),
    _Sign(
        re.compile(r"(?i)hash mismatch|DO NOT MATCH THE HASHES|hash for .* not found in known hashes"),
        "{package} is not what {lock} names: its hash is another one",
        "take the file of that hash from elsewhere: the index serves another one under that name",
    ),
    _Sign(
        re.compile(
            r"dns error|error sending request|tcp connect error|Connection refused|NewConnectionError"
            r"|NameResolutionError|Network is unreachable|Temporary failure in name resolution|network was disabled"
            r"|Max retries exceeded|(?i:connect\w* timed? ?out|read timed out|All attempts to connect)"
        ),
        "the package index could not be reached for {package}",
        f"rerun the same command when the network is there, {_AT_HAND}",
    ),
    _Sign(
        re.compile(
            r"(?i)incompatible with the project's Python requirement|Requires-Python|requires a different python"
        ),
        "{lock} is not for this Python",
        f"uv python install VERSION, {_AT_HAND}",
    ),
    _Sign(
        re.compile(
            r"Failed to (?:download and )?build|metadata-generation-failed|subprocess-exited-with-error"
            r"|building wheel for|Unable to build|ChefBuildError"
        ),
        "{package}, which {lock} names, could not be built here",
        f"install what its build asks for, and rerun the same command, {_AT_HAND}",
    ),
    _Sign(
        re.compile(
            r"No matching distribution|no version of|not found in the|no wheels? with|no usable wheels"
            r"|Failed to download|HTTP error 404|404 Not Found|404 Client Error|Git operation failed|git clone"
            r"|Unable to find installation|Could not find a version|nothing provides|does not exist"
        ),
        "{package} is no longer available as pinned in {lock}",
        f"name another index with UV_INDEX or PIP_INDEX_URL, {_AT_HAND}",
    ),
    _Sign(
        re.compile(
            r"No solution found|ResolutionImpossible|unsatisfiable|trusted hash|must have their versions pinned"
        ),
        "{lock} does not resolve: {package}",
        f"take a commit of the tool whose lock resolves, {_AT_HAND}",
    ),
)


def failure(
    title: str, lock: str, known: Mapping[str, frozenset[str]], said: Sequence[str], log: Path | None
) -> StashError:
    """Return the error for an installer that failed.

    Args:
        title: the snapshot that needs the environment.
        lock: the lock's path, for the message.
        known: the versions of each package in the lock; the failed package is one of these.
        said: the installer's output, line by line.
        log: the file with the output, or None.
    """
    words = _error_part(said)
    own, whole = "\n".join(words), "\n".join(said)
    sign = next((sign for sign in _SIGNS if sign.pattern.search(_searched(sign, own, whole))), None)
    what = sign.what if sign else "the environment that {lock} describes could not be built"
    package = _package(own, known) or _package_at_work(whole, known) or "a package"
    shown = [printable(line, keep="\t") for line in words[-_SHOWN:]]
    kept = [f"(all of it: {log})"] if log else []
    message = "\n".join([f"{title}: {what.format(lock=lock, package=package)}", *shown, *kept])
    return StashError(message, sign.fix if sign else f"read what it said, {_AT_HAND}")


def _searched(sign: _Sign, own: str, whole: str) -> str:
    """Return the text to search for a pattern: pip first warns about the network, then only lacks the package."""
    return whole if sign is _SIGNS[0] or (sign is _SIGNS[3] and "(from versions: none)" in own) else own


def is_error(line: str) -> bool:
    """Return whether an installer's error message begins with this line."""
    return _ERROR.match(line) is not None


def _error_part(said: Sequence[str]) -> list[str]:
    start = next((number for number, line in enumerate(said) if is_error(line)), max(len(said) - 20, 0))
    return [line for line in said[start:] if line.strip()]


def _package(text: str, known: Mapping[str, frozenset[str]]) -> str | None:
    """Return the package that an error is about, as `name==version`, or None if it names none."""
    pinned = [(match[1], match[2].rstrip(".,")) for match in _PINNED.finditer(text)]
    for name, version in pinned:
        if version in known.get(normal(name), ()):
            return f"{name}=={version}"
    named = [match[1] for match in _QUOTED.finditer(text)]
    for name in named:
        if normal(name) in known:
            return _with_version(name, known)
    return f"{pinned[0][0]}=={pinned[0][1]}" if pinned and not known else None


def _package_at_work(text: str, known: Mapping[str, frozenset[str]]) -> str | None:
    """Return the package that pip processed last: for a failing build it prints no name."""
    for match in reversed(list(_TAKEN_UP.finditer(text))):
        for name in (match[1], re.split(r"-(?=\d)", match[1])[0]):  # it can be a file name
            if normal(name) in known:
                return _with_version(name, known)
    return None


def _with_version(name: str, known: Mapping[str, frozenset[str]]) -> str:
    versions = known[normal(name)]
    return f"{normal(name)}=={next(iter(versions))}" if len(versions) == 1 else normal(name)
