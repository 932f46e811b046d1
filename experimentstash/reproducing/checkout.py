"""Commits brought to disk from elsewhere, so that nothing of them is executed on the way.

No hook runs, no filter and no driver of a `.gitattributes`, no `update = !command` of a `.gitmodules`; a link that
leads out of the folder stops it. What is fetched is fetched by the user's own git, with the user's credentials.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.entries import LINK, PIN
from experimentstash.files import check_inside
from experimentstash.git import ask_git, git, show_git
from experimentstash.problems import StashError
from experimentstash.urls import is_path, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# in the environment of the command line, these count more than any file of configuration
_INERT = tuple(
    word
    for setting in (
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.attributesFile=/dev/null",
        "submodule.recurse=false",
        "fetch.recurseSubmodules=false",
        "gc.auto=0",
        "maintenance.auto=false",
        "protocol.ext.allow=never",
        "advice.detachedHead=false",
    )
    for word in ("-c", setting)
)
# of all files of attributes git heeds this one last: a filter is a program, whoever configured it
_ATTRIBUTES = "* -filter\n"


@dataclass(frozen=True)
class Checkout:
    """A repository that is filled from elsewhere.

    Attributes:
        root: the top of its working tree.
        git_dir: the folder that holds its objects and `HEAD`.
        title: what messages call it.
    """

    root: Path
    git_dir: Path
    title: str

    def make(self, object_format: str) -> None:
        """Make the repository, empty, or take up one that was made before."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.git_dir.parent.mkdir(parents=True, exist_ok=True)
        if not (self.git_dir / "HEAD").exists() or not (self.root / ".git").exists():
            apart = ["--separate-git-dir", str(self.git_dir)] if self.git_dir != self.root / ".git" else []
            git("init", "--quiet", "--template=", f"--object-format={object_format}", *apart, cwd=self.root)
        (self.git_dir / "info").mkdir(exist_ok=True)
        (self.git_dir / "info" / "attributes").write_text(_ATTRIBUTES, encoding="utf-8")

    def has(self, commit: str) -> bool:
        """Tell whether a commit and all that it holds are here; a fetch that was cut off leaves nothing behind."""
        return ask_git("rev-list", "--quiet", "--objects", "--max-count=1", commit, cwd=self.root).returncode == 0

    def fetch(self, url: str, *refspecs: str) -> None:
        """Fetch through the user's git, which shows its progress and may ask for a password.

        Raises:
            StashError: git failed; what it said has been shown.
        """
        try:
            show_git(*_INERT, "fetch", "--no-tags", "--force", "--", url, *refspecs, cwd=self.root)
        except StashError as error:
            raise StashError(f"{self.title}: {without_secrets(url)} gives no {' '.join(refspecs)}: {error}") from None

    def fetch_quietly(self, url: str, *refspecs: str) -> bool:
        """Fetch what may not be there, and tell whether it came."""
        asked = (*_INERT, "fetch", "--quiet", "--no-tags", "--force", "--", url, *refspecs)
        return ask_git(*asked, cwd=self.root).returncode == 0

    def check_out(self, commit: str) -> None:
        """Bring a commit to disk as it is recorded, and take away whatever else lies there.

        Raises:
            StashError: git failed, or a link leads out of the folder.
        """
        git(*_INERT, "checkout", "--quiet", "--force", "--detach", commit, cwd=self.root)
        git(*_INERT, "clean", "-ffdxq", "--exclude=/outputs/", cwd=self.root)

    def check_links(self, top: Path) -> None:
        """Raise `StashError` where a link of the working tree leads out of `top`."""
        for path, _ in self._staged(LINK):
            check_inside(top, self.root / path)

    def pins(self) -> dict[str, str]:
        """Return the commits that what is checked out records for its own submodules, by path."""
        return dict(self._staged(PIN))

    def _staged(self, mode: str) -> Iterator[tuple[str, str]]:
        listed = git("ls-files", "--stage", "-z", cwd=self.root).split("\0")
        for head, _, path in (line.partition("\t") for line in listed if line):
            if head.startswith(mode):
                yield path, head.split(" ")[1]


def check_allowed(title: str, url: str, *, allow_local: bool) -> None:
    """Check that a URL of a stash leads to another machine, or that paths of this one are allowed.

    Raises:
        StashError: it is a path of this machine, which a stranger's stash has no reason to name.
    """
    if (is_path(url) or url.lower().startswith("file:")) and not allow_local:
        raise StashError(
            f"{title}: its remote is {without_secrets(url)}, a path of this machine that nobody said may be read",
            "say it again with --allow-local",
        )


def fetch_commit(place: Checkout, commit: str, near: Sequence[Path], url: str) -> None:
    """Fetch a commit: from the repositories of this machine that may have it, else from the remote.

    Raises:
        StashError: nobody has it.
    """
    if place.has(commit):
        return
    for git_dir in near:
        if place.fetch_quietly(str(git_dir), commit) and place.has(commit):
            return
    if not url:
        raise StashError(f"{place.title}: .gitmodules names no remote of it, and no clone here has {commit[:12]}")
    if place.fetch_quietly(url, commit) and place.has(commit):
        return
    place.fetch(url, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")  # not every server gives ids
    if not place.has(commit):
        raise StashError(
            f"{place.title}: {without_secrets(url)} has not the commit {commit} any more",
            f"git ls-remote {without_secrets(url)}  # and ask its owners for that commit",
        )
