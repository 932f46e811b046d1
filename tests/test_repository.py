"""The one room that opens git: every kind of repository that traps.md names, and the questions a hook asks."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import struct
import subprocess
import sys
import time
import zlib
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import commit, git, run, write
from stashes import (
    REGISTRY,
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

from experimentstash.entries import FILE, LINK, PIN, Entry
from experimentstash.problems import StashError, UsageError
from experimentstash.repository import Change, Repository, TooLargeError, dulwich_objects
from experimentstash.repository.choice import choose, why_git
from experimentstash.repository.dulwich_objects import DulwichObjects
from experimentstash.repository.git_objects import GitObjects
from experimentstash.repository.objects import Objects
from experimentstash.repository.plumbing import Place, find
from experimentstash.repository.reader import Object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WHEN = dt.datetime(2026, 1, 12, 9, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def opened(root: Path) -> Repository:
    return Repository.open(root)


def blob(root: Path, rev: str) -> str:
    return git("rev-parse", rev, cwd=root)


def object_file(root: Path, name: str) -> Path:
    return root / ".git" / "objects" / name[:2] / name[2:]


def check_healthy(root: Path, head: str) -> None:
    """Read a healthy stash through every door at once."""
    with opened(root) as repository:
        assert repository.head() == head
        tree = repository.tree(head)
        assert tree.pins == {"mytool": pin_id("four", root)}
        assert tree.registry is not None
        assert repository.read(tree.registry.id, 1000).decode() == REGISTRY
        assert sorted(tree.files) == sorted(
            snapshot_path(f"pca-{number}", f"tag-{number}") for number in ("one", "two", "three")
        )
        commits = repository.tags().commits
        assert sorted(commits) == ["tag-one", "tag-three", "tag-two"]
        assert repository.tree(commits["tag-two"], "tag-two").pins == {"mytool": pin_id("two", root)}
        assert list(repository.tree(commits["tag-two"], "tag-two").files) == [snapshot_path("pca-two", "tag-two")]
        assert repository.bringing(tree.files, head) == {
            snapshot_path(f"pca-{number}", f"tag-{number}"): commits[f"tag-{number}"]
            for number in ("one", "two", "three")
        }


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
    with pytest.raises(StashError, match="not a git repository; the one round it is") as error:
        opened(root / "tools/mytool")
    assert str(root.resolve()) in str(error.value)


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(StashError, match="not a git repository"):
        opened(tmp_path)
    with pytest.raises(StashError, match="no such folder"):
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
    with opened(root) as repository, pytest.raises(StashError, match=r"HEAD names 1{40}, which is not here"):
        repository.head()


# the index


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
    # as git hands it to a hook: from the top, whatever folder the hook goes to
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
    with pytest.raises(StashError, match="GIT_INDEX_FILE names nowhere, and there is no such file"):
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
        assert error.value.fix == "git mergetool"
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
        f"#!{sys.executable}\nfrom pathlib import Path\nfrom experimentstash.repository import Repository\n"
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
        assert repository.changes([head]) == {head: [Change(path, Entry(PIN, pin_id("x")), new=True)]}


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


# objects


def test_replaced_objects_are_read_as_git_reads_them(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    head = blob(root, "HEAD")
    git("replace", head, blob(root, "HEAD~1"), cwd=root)
    with opened(root) as repository:
        assert repository.tree(head).pins == {"mytool": pin_id("three")}


def test_alternates_and_a_quarantine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = healthy(tmp_path / "stash")
    git("clone", "-q", "--bare", root, tmp_path / "server.git", cwd=tmp_path)
    server = tmp_path / "server.git"
    hook = server / "hooks/pre-receive"
    hook.write_text(
        f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n"
        "from experimentstash.repository import Repository\n"
        "new = sys.stdin.readline().split()[1]\n"
        "with Repository.open(Path.cwd()) as repository:\n"
        "    print(repository.tree(new).pins['mytool'], repository.range(f'main..{new}') == [new])\n"
    )
    hook.chmod(0o755)
    pinned = pin(root, "five")
    commit_index(root)
    pushed = run("git", "push", "-q", server, "main", cwd=root)
    assert pushed.code == 0, pushed.err
    assert f"remote: {pinned} True" in pushed.err


@pytest.mark.parametrize("what", ["HEAD:configs/mytool/snapshots", "HEAD:tools", "HEAD^{tree}"])
def test_a_missing_tree_is_told_and_is_no_empty_one(tmp_path: Path, what: str) -> None:
    root = healthy(tmp_path / "stash")
    gone = blob(root, what)
    object_file(root, gone).unlink()
    with opened(root) as repository, pytest.raises(StashError, match=r"is not here|cannot read") as error:
        repository.tree(repository.resolve("HEAD"))
    assert error.value.fix in ("git fetch --refetch", "git fsck")


def test_a_missing_blob_and_a_missing_commit_are_told(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    gone = blob(root, f"HEAD:{snapshot_path('pca-one', 'tag-one')}")
    object_file(root, gone).unlink()
    with opened(root) as repository:
        with pytest.raises(StashError, match=f"the object {gone} is not here"):
            repository.read(gone, 1000)
        with pytest.raises(StashError, match="is not here"):
            repository.tree("1" * 40)
        with pytest.raises(StashError, match="is not here"):  # a tree is no blob
            repository.read(blob(root, "HEAD^{tree}"), 1000)
        with pytest.raises(StashError, match="is not here"):
            repository.tree(blob(root, "HEAD:configs/meta.yaml"))


def test_a_truncated_object_is_told(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    broken = blob(root, "HEAD:configs/meta.yaml")
    file = object_file(root, broken)
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:10])
    with opened(root) as repository:
        with pytest.raises(StashError, match=r"cannot read an object|is not here"):
            repository.read(broken, 1000)
        assert repository.tree(blob(root, "HEAD")).pins == {"mytool": pin_id("four")}  # and goes on


@pytest.mark.parametrize(
    "lines",
    [
        b"40000 ..\0" + b"\1" * 20,
        b"40000 a/b\0" + b"\1" * 20,
        b"40000 a\0" + b"\1" * 20 + b"40000 a\0" + b"\2" * 20,
        b"40000 a\0" + b"\1" * 5,
        b"77 a\0" + b"\1" * 20,
        b"x a\0" + b"\1" * 20,
        b"40000 a",
    ],
)
def test_a_damaged_tree_is_told(tmp_path: Path, lines: bytes) -> None:
    git("init", "-q", cwd=tmp_path)
    asked = ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"]
    done = subprocess.run(asked, cwd=tmp_path, input=lines, capture_output=True, check=True)
    objects = Objects(find(tmp_path))
    with pytest.raises(StashError, match="is damaged") as error:
        objects.tree(done.stdout.decode().strip())
    assert error.value.fix == "git fsck"
    objects.close()


def test_a_tree_that_holds_itself_without_end(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    tree = git("mktree", cwd=root, stdin=f"100644 blob {blob(root, 'HEAD:configs/meta.yaml')}\ta.yaml\n")
    for _ in range(12):
        tree = git("mktree", cwd=root, stdin="".join(f"040000 tree {tree}\td{n}\n" for n in range(10)))
    for name in ("v1", "snapshots", "mytool", "configs"):
        tree = git("mktree", cwd=root, stdin=f"040000 tree {tree}\t{name}\n")
    head = git("commit-tree", "-m", "bomb", tree, cwd=root)
    started = time.monotonic()
    with opened(root) as repository, pytest.raises(StashError, match="more than 200000 files"):
        repository.tree(head)
    assert time.monotonic() - started < 20


def test_a_tree_of_great_depth(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    stdin = f"100644 blob {blob(root, 'HEAD:configs/meta.yaml')}\ta.yaml\n"
    objects = []
    for _ in range(600):
        objects.append(git("mktree", cwd=root, stdin=stdin))
        stdin = f"040000 tree {objects[-1]}\td\n"
    tree = objects[-1]
    for name in ("v1", "snapshots", "mytool", "configs"):
        tree = git("mktree", cwd=root, stdin=f"040000 tree {tree}\t{name}\n")
    with opened(root) as repository:
        files = repository.tree(git("commit-tree", "-m", "deep", tree, cwd=root)).files
    assert list(files) == [f"configs/mytool/snapshots/v1/{'d/' * 599}a.yaml"]


def test_a_large_blob_is_not_read(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    stage(root, {"large": "x" * 3_000_000})
    large, small = blob(root, ":large"), blob(root, ":configs/meta.yaml")
    with opened(root) as repository:
        with pytest.raises(TooLargeError, match="3000000 bytes, of at most 1000"):
            repository.read(large, 1000)
        assert repository.read(small, 1000).decode() == REGISTRY
    objects = Objects(find(root))
    found = objects.find([small, large, small, "1" * 40, large, small], limit=1000)
    assert [one and one.size for one in found] == [
        len(REGISTRY),
        3_000_000,
        len(REGISTRY),
        None,
        3_000_000,
        len(REGISTRY),
    ]
    objects.close()


def test_folders_of_other_kinds_are_no_stash(tmp_path: Path) -> None:
    root = tmp_path / "r"
    head = commit(root, {"configs": "a file\n", "tools": "a file\n"})
    other = commit(tmp_path / "s", {"configs/a": "1", "configs/b/snapshots": "1", "configs/c/snapshots/v1": "1"})
    with opened(root) as repository:
        assert repository.tree(head) == repository.tree(head, "v1")
        assert (repository.tree(head).files, repository.tree(head).pins) == ({}, {})
    with opened(tmp_path / "s") as repository:
        assert (repository.tree(other).files, repository.tree(other, "v1").files) == ({}, {})


def partial(root: Path, into: Path, kind: str) -> Path:
    """Clone a repository without some of its objects."""
    git("config", "uploadpack.allowFilter", "true", cwd=root)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=root)
    git("clone", "-q", "--bare", f"--filter={kind}", root.resolve().as_uri(), into, cwd=root.parent)
    return into


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_a_partial_clone_fetches_what_it_lacks(tmp_path: Path, kind: str) -> None:
    root = healthy(tmp_path / "stash")
    check_healthy(partial(root, tmp_path / "partial.git", kind), blob(root, "HEAD"))


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_a_partial_clone_without_its_remote_says_so(tmp_path: Path, kind: str) -> None:
    root = healthy(tmp_path / "stash")
    clone = partial(root, tmp_path / "partial.git", kind)
    registry = blob(root, "HEAD:configs/meta.yaml")
    root.rename(tmp_path / "gone")
    with opened(clone) as repository, pytest.raises(StashError, match=r"promisor|is not here") as error:  # noqa: PT012  (the one lacks trees, the other blobs)
        repository.tree(repository.resolve("HEAD"))
        repository.read(registry, 1000)
    assert error.value.fix.startswith("git fetch")


# refs


def test_tags_of_every_kind(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    head = blob(root, "HEAD")
    git("tag", "snapshot/light", cwd=root)
    git("tag", "-a", "-m", "x", "snapshot/annotated", cwd=root)
    git("tag", "-a", "-m", "x", "snapshot/nested", "snapshot/annotated", cwd=root)
    git("tag", "-a", "-m", "x", "snapshot/deeper", "snapshot/nested", cwd=root)
    git("tag", "snapshot/tree", "HEAD^{tree}", cwd=root)
    git("tag", "-a", "-m", "x", "snapshot/blob", "HEAD:configs/meta.yaml", cwd=root)
    git("tag", "other", cwd=root)
    text = f"object {'2' * 40}\ntype commit\ntag x\ntagger a <a@b> 0 +0000\n\nx\n"
    lost = git("hash-object", "-t", "tag", "-w", "--literally", "--stdin", cwd=root, stdin=text)
    git("update-ref", "refs/tags/snapshot/tag-of-gone", lost, cwd=root)
    folder = root / ".git/refs/tags/snapshot"
    (folder / "gone").write_text("1" * 40 + "\n")
    (folder / "rubbish").write_text("rubbish\n")
    with opened(root) as repository:
        tags = repository.tags()
    assert tags.commits == dict.fromkeys(["light", "annotated", "nested", "deeper"], head)
    assert tags.broken == {
        "tree": "it leads to no commit",
        "blob": "it leads to no commit",
        "gone": f"the object {'1' * 40} is not here",
        "tag-of-gone": f"the object {'2' * 40} is not here",
        "rubbish": "git cannot read it",
    }


def test_a_tag_called_snapshot_is_no_snapshot_tag(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("tag", "snapshot", cwd=root)
    with opened(root) as repository:
        assert repository.tags().commits == {}
        with pytest.raises(StashError, match="a tag 'snapshot' stands where git keeps the folder") as error:
            repository.make_tag("v1", blob(root, "HEAD"), "x\n", WHEN)
    assert error.value.fix == "git tag -d snapshot"


def test_make_tag_writes_an_annotated_tag_as_it_was_told(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("config", "tag.gpgSign", "false", cwd=root)
    git("config", "core.commentChar", "S", cwd=root)
    commit_index(root, "later")
    message = "Snapshot v1\n\n# kept: a line that looks like a comment\n  mytool/pca: é\n"
    with opened(root) as repository:
        repository.make_tag("v1", blob(root, "HEAD~1"), message, WHEN)
        assert repository.tags().commits == {"v1": blob(root, "HEAD~1")}
    assert git("cat-file", "tag", "snapshot/v1", cwd=root) == (
        f"object {blob(root, 'HEAD~1')}\ntype commit\ntag snapshot/v1\n"
        f"tagger Ada Tester <ada@example.org> {int(WHEN.timestamp())} +0200\n\n{message.rstrip()}"
    )


def test_make_tag_knows_no_date_before_1970(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    with opened(root) as repository:
        repository.make_tag("v1", blob(root, "HEAD"), "x\n", dt.datetime(1900, 1, 1, tzinfo=dt.timezone.utc))
    assert "ada@example.org> 0 +0000" in git("cat-file", "tag", "snapshot/v1", cwd=root)


@pytest.mark.parametrize("setting", ["tag.gpgSign", "tag.forceSignAnnotated"])
def test_make_tag_signs_where_the_user_signs(tmp_path: Path, setting: str) -> None:
    root = make_stash(tmp_path / "stash")
    signer = tmp_path / "signer"
    signer.write_text(
        "#!/bin/sh\ncat > /dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\necho '-----BEGIN PGP SIGNATURE-----'\n"
    )
    signer.chmod(0o755)
    git("config", "gpg.program", signer, cwd=root)
    git("config", setting, "true", cwd=root)
    with opened(root) as repository:
        repository.make_tag("v1", blob(root, "HEAD"), "x\n", WHEN)
    assert "BEGIN PGP SIGNATURE" in git("cat-file", "tag", "snapshot/v1", cwd=root)


@pytest.mark.parametrize("taken", ["v1", "V1"])
def test_make_tag_refuses_a_name_that_is_taken(tmp_path: Path, taken: str) -> None:
    root = make_stash(tmp_path / "stash")
    git("tag", f"snapshot/{taken}", cwd=root)
    git("pack-refs", "--all", cwd=root)
    with opened(root) as repository, pytest.raises(StashError, match=f"the tag snapshot/{taken} is taken"):
        repository.make_tag("v1", blob(root, "HEAD"), "x\n", WHEN)
    assert git("tag", cwd=root) == f"snapshot/{taken}"


def test_make_tag_refuses_a_name_that_git_cannot_read(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    (root / ".git/refs/tags/snapshot").mkdir()
    (root / ".git/refs/tags/snapshot/V1").write_text("rubbish\n")
    with opened(root) as repository, pytest.raises(StashError, match="the tag snapshot/V1 is taken"):
        repository.make_tag("v1", blob(root, "HEAD"), "x\n", WHEN)


@pytest.mark.parametrize("name", ["-d", "a b", "x..y", "a.lock", "a/b", "", "a\nb"])
def test_make_tag_refuses_what_is_no_tag(tmp_path: Path, name: str) -> None:
    root = make_stash(tmp_path / "stash")
    with opened(root) as repository, pytest.raises(StashError, match="is no tag"):
        repository.make_tag(name, blob(root, "HEAD"), "x\n", WHEN)


def test_make_tag_gives_gits_own_reason(tmp_path: Path, sealed_home: Path) -> None:
    root = make_stash(tmp_path / "stash")
    head = blob(root, "HEAD")
    (sealed_home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    with opened(root) as repository, pytest.raises(StashError, match=r"(?s)git tag failed in .*user\.email"):
        repository.make_tag("v1", head, "x\n", WHEN)


# history


@pytest.mark.parametrize("rev", ["nope", "-x", "--all", "HEAD:configs", "HEAD~99", "a b", "", "main..main", "1" * 40])
def test_a_revision_that_is_none(tmp_path: Path, rev: str) -> None:
    root = healthy(tmp_path / "stash")
    with opened(root) as repository, pytest.raises(StashError, match="names no commit here") as error:
        repository.resolve(rev)
    assert error.value.fix == "git fetch --all --tags"


def test_revisions_and_ranges(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    ids = git("rev-list", "HEAD", cwd=root).splitlines()
    with opened(root) as repository:
        assert repository.resolve("HEAD~1") == repository.resolve(ids[1][:10]) == repository.resolve("main^") == ids[1]
        assert repository.resolve("snapshot/tag-three") == ids[1]
        assert repository.range("HEAD~2..HEAD") == repository.range("main~2..") == ids[:2]
        assert repository.range("HEAD..HEAD~2") == []
        assert repository.newest(ids[1:3]) == ids[1]
        assert repository.newest([ids[3]]) == ids[3]
        for wrong in ("HEAD", "a...b", "HEAD~1...HEAD", ".."):
            with pytest.raises(UsageError, match="is no range"):
                repository.range(wrong)
        with pytest.raises(StashError, match="'nope' names no commit here"):
            repository.range("nope..HEAD")


def test_newest_of_two_lines_is_none(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    one = commit_index(root, "one")
    git("checkout", "-q", "-b", "side", "HEAD~1", cwd=root)
    two = commit_index(root, "two")
    with opened(root) as repository:
        assert repository.newest([one, two]) is None


def test_changes_are_what_no_parent_has(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    first = freeze(root, "a", "v1", "one", tagged=False)
    git("checkout", "-q", "-b", "side", cwd=root)
    side = freeze(root, "b", "v1", "one", tagged=False)
    git("checkout", "-q", "main", cwd=root)
    stage(root, {snapshot_path("a", "v1"): "edited"})
    edited = commit_index(root)
    git("merge", "-q", "--no-commit", "side", cwd=root)
    stage(root, {snapshot_path("c", "v1"): "evil", snapshot_path("b", "v1"): "evil"})
    merge = commit_index(root)
    git("rm", "-q", snapshot_path("c", "v1"), cwd=root)
    removed = commit_index(root)
    with opened(root) as repository:
        found = repository.changes([first, side, edited, merge, removed])
    told = {c: [(change.path[-6], change.new) for change in changes] for c, changes in found.items()}
    assert told == {
        first: [("a", True)],
        side: [("b", True)],
        edited: [("a", False)],
        merge: [("b", False), ("c", True)],
        removed: [],
    }
    assert found[edited][0].entry == Entry(FILE, blob(root, f"{edited}:{snapshot_path('a', 'v1')}"))


def test_the_bringing_commit(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    one = freeze(root, "a", "v1", "one", tagged=False)
    stage(root, {snapshot_path("a", "v1"): "edited"})  # an edit brings nothing in
    commit_index(root)
    git("checkout", "-q", "-b", "side", cwd=root)
    two = freeze(root, "b", "v2", "one", tagged=False)
    commit_index(root, "more")
    git("checkout", "-q", "main", cwd=root)
    three = freeze(root, "c", "v3", "one", tagged=False)
    git("merge", "-q", "--no-commit", "side", cwd=root)
    stage(root, {snapshot_path("d", "v4"): "evil"})
    merge = commit_index(root)
    git("rm", "-q", snapshot_path("c", "v3"), cwd=root)
    commit_index(root)
    again = freeze(root, "c", "v3", "one", tagged=False)
    for _ in range(40):  # more than is read at once
        commit_index(root)
    paths = {letter: snapshot_path(letter, f"v{number}") for number, letter in enumerate("abcd", 1)}
    with opened(root) as repository:
        found = repository.bringing(paths.values(), repository.resolve("HEAD"))
    assert found == {paths["a"]: one, paths["b"]: two, paths["c"]: again, paths["d"]: merge}
    assert three != again


def test_a_shallow_clone_does_not_guess(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("clone", "-q", "--no-tags", "--depth=2", root.resolve().as_uri(), tmp_path / "shallow", cwd=tmp_path)
    shallow = tmp_path / "shallow"
    head = blob(root, "HEAD")
    with opened(shallow) as repository:
        for path in repository.tree(head).files:
            with pytest.raises(StashError, match="beyond the edge of this shallow clone") as error:
                repository.bringing([path], head)
            assert error.value.fix == "git fetch --unshallow --tags"
        with pytest.raises(StashError, match="names no commit here") as error:
            repository.range(f"{blob(root, 'HEAD~3')}..HEAD")
        assert error.value.fix == "git fetch --unshallow --tags"
        # at the edge everything looks new, and nothing is known to be
        edge = repository.resolve("HEAD~1")
        assert {change.new for change in repository.changes([edge])[edge]} == {False}


def test_a_rebase_is_seen(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    assert not opened(root).rebasing
    run("git", "rebase", "-q", "--exec", "false", "HEAD~1", cwd=root)
    assert opened(root).rebasing
    git("rebase", "--abort", cwd=root)
    assert not opened(root).rebasing


def test_many_files_cost_nothing_at_commits(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    registry = blob(root, "HEAD:configs/meta.yaml")
    lines = [f"100644 {registry} 0\tother/d{n % 100}/f{n}" for n in range(20_000)]
    git("update-index", "--index-info", cwd=root, stdin="\n".join(lines) + "\n")
    head = commit_index(root)
    with opened(root) as repository:
        repository.tree(head)
        known = {name for tree in repository._objects._trees.values() for name in tree}
        assert {"configs", "tools", "mytool"} <= known
        assert "other" not in known


def test_a_snapshot_text_of_the_tests_is_one(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    text = snapshot_text("pca-one", "tag-one", pin_id("one"))
    with opened(root) as repository:
        path = snapshot_path("pca-one", "tag-one")
        assert repository.read(blob(root, f"HEAD:{path}"), 1000).decode() == text


# who reads the objects


class Nobody:
    """A reader that has nothing: what is found beside it was found without git."""

    def find(self, ids: Sequence[str], limit: int) -> list[Object | None]:  # noqa: ARG002
        return [None for _ in ids]

    def close(self) -> None:
        pass


def dulwich_alone(place: Place) -> DulwichObjects:
    return DulwichObjects(place.common_dir / "objects", place.object_format, Nobody())


def every_id(root: Path) -> list[str]:
    asked = ("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return sorted(
        [*git(*asked, cwd=root).split(), *git("rev-list", "--objects", "--no-object-names", "--all", cwd=root).split()]
    )


def loose(base: Path) -> Path:
    return healthy(base / "stash")


def packed(base: Path) -> Path:
    """Many versions of one file, so that most of them are deltas of deltas."""
    root = healthy(base / "stash")
    for number in range(30):
        lines = [f"key{line}: {line * (number if line == number else 1)}\n" for line in range(200)]
        freeze(root, "long", f"v{number}", "one", body="".join(lines))
    git("repack", "-q", "-a", "-d", "-f", "--depth=20", cwd=root)
    git("pack-refs", "--all", cwd=root)
    told = git("verify-pack", "-v", *map(str, (root / ".git/objects/pack").glob("*.idx")), cwd=root)
    assert "chain length = 2" in told
    return root


def packed_by_reference(base: Path) -> Path:
    """Deltas that name their base by its id, in a pack with the oldest kind of index, and loose objects beside."""
    root = packed(base)
    git("config", "repack.useDeltaBaseOffset", "false", cwd=root)
    git("config", "pack.indexVersion", "1", cwd=root)
    git("repack", "-q", "-a", "-d", "-f", cwd=root)
    freeze(root, "late", "late", "two")
    return root


def several_packs(base: Path) -> Path:
    root = packed(base)
    for number in range(3):
        freeze(root, "more", f"more-{number}", f"more-{number}")
        git("repack", "-q", cwd=root)
    git("multi-pack-index", "write", cwd=root)
    git("commit-graph", "write", "--reachable", cwd=root)
    assert len(list((root / ".git/objects/pack").glob("*.pack"))) == 4
    return root


def alternates(base: Path) -> Path:
    """A repository that borrows from one that borrows from another."""
    first = packed(base)
    git("clone", "-q", "--shared", first, base / "second", cwd=base)
    freeze(base / "second", "second", "second", "two")
    git("clone", "-q", "--shared", base / "second", base / "third", cwd=base)
    freeze(base / "third", "third", "third", "three")
    return base / "third"


def worktree(base: Path) -> Path:
    root = healthy(base / "stash")
    git("worktree", "add", "-q", "--detach", base / "linked", cwd=root)
    return base / "linked"


def submodule(base: Path) -> Path:
    healthy(base / "stash")
    commit(base / "outer", {"a": "1"})
    git("submodule", "add", "-q", base / "stash", "inner", cwd=base / "outer")
    return base / "outer/inner"


def bare(base: Path) -> Path:
    git("clone", "-q", "--bare", healthy(base / "stash"), base / "bare.git", cwd=base)
    return base / "bare.git"


def wide(base: Path) -> Path:
    root = make_stash(base / "stash", "--object-format=sha256")
    freeze(root, "a", "v1", "two")
    git("repack", "-q", "-a", "-d", cwd=root)
    freeze(root, "b", "v2", "three")
    return root


def shallow(base: Path) -> Path:
    root = healthy(base / "stash")
    git("clone", "-q", "--depth=2", root.resolve().as_uri(), base / "shallow", cwd=base)
    return base / "shallow"


def sparse(base: Path) -> Path:
    """`git sparse-checkout` sets `extensions.worktreeConfig`, and a format version of 1."""
    root = healthy(base / "stash")
    git("sparse-checkout", "init", "--cone", "--sparse-index", cwd=root)
    assert "worktreeConfig" in (root / ".git/config").read_text()
    return root


def extended(base: Path, name: str, value: str = "true", version: int = 1) -> Path:
    root = healthy(base / "stash")
    git("config", "core.repositoryFormatVersion", str(version), cwd=root)
    git("config", f"extensions.{name}", value, cwd=root)
    return root


def replaced(base: Path) -> Path:
    root = healthy(base / "stash")
    git("replace", "HEAD", "HEAD~1", cwd=root)
    return root


def replaced_and_packed(base: Path) -> Path:
    root = replaced(base)
    git("pack-refs", "--all", cwd=root)
    assert not any((root / ".git/refs/replace").glob("*"))
    return root


def replaced_no_longer(base: Path) -> Path:
    root = replaced(base)
    git("replace", "-d", blob(root, "HEAD"), cwd=root)
    return root


def grafted(base: Path) -> Path:
    root = healthy(base / "stash")
    write(root, {".git/info/grafts": f"{blob(root, 'HEAD')} {blob(root, 'HEAD~2')}\n"})
    return root


def reftable(base: Path) -> Path:
    if run("git", "init", "-q", "--ref-format=reftable", base / "stash", cwd=base).code != 0:
        pytest.skip(f"{git('--version', cwd=base)} knows no reftable (2.45 does)")
    return healthy(base / "stash")


READ_BY_DULWICH = {
    function.__name__: function
    for function in (
        loose, packed, packed_by_reference, several_packs, alternates, worktree, submodule, bare, wide, shallow, sparse,
        replaced_no_longer,
    )
}  # fmt: skip
READ_BY_GIT: dict[str, tuple[Callable[[Path], Path], str]] = {
    "partialClone": (lambda base: extended(base, "partialClone", "origin"), "extensions.partialclone"),
    "preciousObjects": (lambda base: extended(base, "preciousObjects"), "extensions.preciousobjects"),
    "noop": (lambda base: extended(base, "noop"), "extensions.noop"),
    "reftable": (reftable, "extensions.refstorage"),
    "another ref storage": (lambda base: extended(base, "refStorage", "files", 0), "extensions.refstorage"),
    "from the future": (lambda base: extended(base, "fromTheFuture", version=0), "extensions.fromthefuture"),
    "blobs left behind": (lambda base: partial(loose(base), base / "p", "blob:none"), "remote.origin.promisor"),
    "trees left behind": (lambda base: partial(loose(base), base / "p", "tree:0"), "remote.origin.promisor"),
    "replaced": (replaced, "refs/replace"),
    "replaced, packed": (replaced_and_packed, "refs/replace"),
    "grafts": (grafted, "info/grafts"),
}


@pytest.mark.parametrize("kind", READ_BY_DULWICH)
def test_dulwich_reads_what_it_reads_rightly_and_as_git_does(tmp_path: Path, kind: str) -> None:
    root = READ_BY_DULWICH[kind](tmp_path)
    place = find(root)
    assert why_git(place) is None
    assert place.object_format == ("sha256" if kind == "wide" else "sha1")
    chosen, alone, by_git = choose(place), dulwich_alone(place), GitObjects(place)
    assert isinstance(chosen, DulwichObjects)
    ids = every_id(root)
    told = by_git.find(ids, 10**9)
    assert {one.kind for one in told if one is not None} == {"commit", "tree", "blob", "tag"}
    assert alone.find(ids, 10**9) == told == chosen.find(ids, 10**9)
    assert alone.find(ids, 200) == by_git.find(ids, 200)
    for reader in (chosen, alone, by_git):
        reader.close()
        assert reader.find(ids[:3], 10**9) == told[:3]  # and opens again
        reader.close()


@pytest.mark.parametrize("kind", READ_BY_GIT)
def test_git_reads_what_dulwich_would_misread(tmp_path: Path, kind: str) -> None:
    build, why = READ_BY_GIT[kind]
    place = find(build(tmp_path))
    assert why_git(place) == why
    reader = choose(place)
    assert isinstance(reader, GitObjects)
    ids = git("rev-list", "--all", cwd=place.root).split()
    assert all(reader.find(ids, 10**9))
    reader.close()


def test_what_dulwich_would_answer_where_objects_are_replaced(tmp_path: Path) -> None:
    """So the choice is needed: each object is what its id says, and is not what git reads."""
    place = find(replaced(tmp_path))
    head = (place.git_dir / "refs/heads/main").read_text().strip()
    alone, chosen = dulwich_alone(place), choose(place)
    assert alone.find([head], 10**9) != chosen.find([head], 10**9)
    for reader in (alone, chosen):
        reader.close()


@pytest.mark.parametrize(
    "name",
    ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_REPLACE_REF_BASE", "GIT_GRAFT_FILE"],
)
def test_git_reads_where_the_environment_says_something_of_this_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    root, other = healthy(tmp_path / "stash"), healthy(tmp_path / "other")
    monkeypatch.chdir(root)
    monkeypatch.setenv(name, str(root / ".git/objects"))
    assert why_git(find(root)) == name
    assert why_git(find(other)) is None


def test_a_config_that_git_cannot_read_is_not_taken_for_a_plain_one(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    place = find(root)
    (root / ".git/config").write_text("[extensions\n")
    assert why_git(place) == "config"


def test_git_is_asked_for_what_dulwich_does_not_find(tmp_path: Path) -> None:
    """Git takes a path in quotes for an alternate; dulwich does not."""
    root = healthy(tmp_path / "stash")
    freeze(root, "late", "late", "late")
    head = blob(root, "HEAD")
    shutil.move(object_file(root, head).parent, tmp_path / "elsewhere" / head[:2])
    (root / ".git/objects/info/alternates").write_text(f'"{tmp_path / "elsewhere"}"\n')
    place = find(root)
    alone = dulwich_alone(place)
    assert alone.find([head], 10**9) == [None]
    alone.close()
    with opened(root) as repository:
        reader = repository._objects.reader
        assert isinstance(reader, DulwichObjects)
        assert isinstance(reader._git, GitObjects)
        repository.tree(blob(root, "HEAD~1"))
        assert reader._git._process is None
        assert repository.tree(head).pins == {"mytool": pin_id("late")}
        assert reader._git._process is not None


def test_objects_that_are_packed_away_while_they_are_read(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    with opened(root) as repository:
        assert repository.tree(blob(root, "HEAD")).pins == {"mytool": pin_id("four")}
        git("gc", "-q", "--prune=now", cwd=root)
        assert repository.tree(blob(root, "HEAD~1")).pins == {"mytool": pin_id("three")}


def test_alternates_in_a_circle(tmp_path: Path) -> None:
    one, two = healthy(tmp_path / "one"), healthy(tmp_path / "two")
    for root, other in ((one, two), (two, one)):
        (root / ".git/objects/info/alternates").write_text(f"{other / '.git/objects'}\n")
    with opened(one) as repository:
        assert repository.tree(blob(one, "HEAD")).pins == {"mytool": pin_id("four")}


@pytest.mark.parametrize("cut", [15, 40, 150])
def test_a_cut_file_is_not_a_shorter_object(tmp_path: Path, cut: int) -> None:
    """Dulwich reads it as one, without an error."""
    root = make_stash(tmp_path / "stash")
    stage(root, {"text": "".join(f"line {number}\n" for number in range(100))})
    name = blob(root, ":text")
    file = object_file(root, name)
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:cut])
    alone = dulwich_alone(find(root))
    assert alone.find([name], 10**9) == [None]
    alone.close()
    with opened(root) as repository, pytest.raises(StashError, match=r"cannot read an object|is not here"):
        repository.read(name, 10**6)


def test_an_object_under_the_name_of_another_is_damaged(tmp_path: Path) -> None:
    """Git itself reads it, and looks at the hash in `git fsck` only."""
    root = healthy(tmp_path / "stash")
    good, bad = blob(root, f"HEAD:{snapshot_path('pca-one', 'tag-one')}"), blob(root, "HEAD:configs/meta.yaml")
    object_file(root, bad).unlink()
    shutil.copy(object_file(root, good), object_file(root, bad))
    with opened(root) as repository:
        assert repository.read(good, 1000)
        with pytest.raises(StashError, match=f"the object {bad} is damaged") as error:
            repository.read(bad, 1000)
    assert error.value.fix == "git fsck"


@pytest.mark.parametrize("ending", ["pack", "idx"])
def test_a_damaged_pack_is_told_and_the_others_are_read(tmp_path: Path, ending: str) -> None:
    root = healthy(tmp_path / "stash")
    git("repack", "-q", "-a", "-d", cwd=root)
    (file,) = (root / ".git/objects/pack").glob(f"*.{ending}")
    lost = blob(root, "HEAD")
    kept = freeze(root, "late", "late", "late")
    here = every_id(root)
    file.chmod(0o644)
    file.write_bytes(b"rubbish" * 100)
    place = find(root)
    alone = dulwich_alone(place)
    found = dict(zip(here, alone.find(here, 10**9), strict=True))
    alone.close()
    assert found[kept] is not None
    assert found[lost] is None
    with opened(root) as repository, pytest.raises(StashError, match=r"is not here|cannot read|failed"):
        repository.tree(lost)


def delta_bomb(root: Path) -> str:
    """Put a pack of a few kilobytes into a repository, with an object that unfolds to 16 MB; return its id."""
    base = b"x" * 0xFFFF
    size = len(base) * 256

    def entry(kind: int, length: int, data: bytes, between: bytes = b"") -> bytes:
        head = [(kind << 4) | (length & 15)]
        length >>= 4
        while length:
            head[-1] |= 0x80
            head.append(length & 0x7F)
            length >>= 7
        return bytes(head) + between + zlib.compress(data)

    def number(value: int) -> bytes:
        return bytes([value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14 & 0x7F | 0x80, value >> 21])

    delta = number(len(base)) + number(size) + b"\xb0\xff\xff" * 256
    first = entry(3, len(base), base)
    back = len(first)
    offset = [back & 0x7F]
    while back := back >> 7:
        back -= 1
        offset.insert(0, back & 0x7F | 0x80)
    pack = b"PACK" + struct.pack(">II", 2, 2) + first + entry(6, len(delta), delta, bytes(offset))
    pack += sha1(pack).digest()
    assert len(pack) < 1000
    subprocess.run(["git", "index-pack", "--stdin"], cwd=root, input=pack, capture_output=True, check=True)
    return sha1(b"blob %d\0" % size + base * 256).hexdigest()


def test_no_object_unfolds_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger than dulwich is let to read, loose or packed, whole or as a delta, is left to git."""
    monkeypatch.setattr(dulwich_objects, "MOST", 1_000_000)
    root = make_stash(tmp_path / "stash")
    lines = "".join(f"{number}\n" for number in range(500_000))
    stage(root, {"a": "x" * 3_000_000, "b": lines, "c": lines + "more\n", "d": "small\n"})
    names = [blob(root, f":{file}") for file in "abcd"]
    small = names[3]
    for how in ("loose", "packed"):
        alone = dulwich_alone(find(root))
        assert [one and one.id for one in alone.find(names, 10**9)] == [None, None, None, small], how
        alone.close()
        commit_index(root)
        git("repack", "-q", "-a", "-d", cwd=root)
    bomb = delta_bomb(root)
    reader = choose(find(root))
    assert isinstance(reader, DulwichObjects)
    assert [one and one.id for one in reader.find([bomb, small], 10**9)] == [bomb, small]
    assert [one and one.data for one in reader.find([bomb, small], 1000)] == [None, b"small\n"]
    reader.close()
    alone = dulwich_alone(find(root))
    assert alone.find([bomb], 10**9) == [None]
    alone.close()


def test_what_reading_imports(tmp_path: Path) -> None:
    """Dulwich's objects and packs cost 10 ms; all of it, 50."""
    root = healthy(tmp_path / "stash")
    code = (
        "import sys\nfrom pathlib import Path\nfrom experimentstash.repository import Repository\n"
        "with Repository.open(Path.cwd()) as repository:\n"
        "    before = [name for name in sys.modules if name.startswith('dulwich')]\n"
        "    repository.tree(repository.head())\n"
        "print(before, [f'dulwich.{name}' in sys.modules for name in ('pack', 'object_store', 'repo', 'porcelain')])"
    )
    assert run(sys.executable, "-c", code, cwd=root).out == "[] [True, False, False, False]\n"


def test_one_room_opens_repositories() -> None:
    package = Path(dulwich_objects.__file__).parents[1]
    importing = [
        file
        for file in package.rglob("*.py")
        if "dulwich import" in (text := file.read_text()) or "import dulwich" in text
    ]
    assert {file.parent.name for file in importing} <= {"repository"}


@pytest.mark.parametrize("stored", ["packed", "loose"])
def test_a_thousand_commits_take_no_time(tmp_path: Path, stored: str) -> None:
    root = make_stash(tmp_path / "stash")
    lines = []
    for number in range(1000):
        text = snapshot_text("pca", f"v{number}", pin_id(str(number)))
        lines += [
            f"commit refs/heads/main\ncommitter a <a@b> {number} +0000\ndata 1\nx",
            "from refs/heads/main^0" if number == 0 else "",
            f"M 160000 {pin_id(str(number))} tools/mytool",
            f"M 100644 inline {snapshot_path('pca', f'v{number}')}\ndata {len(text)}\n{text}",
            f"reset refs/tags/snapshot/v{number}\nfrom refs/heads/main\n",
        ]
    stdin = "\n".join(line for line in lines if line)
    git(
        "-c",
        f"fastimport.unpackLimit={1 if stored == 'packed' else 100_000}",
        "fast-import",
        "--quiet",
        cwd=root,
        stdin=stdin,
    )
    with opened(root) as repository:
        started = time.process_time()
        commits = repository.tags().commits
        trees = repository.trees([(commit, tag) for tag, commit in commits.items()])
        for tree in trees:
            (entry,) = tree.files.values()
            repository.read(entry.id, 1000)
        assert time.process_time() - started < 5  # five times what is promised: other tests run beside this one
        assert isinstance(repository._objects.reader, DulwichObjects)
    assert len(trees) == 1000
    assert len({tree.pins["mytool"] for tree in trees}) == 1000
