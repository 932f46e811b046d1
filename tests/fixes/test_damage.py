"""The fixes of a repository that is damaged, or not all there, with a remote that has it whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import BIN, estash, git, run, write
from hostile import NONE, object_file
from plays import fixes, mend, paste, play
from stashes import commit_index, freeze, healthy, make_stash, snapshot_path, stage

from experimentstash.core.errors import StashError
from experimentstash.git import history
from experimentstash.git.git_objects import GitObjects
from experimentstash.git.location import find
from experimentstash.git.repository import Repository
from experimentstash.verify.missing_tags import EPOCH

FILE = snapshot_path("pca-one", "tag-one")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stash, and a server that has all of it."""
    root = healthy(tmp_path_factory.mktemp("made") / "stash")
    git("clone", "-q", "--bare", root, "../server.git", cwd=root)
    git("remote", "add", "origin", root.parent / "server.git", cwd=root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "stash", symlinks=True)


def reading(root: Path, what: Callable[[Repository], object]) -> Callable[[], object]:
    def call() -> object:
        with Repository.open(root) as repository:
            return what(repository)

    return call


def overwrite(file: Path, data: bytes) -> None:
    file.chmod(0o644)
    file.write_bytes(data)


def test_an_object_that_is_missing(root: Path) -> None:
    gone = git("rev-parse", f"HEAD:{FILE}", cwd=root)
    object_file(root, gone).unlink()
    other = git("rev-parse", "HEAD:configs/meta.yaml", cwd=root)
    object_file(root, other).unlink()
    with pytest.raises(StashError) as refused:
        find(root).lines("cat-file", "blob", other)
    assert refused.value.fix == "git fetch --refetch"
    assert mend(reading(root, lambda it: it.read(gone, 1000)), root) == "git fetch --refetch"
    assert find(root).lines("cat-file", "blob", other)
    git("fsck", "--strict", cwd=root)
    assert estash("verify", "--all", cwd=root).code == 0


def test_an_object_that_is_another(root: Path) -> None:
    good, bad = (git("rev-parse", f"HEAD:{path}", cwd=root) for path in (FILE, "configs/meta.yaml"))
    overwrite(object_file(root, bad), object_file(root, good).read_bytes())
    mend(reading(root, lambda it: it.read(bad, 1000)), root)
    git("fsck", "--strict", cwd=root)


def test_an_object_that_git_cannot_read(root: Path) -> None:
    broken = git("rev-parse", "HEAD:configs/meta.yaml", cwd=root)
    overwrite(object_file(root, broken), object_file(root, broken).read_bytes()[:20])

    def read() -> None:
        reader = GitObjects(find(root))
        try:
            assert reader.find([broken], 1000)[0]
        finally:
            reader.close()

    mend(read, root)
    git("fsck", "--strict", cwd=root)


def test_a_partial_clone_whose_remote_does_not_answer(made: Path, tmp_path: Path) -> None:
    server = shutil.copytree(made.parent / "server.git", tmp_path / "server.git")
    git("config", "uploadpack.allowFilter", "true", cwd=server)
    git("clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{server}", "partial", cwd=tmp_path)
    root, gone = tmp_path / "partial", git("rev-parse", f"HEAD:{FILE}", cwd=server)
    server.rename(tmp_path / "away")

    def come_back() -> None:
        (tmp_path / "away").rename(server)
        paste("git fetch", root)

    for call in (
        reading(root, lambda it: it.read(gone, 1000)),
        lambda: find(root).lines("cat-file", "blob", git("rev-parse", "HEAD:configs/meta.yaml", cwd=root)),
    ):
        assert mend(call, root, edit=come_back) == "git fetch"
        server.rename(tmp_path / "away")


def test_a_commit_that_is_not_here(root: Path, tmp_path: Path) -> None:
    place = find(root)
    git("clone", "-q", root, "other", cwd=tmp_path)
    git("push", "-q", tmp_path / "other", "HEAD:refs/heads/fetched", cwd=root)
    commit_index(tmp_path / "other", "theirs")
    git("branch", "theirs", cwd=tmp_path / "other")
    git("remote", "add", "other", tmp_path / "other", cwd=root)
    fix = mend(lambda: history.resolve_object(place, "refs/remotes/other/theirs"), root)
    assert fix == "git fetch --all --tags"


@pytest.mark.parametrize("name", ["1" * 40, "garbage"])
def test_a_branch_that_names_nothing(root: Path, name: str) -> None:
    head = git("rev-parse", "HEAD", cwd=root)
    overwrite(root / ".git/refs/heads/main", f"{name}\n".encode())
    if name == "garbage":
        mend(reading(root, lambda it: it.head()), root)
    else:  # it was pushed by somebody who has the commit
        object_file(root, head).unlink()
        overwrite(root / ".git/refs/heads/main", f"{head}\n".encode())
        assert mend(reading(root, lambda it: it.head()), root) == "git fetch --refetch"
    assert git("rev-parse", "HEAD", cwd=root) == head
    git("fsck", "--strict", cwd=root)


def test_refs_that_git_cannot_list(root: Path) -> None:
    git("pack-refs", "--all", cwd=root)
    packed = root / ".git/packed-refs"
    text = packed.read_text()
    packed.write_text(f"{text}garbage\n")
    fix = mend(reading(root, lambda it: it.tags()), root, edit=lambda: packed.write_text(text))
    assert fix == "git fsck"  # which shows the line


def test_conflicts_in_the_index(root: Path) -> None:
    git("checkout", "-q", "-b", "side", cwd=root)
    stage(root, {"configs/meta.yaml": "tools: {}\n"})
    commit_index(root)
    git("checkout", "-q", "main", cwd=root)
    stage(root, {"configs/meta.yaml": (root / "configs/meta.yaml").read_text() + "# more\n"})
    commit_index(root)
    ran = estash("verify", cwd=root)
    assert ran.code == 0
    with pytest.raises(AssertionError):
        git("merge", "side", cwd=root)
    write(root, {"configs/meta.yaml": git("show", "HEAD:configs/meta.yaml", cwd=root)})
    fix = play(root, "verify")
    assert fix == "git add configs/meta.yaml  # once the conflicts are resolved"


def test_a_tag_that_changed_meanwhile(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    old = freeze(root, "a", "v1", "one")
    other = commit_index(root)
    git("tag", "-f", "-m", "v1", "snapshot/v1", other, cwd=root)
    with Repository.open(root) as repository, pytest.raises(StashError) as refused:
        repository.move_tag("v1", old, other, "v1", EPOCH)
    assert refused.value.fix == "experimentstash tag"
    paste(refused.value.fix, root)
    assert git("rev-parse", "snapshot/v1^{commit}", cwd=root) == other


def test_an_object_that_is_pushed_and_is_not_here(root: Path) -> None:
    made = commit_index(root, "more")
    git("push", "-q", "origin", "main", cwd=root)
    object_file(root, made).unlink()
    told = f"refs/heads/main {made} refs/heads/main {NONE}\n"
    guard = (BIN / "guard-push", "--stage", "pre-push", "origin", "../server.git")
    ran = run(*guard, cwd=root, stdin=told)
    (fix,) = fixes(ran.err)
    paste(fix, root)
    assert run(*guard, cwd=root, stdin=told).code == 0
