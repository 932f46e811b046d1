"""The one room that opens git: every kind of repository that traps.md names, and the questions a hook asks."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
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
from experimentstash.repository import Change, Repository, TooLargeError
from experimentstash.repository.objects import Objects
from experimentstash.repository.plumbing import find

if TYPE_CHECKING:
    from pathlib import Path

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
        assert not any(name.startswith("d") for tree in repository._objects._trees.values() for name in tree)


def test_a_snapshot_text_of_the_tests_is_one(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    text = snapshot_text("pca-one", "tag-one", pin_id("one"))
    with opened(root) as repository:
        path = snapshot_path("pca-one", "tag-one")
        assert repository.read(blob(root, f"HEAD:{path}"), 1000).decode() == text
