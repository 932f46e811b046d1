"""What a hook costs: the processes that it starts and the modules that it loads, at each commit of a user's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import BIN, git, run
from stashes import commit_index, freeze, healthy, pin, snapshot_path, snapshot_text, stage

HEAVY = ("click", "yaml", "dulwich", "omegaconf", "tempfile", "traceback", "datetime")


def asked(root: Path, hook: str) -> int:
    """Run a hook, which must be silent, as git does at a commit, and return how often it asked git."""
    trace = root.parent / "trace"
    trace.unlink(missing_ok=True)
    env = {"GIT_TRACE": str(trace), "GIT_INDEX_FILE": ".git/index", "GIT_PREFIX": ""}
    ran = run(BIN / hook, cwd=root, env=env)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    return trace.read_text().count("trace: built-in: git ")


def make(root: Path, tags: int) -> Path:
    healthy(root)
    for number in range(tags):
        freeze(root, "pca", f"more-{number}", "four")
    return root


@pytest.mark.parametrize("tags", [0, 5])
def test_git_is_asked_as_often_however_many_snapshots_there_are(tmp_path: Path, tags: int) -> None:
    root = make(tmp_path / "stash", tags)
    stage(root, {"notes.txt": "a note\n"})
    pin(root, "five")
    assert asked(root, "check-snapshots") == 2  # where the repository is, and what is staged
    commit_index(root)
    assert asked(root, "tag-snapshots") == 3  # where it is, where HEAD is, and what changed
    stage(root, {snapshot_path("pca", "new"): snapshot_text("pca", "new", pin(root, "six"))})
    assert asked(root, "check-snapshots") == 5  # the tag, HEAD and a few objects besides
    commit_index(root)
    assert asked(root, "tag-snapshots") == 9
    assert git("rev-parse", "snapshot/new^{commit}", cwd=root) == git("rev-parse", "HEAD", cwd=root)


@pytest.mark.parametrize("hook", ["check_snapshots", "freeze_snapshots", "tag_snapshots"])
def test_an_ordinary_commit_loads_nothing_heavy(tmp_path: Path, hook: str) -> None:
    root = healthy(tmp_path / "stash")
    stage(root, {"notes.txt": "a note\n"})
    code = (
        f"import sys\nfrom experimentstash.hooks.{hook} import main\ncode = main([])\n"
        f"print(code, [name for name in {HEAVY} if name in sys.modules])"
    )
    assert run(sys.executable, "-c", code, cwd=root).out == "0 []\n"


@pytest.mark.parametrize("hook", ["check_snapshots", "pre_commit"])
def test_a_commit_of_a_snapshot_loads_nothing_that_it_does_not_need(tmp_path: Path, hook: str) -> None:
    """Dulwich and dataclasses are a third of what it would load, and what freezes is as much as all the rest."""
    root = healthy(tmp_path / "stash")
    stage(root, {snapshot_path("pca", "new"): snapshot_text("pca", "new", pin(root, "six"))})
    spared = ("dulwich", "dataclasses", "json", "tempfile", "experimentstash.freeze", "experimentstash.hydra.launch")
    code = (
        f"import sys\nfrom experimentstash.hooks.{hook} import main\ncode = main([])\n"
        f"print(code, [name for name in {spared} if name in sys.modules], 'yaml' in sys.modules)"
    )
    assert run(sys.executable, "-c", code, cwd=root).out == "0 [] True\n"
