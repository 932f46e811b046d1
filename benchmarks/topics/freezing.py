"""`snapshot`, which composes twice, compared with the tool's `--cfg job`; several experiments compared with one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from measure import Row, Timed

if TYPE_CHECKING:
    from pathlib import Path

    from places import Place

TITLE = "Freezing"
_FURTHER = ("second", "third", "fourth")


def rows(place: Place) -> list[Row]:
    """Measure a small and a large config, with and without the commit and the tag, and four experiments at once."""
    return [row for keys in (5, 500) for row in _rows(place, place.with_tool(f"freeze-{keys}", keys), keys)]


def _rows(place: Place, stash: Path, keys: int) -> list[Row]:
    job = Timed(
        f"`--cfg job`, {keys} keys",
        (
            *(place.own.python, "-m", "mytool.main", f"--config-dir={stash}/configs/mytool", "experiment=first"),
            *("--cfg", "job"),
        ),
        stash / "tools" / "mytool",
        place.env,
    )
    texts = {f"configs/mytool/experiment/{name}.yaml": f"# @package _global_\nname: {name}\n" for name in _FURTHER}
    place.commit(stash, texts)
    base = place.git("rev-parse", "HEAD", cwd=stash)

    def put_back() -> None:
        place.git("reset", "-q", "--hard", base, cwd=stash)
        place.git("update-ref", "-d", "refs/tags/snapshot/bench", cwd=stash)
        shutil.rmtree(stash / "configs" / "mytool" / "snapshots", ignore_errors=True)

    command = (place.program, "snapshot", "mytool", "first", "--tag", "bench")
    plain = Timed(f"`snapshot`, {keys} keys", command, stash, place.env, put_back)
    whole = Timed(f"`snapshot --commit`, {keys} keys", (*command, "--commit"), stash, place.env, put_back)
    together = (*command[:3], *_FURTHER, *command[3:])
    four = Timed(f"`snapshot` of 4 experiments, {keys} keys", together, stash, place.env, put_back)
    return [
        Row(plain, job, times=2, most_ratio=1.3),
        Row(whole, job, times=2),
        Row(four, plain, times=4, most_ratio=1),
    ]
