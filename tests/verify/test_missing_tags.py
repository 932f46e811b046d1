"""One tag, whoever makes it: the freeze commit's and the one that `experimentstash tag` makes are the same object."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from conftest import estash, git, run
from shapes import EXPERIMENT, Shape, hard_coded, write_experiment
from shapes import make_stash as make_hydra_stash
from stashes import commit_index, freeze, make_stash, pin, pin_id, snapshot_path, snapshot_text, stage

from experimentstash.core.errors import StashError
from experimentstash.core.names import SnapshotName
from experimentstash.git.repository import Repository
from experimentstash.stash.snapshot_file import body_digest, parse
from experimentstash.verify.missing_tags import EPOCH, missing_tags, new_tag, tag_of_commit

if TYPE_CHECKING:
    from pathlib import Path


def signer(root: Path, into: Path) -> None:
    """Let the user sign every annotated tag, with a program that says it did."""
    into.write_text(
        "#!/bin/sh\ncat > /dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\necho '-----BEGIN PGP SIGNATURE-----'\n"
    )
    into.chmod(0o755)
    git("config", "gpg.program", into, cwd=root)
    git("config", "tag.forceSignAnnotated", "true", cwd=root)


def test_a_freeze_commit_has_the_tag_that_tag_would_make(tmp_path: Path) -> None:
    root = make_hydra_stash(tmp_path, Shape(hard_coded()))
    write_experiment(root, "figure1/pca", EXPERIMENT)
    git("config", "core.commentChar", "S", cwd=root)
    signer(root, tmp_path / "signer")
    ran = estash("snapshot", "mytool", "first", "figure1/pca", "--tag", "v1", "--commit", cwd=root)
    assert ran.code == 0, ran.err
    made = git("cat-file", "tag", "snapshot/v1", cwd=root)
    tool = git("rev-parse", "HEAD:tools/mytool", cwd=root)
    assert f"\n\nSnapshot v1\n\nmytool/figure1/pca: mytool {tool}\nmytool/first: mytool {tool}\n-----BEGIN PGP" in made
    git("tag", "-d", "snapshot/v1", cwd=root)
    assert estash("tag", cwd=root).code == 0
    assert git("cat-file", "tag", "snapshot/v1", cwd=root) == made


@pytest.mark.every
def test_a_freeze_commit_also_tells_of_what_was_committed_under_its_tag_before(tmp_path: Path) -> None:
    root = make_hydra_stash(tmp_path, Shape(hard_coded()))
    write_experiment(root, "second", EXPERIMENT)
    assert estash("snapshot", "mytool", "first", "--tag", "v1", cwd=root).code == 0
    git("add", "configs", cwd=root)
    commit_index(root)
    assert estash("snapshot", "mytool", "second", "--tag", "v1", "--commit", cwd=root).code == 0
    made = git("rev-parse", "snapshot/v1", cwd=root)
    assert "mytool/first: " in git("cat-file", "tag", made, cwd=root)
    git("tag", "-d", "snapshot/v1", cwd=root)
    assert estash("tag", cwd=root).code == 0
    assert git("rev-parse", "snapshot/v1", cwd=root) == made


def test_the_tag_of_a_commit_is_the_missing_one(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    other = pin(root, "other", tool="other")
    late = snapshot_text("b", "v1", other, tool="other").replace(
        "2026-01-12T09:30:00+00:00", "2026-03-01T10:00:00+01:00"
    )
    stage(
        root,
        {
            "configs/meta.yaml": "tools:\n"
            + "".join(f"  {t}: {{path: tools/{t}, entrypoint: a.py}}\n" for t in ("mytool", "other"))
        },
    )
    stage(root, {snapshot_path("b", "v1", tool="other"): late, "configs/other/snapshots/v1/notes.txt": "beside\n"})
    head = freeze(root, "a", "v1", "one", tagged=False)
    with Repository.open(root) as repository:
        ((missing,), problems) = missing_tags(repository, head)
        assert problems == []
        assert tag_of_commit(repository, "v1", head) == missing
    assert missing.message == f"Snapshot v1\n\nfreeze v1\n\nmytool/a: mytool {pin_id('one')}\nother/b: other {other}\n"
    assert missing.when == dt.datetime(2026, 3, 1, 9, tzinfo=dt.timezone.utc)


def test_a_snapshot_that_cannot_be_read_gets_no_tag(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    path = root / snapshot_path("a", "v1")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"# SNAPSHOT: mytool/a\n\xff\n")
    git("add", "configs", cwd=root)
    head = commit_index(root)
    with Repository.open(root) as repository, pytest.raises(StashError, match="not UTF-8"):
        tag_of_commit(repository, "v1", head)


def test_a_header_without_a_time_has_the_first_moment_that_git_knows() -> None:
    name = SnapshotName("mytool", "v1", "a")
    snapshots = {name: parse(b"# TOOL_COMMIT: abcdef0\n\na: 1\n", "a.yaml")}
    tag = new_tag("v1", "1" * 40, snapshots, "Freeze mytool/a as v1\n")
    assert (tag.message, tag.when) == ("Snapshot v1\n\nmytool/a: mytool abcdef0\n", EPOCH)


def test_a_tag_that_cannot_be_signed_is_told_in_gits_words_with_the_command_that_tries_again(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "pca", "v1", pin_id("one"), tagged=False)
    (tmp_path / "signer").write_text("#!/bin/sh\necho 'no key' >&2\nexit 1\n")
    (tmp_path / "signer").chmod(0o755)
    git("config", "gpg.program", tmp_path / "signer", cwd=root)
    git("config", "tag.gpgSign", "true", cwd=root)
    ran = estash("tag", cwd=root)
    assert ran.code == 1
    where, fix = ran.err.splitlines()
    assert where.startswith(f"refs/tags/snapshot/v1: tag: git tag failed in {root}: ")
    assert "failed to sign the data" in where
    assert "\\n" not in where
    assert fix.startswith("    fix: GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=tag.gpgSign ")
    assert fix.endswith(" experimentstash tag  # without a signature; or run it as it is once git can sign")
    signer(root, tmp_path / "signer")
    assert estash("tag", cwd=root).code == 0


def test_a_snapshot_with_a_date_and_three_lines_is_valid_and_tagged(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    commit = pin_id("one", root)[:7]
    text = f"# SNAPSHOT: mytool/pca\n# TOOL_COMMIT: {commit}\n# TIMESTAMP: 2026-01-12\n\nlr: 0.1\n"
    stage(root, {snapshot_path("pca", "v1"): text})
    commit_index(root)
    made = estash("tag", cwd=root)
    assert (made.code, made.err) == (0, "")
    assert "tagger Ada Tester <ada@example.org> 1768176000 +0000" in git("cat-file", "tag", "snapshot/v1", cwd=root)
    assert estash("verify", "--all", cwd=root).out == "1 snapshot holds\n"


def test_a_body_that_another_program_rewrote_does_not_hold(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    digest = body_digest("lr: '1'\n")
    path = snapshot_path("pca", "v1")

    def staged(body: str) -> tuple[int, str]:
        stage(root, {path: snapshot_text("pca", "v1", pin_id("one"), body=body, more=f"# BODY: {digest}\n")})
        ran = estash("verify", cwd=root)
        return ran.code, ran.err

    assert staged("lr: '1'\n") == (0, "")
    stage_it = "git add configs/mytool/snapshots/v1 tools/mytool"
    fix = f"rm -f {path} && experimentstash snapshot mytool pca --tag v1 && {stage_it}"
    assert staged("lr: 1\n") == (
        1,
        f"{path}: frozen: its body was changed after it was frozen: its digest is not that of BODY\n"
        f"    fix: {fix}  # if another hook rewrites it, first add `exclude: ^configs/[^/]+/snapshots/`"
        " to .pre-commit-config.yaml\n",
    )
    git("add", "-A", "configs", cwd=root)
    commit_index(root)
    assert estash("tag", cwd=root).code == 1
    assert git("tag", cwd=root) == ""


def test_a_lock_that_a_killed_git_left_is_named_with_the_command_that_removes_it(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "two", tagged=False)
    lock = root / ".git/refs/tags/snapshot/v1.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    ran = estash("tag", cwd=root)
    assert ran.code == 1
    fix = ran.err.partition("    fix: ")[2].strip()
    assert fix == f"rm {lock}  # if no other git is at work there, then rerun the same command"
    assert run("sh", "-c", fix, cwd=root).code == 0
    assert estash("tag", cwd=root).code == 0
    assert git("tag", cwd=root) == "snapshot/v1"


def test_the_tag_says_what_the_commit_says(tmp_path: Path) -> None:
    name = SnapshotName("mytool", "v1", "a")
    snapshots = {name: parse(b"# TOOL_COMMIT: abcdef0\n\na: 1\n", "a.yaml")}
    tag = new_tag("v1", "1" * 40, snapshots, "The figures of the camera-ready version\n\nFor reviewer 2.\n")
    assert tag.message == (
        "Snapshot v1\n\nThe figures of the camera-ready version\n\nFor reviewer 2.\n\nmytool/a: mytool abcdef0\n"
    )
