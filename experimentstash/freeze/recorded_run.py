"""Runs a frozen config in an empty directory, and records the manifest of its results."""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, ToolExit, first_lines, listed, printable
from experimentstash.core.files import write_shared
from experimentstash.core.names import REGISTRY
from experimentstash.freeze.environment_capture import check_ran_as_locked
from experimentstash.git.checkouts.restore import put_back
from experimentstash.git.checkouts.stray_results import path_of
from experimentstash.hydra.isolated_run import free_folder, run_folder, run_fresh
from experimentstash.hydra.loaded_code import check_own_code, foreign
from experimentstash.stash import snapshot_file
from experimentstash.stash.results.collect import collect
from experimentstash.stash.results.manifest import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.freeze.pending_snapshot import PendingSnapshot
    from experimentstash.hydra.isolated_run import Ran
    from experimentstash.hydra.resolved_tool import ResolvedTool
    from experimentstash.stash.results.stray_files import Written
    from experimentstash.stash.stash import Stash
    from experimentstash.stash.tool import Tool

_log = logging.getLogger(__name__)

_MAX_LISTED = 10  # files that lie beside the run directory
_MAX_PATHS = 5


def record_run(
    resolved: ResolvedTool,
    frozen: PendingSnapshot,
    *,
    is_last: bool = True,
) -> PendingSnapshot:
    """Run a snapshot that is on disk; write the manifest of its results, and return the snapshot with it.

    Does not run a snapshot that has its manifest: the user resumes an interrupted freeze.

    Args:
        resolved: the tool.
        frozen: the snapshot.
        is_last: whether this is the last experiment; otherwise the stash is restored for the next one.

    Raises:
        ToolExit: the tool failed; the caller removes the files.
        StashError: the run used other packages than those of the lock file, loaded code that is not in the commits of
            the tools, wrote no results, or wrote results that cannot be read.
    """
    if frozen.name.results_path in frozen.files:
        _log.info(
            "%s was run when it was frozen, and its recorded results are kept",
            frozen.name.title,
        )
        return frozen
    stash, tool = resolved.stash, resolved.tool
    parsed = snapshot_file.parse(frozen.text.encode(), frozen.name.path)
    check_ran_as_locked(resolved, parsed, frozen.name.title)
    _log.info("running %s", frozen.name.title)
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as imports:
        folder = free_folder(run_folder(resolved, frozen.name))
        ran = run_fresh(resolved, frozen.name, folder, imports=Path(imports))
        moved = _put_back(stash, tool, ran, is_last=is_last)
        if not ran.exit_code:
            check_ran_as_locked(resolved, parsed, frozen.name.title, Path(imports))
    if ran.exit_code:
        how = f"was stopped ({ran.exit_code})" if ran.stopped else f"failed with exit code {ran.exit_code}"
        raise ToolExit(ran.exit_code, f"{frozen.name.title} {how}: nothing is frozen. What it wrote: {ran.folder}")
    check_own_code(foreign(stash, frozen.pins, ran.loaded, parsed.all("PROJECT")))
    manifest = collect(ran.folder, tool.results, [str(stash.root)])
    if not manifest.files:
        raise _without_results(stash, tool, frozen, ran)
    found = frozen.with_results(render(manifest))
    ignore = f"leave the file out: `results: {{ignore: […]}}` of {tool.name} in {REGISTRY}"
    write_shared(stash.root / found.name.results_path, found.files[found.name.results_path], fix=ignore)
    write_shared(stash.root / found.name.path, found.text, found.published)
    count = f"{len(manifest.files):,} file{'s' if len(manifest.files) > 1 else ''}"
    return found.with_notices([("results", f"{count} of {ran.folder}"), *_stray_notices(ran.beside), *moved])


def _put_back(stash: Stash, tool: Tool, ran: Ran, *, is_last: bool) -> list[tuple[str, str]]:
    """Restore the tool, and before another experiment the whole stash; return notices about the moved files."""
    aside = free_folder(ran.folder.with_name(f"{ran.folder.name}-beside"))
    root = stash.root if not is_last else stash.checkout(tool.name)
    leave = [stash.root / name for name in ("outputs", "configs")]
    done = put_back(root, ran.beside, aside, ran.directories, leave)
    return [("beside the run directory", f"moved to {aside}: {listed(done, _MAX_PATHS)}")] if done else []


def _without_results(stash: Stash, tool: Tool, frozen: PendingSnapshot, ran: Ran) -> StashError:
    """Return the error for a run without results; files outside its directory may be the results."""
    what = f"{frozen.name.title}: it wrote no results into its run directory {ran.folder}"
    written = [one for one in ran.beside if one.change != "gone"]
    if not written:
        return StashError(what, "write them below ${hydra:runtime.output_dir}, or freeze without --run")
    beside = "".join(f"\n    {printable(str(one))}" for one in written[:_MAX_LISTED])
    paths = [path for one in written[:_MAX_PATHS] if (path := path_of(stash, tool, one.path))]
    places = paths if len(written) <= _MAX_PATHS else sorted({path.partition("/")[0] for path in paths})
    entry = f"results: {{paths: [{', '.join(map(json.dumps, places))}]}}"
    return StashError(
        f"{what}; it wrote files outside of it:{beside}",
        f"write `{entry}` into the entry of {tool.name} in {REGISTRY}, and rerun the same command",
    )


def _stray_notices(written: Sequence[Written]) -> list[tuple[str, str]]:
    """Return notices about the files that the run wrote outside its directory, the first few of them."""
    notices = first_lines(list(map(str, written)), _MAX_LISTED)
    if any(file.change != "new" for file in written):
        # a checkpoint or a cache: the results may depend on its earlier contents
        notices.append("an existing file was changed; it is not frozen, so a reproduction starts without it")
    return [("beside the run directory", notice) for notice in notices]
