"""The hooks where nothing is staged: as CI runs them, as a user types them, and with what `args:` can say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from conftest import BIN, Ran, git, run
from stashes import commit_index, freeze, healthy, pin, snapshot_path, snapshot_text, stage

ROOT = Path(__file__).parents[2]
PATH = snapshot_path("pca", "v1")


def check(root: Path, *args: str, **env: str) -> Ran:
    """Run the hook as a framework does outside of a commit."""
    return run(BIN / "check-snapshots", *args, cwd=root, env=env)


def drifted(root: Path) -> str:
    """Commit a snapshot that records another commit than is pinned, then other work; return the commit before."""
    before = git("rev-parse", "HEAD", cwd=root)
    stage(root, {PATH: snapshot_text("pca", "v1", "0" * 40)})
    commit_index(root, "drift")
    stage(root, {"notes.txt": "a note\n"})
    commit_index(root, "work")
    return before


@pytest.fixture(scope="module")
def config() -> str:
    """The hooks as they are shipped, as a local repository."""
    manifest = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    hooks = [hook for hook in manifest if hook["language"] == "python"]
    local = [
        {**hook, "language": "system", "entry": str(BIN / hook["entry"])}
        for hook in hooks
        if hook["language"] == "python"
    ]
    for hook in local:
        del hook["minimum_pre_commit_version"]
    return yaml.safe_dump({"repos": [{"repo": "local", "hooks": local}]})


@pytest.mark.first(1)
@pytest.mark.parametrize("framework", ["pre-commit", "prek"])
def test_a_framework_in_ci_sees_what_verify_sees(
    framework: str, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    monkeypatch.setenv("PREK_HOME", str(tmp_path / "prek"))
    root = healthy(tmp_path / "stash")
    stage(root, {".pre-commit-config.yaml": config})
    commit_index(root)
    forms = [["--all-files"], ["--all-files", "--hook-stage", "manual"], ["--from-ref", "HEAD~3", "--to-ref", "HEAD"]]
    for form in forms:
        ran = run(BIN / framework, "run", *form, cwd=root)
        assert ran.code == 0, (form, ran.out, ran.err)
    drifted(root)
    for form in forms:
        ran = run(BIN / framework, "run", *form, cwd=root)
        assert ran.code == 1, (form, ran.out, ran.err)
        assert f"{PATH}: pin: it records mytool at 000000000000" in ran.out


def test_head_is_judged_where_nothing_is_staged(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    assert check(root) == Ran(0, "", "")
    drifted(root)
    ran = check(root)
    assert ran.code == 1
    assert ran.err.startswith(f"HEAD:{PATH}: pin: it records mytool at 000000000000, and ")
    # a commit is being made, and nothing in it is ours: what was committed before is not its doing
    assert check(root, GIT_INDEX_FILE=".git/index").code == 0
    stage(root, {"notes.txt": "another note\n"})
    assert check(root).code == 0


def test_a_tag_that_does_not_hold_is_found(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("tag", "snapshot/empty", cwd=root)
    ran = check(root)
    assert ran.code == 1
    assert "refs/tags/snapshot/empty: tag: it names " in ran.err
    ran = check(root, PRE_COMMIT_FROM_REF="HEAD~1", PRE_COMMIT_TO_REF="HEAD")
    assert "refs/tags/snapshot/empty: tag: it names " in ran.err


def test_a_range_is_judged_and_nothing_before_it(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    before = drifted(root)
    assert check(root, PRE_COMMIT_FROM_REF="HEAD~1", PRE_COMMIT_TO_REF="HEAD").code == 0
    assert check(root, PRE_COMMIT_FROM_REF=before, PRE_COMMIT_TO_REF="HEAD").code == 1
    assert check(root, PRE_COMMIT_FROM_REF="0" * 40, PRE_COMMIT_TO_REF="HEAD").code == 1
    ran = check(root, PRE_COMMIT_FROM_REF="nowhere", PRE_COMMIT_TO_REF="HEAD")
    assert (ran.code, ran.err) == (
        1,
        "experimentstash: 'nowhere' names no commit of this repository\n    fix: git fetch --all --tags\n",
    )


@pytest.mark.parametrize("how", ["--no-tags", "--depth=1"])
def test_a_checkout_without_the_tags_is_told_what_to_fetch(how: str, tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    depth = ["--depth=1", "--no-tags"] if how == "--depth=1" else [how]
    git("clone", "-q", *depth, f"file://{root}", tmp_path / "ci", cwd=tmp_path)
    ran = check(tmp_path / "ci")
    deepen = "--unshallow " if how == "--depth=1" else ""
    assert (ran.code, ran.err) == (
        1,
        "experimentstash: this checkout lacks snapshot/tag-one, which is needed to judge its snapshots\n"
        f"    fix: git fetch {deepen}--tags origin\n",
    )
    git("fetch", "-q", *deepen.split(), "--tags", "origin", cwd=tmp_path / "ci")
    assert check(tmp_path / "ci") == Ran(0, "", "")
    git("config", "remote.origin.url", str(tmp_path / "nowhere"), cwd=tmp_path / "ci")
    assert check(tmp_path / "ci").code == 0
    git("tag", "-d", *git("tag", cwd=tmp_path / "ci").split(), cwd=tmp_path / "ci")
    ran = check(tmp_path / "ci")
    assert ran.err.startswith(
        "experimentstash: this checkout has no snapshot tags, and the snapshot tags of origin are unknown"
    )


def test_a_snapshot_that_nobody_has_tagged_yet_is_judged(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    freeze(root, "pca", "v1", "five", tagged=False)
    git("clone", "-q", root, tmp_path / "ci", cwd=tmp_path)
    assert check(tmp_path / "ci") == Ran(0, "", "")


def test_strictly_every_snapshot_matches_the_pins_of_its_commit(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    assert check(root).code == 0
    for env in ({}, {"PRE_COMMIT_FROM_REF": "HEAD~1", "PRE_COMMIT_TO_REF": "HEAD"}):
        ran = check(root, "--strict", **env)
        assert ran.code == 1
        assert f"{snapshot_path('pca-one', 'tag-one')}: pin: it records mytool at " in ran.err
    pin(root, "six")
    assert check(root).code == 0
    assert check(root, "--strict").code == 1


@pytest.mark.parametrize("hook", ["freeze-snapshots", "check-snapshots", "tag-snapshots", "guard-push"])
def test_arguments_are_parsed(hook: str, tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    ran = run(BIN / hook, "--stric", cwd=root)
    assert (ran.code, ran.out) == (2, "")
    assert f"{hook}: error: unrecognized arguments: --stric" in ran.err
    ran = run(BIN / hook, "--help", cwd=root)
    assert ran.code == 0
    assert ran.out.startswith(f"usage: {hook} [-h]")
