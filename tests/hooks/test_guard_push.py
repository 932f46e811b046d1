"""`guard-push`: what it says, what mends it, and what a push costs that brings nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import BIN, Ran, git, run
from stashes import commit_index, freeze, make_stash, pin, pin_id, snapshot_path, snapshot_text, stage

HEAVY = (
    "click",
    "yaml",
    "dulwich",
    "omegaconf",
    "hydra",
    "experimentstash.verify.push",
    "experimentstash.verify.examination",
)
NATIVE = ("--stage", "pre-push", "origin", "../server.git")
PATH = snapshot_path("a", "v1")
OPEN = """git -c sequence.editor="sed -i.bak '1s/^pick/edit/'" rebase --interactive"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stash with a server that is empty."""
    root = make_stash(tmp_path / "stash")
    git("init", "-q", "--bare", tmp_path / "server.git", cwd=tmp_path)
    git("remote", "add", "origin", "../server.git", cwd=root)
    return root


def drift(root: Path) -> str:
    stage(root, {PATH: snapshot_text("a", "v1", pin_id("elsewhere"))})
    return commit_index(root, "drift")


def guard(root: Path, *told: str, **env: str) -> Ran:
    return run(BIN / "guard-push", *NATIVE, cwd=root, stdin="".join(f"{line}\n" for line in told), env=env)


def update(root: Path, ref: str = "refs/heads/main", old: str = "0" * 40) -> str:
    return f"{ref} {git('rev-parse', 'HEAD', cwd=root)} {ref} {old}"


def test_where_nothing_is_pushed_nothing_heavy_is_loaded(root: Path) -> None:
    code = (
        f"import sys\nfrom experimentstash.hooks.guard_push import main\ncode = main({list(NATIVE)})\n"
        f"print(code, [name for name in {HEAVY} if name in sys.modules])"
    )
    assert run(sys.executable, "-c", code, cwd=root) == Ran(0, "0 []\n", "")


def test_the_refusal_names_the_ref_the_commit_the_file_and_the_repair(root: Path) -> None:
    first = drift(root)
    commit_index(root, "later")
    elsewhere, one = pin_id("elsewhere"), pin_id("one")
    assert guard(root, update(root)) == Ran(
        1,
        "",
        f"refs/heads/main {first[:12]}:{PATH}: pin: it records mytool at {elsewhere[:12]}, and {first[:12]} pins "
        f"{one[:12]}\n    fix: {OPEN} {first[:12]}~ && git -C tools/mytool checkout {elsewhere}"
        " && git add tools/mytool && git commit --amend --no-edit --allow-empty && git rebase --continue\n"
        "    or, if you mean it: EXPERIMENTSTASH_ALLOW=pin git push …\n",
    )


def test_the_repair_mends(root: Path) -> None:
    first = drift(root)
    commit_index(root, "later")
    said = guard(root, update(root)).err
    rebase = said.partition("fix: ")[2].partition(" && ")[0]
    assert run("sh", "-c", rebase, cwd=root).code == 0
    assert git("rev-parse", "HEAD", cwd=root) == first
    pin(root, "elsewhere")
    git("commit", "-q", "--amend", "--no-edit", cwd=root)
    git("rebase", "--continue", cwd=root, env={"GIT_EDITOR": "true"})
    assert guard(root, update(root)) == Ran(0, "", "")


def test_a_commit_that_has_none_before_it_is_opened_in_another_way(tmp_path: Path) -> None:
    root = tmp_path / "stash"
    git("init", "-q", root, cwd=tmp_path)
    drift(root)
    assert f"fix: {OPEN} --root && " in guard(root, update(root)).err


def test_by_hand_it_judges_what_no_remote_has(root: Path) -> None:
    drift(root)
    ran = run(BIN / "guard-push", cwd=root)
    assert (ran.code, ran.err.startswith("HEAD ")) == (1, True)
    git("push", "-q", "origin", "main", cwd=root)
    assert run(BIN / "guard-push", cwd=root) == Ran(0, "", "")


def test_of_two_refs_the_first_that_brings_a_commit_along_is_named_once(root: Path) -> None:
    drift(root)
    said = guard(root, update(root), update(root, "refs/heads/other")).err
    assert (said.count("refs/heads/main "), said.count("refs/heads/other ")) == (1, 0)


def test_a_framework_tells_of_one_ref_in_the_environment(root: Path) -> None:
    healthy = freeze(root, "a", "v1", "two")
    env = {"PRE_COMMIT_REMOTE_NAME": "origin", "PRE_COMMIT_REMOTE_BRANCH": "refs/heads/x", "PRE_COMMIT_TO_REF": healthy}
    assert run(BIN / "guard-push", cwd=root, env=env) == Ran(0, "", "")
    stage(root, {snapshot_path("a", "v2"): snapshot_text("a", "v2", pin_id("elsewhere"))})
    bad = commit_index(root)
    assert run(BIN / "guard-push", cwd=root, env=env).code == 0
    ran = run(BIN / "guard-push", cwd=root, env={**env, "PRE_COMMIT_TO_REF": bad})
    assert (ran.code, ran.err.startswith(f"refs/heads/x {bad[:12]}:")) == (1, True)


def test_a_tag_of_others_that_is_not_here_is_to_be_fetched(root: Path, tmp_path: Path) -> None:
    freeze(root, "a", "v1", "two")
    git("push", "-q", "origin", "snapshot/v1", cwd=root)
    git("reset", "-q", "--hard", "HEAD~", cwd=root)
    git("tag", "-d", "snapshot/v1", cwd=root)
    git("reflog", "expire", "--expire=all", "--all", cwd=root)
    git("gc", "-q", "--prune=now", cwd=root)
    freeze(root, "a", "v1", "three", tagged=False)
    ran = guard(root, update(root))
    assert ran.code == 1
    assert ran.err.startswith("refs/tags/snapshot/v1: tag: the object ")
    tag = "refs/tags/snapshot/v1"
    fix = (
        f"git symbolic-ref {tag} refs/tags/broken && git symbolic-ref -d {tag} && git fetch --force origin {tag}:{tag}"
    )
    assert f"    fix: {fix}\n" in ran.err
    run("sh", "-c", fix, cwd=root)
    assert ": frozen: it differs from what snapshot/v1 froze\n" in guard(root, update(root)).err


def test_where_the_server_gives_no_answer_the_tags_that_it_could_have_are_those_here(root: Path) -> None:
    freeze(root, "a", "v1", "two")
    git("remote", "set-url", "origin", "../nowhere.git", cwd=root)
    line = update(root)
    told = ("--stage", "pre-push", "origin", "../nowhere.git")
    assert run(BIN / "guard-push", *told, cwd=root, stdin=f"{line}\n") == Ran(0, "", "")
