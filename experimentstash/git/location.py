"""Git asked about one repository: the working directory and environment that make it answer about that one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from experimentstash.core.errors import StashError
from experimentstash.git.user_git import LOCAL_ENVIRONMENT, ask_git, clean_environment, git, limited_git

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

# `diff.*` and `.gitmodules` reach into plumbing too: `ignore = all` would hide entries (traps.md, *Blind diffs*)
UNMOVED = ("--no-abbrev", "--no-renames", "--no-relative", "--ignore-submodules=none")
_OF_A_COMMIT = frozenset({"GIT_INDEX_FILE", "GIT_PREFIX"})  # variables about the current commit only
NO_REPLACEMENTS = "GIT_NO_REPLACE_OBJECTS"
SNAPSHOTS = ":(glob)configs/*/snapshots/**"
ON_THE_WAY = (":(glob)config[s]", ":(glob)configs/*", ":(glob)configs/*/snapshots")
"""The directories that lead to the snapshots; each is an entry if it is a symlink or a submodule.

The brackets keep git from taking the first one for all that lies below `configs`.
"""
MOST = 200_000
"""Files of a commit. A tree can hold itself so often that no disk could hold its files."""
_COMPUTING = 5  # seconds of a processor for a diff: a million files take two
_RELATIVE = ("GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")  # git reads them from the directory that it is started in


class GitLocation(NamedTuple):
    """A repository as git sees it.

    Attributes:
        root: the top of the working tree; of a bare repository its own directory.
        git_dir: the directory that holds `HEAD` (of a linked worktree its own one).
        common_dir: the directory that holds objects, refs and `config`, shared by linked worktrees.
        object_format: the hash function, `sha1` or `sha256`.
        bare: there is no working tree here, and no index.
        shallow: the file that names the commits whose parents were not fetched.
        env: the environment of the git processes.
    """

    root: Path
    git_dir: Path
    common_dir: Path
    object_format: str
    bare: bool
    shallow: Path
    env: Mapping[str, str]

    def without_replacements(self) -> GitLocation:
        """Return the same repository without the effect of `git replace` and grafts."""
        grafts = {"GIT_GRAFT_FILE": os.devnull} if (self.common_dir / "info" / "grafts").exists() else {}
        return self._replace(env={**self.env, **grafts, NO_REPLACEMENTS: "1"})

    def ask(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run git here and return its output, whatever its exit code."""
        return ask_git(*args, cwd=self.root, env=self.env, stdin=stdin)

    def lines(self, *args: str, stdin: bytes = b"") -> list[str]:
        """Run git here and return the lines of its stdout.

        Raises:
            StashError: git failed; the message is git's own.
        """
        with _mendable():
            out = git(*args, cwd=self.root, env=self.env, stdin=stdin)
        return out.split("\n") if out else []

    def fields(self, *args: str, stdin: bytes = b"") -> list[str]:
        """Run git here and return the fields of its stdout, which `-z` ends with NUL.

        Raises:
            StashError: git failed; the message is git's own.
        """
        with _mendable():
            out = git(*args, cwd=self.root, env=self.env, stdin=stdin)
        return out.removesuffix("\0").split("\0") if out else []

    def diff(self, *args: str, stdin: bytes = b"", trees: int = 1) -> Iterator[str]:
        """Run one of git's diffs here and return the fields of its stdout, which `-z` ends with NUL.

        Git reads a tree once for each occurrence, so it gets a time limit.

        Args:
            args: the arguments after `git`.
            stdin: bytes for its standard input.
            trees: how many trees are compared.

        Raises:
            StashError: git failed, and the message is its own; or it did not come to an end.
        """
        with _mendable():
            seconds = _COMPUTING + trees // 1000
            return _fields(limited_git(*args, cwd=self.root, env=self.env, stdin=stdin, seconds=seconds))


@contextlib.contextmanager
def _mendable() -> Iterator[None]:
    """Add an explanation or a fix to an error of git's."""
    try:
        yield
    except StashError as error:
        error.fix = error.fix or ("git fetch" if "promisor" in str(error) else "git fetch --refetch")
        raise


def _fields(out: bytes) -> Iterator[str]:
    start = 0
    while (stop := out.find(b"\0", start)) >= 0:
        yield out[start:stop].decode("utf-8", "surrogateescape")
        start = stop + 1


def find(root: Path) -> GitLocation:
    """Return the repository whose working tree has its top at `root`, or the bare one that holds `root`.

    Raises:
        StashError: there is none, or git refuses it (`safe.directory`, an unknown extension).
    """
    root = root.resolve()
    places = ("--absolute-git-dir", "--git-common-dir", "--git-path", "shallow")
    kind = ("--show-object-format", "--is-bare-repository", "--is-inside-git-dir")
    env = clean_environment(**_named_for(root))
    answer = ask_git("rev-parse", *places, *kind, "--show-cdup", cwd=root, env=env)
    if answer.returncode != 0:
        said = answer.stderr.decode("utf-8", "surrogateescape").strip()
        raise StashError(f"{root}: {said.removeprefix('fatal: ')}")
    told = answer.stdout.decode("utf-8", "surrogateescape").split("\n")
    git_dir, common_dir, shallow = Path(told[0]), (root / told[1]).resolve(), root / told[2]
    object_format, bare, up = told[3], "true" in told[4:6], told[6]
    if up and not bare:  # an uninitialised submodule: what was found is the repository round it
        raise StashError(f"{root}: not a git repository; the enclosing one is {(root / up).resolve()}")
    root = git_dir if bare else root
    return GitLocation(root, git_dir, common_dir, object_format, bare, shallow, _unwatched(_environment(root, git_dir)))


def _named_for(root: Path) -> dict[str, str]:
    """Return the git directory that the environment names for the working tree at `root`.

    A freeze commit has one of its own; so has whoever says `git --git-dir=…`. Without a word of a working tree, git
    takes the directory that it is started in, where its hooks are started too.
    """
    folder = os.environ.get("GIT_DIR")
    if not folder or Path(os.environ.get("GIT_WORK_TREE", ".")).resolve() != root:
        return {}
    return {"GIT_DIR": str(Path(folder).absolute()), "GIT_WORK_TREE": str(root)}


def _environment(root: Path, git_dir: Path) -> dict[str, str]:
    """Return the environment variables for git: those of a hook if they are about this repository.

    It names an index or a quarantine then (traps.md, *Which index*, *Which repository*), of one repository.
    """
    # without a user's GIT_ICASE_PATHSPECS, for `configs` means what it says, and without a trace in what git says
    own = {key: value for key, value in os.environ.items() if not (key.endswith("_PATHSPECS") or _traces(key, value))}
    if not any(name in own for name in LOCAL_ENVIRONMENT):
        return own
    if not _is_told_of(root, git_dir):
        return {key: value for key, value in clean_environment().items() if key in own}
    env = {key: value for key, value in own.items() if key != "GIT_WORK_TREE"}
    if "GIT_DIR" in env:
        env["GIT_DIR"] = str(git_dir)  # and the working tree is the directory that git is started in: `root`
        env.update({name: str(Path(env[name]).absolute()) for name in _RELATIVE if name in env})
    if (index := env.get("GIT_INDEX_FILE")) and not (root / index).exists() and root / index != git_dir / "index":
        raise StashError(f"GIT_INDEX_FILE names {index}, which does not exist", "unset GIT_INDEX_FILE")
    return env


def _unwatched(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which git starts no file monitor of the user's: no file is looked at here."""
    count = int(env.get("GIT_CONFIG_COUNT") or 0)
    said = {f"GIT_CONFIG_KEY_{count}": "core.fsmonitor", f"GIT_CONFIG_VALUE_{count}": "false"}
    return {**env, **said, "GIT_CONFIG_COUNT": str(count + 1)}


def _traces(key: str, value: str) -> bool:
    return key.startswith("GIT_TRACE") and not value.startswith("/")


def _is_told_of(root: Path, git_dir: Path) -> bool:
    """Return whether the variables are about this repository: they were set for the current directory."""
    if Path.cwd() == root and LOCAL_ENVIRONMENT.intersection(os.environ) <= _OF_A_COMMIT:
        return True  # no variable points git elsewhere: the answer would be the same
    answer = ask_git("rev-parse", "--absolute-git-dir", cwd=Path.cwd(), env=os.environ)
    told = Path(os.fsdecode(answer.stdout.removesuffix(b"\n")))
    return answer.returncode == 0 and told.resolve() == git_dir.resolve()
