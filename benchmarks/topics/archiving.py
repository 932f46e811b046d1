"""`bundle` and `reproduce --from FILE` of a tool with 100 MB of history, compared with git bundles by hand."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from measure import Row, Timed

if TYPE_CHECKING:
    from pathlib import Path

    from places import Place

TITLE = "Archives"
_LARGE = 100_000_000  # bytes that do not compress


def rows(place: Place) -> list[Row]:
    """Measure both directions with a small and a large history; git's own bundle and clone are the floor."""
    small, large = (_ways(place, name, size) for name, size in (("small", 0), ("100 MB", _LARGE)))
    return [Row(*small[:2]), Row(*large[:2]), Row(*small[2:]), Row(*large[2:])]


def _ways(place: Place, name: str, size: int) -> tuple[Timed, Timed, Timed, Timed]:
    folder = place.root / f"archive-{size}"
    stash = place.with_tool(f"archived-{size}", 5)
    tool = stash / "tools" / "mytool"
    (tool / "data.bin").write_bytes(os.urandom(size))
    place.commit(tool, {"mytool/__init__.py": "# with data\n"})
    place.git("push", "-q", "origin", "HEAD:refs/heads/next", cwd=tool)
    place.commit(stash, {})
    command = (place.program, "snapshot", "mytool", "first", "--tag", "frozen", "--commit")
    Timed("snapshot", command, stash, place.env).seconds()
    folder.mkdir()
    archive = folder / "kept.estash"
    Timed("bundle", (place.program, "bundle", "frozen", str(archive), "--allow-local"), stash, place.env).seconds()
    return (
        _bundled(place, stash, folder / "made.estash", name),
        _git_bundles(place, stash, folder, name),
        _unpacked(place, folder, archive, name),
        _cloned(place, folder, name),
    )


def _bundled(place: Place, stash: Path, target: Path, name: str) -> Timed:
    command = (place.program, "bundle", "frozen", str(target), "--allow-local")
    return Timed(f"`bundle`, {name}", command, stash, place.env, lambda: target.unlink(missing_ok=True))


def _git_bundles(place: Place, stash: Path, folder: Path, name: str) -> Timed:
    script = (
        f"git bundle create -q '{folder}/stash.bundle' snapshot/frozen && "
        f"git -C tools/mytool bundle create -q '{folder}/tool.bundle' HEAD"
    )
    made = Timed(f"`git bundle create`, twice, {name}", ("sh", "-c", script), stash, place.env)
    made.seconds()  # `reproduce` needs them
    return made


def _unpacked(place: Place, folder: Path, archive: Path, name: str) -> Timed:
    target = folder / "reproduced"
    command = (place.program, "reproduce", "frozen", "--from", str(archive), "--yes", "--into", str(target))
    env = {**place.env, "EXPERIMENTSTASH_CACHE": str(place.root / "cache-archive")}
    return Timed(f"`reproduce --from FILE`, {name}", command, folder, env, lambda: _gone(target))


def _cloned(place: Place, folder: Path, name: str) -> Timed:
    target = folder / "cloned"
    frozen = "--config-dir=../../configs/mytool/snapshots/frozen --config-name=first"
    script = (
        f"git clone -q -b snapshot/frozen stash.bundle '{target}' && "
        f"git clone -q tool.bundle '{target}/tools/mytool' && cd '{target}/tools/mytool' && "
        f"'{place.own.python}' -m mytool.main {frozen} hydra.run.dir='{target}/run'"
    )
    label = f"`git clone` of the bundles, and the run by hand, {name}"
    return Timed(label, ("sh", "-c", script), folder, place.env, lambda: _gone(target))


def _gone(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
