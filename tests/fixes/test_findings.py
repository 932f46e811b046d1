"""The fixes of findings, each pasted where `verify` prints it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import commit, estash, git, run, write
from hostile import entry
from plays import fixes, mended, paste
from preloaded import BIN
from stashes import commit_index, freeze, healthy, make_stash, pin_id, snapshot_path, snapshot_text, stage

from experimentstash.git.repository import Repository
from experimentstash.verify import examination, facts

FROZEN = snapshot_path("pca-one", "tag-one")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stash in which all holds."""
    return healthy(tmp_path / "stash")


def test_a_frozen_file_that_was_changed(root: Path) -> None:
    stage(root, {FROZEN: (root / FROZEN).read_text().replace("0.1", "0.2")})
    assert mended(root, "verify", "--staged", rule="frozen") == [f"git checkout snapshot/tag-one -- {FROZEN}"]
    assert estash("verify", "--all", cwd=root).code == 0
    assert git("diff", "--cached", "--name-only", cwd=root) == ""


@pytest.mark.parametrize("name", ["other.yml", "notes.yaml/link.yaml"])
def test_what_does_not_belong_among_snapshots(root: Path, name: str) -> None:
    path = f"configs/mytool/snapshots/tag-one/{name}"
    if name.endswith(".yml"):
        stage(root, {path: "a: 1\n"})
    else:
        blob = git("hash-object", "-w", "--stdin", cwd=root, stdin="../../x")
        entry(root, path, blob, "120000")
    assert mended(root, "verify", "--staged", rule="frozen") == [f"git rm --cached {path}"]


def test_a_link_where_a_directory_of_snapshots_must_be(root: Path) -> None:
    git("rm", "-rq", "--cached", "configs/mytool/snapshots/tag-one", cwd=root)
    blob = git("hash-object", "-w", "--stdin", cwd=root, stdin="tag-two")
    entry(root, "configs/mytool/snapshots/tag-one", blob, "120000")
    pasted = mended(root, "verify", "--staged", rule="frozen", most=2)
    assert pasted[0] == "git rm -r --cached configs/mytool/snapshots/tag-one"


def test_a_tag_without_snapshots(root: Path) -> None:
    git("tag", "snapshot/nothing", cwd=root)
    assert mended(root, "verify", "--all", rule="tag") == ["git tag -d snapshot/nothing"]


def test_a_tag_that_stands_in_the_way(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("tag", "snapshot", cwd=root)
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("one"))})
    commit_index(root)
    assert "git tag -d snapshot" in mended(root, "tag")
    assert git("tag", cwd=root) == "snapshot/v1"


def test_a_tag_that_is_missing(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    freeze(root, "a", "v1", "one", tagged=False)
    paste("experimentstash tag", root)
    assert estash("verify", "--all", cwd=root).out == "1 snapshot holds\n"


def test_a_pin_that_is_not_the_recorded_one(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    one = commit(tool, {"main.py": ""})
    two = commit(tool, {"main.py": "x"})
    root = make_stash(tmp_path / "stash")
    git("rm", "-q", "--cached", "tools/mytool", cwd=root)
    write(root, {".gitmodules": ""})
    git("add", "-A", cwd=root)
    git("submodule", "--quiet", "add", tool, "tools/mytool", cwd=root)
    commit_index(root)
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", one)})
    pasted = mended(root, "verify", "--staged", rule="pin")
    assert pasted == [f"git -C tools/mytool checkout {one} && git add tools/mytool"]
    assert git("rev-parse", ":tools/mytool", cwd=root) == one != two


def test_a_lock_that_is_not_committed(tmp_path: Path) -> None:
    import hashlib

    root = make_stash(tmp_path / "stash")
    name = f"configs/mytool/snapshots/v1/requirements-{'0' * 12}.txt"
    write(root, {name: "# nothing\n"})
    more = f"# LOCK: {name} sha256:{hashlib.sha256((root / name).read_bytes()).hexdigest()}\n"
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("one"), more=more)})
    assert mended(root, "verify", "--staged", rule="frozen") == [f"git add {name}"]


def test_an_index_that_cannot_be_read(root: Path) -> None:
    (root / ".git/index").write_bytes(b"garbage")
    ran = mended(root, "verify", "--staged")
    assert ran
    assert "mytool" in git("ls-files", cwd=root)


def test_a_git_index_file_that_is_not_there(root: Path) -> None:
    ran = estash("verify", "--staged", cwd=root, env={"GIT_INDEX_FILE": str(root / "gone")})
    assert ran.code == 1
    assert ran.err.rpartition("fix: ")[2] == "unset GIT_INDEX_FILE\n"
    assert estash("verify", "--staged", cwd=root).code == 0


@pytest.mark.parametrize(
    ("line", "bad", "edited", "fix"),
    [
        ("# TAG: late\n", "# TAG: late\n# TAG: late\n", "# TAG: late\n", "keep one '# TAG:' line of "),
        ("\n\n", "\n\n# OVERRIDE: lr=1\n", "\n# OVERRIDE: lr=1\n", "remove the empty line above '# OVERRIDE:' in "),
    ],
)
def test_a_header_that_was_edited_by_hand(root: Path, line: str, bad: str, edited: str, fix: str) -> None:
    path = snapshot_path("late", "late")
    good = snapshot_text("late", "late", pin_id("four"))
    stage(root, {path: good.replace(line, bad, 1)})
    assert fixes(estash("verify", "--staged", cwd=root).err) == [f"{fix}{path}"]
    stage(root, {path: good.replace(line, edited, 1)})
    assert estash("verify", "--staged", cwd=root).code == 0


def test_a_snapshot_whose_name_is_none(root: Path) -> None:
    path = "configs/mytool/snapshots/late/not a name.yaml"
    stage(root, {path: snapshot_text("not a name", "late", pin_id("four"))})
    (fix,) = set(mended(root, "verify", "--staged"))
    assert fix == f"git rm --cached --force '{path}'"


def test_a_file_that_is_too_large(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = snapshot_path("late", "late")
    stage(root, {path: snapshot_text("late", "late", pin_id("four"), body=f"a: {'x' * 1000}\n")})
    monkeypatch.setattr(facts, "LARGEST", 1000)

    def found() -> list[str]:
        with Repository.open(root) as repository:
            return [problem.fix for problem in examination.judge_index(repository).problems]

    (fix,) = found()
    paste(fix, root)
    assert found() == []


def test_a_link_that_is_staged_as_a_snapshot(root: Path) -> None:
    path = snapshot_path("late", "late")
    entry(root, path, git("hash-object", "-w", "--stdin", cwd=root, stdin="../x"), "120000")
    ran = run(BIN / "freeze-snapshots", cwd=root)
    (fix,) = fixes(ran.err)
    assert fix == f"git rm --cached {path}"
    paste(fix, root)
    assert run(BIN / "freeze-snapshots", cwd=root).code == 0
