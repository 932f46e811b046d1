"""Checks out commits of others without executing anything of them.

No hook runs, no filter and no driver of a `.gitattributes`, no `update = !command` of a `.gitmodules`; a link that
leads out of the directory stops it.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import FREE_SPACE, StashError, command, is_disk_full, printable, short
from experimentstash.core.files import check_inside, write_text
from experimentstash.core.invocation import rerun
from experimentstash.core.names import SHORT
from experimentstash.core.process import run_captured
from experimentstash.core.urls import is_local, names_program, without_secrets
from experimentstash.git.entries import LINK, Entry
from experimentstash.git.user_git import ask_git, clean_environment
from experimentstash.reproduce.safe_git import fetch, inert, settings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from experimentstash.reproduce.download_limit import Limit

# of all files of attributes git heeds this one last: a filter is a program, whoever configured it
_ATTRIBUTES = "* -filter\n"
_EXCLUDE = "__pycache__/\n"  # what a run would have excluded otherwise: it leaves its checkout clean
PIN_REF = "refs/experimentstash/pin"
"""The ref of a pin that was fetched: git brings tags along only with a history that is put somewhere."""
OWN = "experimentstash"
"""In the git directory of a reproduction: what this program keeps there."""


@dataclass(frozen=True)
class Checkout:
    """A repository that is filled from elsewhere.

    Attributes:
        root: the top of its working tree.
        git_dir: the directory that holds its objects and `HEAD`.
        title: what messages call it.
    """

    root: Path
    git_dir: Path
    title: str

    def make(self, object_format: str, url: str) -> bool:
        """Make an empty repository, or use an existing one; return whether it is new.

        Args:
            object_format: `sha1` or `sha256`.
            url: its remote, which relative URLs of its submodules begin at; empty if it has none.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        self.git_dir.parent.mkdir(parents=True, exist_ok=True)
        was_there = (self.git_dir / "HEAD").exists()
        is_new = not was_there and not {entry.name for entry in self.root.iterdir()} - {".git"}
        if not was_there or not (self.root / ".git").exists():
            apart = ["--separate-git-dir", str(self.git_dir)] if self.git_dir != self.root / ".git" else []
            inert("init", "--quiet", "--template=", f"--object-format={object_format}", *apart, cwd=self.root)
        self._unlock()
        write_text(self.git_dir / "info" / "attributes", _ATTRIBUTES)
        write_text(self.git_dir / "info" / "exclude", _EXCLUDE)
        if url and is_new:
            inert("remote", "add", "--", "origin", url, cwd=self.root)
        elif url:
            inert("config", "remote.origin.url", url, cwd=self.root)
            inert("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*", cwd=self.root)
        return is_new

    def _unlock(self) -> None:
        """Remove the locks of a killed git: no other process works here (`state.claim`)."""
        for lock in (*self.git_dir.glob("*.lock"), *self.git_dir.glob("refs/**/*.lock")):
            lock.unlink(missing_ok=True)

    def unmake(self) -> None:
        """Take the empty repository away, so that it can be made in another object format."""
        for entry in self.git_dir.iterdir():
            if entry.name == OWN:
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def object_format(self) -> str:
        """Return `sha1` or `sha256`; empty if it is not made yet."""
        if not (self.git_dir / "HEAD").exists():
            return ""
        return inert("rev-parse", "--show-object-format", cwd=self.root)

    def has(self, commit: str) -> bool:
        """Return whether a commit and all that it holds are here; a fetch that was cut off leaves nothing behind."""
        asked = ("rev-list", "--quiet", "--objects", "--max-count=1", commit)
        return ask_git(*settings(), *asked, cwd=self.root).returncode == 0

    def is_checked_out(self) -> bool:
        """Return whether a commit was checked out here before."""
        asked = ("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return (self.git_dir / "index").exists() and ask_git(*settings(), *asked, cwd=self.root).returncode == 0

    def check_out(self, commit: str) -> None:
        """Bring a commit to disk as it is recorded.

        Raises:
            StashError: git failed.
        """
        self._work("checkout", "--quiet", "--force", "--detach", commit)

    def untracked(self, leave: str = "") -> set[str]:
        """Return the files that are not recorded, from the top, also those that git ignores.

        Args:
            leave: a directory at the top that is not looked into: git cannot name what is too deep.
        """
        left_out = [f"--exclude=/{leave}/"] if leave else []
        listed = inert("ls-files", "--others", *left_out, "-z", cwd=self.root)
        return {path for path in listed.split("\0") if path}

    def changed(self) -> set[str]:
        """Return the recorded files that are not as they are recorded, from the top; those that are gone too."""
        ask_git(*settings(), "update-index", "-q", "--refresh", cwd=self.root)
        listed = inert(
            "diff-index", "--name-only", "--no-renames", "--ignore-submodules=all", "-z", "HEAD", cwd=self.root
        )
        return {path for path in listed.split("\0") if path}

    def sweep(self, keep: Collection[str] = ()) -> None:
        """Take away what is left between the files: empty directories, and bytecode.

        Args:
            keep: files and directories that stay, from the top.

        Raises:
            StashError: git failed.
        """
        self._work("clean", "-ffdxq", *(f"--exclude=/{_literal(path)}" for path in keep))

    def recorded(self) -> dict[str, Entry]:
        """Return what is checked out, as it is recorded."""
        listed = inert("ls-files", "--stage", "-z", cwd=self.root).split("\0")
        lines = (line.partition("\t") for line in listed if line)
        return {path: Entry(*head.split(" ")[:2]) for head, _, path in lines}

    def check_links(self, recorded: Mapping[str, Entry], top: Path) -> None:
        """Raise `StashError` if a symlink of the working tree leads out of `top`, or into git's own directory."""
        for path in (path for path, entry in recorded.items() if entry.mode == LINK):
            what = (
                f"{self.title}: {printable(path)} is a link that leads"  # a line break of its name would forge a line
            )
            try:
                check_inside(top, self.root / path)
            except StashError:
                raise StashError(f"{what} out of the directory: refused") from None
            if ".git" in (part.lower() for part in (self.root / path).resolve().parts[len(top.resolve().parts) :]):
                raise StashError(f"{what} into git's own directory: refused")

    def _work(self, *args: str) -> None:
        code, said = run_captured(["git", *settings(), *args], cwd=self.root, env=clean_environment())
        if code != 0:
            fix = FREE_SPACE if is_disk_full(said) else ""
            # a file name may contain a line break: indent it, so that it cannot look like a line of ours
            told = "".join(f"\n    git: {line}" for line in said.strip().splitlines()) or f" exit code {code}"
            raise StashError(f"{self.title}: git {args[0]} failed:{told}", fix)


def _literal(path: str) -> str:
    """Return a path as a pattern of `.gitignore` that fits nothing else."""
    return re.sub(r"([\\*?\[ ])", r"\\\1", path)


def check_allowed(title: str, url: str, *, allow_local: bool) -> None:
    """Check that a URL of a stash leads to another machine, or that paths of this one are allowed.

    Raises:
        StashError: it is a path of this machine, which a stranger's stash has no reason to name, or a program.
    """
    if url.startswith("-") or names_program(url):
        raise StashError(f"{title}: its remote is {short(url)}, which git would run as a program: refused")
    if printable(url) != url:
        raise StashError(f"{title}: its remote is {short(url)}, which contains control characters: refused")
    if url and is_local(url) and not allow_local:
        raise StashError(
            f"{title}: its remote is {without_secrets(url)}, a path on this machine, which needs --allow-local",
            rerun("--allow-local"),
        )


def fetch_commit(place: Checkout, commit: str, near: Sequence[Path], url: str, limit: Limit) -> None:
    """Fetch a commit, with the tags of its history: a tool may take its version from them.

    Tries the repositories of this machine that may have it, then the remote.

    Args:
        place: the repository that takes it.
        commit: its full id.
        near: git directories of this machine.
        url: the remote, as the stash names it, allowed (`check_allowed`); empty if it names none.
        limit: how much may come from there.

    Raises:
        StashError: it is not available.
    """
    pin = f"+{commit}:{PIN_REF}"
    for git_dir in near:
        if not fetch(str(git_dir), pin, cwd=place.root, show=False, tags=True):
            return
    if not url:
        raise StashError(f"{place.title}: .gitmodules names no remote of it, and no clone here has {commit[:SHORT]}")
    watch = limit.watch(place.git_dir, f"fetching {place.title}")
    for refspecs in ((pin,), ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")):
        # first by id, which not every server allows
        said = fetch(url, *refspecs, cwd=place.root, foreign=True, tags=True, watch=watch)
        if (not said and pin in refspecs) or place.has(commit):
            return
    shown = without_secrets(url)
    if is_disk_full(said):
        raise StashError(f"{place.title}: {shown} was not fetched:\n{said}", FREE_SPACE)
    if said:
        what = f"{place.title}: {shown} cannot be fetched, and no clone here has {commit[:SHORT]}:\n{said}"
    else:
        what = f"{place.title}: {shown} has not the commit {commit} any more"
    raise StashError(what, f"{command('git', 'ls-remote', '--', shown)}  # and ask its owners for that commit")
