"""Runs a frozen experiment, with the stash's configs of its tag, and checks that it was loaded."""

from __future__ import annotations

import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core import process
from experimentstash.core.errors import FINDING
from experimentstash.git.user_git import answer, git
from experimentstash.hydra.launch import running
from experimentstash.hydra.run_record import with_record

if TYPE_CHECKING:
    from experimentstash.hydra.run_request import RunRequest

_SHOWS_ONLY = frozenset({"--help", "-h", "--hydra-help", "--version", "--info", "-i", "--shell-completion", "-sc"})
"""Hydra's flags that prevent a run of the task."""


def run_frozen(
    request: RunRequest,
    tag: str,
    *,
    ending_signals: list[int] | None = None,
    limit: float | None = None,
    bound: bool = False,
) -> int:
    """Run a frozen experiment with our standard streams and signals, and return its exit code.

    Args:
        request: from `replay.frozen_request`.
        tag: its tag.
        ending_signals: collects each signal that asked us to end.
        limit: its time limit in seconds; None for no limit.
        bound: whether it ends when this process is killed.

    Returns:
        The tool's exit code; 1 if that is 0 but the frozen config was never loaded.
    """
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        report = Path(folder) / "loaded"
        with_configs = replace(request, stash_configs=_configs_of(request, tag, Path(folder) / "configs"))
        start = with_record(running(with_configs, report), request, tag)
        code = process.run_through(
            start.command, cwd=start.cwd, env=start.env, ending_signals=ending_signals, limit=limit, bound=bound
        )
        if code or report.exists() or _SHOWS_ONLY.intersection(flag.partition("=")[0] for flag in request.flags):
            return code
    print(
        f"experimentstash: {request.tool.name}/{request.experiment}: {request.tool.entrypoint!r} ended well and never"
        " loaded the frozen config: what it ran is not what was frozen\n"
        f"    fix: write `select: compose` below {request.tool.name} in configs/meta.yaml, if it composes by itself",
        file=sys.stderr,
    )
    return FINDING


def _configs_of(request: RunRequest, tag: str, folder: Path) -> Path | None:
    """Return the stash's configs at the commit of the tag, for other configs that the program composes.

    None for the working ones: they are the same, or the tag does not exist yet.
    """
    place, stash = f"configs/{request.tool.name}", request.stash
    commit = f"refs/tags/snapshot/{tag}^{{commit}}"
    if answer("rev-parse", "--quiet", "--verify", commit, cwd=stash.root) is None:
        return None
    own = ("--", place, f":(exclude){place}/snapshots")
    unchanged = answer("diff", "--quiet", commit, *own, cwd=stash.root) is not None
    if unchanged and not git("ls-files", "--others", *own, cwd=stash.root):
        return None
    folder.mkdir()
    if {*git("ls-tree", "--name-only", commit, f"{place}/", cwd=stash.root).splitlines()} - {f"{place}/snapshots"}:
        file = folder / "configs.tar"
        git("archive", "--format=tar", f"--output={file}", commit, *own, cwd=stash.root)
        with tarfile.open(file) as archive:
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            archive.extractall(folder, **safely)  # type: ignore[arg-type]  # noqa: S202  (the stash's own commit)
        file.unlink()
    return folder / place
