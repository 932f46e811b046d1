"""A tool's repository on this machine, asked which commits it has: nothing is written to it, and nothing fetched."""

from __future__ import annotations

import hashlib
import os
import re
from functools import cached_property
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from experimentstash.core.errors import StashError
from experimentstash.core.urls import is_path
from experimentstash.git import location
from experimentstash.git.entries import LINK, PIN
from experimentstash.git.user_git import ask_git, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

T = TypeVar("T")

_IDS = (40, 64)  # hex digits of a full id
_REMOTES = r"^remote\..*\.(url|pushurl|fetch)$"
_REACHING = r"^(http|credential|url|ssh)\.|^core\.(sshcommand|gitproxy)$"
_PUBLIC = ("refs/heads/", "refs/tags/")  # refs that a clone fetches; merge requests are elsewhere


class Remote(NamedTuple):
    """A remote of a clone.

    Attributes:
        name: its name.
        url: the URL that the clone fetches from.
        push_urls: the URLs that it pushes to, if different; `tips` includes what was pushed there.
        tips: the full ids of its branches and tags when last fetched.
    """

    name: str
    url: str
    push_urls: tuple[str, ...]
    tips: tuple[str, ...]


def first_answer(clones: Iterable[Clone], ask: Callable[[Clone], T | None]) -> T | None:
    """Return the answer of the first clone that has one, or None."""
    return next((answer for answer in map(ask, clones) if answer is not None), None)


class Clone:
    """A repository that is read, and never written.

    Args:
        git_dir: the directory that holds its `HEAD`.
        root: the top of its working tree, whether it is there or not.
        at: the arguments by which git finds it from the stash's root.
    """

    def __init__(self, git_dir: Path, root: Path, at: tuple[str, ...] = ()) -> None:
        self.git_dir = git_dir
        self.at = at
        self._root = root
        # the working tree may be gone, and git would not start (`core.worktree`); a partial clone would ask its
        # remote for what it lacks; `git replace` knows another history than the remote
        self._env = clean_environment(
            GIT_DIR=str(git_dir),
            GIT_WORK_TREE=str(git_dir),
            GIT_ALLOW_PROTOCOL="",
            GIT_NO_LAZY_FETCH="1",
            GIT_NO_REPLACE_OBJECTS="1",
        )

    def commits(self, names: Collection[str]) -> dict[str, list[str]]:
        """Return the commits here with each id: at most one, or several for an ambiguous abbreviation."""
        short = [name for name in names if len(name) not in _IDS]
        listed = self._lines("rev-parse", *(f"--disambiguate={name}" for name in short)) if short else []
        named = {name: [name] if len(name) in _IDS else [i for i in listed if i.startswith(name)] for name in names}
        asked = list(dict.fromkeys(chain(*named.values())))
        stdin = "".join(f"{one}\n" for one in asked)
        told = self._lines("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=stdin) if asked else []
        here = {one: ends[1] for one, ends in zip(asked, map(str.split, told), strict=False) if ends[0] == "commit"}
        return {name: [here[one] for one in ids if one in here] for name, ids in named.items()}

    def beyond(self, commits: Collection[str], tips: Iterable[str]) -> set[str] | None:
        """Return those of the commits, all of them here, that no tip has behind it, or None if git cannot say."""
        if not commits:
            return set()
        stdin = "".join([*(f"{one}\n" for one in commits), *(f"^{one}\n" for one in tips)])
        answer = self._ask("rev-list", "--stdin", stdin=stdin)
        return None if answer is None else set(commits).intersection(answer.split("\n"))

    def digest(self, name: str, path: str) -> str | None:
        """Return the SHA-256, in hex, of the file that a commit holds.

        Args:
            name: the commit's id, perhaps abbreviated.
            path: the file's path from the top of the repository.

        Returns:
            An empty text where the commit holds no such file, and None where this repository cannot tell: it has not
            the commit or the file's bytes, or the file is in a submodule of the commit.
        """
        commits = self.commits([name])[name]
        if not commits:
            return None
        parents = [parent.as_posix() for parent in PurePosixPath(path).parents][:-1]
        listed = self._ask("ls-tree", "-z", commits[0], "--", path, *parents)
        modes = {line.partition("\t")[2]: line.split(" ", 1)[0] for line in (listed or "").split("\0") if line}
        if listed is None or PIN in modes.values() or LINK in modes.values():
            return None
        if path not in modes:
            return ""
        data = self._ask("cat-file", "blob", f"{commits[0]}:{path}")
        return None if data is None else hashlib.sha256(data.encode("utf-8", "surrogateescape")).hexdigest()

    def file(self, name: str, path: str) -> bytes | None:
        """Return the bytes of the file that a commit holds, or None if this repository cannot tell.

        Args:
            name: the commit's id, perhaps abbreviated.
            path: the file's path from the top of the repository.
        """
        commits = self.commits([name])[name]
        data = self._ask("cat-file", "blob", f"{commits[0]}:{path}") if commits else None
        return None if data is None else data.encode("utf-8", "surrogateescape")

    def between(self, old: str, new: str) -> list[tuple[str, str, bool]] | None:
        """Return the commits that only one of two has behind it, newest first, or None if one of them is not here.

        Args:
            old: the id of a commit, perhaps abbreviated.
            new: that of another.

        Returns:
            The full id of each, the first line of its message, and whether it is the new one that has it.
        """
        ends = self.commits([old, new])
        if not ends[old] or not ends[new]:
            return None
        asked = ("log", "--format=%m%H %s", "--left-right", f"{ends[old][0]}...{ends[new][0]}", "--")
        lines = (line.partition(" ") for line in self._lines(*asked))
        return [(commit[1:], subject, commit.startswith(">")) for commit, _, subject in lines]

    @cached_property
    def shallow(self) -> bool:
        """Whether its history was not fetched to the end."""
        return self._lines("rev-parse", "--is-shallow-repository") != ["false"]

    @cached_property
    def remotes(self) -> Sequence[Remote]:
        """Its remotes."""
        urls: dict[str, str] = {}
        push_urls: dict[str, list[str]] = {}
        refspecs: list[tuple[str, str, str]] = []
        for key, value in self._settings("--get-regexp", _REMOTES):
            name, _, variable = key.removeprefix("remote.").rpartition(".")
            if variable == "fetch":
                source, _, target = value.removeprefix("+").partition(":")
                refspecs.append((name, source, target))
            elif variable == "url":
                urls.setdefault(name, self._absolute(value))
            else:
                push_urls.setdefault(name, []).append(self._absolute(value))
        tips: dict[str, list[str]] = {name: [] for name in urls}
        for line in self._lines("for-each-ref", "--format=%(objectname) %(refname)", "refs/remotes"):
            tip, _, ref = line.partition(" ")
            sources = dict.fromkeys(_sources(ref, refspecs))
            if len({name for name, _ in sources}) == 1 and all(source.startswith(_PUBLIC) for _, source in sources):
                tips.setdefault(next(iter(sources))[0], []).append(tip)
        return [Remote(name, url, tuple(push_urls.get(name, ())), tuple(tips[name])) for name, url in urls.items()]

    def submodules(self, commits: Iterable[str]) -> dict[str, list[tuple[str, str, str, str]]]:
        """Return the submodules that commits here record and name in `.gitmodules`: path, commit, name, URL."""
        names = list(commits)
        asked = "".join(f"{commit}:.gitmodules\n" for commit in names)
        told = self._lines("cat-file", "--batch-check=%(objecttype)", stdin=asked) if asked else []
        return {one: self._named(one) for one, kind in zip(names, told, strict=False) if kind == "blob"}

    def _named(self, commit: str) -> list[tuple[str, str, str, str]]:
        paths: dict[str, str] = {}
        urls: dict[str, str] = {}
        for key, value in self._settings(
            f"--blob={commit}:.gitmodules", "--get-regexp", r"^submodule\..*\.(path|url)$"
        ):
            name, _, variable = key.removeprefix("submodule.").rpartition(".")
            if ".." not in re.split(r"[/\\]", name) and not value.startswith("-"):
                (paths if variable == "path" else urls)[name] = value
        held: dict[str, str] = {}
        listed = self._ask("ls-tree", "-z", "--full-tree", commit, "--", *paths.values()) if paths else ""
        for line in (listed or "").split("\0"):
            mode, _, rest = line.partition(" ")
            if mode == "160000":
                held[line.partition("\t")[2]] = rest.partition(" ")[2].partition("\t")[0]
        return [(path, held[path], name, urls.get(name, "")) for name, path in paths.items() if path in held]

    def branch_with(self, commit: str) -> str:
        """Return a branch that has the commit, best the one that is checked out, or an empty text."""
        asked = ("--count=1", "--sort=-HEAD", f"--contains={commit}", "--format=%(refname:lstrip=2)", "refs/heads")
        return "".join(self._lines("for-each-ref", *asked))

    def tips(self) -> list[str]:
        """Return the full ids of its own branches and tags."""
        return self._lines("for-each-ref", "--format=%(objectname)")

    def reaching(self) -> list[tuple[str, str]]:
        """Return the settings of this clone alone that say how remotes are reached: proxies, credentials, ssh."""
        return list(self._settings("--local", "--includes", "--get-regexp", _REACHING))

    def _settings(self, *asked: str) -> Iterator[tuple[str, str]]:
        for field in (self._ask("config", "-z", *asked) or "").split("\0"):
            key, line, value = field.partition("\n")
            if line:
                yield key, value

    def _absolute(self, url: str) -> str:
        return os.path.normpath(self._root / url) if is_path(url) else url

    def _lines(self, *args: str, stdin: str = "") -> list[str]:
        out = (self._ask(*args, stdin=stdin) or "").removesuffix("\n")
        return out.split("\n") if out else []

    def _ask(self, *args: str, stdin: str = "") -> str | None:
        """Return git's output, or None if it fails, which means unknown."""
        answer = ask_git(*args, cwd=self.git_dir, env=self._env, stdin=stdin.encode())
        return answer.stdout.decode("utf-8", "surrogateescape") if answer.returncode == 0 else None


def _sources(ref: str, refspecs: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """Return the remotes and their refs that are fetched into `ref`."""
    for name, source, target in refspecs:
        pattern = re.escape(target).replace(r"\*", "(.*)", 1)
        if match := re.fullmatch(pattern, ref):
            yield name, source.replace("*", match[1], 1) if match.groups() else source


def find_clones(place: location.GitLocation, path: str, name: str) -> tuple[list[Clone], list[str]]:
    """Return the repositories of a submodule on this machine, the checkout's own first, and why one cannot be read.

    Looks beyond the checkout: the submodule may be deinitialised, the stash may have another branch
    checked out, and each linked worktree of the stash has a repository of its own.

    Args:
        place: the stash.
        path: where the submodule lies in it.
        name: its name in `.gitmodules`.
    """
    found: dict[Path, tuple[str, ...]] = {}
    refused: list[str] = []
    root = place.root / path
    if (root / ".git").exists():
        try:
            found[location.find(root).git_dir.resolve()] = ("-C", path)
        except StashError as error:
            refused.append(str(error.args[0]))
    for folder in (place.common_dir, *sorted(place.common_dir.glob("worktrees/*"))):
        modules = Path(f"{folder}/modules/{name}")  # a name that begins with a slash stays inside too, as git has it
        if (modules / "HEAD").is_file():
            found.setdefault(modules.resolve(), (f"--git-dir={os.path.relpath(modules, place.root)}",))
    return [Clone(git_dir, root, at) for git_dir, at in found.items()], refused
