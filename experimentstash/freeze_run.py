"""The run that a freeze records: the frozen config in an empty folder, and the manifest of what it wrote there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash import snapshot
from experimentstash.checkouts.code import check_own_code, foreign
from experimentstash.files import write_text
from experimentstash.hydra.fresh import run_folder, run_fresh
from experimentstash.problems import StashError, ToolExit, printable
from experimentstash.results.collecting import collect
from experimentstash.results.manifest import render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from experimentstash.frozen import Frozen
    from experimentstash.results.beside import Written
    from experimentstash.tool import Tool

_MOST_TOLD = 10  # files that lie beside the run folder


def record_run(
    stash: Path, tool: Tool, frozen: Frozen, tools: Mapping[str, Tool], say: Callable[[str], object]
) -> Frozen:
    """Run a snapshot that is on disk, and return it with the manifest of its results, both written.

    One that has its manifest already (a freeze that was cut off, and is said again) is not run again.

    Args:
        stash: the stash's root.
        tool: the tool.
        frozen: the snapshot.
        tools: the registry.
        say: called with each step, for the user to see.

    Raises:
        ToolExit: the tool failed; what is on disk is the caller's to take away.
        StashError: it wrote nothing into its run folder, what it wrote cannot be read, or it loaded code that the
            commits of the tools do not hold.
    """
    if frozen.name.results_path in frozen.files:
        say(
            f"{frozen.name.title} ran when it was frozen before, and what it gave stays recorded: it does not run again"
        )
        return frozen
    say(f"running {frozen.name.title}")
    ran = run_fresh(stash, tool, frozen.name, _free(run_folder(stash, tool, frozen.name)))
    if ran.exit_code:
        how = f"was stopped ({ran.exit_code})" if ran.stopped else f"failed with exit code {ran.exit_code}"
        raise ToolExit(ran.exit_code, f"{frozen.name.title} {how}: nothing is frozen. What it wrote: {ran.folder}")
    projects = snapshot.parse(frozen.text.encode(), frozen.name.path).all("PROJECT")
    check_own_code(foreign(stash, tools, frozen.pins, ran.loaded, projects))
    manifest = collect(ran.folder, tool.results, [str(stash)])
    if not manifest.files:
        beside = "".join(f"\n    {printable(str(written))}" for written in ran.beside[:10])
        wrote = f"; what it wrote lies beside it:{beside}" if beside else ""
        raise StashError(
            f"{frozen.name.title}: it wrote no results into its run folder {ran.folder}{wrote}",
            "write them below ${hydra:runtime.output_dir}, or freeze without --run",
        )
    found = frozen.with_results(render(manifest))
    write_text(stash / found.name.results_path, found.files[found.name.results_path])
    write_text(stash / found.name.path, found.text)
    count = f"{len(manifest.files):,} file{'s' if len(manifest.files) > 1 else ''}"
    return found.with_notices([("results", f"{count} of {ran.folder}"), *_beside(ran.beside)])


def _beside(written: Sequence[Written]) -> list[tuple[str, str]]:
    """Return what is told of what the run left beside its folder; one with many files there tells of some."""
    told = [("beside the run folder", str(one)) for one in written[:_MOST_TOLD]]
    told += [("beside the run folder", f"{len(written) - _MOST_TOLD:,} more")] if len(written) > _MOST_TOLD else []
    if any(one.change != "new" for one in written):
        # a checkpoint, a cache: the results may come from what it held before
        told.append(
            ("beside the run folder", "a file that was there before is not frozen: who reproduces it has it not")
        )
    return told


def _free(folder: Path) -> Path:
    """Return the folder, or, where an earlier freeze has left something there, the next of its name."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free
