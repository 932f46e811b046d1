"""Moves the pin of a tool to another commit, and refreshes the copied configs that nobody edited."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command
from experimentstash.core.files import check_shared
from experimentstash.core.names import SHORT, experiment_path, tool_path
from experimentstash.core.urls import is_local
from experimentstash.git.checkouts.pins import PinMove, pin_moves
from experimentstash.git.checkouts.tool_commit import check_kept, tool_commit
from experimentstash.git.stash_change import ChangeStep, StashChange, file_text, index_entries
from experimentstash.git.submodules.staged_edit import MODULES, edit_files, sections_at
from experimentstash.git.user_git import answer, ask_git, git, show_git
from experimentstash.hydra.copied_configs import CopyState, copied_configs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from experimentstash.hydra.copied_configs import CopiedConfig
    from experimentstash.hydra.resolved_tool import ResolvedTool
    from experimentstash.stash.stash import Stash

_VERIFY = ("rev-parse", "--verify", "--quiet")


@dataclass(frozen=True)
class ToolUpdate:
    """How the pin of a tool moves.

    Attributes:
        tool: the name of the tool.
        commit: the full id of its new commit.
        move: what its pin does.
        refreshed: the experiments whose copies become those of the new commit.
        edited: the edited copies that differ from the new commit, each with its diff.
        gone: the copied experiments that the new commit does not have.
        change: what changes in the stash.
    """

    tool: str
    commit: str
    move: PinMove
    refreshed: tuple[str, ...]
    edited: tuple[tuple[str, str], ...]
    gone: tuple[str, ...]
    change: StashChange


def fetch_commit(stash: Stash, tool: str, rev: str | None) -> str:
    """Return the commit of a tool that `rev` names, fetched from the remote of the tool unless it is a commit id here.

    Args:
        stash: the stash.
        tool: the name of the tool; it is checked out.
        rev: a branch of the remote, a tag, or a commit. By default, the head of the branch in `.gitmodules`, or of the
            default branch of the remote.

    Raises:
        StashError: the fetch failed, or `rev` names no commit.
    """
    root = stash.checkout(tool)
    if rev and _COMMIT_ID.fullmatch(rev) and (here := _commit(root, rev)):
        return here
    remote = _remote(root)
    allowed = ("-c", "protocol.file.allow=always") if is_local(git("remote", "get-url", remote, cwd=root)) else ()
    try:
        show_git(*allowed, "fetch", "--prune", remote, cwd=root)
    except StashError as error:
        again = command("git", "-C", tool_path(tool), "fetch", remote)
        raise StashError(f"{tool_path(tool)}: {error}", again) from None
    name = rev or _branch(stash, tool, remote, allowed)
    branch = f"refs/remotes/{remote}/{name}"
    commit = _commit(root, branch) or _fetched(root, remote, name, allowed) or _commit(root, name)
    if commit is None:
        known = f"git -C {tool_path(tool)} branch --remotes && git -C {tool_path(tool)} tag"
        raise StashError(f"{tool_path(tool)}: the remote {remote!r} has no branch, tag or commit {name!r}", known)
    return commit


_COMMIT_ID = re.compile(r"[0-9a-f]{7,64}")


def _commit(root: Path, rev: str) -> str | None:
    return answer(*_VERIFY, "--end-of-options", f"{rev}^{{commit}}", cwd=root)


def _fetched(root: Path, remote: str, name: str, allowed: tuple[str, ...]) -> str | None:
    """Fetch a tag, or a commit id that is on no branch, and return its commit; the tags of the clone stay."""
    source = name if _COMMIT_ID.fullmatch(name) else f"refs/tags/{name}"
    if ask_git("check-ref-format", "--allow-onelevel", source, cwd=root).returncode != 0:
        return None
    if ask_git(*allowed, "fetch", "--quiet", "--no-tags", remote, source, cwd=root).returncode != 0:
        return None
    return _commit(root, "FETCH_HEAD")


def _remote(root: Path) -> str:
    names = git("remote", cwd=root).split("\n")
    if not names[0]:
        raise StashError(
            f"{root}: the tool has no remote", command("git", "-C", str(root), "remote", "add", "origin", "URL")
        )
    return "origin" if "origin" in names else names[0]


def _branch(stash: Stash, tool: str, remote: str, allowed: tuple[str, ...]) -> str:
    """Return the branch that a tool follows: that of `.gitmodules`, or the default branch of the remote."""
    for section in sections_at(stash, tool_path(tool)):
        if branch := answer("config", "-f", MODULES, "--get", f"{section}.branch", cwd=stash.root):
            own = answer("symbolic-ref", "--quiet", "--short", "HEAD", cwd=stash.root)
            return own or "HEAD" if branch == "." else branch
    listed = git(*allowed, "ls-remote", "--symref", remote, "HEAD", cwd=stash.checkout(tool))
    for line in listed.split("\n"):
        if line.startswith("ref: refs/heads/"):
            return line.removeprefix("ref: refs/heads/").partition("\t")[0]
    raise StashError(
        f"{tool_path(tool)}: the remote {remote!r} has no default branch",
        command("experimentstash", "update-tool", tool, "BRANCH"),
    )


def plan_update(tool: ResolvedTool, commit: str) -> ToolUpdate:
    """Return how the pin of a tool moves to a commit that is here.

    Args:
        tool: the tool.
        commit: the full id of the new commit.

    Raises:
        StashError: the checkout has changes, or commits that are on no branch; or a new config contains a secret.
    """
    stash, name = tool.stash, tool.name
    old = tool_commit(stash, name)
    check_kept(stash, name, old)
    path = tool_path(name)
    pinned = index_entries(stash, [path]).get(path)
    pin = pinned.partition(" ")[2] if pinned else old
    texts: dict[str, str | None] = {}
    edited, gone = [], []
    for copy in copied_configs(tool, pin):
        new = _text_at(tool.root, commit, copy)
        now = file_text(stash.inside(copy.copy))
        if new is None:
            gone.append(copy.experiment)
        elif new != now and copy.state is not CopyState.EDITED:
            check_shared(copy.copy, new)
            texts[copy.copy] = new
        elif new not in (now, _text_at(tool.root, pin, copy)):
            edited.append((copy.experiment, _diff(copy, commit, now or "", new)))
    entries, files = edit_files(stash, texts)
    pins = (ChangeStep(path, pinned, f"160000 {commit}"),)
    checkouts = (ChangeStep(path, old, commit),)
    refreshed = tuple(texts)
    (move,) = pin_moves(stash, {name: commit})
    change = StashChange(f"update-tool {name}", (), (*entries, *pins), files, checkouts)
    return ToolUpdate(name, commit, move, refreshed, tuple(edited), tuple(gone), change)


def _text_at(root: Path, commit: str, copy: CopiedConfig) -> str | None:
    """Return the text that a commit of the tool has for a copied config, or None."""
    path = copy.source.split("/", 2)[2]
    done = ask_git("cat-file", "blob", f"{commit}:{path}", cwd=root)
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None


def _diff(copy: CopiedConfig, commit: str, now: str, new: str) -> str:
    lines = difflib.unified_diff(
        now.splitlines(keepends=True), new.splitlines(keepends=True), copy.copy, f"{copy.source} at {commit[:SHORT]}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def new_experiments(tool: ResolvedTool) -> Iterator[tuple[str, str]]:
    """Yield the experiments that the checkout has and the stash does not, each with the command that copies it."""
    folder = tool.config_directory
    if folder is None or not (group := folder / tool.tool.group).is_dir():
        return
    own = tool.stash.root / "configs" / tool.name / "experiment"
    if not any(own.rglob("*.yaml")):  # the tool was added without copies
        return
    for file in sorted(group.rglob("*.yaml")):
        name = file.relative_to(group).as_posix().removesuffix(".yaml")
        copy = experiment_path(tool.name, name)
        if not (tool.stash.root / copy).exists():
            yield name, command("cp", file.relative_to(tool.stash.root).as_posix(), copy)
