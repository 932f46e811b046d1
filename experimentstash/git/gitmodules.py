"""Reads `.gitmodules`: the tools as submodules, and their remotes."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from experimentstash.core.urls import is_path, resolve
from experimentstash.git.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from experimentstash.git.location import GitLocation
    from experimentstash.git.objects import Objects

_FILE = ".gitmodules"
_LARGEST = 1024 * 1024  # bytes
_KEYS = r"^submodule\..*\.(path|url)$"


class Submodule(NamedTuple):
    """The entry of a tool in `.gitmodules`.

    Attributes:
        name: its name in git; by default its path, as `git submodule add` names it.
        url: the URL of its remote; empty if `.gitmodules` has none that git accepts.
    """

    name: str
    url: str = ""


class Submodules:
    """The `.gitmodules` of a stash; each version is parsed once for many commits."""

    def __init__(self, place: GitLocation, objects: Objects) -> None:
        self._place = place
        self._objects = objects
        self._read: dict[Entry, Mapping[str, Submodule]] = {}

    def at(self, commits: Collection[str | None]) -> dict[str | None, Mapping[str, Submodule]]:
        """Return the submodules that each commit records, by path; None means the index.

        Raises:
            StashError: a commit is not here, or is damaged.
        """
        blobs = self._blobs([commit for commit in commits if commit is not None])
        if None in commits:
            for line in self._place.fields("ls-files", "-s", "-z", "--", _FILE):
                mode, blob, _ = line.partition("\t")[0].split(" ")
                blobs[None] = Entry(mode, blob)
        return {commit: self._parsed(blobs[commit]) if commit in blobs else {} for commit in commits}

    def _blobs(self, commits: list[str]) -> dict[str | None, Entry]:
        tops = dict(zip(commits, self._objects.tops(commits), strict=True))
        self._objects.load([(top, _FILE) for top in tops.values()])
        held = {commit: self._objects.tree(top, _FILE).get(_FILE) for commit, top in tops.items()}
        return {commit: entry for commit, entry in held.items() if entry is not None}

    def _parsed(self, entry: Entry) -> Mapping[str, Submodule]:
        if entry not in self._read:
            data = self._objects.read(entry.id, _LARGEST).data if entry.is_file else None  # git follows no link here
            self._read[entry] = self._submodules(data or b"")
        return self._read[entry]

    def _submodules(self, data: bytes) -> dict[str, Submodule]:
        """Parse a `.gitmodules`, and ignore malicious names and values, as git does."""
        paths: dict[str, str] = {}
        urls: dict[str, str] = {}
        # on stdin, git would follow includes
        answer = self._place.ask("config", "-z", "--file", "-", "--no-includes", "--get-regexp", _KEYS, stdin=data)
        for field in answer.stdout.decode("utf-8", "surrogateescape").split("\0"):
            key, line, value = field.partition("\n")
            name, _, variable = key.removeprefix("submodule.").rpartition(".")
            if line and name and ".." not in re.split(r"[/\\]", name) and not value.startswith("-"):
                (paths if variable == "path" else urls)[name] = value
        return {path: Submodule(name, self._resolved(urls.get(name, ""))) for name, path in paths.items()}

    def _resolved(self, url: str) -> str:
        try:
            return resolve(url, self._base) if url.startswith(("./", "../")) else url
        except ValueError:
            return ""

    @cached_property
    def _base(self) -> str:
        """The base of relative URLs: the default remote of the stash, or its directory without one."""
        head = self._one("symbolic-ref", "--quiet", "HEAD").removeprefix("refs/heads/")
        remotes = self._place.lines("remote")
        remote = self._one("config", "--get", f"branch.{head}.remote") if head else ""
        if remote not in remotes:  # a local branch may follow another, whose remote is `.`
            remote = "origin" if "origin" in remotes or len(remotes) != 1 else remotes[0]
        url = self._one("config", "--get", f"remote.{remote}.url")
        return os.path.normpath(self._place.root / url) if is_path(url) else url

    def _one(self, *args: str) -> str:
        return self._place.ask(*args).stdout.decode("utf-8", "surrogateescape").removesuffix("\n")
