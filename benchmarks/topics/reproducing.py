"""`reproduce` of a small tool, compared with a clone and a run by hand; `--check` of many results."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from measure import Row, Timed

if TYPE_CHECKING:
    from pathlib import Path

    from places import Place

TITLE = "Reproducing"
_FILES = 10_000
_DEFAULTS = "defaults:\n  - _self_\n  - experiment: null\n"
_WRITES = """\
import hydra
from hydra.core.hydra_config import HydraConfig
from pathlib import Path

@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(cfg):
    folder = Path(HydraConfig.get().runtime.output_dir)
    for number in range(cfg.files):
        (folder / f"{number}.json").write_text('{"loss": %s, "step": %s}' % (number / 7, number))

if __name__ == "__main__":
    main()
"""


def rows(place: Place) -> list[Row]:
    """Measure a warm reproduction, a cold one, and the comparison of 10,000 existing files."""
    stash = place.with_tool("reproduce", 5)
    _frozen(place, stash)
    by_hand = _by_hand(place, stash)
    warm = _reproduced(place, stash, "warm", "`reproduce`, environment and objects at hand")
    cold = _reproduced(place, stash, "cold", "`reproduce`, environment built", is_cold=True)
    return [Row(warm, by_hand, most_ratio=1.2), Row(cold, by_hand), *_checks(place)]


def _frozen(place: Place, stash: Path, *flags: str) -> None:
    command = (place.program, "snapshot", "mytool", "first", "--tag", "frozen", "--commit", *flags)
    Timed("snapshot", command, stash, place.env).seconds()


def _by_hand(place: Place, stash: Path) -> Timed:
    target = place.root / "by-hand-clone"
    script = (
        f"git clone -q --recurse-submodules -b snapshot/frozen '{stash}' '{target}' && cd '{target}/tools/mytool' && "
        f"'{place.own.python}' -m mytool.main --config-dir=../../configs/mytool/snapshots/frozen --config-name=first "
        f"'save_dir=${{hydra:runtime.output_dir}}' hydra.run.dir='{target}/run'"
    )

    def put_back() -> None:
        shutil.rmtree(target, ignore_errors=True)

    return Timed(
        "`git clone --recurse-submodules`, and the run by hand", ("sh", "-c", script), place.root, place.env, put_back
    )


def _reproduced(place: Place, stash: Path, name: str, label: str, *, is_cold: bool = False) -> Timed:
    target, cache = place.root / f"reproduced-{name}", place.root / f"cache-{name}"

    def put_back() -> None:
        shutil.rmtree(target, ignore_errors=True)
        if is_cold:
            shutil.rmtree(cache, ignore_errors=True)

    command = (place.program, "reproduce", "frozen", "--yes", "--allow-local", "--into", str(target))
    return Timed(label, command, stash, {**place.env, "EXPERIMENTSTASH_CACHE": str(cache)}, put_back)


def _checks(place: Place) -> list[Row]:
    found = {}
    for files in (10, _FILES):
        stash = place.with_tool(f"results-{files}", 5)
        tool = stash / "tools" / "mytool"
        place.commit(tool, {"mytool/main.py": _WRITES, "mytool/conf/config.yaml": f"{_DEFAULTS}files: {files}\n"})
        place.git("push", "-q", "origin", "HEAD:refs/heads/next", cwd=tool)
        place.commit(stash, {"configs/mytool/experiment/first.yaml": "# @package _global_\nfiles: " + f"{files}\n"})
        _frozen(place, stash, "--run")
        target = place.root / f"checked-{files}"
        command = (place.program, "reproduce", "frozen", "--yes", "--allow-local", "--check", "--into", str(target))
        env = {**place.env, "EXPERIMENTSTASH_CACHE": str(place.root / "cache-warm")}
        Timed("the run", command, stash, env).seconds()
        found[files] = Timed(f"`reproduce --check`, run before, {files:,} result files", command, stash, env)
    few, many = found.values()
    return [Row(many, few)]
