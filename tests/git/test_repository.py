"""Repositories of every kind that traps.md names, opened by the one room that opens any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import commit, git, run
from stashes import (
    REGISTRY,
    commit_index,
    freeze,
    healthy,
    make_stash,
    pin,
    stage,
)

from experimentstash.core.errors import StashError
from experimentstash.git.entries import FILE, Entry

if TYPE_CHECKING:
    pass

from reading import blob, check_healthy, opened


def test_a_checkout(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    check_healthy(root, blob(root, "HEAD"))
    with opened(root) as repository:
        assert repository.index() == repository.tree(blob(root, "HEAD"))
        assert repository.root == root.resolve()
        assert not repository.bare
        assert repository.heads() == {"main": blob(root, "HEAD")}


def test_packed_objects_and_refs(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("pack-refs", "--all", cwd=root)
    git("gc", "-q", "--prune=now", cwd=root)
    check_healthy(root, blob(root, "HEAD"))


def test_a_linked_worktree(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("worktree", "add", "-q", "--detach", tmp_path / "linked", cwd=root)
    linked = tmp_path / "linked"
    check_healthy(linked, blob(root, "HEAD"))
    stage(linked, {"configs/mytool/snapshots/x/a.yaml": "a: 1\n"})
    with opened(linked) as repository, opened(root) as other:
        assert "configs/mytool/snapshots/x/a.yaml" in repository.index().files
        assert "configs/mytool/snapshots/x/a.yaml" not in other.index().files


def test_a_bare_clone(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("clone", "-q", "--bare", root, tmp_path / "bare.git", cwd=tmp_path)
    check_healthy(tmp_path / "bare.git", blob(root, "HEAD"))
    with opened(tmp_path / "bare.git") as repository:
        assert repository.bare
        with pytest.raises(StashError, match="a bare repository has no index"):
            repository.index()
    with opened(tmp_path / "bare.git" / "refs") as repository:
        assert repository.root == (tmp_path / "bare.git").resolve()


def test_a_submodule_checkout(tmp_path: Path) -> None:
    healthy(tmp_path / "stash")
    outer = tmp_path / "outer"
    commit(outer, {"a": "1"})
    git("submodule", "add", "-q", tmp_path / "stash", "inner", cwd=outer)
    git("fetch", "-q", "--tags", cwd=outer / "inner")
    check_healthy(outer / "inner", blob(tmp_path / "stash", "HEAD"))


def test_an_uninitialised_submodule_is_not_the_repository_round_it(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    (root / "tools/mytool").mkdir(parents=True)
    with pytest.raises(StashError, match="not a git repository; the enclosing one is") as error:
        opened(root / "tools/mytool")
    assert str(root.resolve()) in str(error.value)


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(StashError, match="not a git repository"):
        opened(tmp_path)
    with pytest.raises(StashError, match="no such directory"):
        opened(tmp_path / "nowhere")


def test_sha256(tmp_path: Path) -> None:
    root = tmp_path / "stash"
    make_stash(root, "--object-format=sha256")
    for number in ("one", "two", "three"):
        freeze(root, f"pca-{number}", f"tag-{number}", number)
    pin(root, "four")
    commit_index(root)
    assert len(blob(root, "HEAD")) == 64
    check_healthy(root, blob(root, "HEAD"))


def test_reftable(tmp_path: Path) -> None:
    root = tmp_path / "stash"
    if run("git", "init", "-q", "--ref-format=reftable", root, cwd=tmp_path).code != 0:
        pytest.skip(f"{git('--version', cwd=tmp_path)} knows no reftable (2.45 does)")
    healthy(root)
    check_healthy(root, blob(root, "HEAD"))


@pytest.mark.parametrize("extension", ["preciousObjects", "noop", "partialClone"])
def test_extensions_that_other_libraries_refuse(tmp_path: Path, extension: str) -> None:
    root = healthy(tmp_path / "stash")
    git("config", "core.repositoryFormatVersion", "1", cwd=root)
    git("config", f"extensions.{extension}", "origin" if extension == "partialClone" else "true", cwd=root)
    check_healthy(root, blob(root, "HEAD"))


def test_an_extension_that_git_does_not_know(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("config", "core.repositoryFormatVersion", "1", cwd=root)
    git("config", "extensions.fromTheFuture", "true", cwd=root)
    with pytest.raises(StashError, match="unknown repository extension"):
        opened(root)


def test_before_the_first_commit(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    stage(tmp_path, {"configs/meta.yaml": REGISTRY})
    with opened(tmp_path) as repository:
        assert repository.head() is None
        assert repository.parents_to_be() == []
        assert repository.tags().commits == {}
        assert repository.index().registry == Entry(FILE, blob(tmp_path, ":configs/meta.yaml"))


def test_head_that_is_not_here(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    (root / ".git/refs/heads/main").write_text("1" * 40 + "\n")
    with opened(root) as repository, pytest.raises(StashError, match=r"HEAD names 1{40}, which is missing"):
        repository.head()
