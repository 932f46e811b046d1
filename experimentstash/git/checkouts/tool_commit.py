"""The commit that a tool is checked out at, and the refusal of a checkout that differs from it."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, listed, quote
from experimentstash.core.names import SHORT, tool_path
from experimentstash.git.checkouts.changes import REPLACED, STRICT, changes
from experimentstash.git.checkouts.checked_out import check_checked_out
from experimentstash.git.user_git import answer, git

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from experimentstash.git.checkouts.changes import Change
    from experimentstash.stash.stash import Stash

_MOST_TOLD = 5  # files


def tool_commit(stash: Stash, tool: str) -> str:
    """Return the commit that a tool is checked out at.

    Args:
        stash: the stash.
        tool: the tool's name.

    Returns:
        The full id.

    Raises:
        StashError: it is not checked out, is the stash itself, has no commit, or holds changes that are not
            committed; or git refuses to say, in its own words.
    """
    commit = checked_out(stash, tool)
    check_unchanged(stash, tool)
    return commit


def check_unchanged(stash: Stash, tool: str) -> None:
    """Raise `StashError` if a tool's checkout has uncommitted changes."""
    if found := changes(stash.checkout(tool)):
        names = listed(list(map(str, found)), _MOST_TOLD)
        raise StashError(f"{tool_path(tool)}: uncommitted changes: {names}", _fix(stash, tool, found))


def check_kept(stash: Stash, tool: str, commit: str) -> None:
    """Raise `StashError` if the commit of a checkout would be on no branch, tag or pin after the checkout leaves it.

    Args:
        stash: the stash.
        tool: the name of the tool.
        commit: the full id of the commit that is checked out.
    """
    known = ("--not", "--branches", "--tags", "--remotes")
    lost = git("rev-list", "--max-count=1", commit, *known, cwd=stash.checkout(tool))
    if lost and commit != answer("rev-parse", "--verify", "--quiet", f"HEAD:{tool_path(tool)}", cwd=stash.root):
        fix = command("git", "-C", tool_path(tool), "branch", f"work-{commit[:SHORT]}")
        raise StashError(f"{tool_path(tool)}: the commit {commit[:SHORT]} is on no branch, and would be lost", fix)


def checked_out(stash: Stash, tool: str) -> str:
    """Return the commit that a tool is checked out at, whatever its files hold.

    Raises:
        StashError: as `tool_commit`, but for changes.
    """
    root = stash.checkout(tool)
    check_checked_out(stash, tool)
    _check_own_repository(stash, tool)
    commit = answer("rev-parse", "--verify", "--quiet", "HEAD^{commit}", cwd=root)
    if commit is None:
        pin = answer("rev-parse", "--verify", "--quiet", f":{tool_path(tool)}", cwd=stash.root)
        fix = command("git", "-C", tool_path(tool), "checkout", "--quiet", "--detach", pin) if pin else ""
        raise StashError(f"{tool_path(tool)}: the tool {tool!r} has no commit checked out", fix)
    return commit


def _check_own_repository(stash: Stash, tool: str) -> None:
    """Raise `StashError` if a tool's directory is the stash's own repository, by a symlink or as a worktree."""
    root = stash.checkout(tool)
    is_plain = (root / ".git").is_dir() or "/worktrees/" not in (root / ".git").read_text("utf-8", "replace")
    if is_plain and os.path.realpath(root) == os.path.join(os.path.realpath(stash.root), tool_path(tool)):  # noqa: PTH118
        return  # a clone or a submodule: other cases need two git calls
    own, outer = (_common_folder(place) for place in (root, stash.root))
    if own == outer:
        raise StashError(f"{tool_path(tool)}: it is the stash itself; {OWN_REPOSITORY}", layout(tool))


def _common_folder(place: Path) -> str:
    return os.path.realpath(place / git("rev-parse", "--git-common-dir", cwd=place))


OWN_REPOSITORY = "a snapshot pins a commit of the tool, so the tool needs a repository of its own"


def layout(tool: str) -> str:
    """Return the commands that make the recommended layout: the tool in its own repository, the stash beside it."""
    return (
        f"experimentstash init ../paper && cd ../paper && experimentstash add-tool {quote(tool)} URL"
        "  # URL: the repository of the tool alone"
    )


def _fix(stash: Stash, tool: str, found: Sequence[Change]) -> str:
    if all(change.is_untracked for change in found):
        return move_away(stash, tool, [change.path for change in found]) + "  # or commit them there"
    return "; ".join(_fixes(tool, found)) + "  # or commit them there"


def _fixes(tool: str, found: Sequence[Change]) -> list[str]:
    """Return the commands that show hidden changes and stash all of them, for each repository that has some."""
    return [
        _fix_in(repository, tool, [change for change in found if change.repository == repository])
        for repository in dict.fromkeys(change.repository for change in found)
    ]


def _fix_in(repository: str, tool: str, found: Sequence[Change]) -> str:
    place = f"{tool_path(tool)}/{repository}".rstrip("/")
    in_place = ("git", "-C", place)

    def names(chosen: Callable[[Change], bool]) -> list[str]:
        return [change.path.removeprefix(f"{repository}/") for change in found if chosen(change)]

    words = []
    for flag in ("assume-unchanged", "skip-worktree"):
        if flagged := names(lambda change, flag=flag: flag in change.flags):  # type: ignore[misc]
            words.append(command(*in_place, "update-index", f"--no-{flag}", "--", *flagged))
    settings = [flag for flag in STRICT if any(flag in change.flags for change in found)]
    words += [command(*in_place, "config", setting, STRICT[setting]) for setting in settings]
    if announced := names(lambda change: change.is_announced):
        words.append(command(*in_place, "reset", "--quiet", "--", *announced))
    if not all(change.is_submodule for change in found):
        replaced = any(REPLACED in change.flags for change in found)
        put_aside = command(*in_place, "stash", "--include-untracked")
        words.append(f"GIT_NO_REPLACE_OBJECTS=1 {put_aside}" if replaced else put_aside)
    if submodules := names(lambda change: change.is_submodule):
        words.append(_back_to_pins(place, submodules))
    return " && ".join(words)


def _back_to_pins(place: str, names: Sequence[str]) -> str:
    reset = command("git", "-C", place, "reset", "--quiet", "--", *names)
    return f"{reset} && {command('git', '-C', place, 'submodule', 'update', '--init', '--recursive', '--', *names)}"


def move_away(stash: Stash, tool: str, paths: Sequence[str]) -> str:
    """Return the command that moves untracked files out of a tool, into the ignored directory of its outputs.

    Args:
        stash: the stash.
        tool: the tool's name.
        paths: the files, from the top of the tool's checkout.
    """
    moment = dt.datetime.now(dt.timezone.utc).strftime("%Y%m%d-%H%M%S")
    target = f"outputs/{tool}/moved-{moment}"
    known = git("ls-files", "-z", "--recurse-submodules", cwd=stash.checkout(tool)).split("\0")
    folders = {str(parent) for path in known for parent in PurePosixPath(path).parents}
    moved: dict[str, list[str]] = {}
    for path in paths:
        above, name = "", path.rstrip("/")
        while "/" in name and f"{above}{name.partition('/')[0]}" in folders:
            first, _, name = name.partition("/")
            above += f"{first}/"
        top = f"{above}{name.partition('/')[0]}"  # the whole directory, if it is untracked
        moved.setdefault(above, []).append(top)
    parts = []
    for above, tops in moved.items():
        place = f"{target}/{above}".rstrip("/")
        sources = [f"{tool_path(tool)}/{top}" for top in dict.fromkeys(tops)]
        parts.append(f"{command('mkdir', '-p', place)} && {command('mv', '--', *sources, place)}")
    return " && ".join(parts)
