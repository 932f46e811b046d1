"""The index: a hook's, a split one, a sparse one, one in conflict."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import git, run, write
from stashes import (
    REGISTRY,
    commit_index,
    healthy,
    pin,
    pin_id,
    snapshot_path,
    stage,
)

from experimentstash.core.errors import StashError
from experimentstash.git.entries import LINK, PIN, Entry
from experimentstash.git.repository import CommitChange

if TYPE_CHECKING:
    pass

from reading import blob, opened


def test_the_index_of_a_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = healthy(tmp_path / "stash")
    (tmp_path / "other-index").write_bytes((root / ".git/index").read_bytes())
    write(root, {"configs/mytool/snapshots/x/a.yaml": "a: 1\n"})
    git("add", "configs", cwd=root, env={"GIT_INDEX_FILE": str(tmp_path / "other-index")})
    monkeypatch.chdir(root)
    with opened(root) as repository:
        assert "configs/mytool/snapshots/x/a.yaml" not in repository.index().files
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other-index"))
    with opened(root) as repository:
        assert "configs/mytool/snapshots/x/a.yaml" in repository.index().files
    # as git hands it to a hook: from the top, whatever directory the hook goes to
    monkeypatch.setenv("GIT_INDEX_FILE", os.path.relpath(tmp_path / "other-index", root))
    monkeypatch.chdir(root / "configs")
    with opened(root) as repository:
        assert "configs/mytool/snapshots/x/a.yaml" in repository.index().files


def test_the_index_of_a_hook_is_of_one_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, other = healthy(tmp_path / "stash"), healthy(tmp_path / "other")
    git("rm", "-q", "--cached", snapshot_path("pca-one", "tag-one"), cwd=other)
    monkeypatch.chdir(root)
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", str(root / ".git/index"))
    with opened(root) as repository, opened(other) as second:
        assert len(repository.index().files) == 3
        assert len(second.index().files) == 2
        assert second.root == other.resolve()


def test_the_environment_of_a_hook_in_a_linked_worktree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = healthy(tmp_path / "stash")
    git("worktree", "add", "-q", "-b", "side", tmp_path / "linked", cwd=root)
    stage(tmp_path / "linked", {"configs/mytool/snapshots/x/a.yaml": "a: 1\n"})
    head = commit_index(tmp_path / "linked")
    monkeypatch.chdir(tmp_path / "linked")
    monkeypatch.setenv("GIT_DIR", str(root / ".git/worktrees/linked"))
    with opened(tmp_path / "linked") as repository, opened(root) as main:
        assert repository.head() == head
        assert main.head() == blob(root, "main") != head


def test_an_index_that_is_not_there_is_not_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = healthy(tmp_path / "stash")
    monkeypatch.chdir(root)
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    with pytest.raises(StashError, match="GIT_INDEX_FILE names nowhere, which does not exist"):
        opened(root)


def test_a_split_index(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("update-index", "--split-index", cwd=root)
    stage(root, {"configs/mytool/snapshots/x/a.yaml": "a: 1\n"})
    with opened(root) as repository:
        assert len(repository.index().files) == 4


def test_a_sparse_index(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("sparse-checkout", "init", "--cone", "--sparse-index", cwd=root)
    git("sparse-checkout", "set", "configs/mytool/experiment", cwd=root)
    assert not (root / snapshot_path("pca-one", "tag-one")).exists()
    with opened(root) as repository:
        assert repository.index() == repository.tree(blob(root, "HEAD"))


def test_a_conflict_is_told(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("checkout", "-q", "-b", "side", cwd=root)
    stage(root, {"configs/meta.yaml": REGISTRY + "# side\n"})
    commit_index(root)
    git("checkout", "-q", "main", cwd=root)
    stage(root, {"configs/meta.yaml": REGISTRY + "# main\n"})
    commit_index(root)
    assert run("git", "merge", "side", cwd=root).code == 1
    with opened(root) as repository:
        with pytest.raises(StashError, match=r"configs/meta\.yaml: unmerged") as error:
            repository.index()
        assert error.value.fix == "git add configs/meta.yaml  # once the conflicts are resolved"
        assert repository.parents_to_be() == [blob(root, "main"), blob(root, "side")]


def test_the_parents_of_a_clean_merge(tmp_path: Path) -> None:
    """git 2.39 runs pre-merge-commit before it writes MERGE_HEAD."""
    root = healthy(tmp_path / "stash")
    git("checkout", "-q", "-b", "side", "HEAD~1", cwd=root)
    commit_index(root, "side")
    git("checkout", "-q", "main", cwd=root)
    hook = root / ".git/hooks/pre-merge-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!{sys.executable}\nfrom pathlib import Path\nfrom experimentstash.git.repository import Repository\n"
        "Path('parents').write_text(' '.join(Repository.open(Path.cwd()).parents_to_be()))\n"
    )
    hook.chmod(0o755)
    parents = [blob(root, "main"), blob(root, "side")]
    git("merge", "-q", "--no-edit", "side", cwd=root)
    assert (root / "parents").read_text().split() == parents


def test_a_file_that_is_only_promised_is_not_in_the_next_commit(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    write(root, {"configs/mytool/snapshots/x/a.yaml": "a: 1\n"})
    stage(root, {"configs/mytool/snapshots/x/empty.yaml": ""})
    git("add", "--intent-to-add", "configs/mytool/snapshots/x/a.yaml", cwd=root)
    with opened(root) as repository:
        files = repository.index().files
    assert "configs/mytool/snapshots/x/a.yaml" not in files
    assert "configs/mytool/snapshots/x/empty.yaml" in files


def test_settings_that_hide_pins_hide_nothing(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("config", "diff.ignoreSubmodules", "all", cwd=root)
    stage(root, {".gitmodules": '[submodule "mytool"]\n\tpath = tools/mytool\n\turl = x\n\tignore = all\n'})
    pin(root, "five")
    git("update-index", "--add", "--cacheinfo", f"160000,{pin_id('x')},configs/mytool/snapshots/x/sub", cwd=root)
    with opened(root) as repository:
        assert repository.index().pins == {"mytool": pin_id("five")}
        head = commit_index(root)
        assert repository.tree(head).pins == {"mytool": pin_id("five")}
        path = "configs/mytool/snapshots/x/sub"
        assert repository.changes([head]) == {head: [CommitChange(path, Entry(PIN, pin_id("x")), new=True)]}


def test_pathspec_settings_of_the_user_do_not_reach_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = healthy(tmp_path / "stash")
    git("update-index", "--add", "--cacheinfo", f"160000,{pin_id('x')},TOOLS/upper", cwd=root)
    monkeypatch.setenv("GIT_ICASE_PATHSPECS", "1")
    with opened(root) as repository:
        assert list(repository.index().pins) == ["mytool"]


def test_names_that_are_no_utf8_and_links(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    folder = root / "configs/mytool/snapshots/x"
    folder.mkdir(parents=True)
    (folder / os.fsdecode(b"\xff\n\x1b[2J.yaml")).write_text("a: 1\n")
    (folder / "link.yaml").symlink_to("/etc/passwd")
    git("add", "configs", cwd=root)
    head = commit_index(root)
    with opened(root) as repository:
        files = repository.index().files
        assert "configs/mytool/snapshots/x/\udcff\n\x1b[2J.yaml" in files
        assert files["configs/mytool/snapshots/x/link.yaml"].mode == LINK
        assert repository.tree(head).files == files
        assert {change.path for change in repository.changes([head])[head]} == set(files) - set(
            repository.tree(repository.resolve("HEAD~1")).files
        )
        assert set(repository.bringing(files, head)) == set(files)


def test_the_pins_to_be_are_those_of_head_and_what_is_staged(tmp_path: Path) -> None:
    """They are put together of two readings; the index itself says the same."""
    root = healthy(tmp_path / "stash")
    seen = set()

    def check() -> None:
        with opened(root) as repository:
            index, pins = repository.index(), repository.index_pins()
        assert (pins.pins, pins.registry) == (index.pins, index.registry)
        seen.add((tuple(sorted(pins.pins.items())), pins.registry))

    check()
    pin(root, "five")
    check()
    pin(root, "one", "second")
    check()
    stage(root, {"configs/meta.yaml": "tools: {}\n"})
    check()
    git("rm", "-q", "--cached", "tools/mytool", "configs/meta.yaml", cwd=root)
    check()
    (root / "tools/mytool").rmdir() if (root / "tools/mytool").is_dir() else None
    stage(root, {"tools/mytool/a.py": "", snapshot_path("pca", "new"): "a: 1\n"})
    check()
    git("update-ref", "-d", "HEAD", cwd=root)
    check()
    assert len(seen) == 5  # the last two record no other pins than the one before


def test_what_is_staged_is_what_the_next_commit_brings_in_or_changes(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    one, two, new = snapshot_path("pca-one", "tag-one"), snapshot_path("pca-two", "tag-two"), snapshot_path("x", "new")
    stage(root, {one: "a: 1\n", new: "a: 2\n", "notes.txt": "", "configs/mytool/experiment/x.yaml": "a: 1\n"})
    git("rm", "-q", "--cached", two, cwd=root)
    pin(root, "five")
    with opened(root) as repository:
        staged = repository.staged()
    assert staged == {path: Entry("100644", blob(root, f":{path}")) for path in (one, new)}
