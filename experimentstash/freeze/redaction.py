"""Removes secrets and directories of this machine from the header lines of a freeze, and checks the whole text."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError
from experimentstash.core.secrets import Secrets, first_secret, masked, without_machine
from experimentstash.stash.snapshot_file import late_key, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from experimentstash.freeze.sweep import SnapshotPart, SnapshotParts
    from experimentstash.hydra.run_request import RunRequest
    from experimentstash.stash.snapshot_body import Tree

_GIVEN_AT_THE_RUN = "???"
_TYPED = "overrides.task"
_LEFT_OUT = "its override is left out: it holds a secret, or what only the run can give"
_DECIDED = frozenset("LATE LATE_AT BUILT BUILT_AT FIXED VARIES TYPE NODE RERUN".split())
"""Header keys whose lines the tool's process has redacted, or that repeat such lines."""


@dataclass(frozen=True)
class Redaction:
    """The redaction of one freeze.

    Attributes:
        request: the experiment.
        more: secrets that the program loaded itself, by the name of their variable.
        again: the command that freezes the experiment, up to the overrides.
    """

    request: RunRequest
    more: Mapping[str, str]
    again: str

    @property
    def _folders(self) -> tuple[Path, Path, Path]:
        return self.request.work, self.request.root, self.request.stash.root

    def parts(self, parts: SnapshotParts) -> SnapshotParts:
        """Return the parts with every line redacted.

        Raises:
            StashError: a line that a replay needs contains a secret that is not in an environment variable.
        """
        omissions: list[tuple[str, str]] = []
        whole = self._part(parts.whole, omissions)
        jobs = tuple(self._part(job, omissions) for job in parts.jobs)
        known = Secrets(more=self.more)
        notices = dict.fromkeys((known.masked(key), known.masked(what)) for key, what in (*parts.notices, *omissions))
        return replace(parts, whole=whole, jobs=jobs, notices=tuple(notices))

    def _part(self, part: SnapshotPart, omissions: list[tuple[str, str]]) -> SnapshotPart:
        late = {late_key(text): text.partition("=")[2] for key, text in part.lines if key == "LATE"}
        kept = self.kept(part.body)
        overrides = [(line, self._override(line, late, kept)) for line in part.overrides]
        omissions += [(_key(line), _LEFT_OUT) for line, clean in overrides if not clean]
        return replace(
            part,
            overrides=tuple(clean for _, clean in overrides if clean),
            settings=tuple(self._needed("HYDRA", line, kept) for line in part.settings),
            sweep=tuple(self._needed("SWEEP", line, kept) for line in part.sweep),
            jobs=tuple((key, self._job(text, kept) if key == "JOB" else text) for key, text in part.jobs),
            answers=tuple(self._answer(text, late, kept) for text in part.answers),
        )

    def _override(self, line: str, late: Mapping[str, str], kept: Sequence[str]) -> str:
        """Return an override as it may be published; empty if it must be omitted."""
        key = _key(line)
        if key in late and "=" in line:
            text = late[key]
            return "" if text == _GIVEN_AT_THE_RUN else f"{line.partition('=')[0]}={text}"
        if any(_is_below(key, one) or (_is_literal(line) and _is_below(one, key)) for one in late):
            return ""
        clean, what = self._line(line, kept)
        return "" if what else clean

    def _needed(self, header: str, line: str, kept: Sequence[str]) -> str:
        """Return a line that a replay needs, redacted.

        Raises:
            StashError: the line contains a secret that is not in an environment variable.
        """
        clean, what = self._line(line, kept)
        if what:
            raise StashError(
                f"{self.request.experiment}: {header} {masked(_key(line))}: it holds {what}",
                self.fix(_key(line), typed=True),
            )
        return clean

    def _answer(self, text: str, late: Mapping[str, str], kept: Sequence[str]) -> str:
        """Return an `ANSWER` line, redacted; task overrides are redacted like the `OVERRIDE` lines."""
        place, _, value = text.partition("=")
        if place != _TYPED:
            return self._checked_answer(place, text, kept)
        lines = [self._override(line, late, kept) for line in json.loads(value)]
        return f"{place}={json.dumps([line for line in lines if line])}"

    def _checked_answer(self, place: str, text: str, kept: Sequence[str]) -> str:
        """Return the `ANSWER` line of a setting that no override can set.

        Raises:
            StashError: the line contains a secret, or a name of this machine.
        """
        clean, what = self._line(text, kept)
        if what:
            where = f"{self.request.experiment}: hydra.{place}"
            raise StashError(f"{where}: it holds {what}", f"write ${{oc.env:NAME}} for it where hydra.{place} is set")
        return clean

    def _job(self, text: str, kept: Sequence[str]) -> str:
        number, *lines = shlex.split(text)
        return f"{number} {shlex.join(self._needed('JOB', line, kept) for line in lines)}".rstrip()

    def _line(self, line: str, kept: Sequence[str] = ()) -> tuple[str, str]:
        """Return a redacted override, and the kind of secret that it still contains (empty for none)."""
        key, equals, value = line.partition("=")
        clean = f"{key}={Secrets(more=self.more).replaced(value)}" if equals else line
        if found := first_secret(clean, kept, self.more):
            return clean, found[1]
        portable = without_machine(clean, *self._folders)
        return portable or "", "" if portable is not None else "the name of this machine or of its user"

    def kept(self, body: Tree) -> list[str]:
        """Return the texts of the config at the keys that the user chose to keep."""
        return [text for key, text in _leaves(body) if any(_is_below(key, kept) for kept in self.request.keep)]

    def check(self, text: str, where: str, body: Tree) -> None:
        """Check the whole text of a file before it is written.

        Raises:
            StashError: the text contains a secret, or its header names a directory or a user of this machine.
        """
        if found := first_secret(text, self.kept(body), self.more):
            number, what = found
            key = next((key for key, leaf in _leaves(body) if first_secret(leaf, (), self.more)), "")
            header = text.split("\n")[number - 1].removeprefix("# ").partition(":")[0]
            fix = f"{self.again} --late {shlex.quote(key)}" if key else f"take it out of what the line {header} tells"
            raise StashError(f"{where}: {masked(key or header)} (line {number}): it holds {what}", masked(fix))
        for key, value in parse(text.encode(), where).header:
            line = f"={value}"
            if key not in _DECIDED and without_machine(line, *self._folders) != line:
                raise StashError(
                    f"{where}: the header line {key} contains a directory or a user name of this machine",
                    "change it where the line comes from: the registry, or the tool's environment",
                )

    def fix(self, key: str, *, typed: bool = False) -> str:
        """Return the command that freezes without the secret at a key, and reads it from an environment variable."""
        given = next((line for line in self.request.overrides if _is_below(key, _key(line))), f"{key}=" * typed)
        lines = [self._line(line) for line in self.request.overrides if line != given]
        words = [clean for clean, what in lines if not what]
        if not given:
            return f"{self.again} {shlex.join([*words, '--late', key])}"
        name = re.sub(r"[^A-Z0-9]+", "_", key.upper()).strip("_") or "SECRET"
        return f"{self.again} {shlex.join([*words, self._asking(given, name)])}  # and set {name} for a run"

    def _asking(self, line: str, name: str) -> str:
        """Return an override that reads its secret from an environment variable."""
        key, _, value = line.partition("=")
        found, asks = list(Secrets(more=self.more).all(value)), f"${{oc.env:{name}}}"
        if not found or "\n" in value:
            return f"{key}={asks}"
        for held in found:
            value = value.replace(held.text, asks)
        return f"{key}={value}"


def _key(line: str) -> str:
    return line.partition("=")[0].lstrip("+~").partition("@")[0]


def _is_below(key: str, above: str) -> bool:
    return f"{key}.".startswith(f"{above}.")


def _is_literal(line: str) -> bool:
    """Return whether the value of an override is a mapping or a list, not an option of a config group."""
    return line.partition("=")[2].startswith(("{", "["))


def _leaves(tree: Tree, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each string of a config with its dotted key."""
    if "leaf" in tree:
        if isinstance(tree["leaf"], str):
            yield path, tree["leaf"]
        return
    children: Any = tree["map"] if "map" in tree else enumerate(tree["list"])
    for name, child in children:
        yield from _leaves(child, f"{path}.{name}" if path else str(name))


def exposed(found: Sequence[Sequence[str]], redaction: Redaction, title: str, path: str) -> Iterator[StashError]:
    """Yield an error for each key whose secret cannot be removed.

    Args:
        found: pairs of key and reason, from the tool's process.
        redaction: the redaction of this freeze.
        title: the name of the experiment in messages.
        path: the file to freeze in place; empty for a working config.
    """
    for key, why in found:
        if path:
            fix = f"write ${{oc.env:NAME}} for it into {path}"
        elif why.startswith("a key"):
            fix = f"{redaction.again} {shlex.quote(f'~{key}')}  # or name what it maps otherwise"
        else:
            fix = redaction.fix(key)
        yield StashError(f"{title}: {masked(key)}: {why}", masked(fix))
