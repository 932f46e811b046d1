"""What a hook asks of the judgement: only what changed, at the cost of what changed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from conftest import git
from stashes import (
    commit_index,
    freeze,
    healthy,
    make_stash,
    pin,
    pin_id,
    snapshot_path,
    snapshot_text,
    stage,
)

from experimentstash.git.repository import Repository
from experimentstash.verify.examination import Examination, Verdict, judge_staged

if TYPE_CHECKING:
    from pathlib import Path


def changed(root: Path) -> Verdict:
    with Repository.open(root) as repository:
        return judge_staged(repository, repository.staged())


def test_what_head_has_is_not_judged_again(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    stage(root, {snapshot_path("old", "v1"): snapshot_text("old", "v1", pin_id("elsewhere"))})
    commit_index(root, "drift that a hook did not see")
    pin(root, "two")
    assert changed(root)[:2] == (0, ())
    path = snapshot_path("new", "v2")
    stage(root, {path: snapshot_text("new", "v2", pin_id("one"))})
    verdict = changed(root)
    assert (verdict.snapshots, [problem.where for problem in verdict.problems]) == (1, [path])
    pin(root, "one")
    assert changed(root)[:2] == (1, ())


def test_an_edit_and_an_addition_are_changes(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    edited, added = snapshot_path("pca-one", "tag-one"), snapshot_path("x", "tag-two")
    stage(root, {edited: snapshot_text("pca-one", "tag-one", pin_id("one"), body="a: 2\n")})
    stage(root, {added: snapshot_text("x", "tag-two", pin_id("two"))})
    verdict = changed(root)
    assert {(problem.where, problem.rule) for problem in verdict.problems} == {(edited, "frozen"), (added, "frozen")}


def test_the_other_side_of_a_merge_is_judged_where_it_came_in(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("checkout", "-q", "-b", "side", cwd=root)
    freeze(root, "good", "v1", "two", tagged=False)
    git("rm", "-q", "--cached", "tools/mytool", cwd=root)
    stage(root, {snapshot_path("bad", "v2"): snapshot_text("bad", "v2", pin_id("two"))})
    bad = commit_index(root)
    git("checkout", "-q", "main", cwd=root)
    git("merge", "-q", "--no-commit", "--no-ff", "side", cwd=root)
    (problem,) = changed(root).problems
    assert problem.where == snapshot_path("bad", "v2")
    assert problem.what == f"it records mytool at {pin_id('two')[:12]}, and {bad[:12]} has no pin at tools/mytool"


def test_the_cost_grows_with_what_changed(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    for number in range(20):
        freeze(root, "a", f"v{number}", f"pin-{number}", body=f"a: {number}\n")
    stage(root, {snapshot_path("b", "new"): snapshot_text("b", "new", pin_id("pin-19"))})
    with Repository.open(root) as repository:
        examination = Examination(repository)
        asked: list[str] = []
        find = repository._objects.find
        repository._objects.find = lambda names, limit=10**9: asked.extend(names) or find(names, limit)  # type: ignore[method-assign, func-returns-value]
        examination.staged(repository.staged())
        assert examination.verdict()[:2] == (1, ())
    blobs = [name for name in asked if git("cat-file", "-t", name, cwd=root) == "blob"]
    assert len(blobs) == 2  # the new snapshot and the registry


def test_a_tag_can_be_judged_before_it_is_made(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    good = freeze(root, "a", "v1", "two", tagged=False)
    pin(root, "three")
    bad = commit_index(root)
    with Repository.open(root) as repository:
        examination = Examination(repository)
        examination.tag("v1", good)
        assert examination.verdict()[:2] == (1, ())
        examination.tag("v1", bad)
        (problem,) = examination.problems
    assert problem.where == f"snapshot/v1:{snapshot_path('a', 'v1')}"


def test_what_the_hook_path_imports() -> None:
    code = (
        "import sys, experimentstash.verify.examination, experimentstash.verify.missing_tags\n"
        "print([name for name in ('click', 'omegaconf', 'dulwich', 'hydra') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
