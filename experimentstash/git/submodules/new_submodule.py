"""Tools as git submodules, through the user's own git: checks of the URL and the name, and the addition."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, printable
from experimentstash.core.names import REGISTRY, check_tool, experiment_path, tool_path
from experimentstash.core.process import run_whole
from experimentstash.core.secrets import first_secret
from experimentstash.core.urls import names_program, public_url, resolve, same
from experimentstash.git.checkouts.checked_out import update_submodule
from experimentstash.git.checkouts.tool_commit import OWN_REPOSITORY, layout
from experimentstash.git.submodules.rollback import modules_folder
from experimentstash.git.user_git import answer, ask_git, clean_environment, git

if TYPE_CHECKING:
    from experimentstash.stash.registry import Tool
    from experimentstash.stash.stash import Stash


def check_url(url: str, folder: Path, name: str) -> str:
    """Return the URL as git shall have it: a local path that exists is made absolute.

    `./x` and `../x` stay, git takes them from the stash's own remote (`git help submodule`).

    Args:
        url: as the user typed it.
        folder: the user's working directory.
        name: the tool's name.

    Raises:
        StashError: git would take it for an option or for a program to run, or it would publish a password, a token,
            or who logs in over https.
    """
    if not url or printable(url) != url:
        raise StashError(f"the URL {url!r} is empty or contains control characters")
    if url.startswith("-"):
        raise StashError(f"the URL {url!r} begins with '-', as an option does")
    if names_program(url):
        raise StashError(f"the URL {url!r} names a program to run (git help gitremote-helpers); that is refused")
    if (public := public_url(url)) != url:
        raise StashError(
            f"the URL contains a user, a password or a token, and .gitmodules would show it to everyone: {public}",
            f"{command('experimentstash', 'add-tool', name, public)}  # git asks, or its credential helper knows",
        )
    if first_secret(url) is not None:
        raise StashError(
            "the URL contains a secret, and .gitmodules would show it to everyone",
            f"{command('experimentstash', 'add-tool', name, 'URL')}  # git asks, or its credential helper knows",
        )
    if url.startswith(("./", "../")):
        return url
    if (folder / url).exists():
        return os.path.abspath(folder / url)  # noqa: PTH100  (links stay as the user wrote them)
    if re.search(r"\s", url):
        raise StashError(f"the URL {url!r} contains white space")
    if "://" not in url and ":" not in url:
        raise StashError(f"{url}: neither a directory nor a URL")
    return url


def check_not_the_stash(stash: Stash, name: str, url: str) -> None:
    """Check that a tool does not come from the stash itself, from a directory of it, or from its own remote.

    Args:
        stash: the stash.
        name: the tool's name.
        url: the result of `check_url`.

    Raises:
        StashError: it does: each commit of the stash would move the pin that it records.
    """
    if _leads_to(stash, url):
        raise StashError(f"{url}: it is the stash itself; {OWN_REPOSITORY}", layout(name))


def _leads_to(stash: Stash, url: str) -> bool:
    path = Path(url.removeprefix("file://"))
    if path.is_absolute() and path.is_dir() and _common_folder(path) == _common_folder(stash.root):
        return True
    remotes = answer("config", "--get-regexp", r"^remote\..*\.url$", cwd=stash.root) or ""
    bases = [line.partition(" ")[2] for line in remotes.splitlines()] or [str(stash.root)]
    return any(same(_resolved(url, base), base) for base in bases)


def _resolved(url: str, base: str) -> str:
    with contextlib.suppress(ValueError):
        return resolve(url, base)
    return url


def _common_folder(place: Path) -> str:
    """Return the git directory that a path belongs to, shared by worktrees; the path itself if there is none."""
    asked = ask_git("rev-parse", "--git-common-dir", cwd=place)
    return os.path.realpath(place / asked.stdout.decode("utf-8", "surrogateescape").strip())


def check_branch(branch: str) -> None:
    """Raise `StashError` unless git takes `branch` for the name of a branch."""
    asked = ask_git("check-ref-format", "--branch", branch, cwd=Path("/"))
    if branch.startswith(("-", "@{")) or printable(branch) != branch or asked.returncode != 0:
        raise StashError(f"{branch!r} is not a valid branch name (git help check-ref-format)")


def check_free(stash: Stash, name: str, renamed: str = "") -> None:
    """Check that the name is unused: by a tool, directory, submodule, or the remains of one.

    Args:
        stash: the stash.
        name: the name.
        renamed: the tool that gets the name, if it is not a new one.

    Raises:
        StashError: something is; it is left as it is.
    """
    check_tool(name)
    path = tool_path(name)
    _check_registry(stash, name)
    stash.inside(path)
    stash.inside(experiment_path(name, "x"))
    if git("ls-files", "-u", "--", ".gitmodules", REGISTRY, cwd=stash.root):
        fix = f"git add .gitmodules {REGISTRY}  # once their conflicts are resolved"
        raise StashError(f"{REGISTRY} or .gitmodules is in the middle of a merge", fix)
    if git("ls-files", "-s", "--", path, cwd=stash.root):
        raise StashError(f"{path} is in git already, but is not a tool in {REGISTRY}", f"git rm --cached -r {path}")
    if os.path.lexists(stash.root / path):
        raise StashError(f"{path}: already exists", f"mv {path} {path}.old")
    for place, options in ((".gitmodules", ("-f", ".gitmodules")), (".git/config", ("--local",))):
        section = f"submodule.{path}"
        known = ask_git("config", *options, "--get-regexp", f"^{re.escape(section)}\\.", cwd=stash.root)
        if known.stdout:
            owner = _path_of(stash, section)
            if owner and owner == tool_path(renamed):
                return  # the tool gets back the name that its submodule still has
            if owner:
                what = f"{place} uses the name {path!r} for the submodule of {owner}, which was renamed"
                raise StashError(what, "choose another name")
            fix = f"git config {' '.join(options)} --remove-section {section}"
            raise StashError(f"{place} has a submodule {path!r} already", fix)
    if (modules := modules_folder(stash, name)).exists():
        raise StashError(
            f"{modules}: the repository of an earlier submodule of that name", command("rm", "-rf", str(modules))
        )


def _path_of(stash: Stash, section: str) -> str:
    """Return the path of the submodule of a section of `.gitmodules`, if git has it; else an empty string."""
    path = answer("config", "-f", ".gitmodules", "--get", f"{section}.path", cwd=stash.root) or ""
    return path if path and git("ls-files", "-s", "--", path, cwd=stash.root) else ""


def _check_registry(stash: Stash, name: str) -> None:
    if name in stash.tools:
        fix = "" if (stash.checkout(name) / ".git").exists() else update_submodule(stash, name)
        raise StashError(f"the tool {name!r} already exists ({REGISTRY}); nothing was changed", fix)
    for other in stash.tools:
        if other.casefold() == name.casefold():
            raise StashError(f"the tool {other!r} already exists, and {name!r} differs only in letter case")


def add(stash: Stash, name: str, url: str, branch: str | None = None) -> None:
    """Add the submodule of a tool at `tools/<name>`, staged, with what git says for the user to see.

    Args:
        stash: the stash.
        name: the tool's name, checked by `check_free`.
        url: the result of `check_url`.
        branch: the branch to follow; by default the remote's own.

    Raises:
        StashError: git failed, and has reported why. The caller cleans up.
    """
    path = tool_path(name)
    # a user may type a local path; a repository's own URLs are not trusted
    # (CVE-2022-39253: git refuses such paths in submodules)
    trust = ["-c", "protocol.file.allow=always"] if _is_local(stash, url) else []
    options = ["-b", branch] if branch else []
    command = ["git", *trust, "submodule", "add", *options, "--name", path, "--", url, path]
    code = run_whole(command, cwd=stash.root, env=clean_environment())
    if code != 0:
        raise StashError(f"git could not add {url} (exit code {code}); the stash is unchanged")


def _is_local(stash: Stash, url: str) -> bool:
    if not url.startswith(("./", "../")):
        return url.startswith(("/", "file://"))
    remote = ask_git("config", "--get", "remote.origin.url", cwd=stash.root).stdout.decode("utf-8", "replace").strip()
    return not remote or remote.startswith(("/", ".", "file://"))


def commit_of(stash: Stash, tool: Tool) -> str:
    """Return the commit that is checked out in a tool, or nothing if none is."""
    return answer("rev-parse", "--verify", "-q", "HEAD", cwd=stash.checkout(tool.name)) or ""
