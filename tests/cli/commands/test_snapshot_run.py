"""`snapshot --run`: the frozen config runs before it is frozen, and what it gave is frozen with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from conftest import Ran, commit, estash, git, write
from shapes import Shape, make_stash

from experimentstash.environments.packages import describe

BESIDE = """
import json, os, pathlib
import hydra
from hydra.core.hydra_config import HydraConfig

@hydra.main(config_path="conf", config_name="config", version_base=None)
def main(cfg):
    pathlib.Path("reports").mkdir(exist_ok=True)
    with open("reports/log.csv", "a") as log:  # goes on where an earlier run has left off
        log.write(f"{cfg.n}\\n")
    pathlib.Path("cache").mkdir(exist_ok=True)
    table = pathlib.Path("cache/table.json")
    if not table.exists():
        table.write_text(json.dumps(cfg.n))
    pathlib.Path("tracked.txt").write_text(pathlib.Path("tracked.txt").read_text() + "x")
    if cfg.get("in_stash"):
        note = pathlib.Path("../../note.txt")
        n = note.read_text() if note.exists() else "none"
        note.write_text("written")
    else:
        n = "none"
    out = pathlib.Path(HydraConfig.get().runtime.output_dir)
    if cfg.get("writes", True):
        state = {"n": json.loads(table.read_text()), "tracked": pathlib.Path("tracked.txt").read_text(), "note": n}
        (out / "result.json").write_text(json.dumps(state))

main()
"""


MAIN = """
import json, os, pathlib, sys
import hydra
from hydra.core.hydra_config import HydraConfig

@hydra.main(config_path="conf", config_name="config", version_base=None)
def main(cfg):
    out = pathlib.Path(HydraConfig.get().runtime.output_dir)
    if cfg.writes:
        (out / "metrics.json").write_text(json.dumps({"loss": 0.5}))
    if cfg.beside:
        kept = pathlib.Path("kept")
        kept.mkdir(exist_ok=True)
        for number in range(cfg.beside):
            (kept / f"{number:02}.txt").write_text(os.urandom(4).hex())
    with open(os.environ["RUNS"], "a") as runs:
        runs.write("ran\\n")
    sys.exit(cfg.exit)

main()
"""
TOOL = {
    "main.py": MAIN,
    "conf/config.yaml": "defaults: [{experiment: null}, _self_]\nwrites: true\nbeside: 0\nexit: 0\n",
    "conf/experiment/first.yaml": "# @package _global_\n",
    ".gitignore": "kept/\n",
}


@pytest.fixture
def stash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    return make_stash(tmp_path, Shape(TOOL, "entrypoint: main.py", "# @package _global_\n"))


def runs(stash: Path) -> int:
    log = stash.parent / "runs"
    return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.mark.every
def test_it_tells_what_it_recorded_and_where_that_lies(stash: Path) -> None:
    done = estash("snapshot", "mytool", "first", "--tag", "v1", "--run", "--commit", cwd=stash)
    assert f"    results: 1 file of {stash}/outputs/mytool/first/@run/v1\n" in done.out
    manifest = json.loads(git("show", "snapshot/v1:configs/mytool/snapshots/v1/first.results.json", cwd=stash))
    assert [(file["path"], file["series"][0]["values"]) for file in manifest["files"]] == [("metrics.json", [0.5])]
    assert "\n# RESULTS: sha256:" in git("show", "snapshot/v1:configs/mytool/snapshots/v1/first.yaml", cwd=stash)
    assert git("status", "--porcelain", cwd=stash) == ""


def test_a_run_that_fails_freezes_nothing_and_says_so(stash: Path) -> None:
    done = estash("snapshot", "mytool", "first", "exit=7", "--tag", "v1", "--run", "--commit", cwd=stash)
    assert done.code == 7
    assert done.err.endswith(
        "experimentstash: mytool/first failed with exit code 7: nothing is frozen. "
        f"What it wrote: {stash}/outputs/mytool/first/@run/v1\n"
    )
    assert git("tag", cwd=stash) == ""
    assert git("status", "--porcelain", cwd=stash) == ""


def test_a_run_without_results_is_refused(stash: Path) -> None:
    done = estash("snapshot", "mytool", "first", "writes=false", "beside=1", "--tag", "v1", "--run", cwd=stash)
    assert done.code == 1
    assert "it wrote no results into its run directory" in done.err
    assert f"{stash}/tools/mytool/kept/00.txt (new)" in done.err
    assert git("status", "--porcelain", cwd=stash) == ""


@pytest.mark.every
def test_said_again_it_goes_on_and_does_not_run_again(stash: Path) -> None:
    estash("snapshot", "mytool", "first", "--tag", "v1", "--run", cwd=stash)
    again = estash("snapshot", "mytool", "first", "--tag", "v1", "--run", "--commit", cwd=stash)
    assert runs(stash) == 1
    assert "mytool/first was run when it was frozen, and its recorded results are kept" in again.err
    assert git("tag", cwd=stash) == "snapshot/v1"


@pytest.mark.every
def test_a_run_may_be_added_to_what_was_frozen_without_one(stash: Path) -> None:
    estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash)
    estash("snapshot", "mytool", "first", "--tag", "v1", "--run", "--commit", cwd=stash)
    assert runs(stash) == 1
    assert "first.results.json" in git("ls-tree", "-r", "--name-only", "snapshot/v1", cwd=stash)


@pytest.mark.every
def test_what_lies_beside_is_told_and_what_was_there_before_is_warned_of(stash: Path) -> None:
    warning = "an existing file was changed; it is not frozen, so a reproduction starts without it"
    first = estash("snapshot", "mytool", "first", "beside=2", "--tag", "v1", "--run", cwd=stash)
    assert f"    beside the run directory: {stash}/tools/mytool/kept/00.txt (new)\n" in first.out
    assert warning not in first.out
    aside = stash / "outputs/mytool/first/@run/v1-beside"
    assert f"    beside the run directory: moved to {aside}: kept/00.txt, kept/01.txt\n" in first.out
    assert sorted(path.name for path in aside.glob("kept/*")) == ["00.txt", "01.txt"]
    assert not (stash / "tools/mytool/kept").exists()

    write(stash / "tools/mytool", {"kept/01.txt": "of the user's"})
    again = estash("snapshot", "mytool", "first", "beside=14", "--tag", "v2", "--run", cwd=stash)
    assert f"    beside the run directory: {stash}/tools/mytool/kept/01.txt (changed)\n" in again.out
    assert "    beside the run directory: and 4 more\n" in again.out
    assert f"    beside the run directory: {warning}\n" in again.out


def test_a_package_that_the_tools_lock_does_not_name_is_told(stash: Path) -> None:
    tool = stash / "tools/mytool"
    pinned = f"omegaconf==2.3.0 --hash=sha256:{'0' * 64}\nhydra-core==1.3.2 --hash=sha256:{'0' * 64}\n"
    commit(tool, {"requirements.txt": pinned}, "a lock")
    git("commit", "-qam", "its lock", cwd=stash)
    done = estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash)
    told = next(line for line in done.out.splitlines() if "nobody who builds it has them" in line)
    assert "    environment: not in tools/mytool/requirements.txt, so" in told
    assert "antlr4-python3-runtime 4.9.3" in told
    assert "hydra-core" not in told
    assert "`lock: installed` in the registry freezes that" in done.out


def test_a_run_with_other_packages_than_the_lock_is_refused(stash: Path) -> None:
    here = describe(Path(sys.executable)).packages
    lines = {name: f"{name}=={one.version} --hash=sha256:{'0' * 64}\n" for name, one in here.items() if not one.folder}

    def freeze(tag: str, **versions: str | None) -> Ran:
        """Freeze a run, with other versions in the lock, or without a line of it."""
        own = {**lines, **{name.replace("_", "-"): line for name, line in versions.items()}}
        text = "".join(filter(None, own.values()))
        commit(stash / "tools/mytool", {"requirements.txt": text}, tag)
        git("commit", "-qam", tag, cwd=stash)
        return estash("snapshot", "mytool", "first", "--tag", tag, "--run", "--commit", cwd=stash)

    hashed = f" --hash=sha256:{'0' * 64}\n"
    assert freeze("unused", prek="prek==0.0.1" + hashed, ruff=None).code == 0
    lock = "tools/mytool/requirements.txt"
    before = freeze("before", omegaconf="omegaconf==2.0.0" + hashed)
    told = f"mytool/first: the installed packages differ from {lock}, so others would get different results:\n    "
    assert before.code == 1
    assert f"{told}omegaconf {here['omegaconf'].version} here, 2.0.0 in {lock}\n    fix: " in before.err
    assert "running mytool/first" not in before.err
    after = freeze("after", antlr4_python3_runtime=None)
    assert after.code == 1
    assert (
        f"{told}antlr4-python3-runtime 4.9.3 here, not in {lock}\n    fix: {sys.executable} -m pip install" in after.err
    )
    assert (git("status", "--porcelain", cwd=stash), git("tag", cwd=stash)) == ("", "snapshot/unused")


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A tool that writes results, a cache and a file of its own commit below the directory it is started in."""
    files = {
        "main.py": BESIDE,
        "tracked.txt": "1",
        "conf/config.yaml": "defaults: [_self_, {experiment: null}]\nn: 1\n",
        "conf/experiment/first.yaml": "# @package _global_\n",
    }
    stash = make_stash(tmp_path, Shape(files, "entrypoint: main.py", "# @package _global_\n"))
    write(stash, {"configs/mytool/experiment/second.yaml": "# @package _global_\nn: 2\n"})
    git("add", "-A", cwd=stash)
    git("commit", "-qm", "another", cwd=stash)
    return stash


def test_each_experiment_begins_without_what_the_one_before_left(beside: Path, tmp_path: Path) -> None:
    """In the user's own checkout, and in the checkout of a reproduction."""
    freeze = ("snapshot", "mytool", "first", "second", "+in_stash=true", "--tag", "v1", "--run", "--commit")
    done = estash(*freeze, cwd=beside)
    assert done.code == 0, done.err
    for experiment, n in (("first", 1), ("second", 2)):
        folder = beside / f"outputs/mytool/{experiment}/@run"
        assert json.loads((folder / "v1/result.json").read_text()) == {"n": n, "tracked": "1x", "note": "none"}
        assert (folder / "v1-beside").is_dir()
    kept = beside / "outputs/mytool/first/@run/v1-beside"
    assert {str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()} == {
        "note.txt", "tools/mytool/cache/table.json", "tools/mytool/reports/log.csv", "tools/mytool/tracked.txt"
    }  # fmt: skip
    assert git("status", "--porcelain", cwd=beside / "tools/mytool") == ""
    assert (beside / "note.txt").exists()  # of the last one: it stays, since nothing follows
    (beside / "note.txt").unlink()

    into = ("--into", tmp_path / "into", "--check", "--yes", "--allow-local", "--no-build")
    held = estash("reproduce", "v1", *into, cwd=beside)
    assert held.out.splitlines()[-1].endswith(": 2 of 2 experiments hold"), held.out
    assert git("status", "--porcelain", "--ignore-submodules=none", cwd=tmp_path / "into") == ""
    left = tmp_path / "into/outputs/mytool/first/@run/v1-beside/tools/mytool/reports/log.csv"
    assert left.read_text() == "1\n"
    again = estash("reproduce", "v1", *into, cwd=beside)
    assert again.code == 0
    assert left.read_text() == "1\n"  # nothing that a run wrote is deleted


def test_results_beside_the_run_directory_are_recorded_where_the_registry_names_them(
    beside: Path, tmp_path: Path
) -> None:
    freeze = ("snapshot", "mytool", "first", "+writes=false", "--tag", "v1", "--run", "--commit")
    refused = estash(*freeze, cwd=beside)
    assert refused.code == 1
    assert refused.err.endswith(
        '    fix: write `results: {paths: ["cache/table.json", "reports/log.csv", "tracked.txt"]}` into the entry of'
        " mytool in configs/meta.yaml, and rerun the same command\n"
    )
    assert not (beside / "configs/mytool/snapshots").exists()

    registry = beside / "configs/meta.yaml"
    registry.write_text(registry.read_text() + "    results: {paths: [reports/, ../../note.txt]}\n")
    git("commit", "-qam", "results", cwd=beside)
    git("config", "core.excludesFile", tmp_path / "excludes", cwd=beside / "tools/mytool")
    (tmp_path / "excludes").write_text("reports/\n")
    write(beside / "tools/mytool", {"reports/log.csv": "of an earlier run\n"})
    done = estash(*freeze, "+in_stash=true", cwd=beside)
    assert done.code == 0, done.err
    manifest = json.loads(git("show", "snapshot/v1:configs/mytool/snapshots/v1/first.results.json", cwd=beside))
    assert [file["path"] for file in manifest["files"]] == ["@stash/note.txt", "@tool/reports/log.csv"]
    assert (beside / "outputs/mytool/first/@run/v1-2/@tool/reports/log.csv").read_text() == "1\n"
    assert (beside / "tools/mytool/reports/log.csv").read_text() == "of an earlier run\n"

    into = ("--into", tmp_path / "into", "--check", "--yes", "--allow-local", "--no-build")
    held = estash("reproduce", "v1", *into, cwd=beside)
    assert held.out.startswith("mytool/first: the results hold, bit by bit: 2 identical\n"), held.out


@pytest.mark.parametrize("commits", [["--commit"], []], ids=["committed", "on disk only"])
def test_drop_removes_the_lock_the_results_and_the_jobs_of_a_sweep(stash: Path, commits: list[str]) -> None:
    before = git("rev-parse", "HEAD", cwd=stash)
    sweep = ("mytool", "first", "--multirun", "beside=0,1")
    ran = estash("snapshot", *sweep, "--tag", "v1", "--run", *commits, cwd=stash)
    assert ran.code == 0, ran.err
    suffixes = {path.suffix for path in (stash / "configs/mytool/snapshots/v1").rglob("*") if path.is_file()}
    assert suffixes == {".yaml", ".json", ".txt"}
    assert estash("drop", "v1", cwd=stash).code == 0
    assert git("status", "--porcelain", cwd=stash) == ""
    assert git("tag", cwd=stash) == ""
    assert git("rev-parse", "HEAD", cwd=stash) == before
    assert not (stash / "configs/mytool/snapshots").exists()
