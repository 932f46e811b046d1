"""Asks a remote, without a user at a terminal, which commits it has: the answer, or the reason for none."""

from __future__ import annotations

import re
import subprocess
import tempfile
from functools import cached_property
from typing import TYPE_CHECKING

from experimentstash.core.process import run_whole
from experimentstash.core.urls import hide_secrets
from experimentstash.git.clone import Clone
from experimentstash.git.user_git import ask_git, clean_environment

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

PATIENCE = 60.0
"""Seconds that a remote has for each of its answers."""
_LONGEST = 300  # characters of git's error message
_SILENT = {
    "LC_ALL": "C",  # its output is parsed
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "GIT_PROTOCOL_FROM_USER": "0",  # as `git submodule` asks: a URL that a stash brings is not one that a user typed
}
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=15"
_ALONE = ("-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false")
_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")  # no merge requests (traps.md, *Submodules*)


_NO_REPOSITORY = re.compile(
    r"(?i)does not appear to be a git repository|repository\b.*\bnot found|\bproject\b.*\bnot be found|does not exist"
)


class NoAnswerError(Exception):
    """The remote cannot be asked; the text says why."""


class NoRepositoryError(NoAnswerError):
    """The remote answers, but has no such repository, or denies access."""


class LateAnswerError(NoAnswerError):
    """The remote took too long."""


class Asked:
    """A remote; one question answers for all commits.

    Args:
        url: its URL, or an absolute path.
        folder: an empty directory for its objects.
        clones: repositories on this machine that may have its commits; the settings of the first one reach it.
        patience: seconds for each answer.
    """

    def __init__(self, url: str, folder: Path, clones: Sequence[Clone], patience: float = PATIENCE) -> None:
        self._url = url
        self._folder = folder
        self._clones = clones
        self._patience = patience
        self._failure: NoAnswerError | None = None

    def has(self, names: Collection[str]) -> dict[str, bool]:
        """Tell of each commit, a full id or an abbreviation, whether a branch or a tag of the remote has it.

        One that only a fetch by its id would give does not count: it was forced away, and git will remove it.

        Raises:
            NoAnswerError: it cannot be asked.
        """
        if self._failure is not None:
            raise self._failure
        try:
            return self._answers(names)
        except NoAnswerError as failure:
            self._failure = failure
            raise

    def _answers(self, names: Collection[str]) -> dict[str, bool]:
        found = {name: True for name in names if name in self._tips}
        for clone in self._clones:
            # a clone here usually has the commits of the remote, which saves a fetch
            if left := [name for name in names if name not in found]:
                found |= self._told_by(clone, left)
        if left := [name for name in names if name not in found]:
            found |= contained(self._fetched, left, self._fetched.tips())
        if any(name not in found for name in names):
            raise NoAnswerError("git cannot read its answer")
        return found

    def _told_by(self, clone: Clone, names: Collection[str]) -> dict[str, bool]:
        """Return whether a clone finds commits in the remote's current refs; "no" requires that it has all refs."""
        here = [tip for ids in clone.commits(self._tips).values() for tip in ids]
        told = contained(clone, names, here)
        whole = len(here) == len(self._tips) and not clone.shallow
        return told if whole else {name: True for name, there in told.items() if there}

    @cached_property
    def _tips(self) -> frozenset[str]:
        """The current commits of its branches and tags, tags peeled."""
        told = self._git("ls-remote", "--heads", "--tags", "--", self._url).split("\n")
        names = {ref.removesuffix("^{}"): name for name, _, ref in (line.partition("\t") for line in told) if ref}
        return frozenset(names.values())  # the peeled line follows the tag's, and replaces it

    @cached_property
    def _fetched(self) -> Clone:
        """All commits of its branches and tags, without their files, in a repository that is thrown away."""
        into = self._folder / "fetched.git"
        wide = ["--object-format=sha256"] if any(len(tip) == 64 for tip in self._tips) else []
        self._git("init", "-q", "--bare", "--template=", *wide, "--", str(into))
        fetch = (f"--git-dir={into}", "fetch", "-q", "--no-tags", "--no-write-fetch-head")
        try:
            self._git(*fetch, "--filter=tree:0", "--", self._url, *_EVERYTHING)
        except LateAnswerError:
            raise
        except NoAnswerError:  # a server can forbid that filter
            self._git(*fetch, "--no-filter", "--", self._url, *_EVERYTHING)
        return Clone(into, into)

    @cached_property
    def _env(self) -> dict[str, str]:
        env = clean_environment(**_SILENT, GIT_CEILING_DIRECTORIES=str(self._folder))
        env.pop("GIT_QUARANTINE_PATH", None)  # in a server's hook: no ref could be written anywhere
        count = int(env.get("GIT_CONFIG_COUNT") or 0)
        for key, value in self._clones[0].reaching() if self._clones else ():
            env |= {f"GIT_CONFIG_KEY_{count}": key, f"GIT_CONFIG_VALUE_{count}": value}
            count += 1
        env["GIT_CONFIG_COUNT"] = str(count)
        chosen = "GIT_SSH_COMMAND" in env or "GIT_SSH" in env
        if not chosen and not ask_git("config", "--get", "core.sshCommand", cwd=self._folder, env=env).stdout:
            env["GIT_SSH_COMMAND"] = _SSH
        return env

    def _git(self, *args: str) -> str:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                code = run_whole(
                    ["git", *_ALONE, *args],
                    cwd=self._folder,
                    env=self._env,
                    limit=self._patience,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                )
            except subprocess.TimeoutExpired:
                raise LateAnswerError(f"no answer within {self._patience:g} seconds") from None
            out.seek(0)
            err.seek(0)
            said = err.read().decode("utf-8", "replace")
            if code != 0:
                reason = self._reason(said)
                if _NO_REPOSITORY.search(reason):
                    raise NoRepositoryError(reason)
                raise NoAnswerError(reason or f"git {args[0]} ended with exit code {code}")
            return out.read().decode("utf-8", "surrogateescape")

    def _reason(self, said: str) -> str:
        """Return the first paragraph of git's output as one line; the second contains only advice."""
        paragraph = hide_secrets(said, self._url).strip().partition("\n\n")[0]
        return "; ".join(line.strip() for line in paragraph.splitlines())[:_LONGEST]


def contained(clone: Clone, names: Collection[str], tips: Collection[str]) -> dict[str, bool]:
    """Return for each commit whether a tip reaches it; nothing if the clone cannot be read."""
    here = clone.commits(names)
    beyond = clone.beyond([one for ids in here.values() for one in ids], tips)
    return {} if beyond is None else {name: not beyond.issuperset(ids) for name, ids in here.items()}
