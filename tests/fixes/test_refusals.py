"""The fixes of what commands refuse before they do anything, each refused and mended in this process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import commit, git, run, write
from plays import mend, paste
from stashes import REGISTRY, commit_index, pin_id, snapshot_path, snapshot_text, stage
from submodules import Lab, make_lab

from experimentstash.core import files
from experimentstash.core.errors import StashError
from experimentstash.core.names import SnapshotName
from experimentstash.environments import environment_cache, packages, tool_python
from experimentstash.environments.lock_fixes import freeze_installed
from experimentstash.freeze import freeze_commit, pending_snapshot
from experimentstash.freeze.freezer import Freezer
from experimentstash.freeze.staged_configs import _check_same as check_same
from experimentstash.freeze.staged_configs import _StagedFreezer as Freezing
from experimentstash.git import user_git
from experimentstash.git.checkouts.checked_out import check_checked_out
from experimentstash.git.checkouts.tool_commit import checked_out, tool_commit
from experimentstash.git.repository import Repository
from experimentstash.git.submodules import new_submodule
from experimentstash.hooks.install.diagnosis import _tools as broken_tools
from experimentstash.hooks.install.locations import locations_of
from experimentstash.hydra import config_text, experiment_text, isolated_run, launch, replay
from experimentstash.hydra.resolved_tool import ResolvedTool
from experimentstash.hydra.staged_config import laid_out
from experimentstash.reproduce.archive import writer
from experimentstash.reproduce.reproduction_report import check_report
from experimentstash.stash import registry, snapshot_file
from experimentstash.stash.results import collect, manifest, manifest_parser
from experimentstash.stash.results.comparison_rules import Rules
from experimentstash.stash.stash import Stash
from experimentstash.stash.tool import Tool
from experimentstash.verify import exceptions

TOOL = "tools/mytool"
PATH = snapshot_path("a", "v1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return make_lab(tmp_path_factory.mktemp("made"))


@pytest.fixture
def root(made: Lab, tmp_path: Path) -> Path:
    """A stash whose tool is checked out; git may take it from a path of this machine only where it is told so."""
    git("config", "--global", "protocol.file.allow", "user", cwd=tmp_path)
    return shutil.copytree(made.stash, tmp_path / "stash", symlinks=True)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A repository with nothing but a registry."""
    git("init", "-q", cwd=tmp_path)
    write(tmp_path, {"configs/meta.yaml": "tools: {}\n"})
    return tmp_path


def test_what_is_in_the_way_of_a_new_tool(bare: Path, made: Lab) -> None:
    def check() -> None:
        new_submodule.check_free(Stash(bare), "mytool")

    (bare / TOOL).mkdir(parents=True)
    assert mend(check, bare) == "mv tools/mytool tools/mytool.old"
    write(bare, {".gitmodules": f'[submodule "{TOOL}"]\n\tpath = {TOOL}\n'})
    assert mend(check, bare) == f"git config -f .gitmodules --remove-section submodule.{TOOL}"
    git("config", f"submodule.{TOOL}.url", "x", cwd=bare)
    assert mend(check, bare) == f"git config --local --remove-section submodule.{TOOL}"
    (bare / ".git/modules" / TOOL).mkdir(parents=True)
    assert mend(check, bare) == f"rm -rf {bare}/.git/modules/{TOOL}"
    git("update-index", "--add", "--cacheinfo", f"160000,{pin_id('one')},{TOOL}", cwd=bare)
    assert mend(check, bare) == f"git rm --cached -r {TOOL}"
    for name, call in (("tools", check), ("configs", lambda: new_submodule.check_free(Stash(bare), "x"))):
        (bare / name).rename(bare / f"{name}.aside")
        (bare / name).symlink_to("/")
        with pytest.raises(StashError) as refused:
            call()
        assert refused.value.fix == f"rm {bare}/{name}"
        paste(refused.value.fix, bare)
        (bare / f"{name}.aside").rename(bare / name)
        call()


def test_a_merge_of_the_registry(bare: Path) -> None:
    blob = git("hash-object", "-w", "configs/meta.yaml", cwd=bare)
    lines = "".join(f"100644 {blob} {number}\tconfigs/meta.yaml\n" for number in (1, 2, 3))
    git("update-index", "--index-info", cwd=bare, stdin=lines)

    def check() -> None:
        with Repository.open(bare) as repository:
            repository.index()

    with pytest.raises(StashError, match="in the middle of a merge") as refused:
        new_submodule.check_free(Stash(bare), "mytool")
    mend(check, bare)
    assert refused.value.fix == "git add .gitmodules configs/meta.yaml  # once their conflicts are resolved"
    write(bare, {".gitmodules": ""})
    paste(refused.value.fix, bare)
    new_submodule.check_free(Stash(bare), "mytool")


def test_a_tool_that_is_there_already(root: Path) -> None:
    shutil.rmtree(root / TOOL)
    with pytest.raises(StashError) as refused:
        new_submodule.check_free(Stash(root), "mytool")
    assert "protocol.file.allow=always" in refused.value.fix
    paste(refused.value.fix, root)
    assert checked_out(Stash(root), "mytool") == git("rev-parse", f"HEAD:{TOOL}", cwd=root)
    with pytest.raises(StashError) as refused:
        new_submodule.check_free(Stash(root), "mytool")
    assert refused.value.fix == ""


def test_a_url_with_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = "ghp_" + "Ab1" * 12
    with pytest.raises(StashError) as refused:
        new_submodule.check_url(f"https://ada:{token}@host.example/tool.git", tmp_path, "mytool")
    assert refused.value.fix.startswith("experimentstash add-tool mytool https://host.example/tool.git  # ")
    assert new_submodule.check_url("https://host.example/tool.git", tmp_path, "mytool")
    with pytest.raises(StashError) as refused:
        new_submodule.check_url(f"https://host.example/{token}/tool.git", tmp_path, "mytool")
    assert refused.value.fix.startswith("experimentstash add-tool mytool URL  # ")


def test_the_stash_as_a_tool(root: Path, made: Lab) -> None:
    with pytest.raises(StashError) as refused:
        new_submodule.check_not_the_stash(Stash(root), "mytool", str(root))
    layout = refused.value.fix
    assert layout.startswith("experimentstash init ../paper && cd ../paper && experimentstash add-tool mytool URL")
    paste(layout.partition(" && experimentstash add-tool")[0], root)
    new_submodule.check_not_the_stash(Stash(root.parent / "paper"), "mytool", made.url)
    new_submodule.check_free(Stash(root.parent / "paper"), "mytool")
    shutil.rmtree(root / TOOL)
    git("worktree", "add", "-q", "--detach", TOOL, cwd=root)
    with pytest.raises(StashError) as refused:
        checked_out(Stash(root), "mytool")
    assert refused.value.fix == layout


def test_a_tool_at_no_commit(root: Path) -> None:
    git("symbolic-ref", "HEAD", "refs/heads/nothing", cwd=root / TOOL)
    mend(lambda: checked_out(Stash(root), "mytool"), root)
    assert checked_out(Stash(root), "mytool") == git("rev-parse", f":{TOOL}", cwd=root)


def test_a_tool_with_changes(root: Path) -> None:
    write(root, {f"{TOOL}/new.py": ""})
    mend(lambda: tool_commit(Stash(root), "mytool"), root)
    assert len([*root.glob("outputs/mytool/moved-*/new.py")]) == 1
    write(root, {f"{TOOL}/main.py": "changed\n"})
    mend(lambda: tool_commit(Stash(root), "mytool"), root)
    assert git("stash", "list", cwd=root / TOOL)


def test_a_tool_of_another_user(root: Path, sealed_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    git("config", "--global", "--add", "safe.directory", str(root), cwd=root.parent)
    fix = mend(lambda: tool_commit(Stash(root), "mytool"), root)
    assert fix == f"git config --global --add safe.directory {root}/{TOOL}"


def test_git_finds_a_lock(root: Path) -> None:
    (root / ".git/index.lock").touch()
    mend(lambda: user_git.git("add", "configs/meta.yaml", cwd=root), root)


def test_git_is_not_there(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = shutil.which("git") or ""
    monkeypatch.setenv("PATH", str(tmp_path))
    fix = mend(lambda: checked_out(Stash(root), "mytool"), root, edit=lambda: (tmp_path / "git").symlink_to(there))
    assert fix == "install git, https://git-scm.com"


def test_something_else_is_under_way(root: Path) -> None:
    def check() -> None:
        freeze_commit.check_can_commit(Stash(root), "mytool")

    head = git("rev-parse", "HEAD", cwd=root)
    editor = {"GIT_EDITOR": "true"}
    write(root, {"a.txt": "1\n"})
    git("add", "a.txt", cwd=root)
    commit_index(root)
    git("checkout", "-q", "-b", "side", head, cwd=root)
    write(root, {"a.txt": "2\n"})
    git("add", "a.txt", cwd=root)
    other = commit_index(root)
    git("checkout", "-q", "main", cwd=root)
    for words in (["merge", other], ["cherry-pick", other], ["revert", other], ["rebase", other]):
        tip = git("rev-parse", "HEAD", cwd=root)
        assert run("git", *words, cwd=root).code == 1, words
        write(root, {"a.txt": "both\n"})
        git("add", "a.txt", cwd=root)
        with pytest.raises(StashError) as refused:
            check()
        assert refused.value.fix.startswith(f"git {words[0]} --continue  # or git {words[0]} --abort")
        paste(refused.value.fix, root, editor)
        check()
        git("reset", "-q", "--hard", tip, cwd=root)
    git("bisect", "start", cwd=root)
    assert mend(check, root) == "git bisect reset"


def test_no_commit_of_the_tool_yet(root: Path) -> None:
    git("update-ref", "-d", "HEAD", cwd=root)
    mend(lambda: freeze_commit.check_can_commit(Stash(root), "mytool"), root)
    write(root, {"configs/meta.yaml": REGISTRY.replace("mytool", "other")})
    git("commit", "-qam", "renamed", cwd=root)
    write(root, {"configs/meta.yaml": REGISTRY})
    mend(lambda: freeze_commit.check_can_commit(Stash(root), "mytool"), root)


def test_a_tag_that_is_taken(bare: Path) -> None:
    stage(bare, {snapshot_path("a", "Beta"): ""})
    commit_index(bare)
    git("tag", "snapshot/v1", cwd=bare)
    for taken, fix in (("v1", "choose another tag: a tag never moves"), ("beta", "choose another --tag")):
        with pytest.raises(StashError) as refused:
            freeze_commit.check_tag_free(Stash(bare), taken)
        assert refused.value.fix == fix
        freeze_commit.check_tag_free(Stash(bare), f"{taken}-2")


def pending(root: Path) -> None:
    pending_snapshot.uncommitted(Stash(root), "v1", ())


def test_what_is_frozen_under_the_same_tag_and_does_not_hold(root: Path) -> None:
    write(root, {PATH: snapshot_text("a", "v1", "nothing")})
    assert mend(lambda: pending(root), root) == f"rm {PATH}"


def test_what_is_frozen_under_the_same_tag_at_another_commit(root: Path) -> None:
    old = git("rev-parse", "HEAD", cwd=root / TOOL)
    write(root, {PATH: snapshot_text("a", "v1", old)})
    commit(root / TOOL, {"more.py": ""})
    mend(lambda: pending(root), root)
    assert git("rev-parse", "HEAD", cwd=root / TOOL) == old


def test_a_file_beside_a_snapshot_that_is_gone(root: Path) -> None:
    lock = f"configs/mytool/snapshots/v1/requirements-{'0' * 12}.txt"
    more = f"# LOCK: {lock} sha256:{'0' * 64}\n"
    write(root, {PATH: snapshot_text("a", "v1", git("rev-parse", "HEAD", cwd=root / TOOL), more=more)})
    assert mend(lambda: pending(root), root) == f"rm {PATH}"


def test_what_is_staged_is_not_what_is_on_disk(bare: Path) -> None:
    name = SnapshotName.from_path(PATH)
    assert name
    write(bare, {PATH: "a: 1\n"})
    git("add", PATH, cwd=bare)
    write(bare, {PATH: "a: 2\n"})

    def check() -> None:
        with Repository.open(bare) as repository:
            staged = repository.index().files
            check_same(Stash(bare), name, set(repository.changed({PATH: staged[PATH]})))

    assert mend(check, bare) == f"git add {PATH}"


def test_a_tool_that_is_not_at_the_pin_that_is_staged(root: Path) -> None:
    def check() -> None:
        with Repository.open(root) as repository:
            Freezing(repository, Freezer(Stash(root)))._check_pin("mytool", checked_out(Stash(root), "mytool"))

    old = git("rev-parse", "HEAD", cwd=root / TOOL)
    commit(root / TOOL, {"more.py": ""})
    fix = mend(check, root)
    back = fix.partition("# or, to go back: ")[2]
    git("reset", "-q", cwd=root)
    paste(back, root)
    assert git("rev-parse", "HEAD", cwd=root / TOOL) == old
    check()


def test_a_snapshot_that_is_not_in_this_checkout(root: Path) -> None:
    tool = Tool("mytool", "-m mytool.main")
    here = git("rev-parse", "HEAD", cwd=root / TOOL)

    def find() -> None:
        replay.checked_request(ResolvedTool(Stash(root), tool), "a", "v1")

    with pytest.raises(StashError) as refused:
        find()
    assert refused.value.fix == "git fetch --tags  # if others have it"
    git("checkout", "-q", "-b", "side", cwd=root)
    stage(root, {PATH: snapshot_text("a", "v1", here)})
    commit_index(root)
    git("tag", "snapshot/v1", cwd=root)
    git("clone", "-q", "--no-tags", "-b", "main", root, root.parent / "clone", cwd=root)
    clone = root.parent / "clone"
    paste(refused.value.fix, clone)
    with pytest.raises(StashError) as refused:
        replay.checked_request(ResolvedTool(Stash(clone), tool), "a", "v1")
    paste(refused.value.fix, clone)
    assert replay.checked_request(ResolvedTool(Stash(clone), tool), "a", "v1")


def test_a_job_that_is_gone(root: Path) -> None:
    here = git("rev-parse", "HEAD", cwd=root / TOOL)
    more = "# JOBS: apart\n# JOB: 0 lr=1\n# SWEEP: lr=1,2\n"
    job = snapshot_path("a/0", "v1")
    stage(root, {PATH: snapshot_text("a", "v1", here, more=more), job: snapshot_text("a/0", "v1", here)})
    commit_index(root)
    git("tag", "snapshot/v1", cwd=root)
    (root / job).unlink()
    tool = Tool("mytool", "-m mytool.main")
    assert (
        mend(lambda: replay.checked_request(ResolvedTool(Stash(root), tool), "a", "v1"), root)
        == f"git checkout snapshot/v1 -- {job}"
    )
    with pytest.raises(StashError) as refused:
        replay.checked_request(ResolvedTool(Stash(root), tool), "a", "v1", ["lr=3"])
    assert refused.value.fix == "experimentstash run mytool a/0 --snapshot v1  # one job of it"
    assert replay.checked_request(ResolvedTool(Stash(root), tool), "a/0", "v1", ["lr=3"])


def test_a_link_on_the_way_to_a_snapshot(root: Path) -> None:
    here = git("rev-parse", "HEAD", cwd=root / TOOL)
    stage(root, {PATH: snapshot_text("a", "v1", here)})
    commit_index(root)
    folder = root / "configs/mytool/snapshots"
    folder.rename(root / "moved")
    folder.symlink_to("../../moved")
    mend(lambda: files.check_no_link(root, root / PATH), root)
    assert git("status", "--porcelain", "configs", cwd=root).split() == ["??", "configs/mytool/snapshots.old"]


def test_a_file_where_a_directory_must_be(bare: Path) -> None:
    write(bare, {"configs/mytool": ""})
    mend(lambda: files.check_inside(bare, bare / PATH), bare)


def test_a_secret_in_a_file_for_others(tmp_path: Path) -> None:
    token = "ghp_" + "Ab1" * 12
    text = [f"a: {token}\n"]
    fix = mend(lambda: files.check_shared("x.yaml", text[0]), tmp_path, edit=lambda: text.__setitem__(0, "a: 1\n"))
    assert fix == "remove it from x.yaml"


def test_a_registry_that_cannot_be_edited() -> None:
    """What the fix says is written by hand, and read."""
    tool = Tool("mytool", "main.py")
    with pytest.raises(StashError) as refused:
        registry.with_tool("{tools}", tool)
    assert refused.value.fix == "write `tools:` there"
    assert registry.parse(registry.with_tool("{tools: }", tool).encode(), "x")["mytool"] == tool


def test_the_python_of_a_tool(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = Tool("mytool", "main.py", python="~/envs/mytool/bin/python")
    ran: list[str] = []
    with pytest.raises(StashError) as refused:
        tool_python.interpreter(root, tool)
    made = refused.value.fix.partition("  #")[0]
    assert made.startswith("python3 -m venv /")
    paste(f"{made} --without-pip", root)
    assert tool_python.interpreter(root, tool).name == "python"
    named = Tool("mytool", "main.py", python="python9.9")
    with pytest.raises(StashError) as refused:
        tool_python.interpreter(root, named)
    assert refused.value.fix == "name another `python:` of mytool in configs/meta.yaml"
    assert tool_python.interpreter(root, Tool("mytool", "main.py", python=sys.executable))
    git("config", tool_python.SETTING, "/nowhere/python", cwd=root)
    plain = Tool("mytool", "main.py")
    mend(lambda: ran.append(str(tool_python.interpreter(root, plain))), root, fill={"PATH": sys.executable})
    git("config", "--unset", tool_python.SETTING, cwd=root)
    monkeypatch.setenv("PRE_COMMIT", "1")
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setattr(tool_python, "find_spec", {}.get)  # a hook's own environment has no Hydra
    mend(lambda: ran.append(str(tool_python.interpreter(root, plain))), root, fill={"PATH": sys.executable})
    assert ran == [sys.executable, sys.executable]


def test_an_interpreter_that_is_broken(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho broken >&2; exit 1\n")
    python.chmod(0o755)

    def repair() -> None:
        assert run("sh", "-c", f"{python} --version", cwd=tmp_path).err == "broken\n"  # what the fix shows
        python.unlink()
        python.symlink_to(sys.executable)

    assert mend(lambda: packages.describe(python), tmp_path, edit=repair) == f"{python} --version"


def test_a_registry_that_decides_about_a_lock(root: Path) -> None:
    entry = "tools:\n  mytool: {path: tools/mytool, entrypoint: main.py}\n"
    write(root, {"configs/meta.yaml": entry})
    assert freeze_installed(root, "mytool") == (
        "set `lock: installed` for mytool in configs/meta.yaml, to freeze what is installed"
    )
    write(root, {"configs/meta.yaml": entry.replace("main.py}", "main.py, lock: installed}")})
    assert registry.load(root)["mytool"].lock == "installed"


def test_a_config_that_is_empty(bare: Path) -> None:
    stage(bare, {PATH: "# nothing\n"})

    def read() -> None:
        with Repository.open(bare) as repository:
            for path, entry in repository.index().files.items():
                config_text.read(repository.read(entry.id, 1000), path)

    assert mend(read, bare) == f"git rm --cached {PATH}"


def test_a_snapshot_that_cannot_be_read(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse() -> None:
        with Repository.open(bare) as repository:
            for path, entry in repository.index().files.items():
                snapshot_file.parse(repository.read(entry.id, 100_000_000), path)

    monkeypatch.setattr(snapshot_file, "LARGEST", 1_000_000)
    for data in (b"# SNAPSHOT: a\n" * 30_000, b"a: 1\n" * 300_000, b"# DEPENDS: x 1234567\n" * 2_000):
        (bare / PATH).parent.mkdir(parents=True, exist_ok=True)
        (bare / PATH).write_bytes(data)
        git("add", PATH, cwd=bare)
        assert mend(parse, bare) == f"git rm --cached {PATH}"
    (bare / PATH).write_bytes(b"a: \xff\n")
    git("add", PATH, cwd=bare)

    def save() -> None:
        paste(f"file {PATH}" if shutil.which("file") else "true", bare)
        (bare / PATH).write_text("a: 1\n")
        git("add", PATH, cwd=bare)

    assert mend(parse, bare, edit=save) == f"file {PATH}  # then save it as UTF-8"


def test_an_experiment_that_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "configs/mytool/experiment/a.yaml"
    write(tmp_path, {str(path): ""})
    path.write_bytes(b"a: \xff\n")
    fix = mend(lambda: experiment_text._text(path), tmp_path, edit=lambda: path.write_text("a: 1\n"))
    assert fix == f"file {path}  # then save it as UTF-8"


def test_what_an_earlier_run_started(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"], env={launch.RUN: str(tmp_path), "PATH": "/usr/bin:/bin"}) as left:
        try:
            with pytest.raises(StashError) as refused:
                isolated_run.check_left_alone(tmp_path)
            paste(refused.value.fix, tmp_path)
            left.wait(60)
        finally:
            left.kill()
    isolated_run.check_left_alone(tmp_path)


def test_an_exception_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(exceptions.VARIABLE, "nonsense")
    with pytest.raises(StashError) as refused:
        exceptions.allowed_rules()
    assert refused.value.fix == "unset EXPERIMENTSTASH_ALLOW"
    monkeypatch.delenv(exceptions.VARIABLE)
    assert exceptions.allowed_rules() == set()


def test_where_an_archive_or_a_report_goes(tmp_path: Path) -> None:
    target = tmp_path / "new dir/v1.tar"
    mend(lambda: writer.check_target(target), tmp_path)
    target.write_text("something else")
    with pytest.raises(StashError) as refused:
        writer.check_target(target)
    assert refused.value.fix == "name another file"
    writer.check_target(target.with_name("v2.tar"))
    for taken in (tmp_path, target / "below"):
        with pytest.raises(StashError) as refused:
            check_report(taken)
        assert refused.value.fix == "name another file"
    check_report(tmp_path / "report.json")


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fix = environment_cache.no_cache(tmp_path, OSError(28, "No space left on device")).fix
    assert fix == "export EXPERIMENTSTASH_CACHE=FOLDER  # on a disk with room, then rerun the same command"
    name, _, value = fix.removeprefix("export ").partition("  #")[0].partition("=")
    monkeypatch.setenv(name, str(tmp_path / value))
    assert environment_cache.cache_folder() == tmp_path / "FOLDER"


def test_a_tool_that_is_not_checked_out(root: Path) -> None:
    shutil.rmtree(root / TOOL)
    mend(lambda: check_checked_out(Stash(root), "mytool"), root)


def test_a_tool_whose_repository_git_cannot_read(root: Path) -> None:
    (root / TOOL / ".git").write_text("gitdir: ../nowhere\n")
    (problem,) = broken_tools(locations_of(root))
    shown = run("sh", "-c", problem.fix, cwd=root)
    assert "not a git repository" in shown.err  # the command shows what git says, in full
    (root / TOOL / ".git").write_text(f"gitdir: ../../.git/modules/{TOOL}\n")
    assert [*broken_tools(locations_of(root))] == []


def test_a_registry_that_is_gone(root: Path) -> None:
    (root / "configs/meta.yaml").unlink()
    assert mend(lambda: registry.read(root), root) == "experimentstash init"


def test_a_manifest_that_cannot_be_read(bare: Path) -> None:
    path = "configs/mytool/snapshots/v1/a.results.json"
    stage(bare, {path: manifest.render(manifest.Manifest(()))})
    commit_index(bare)
    write(bare, {path: "{}"})
    fix = mend(lambda: manifest_parser.parse((bare / path).read_bytes(), path), bare)
    assert fix == f"git checkout HEAD -- '{path}'"


def test_more_results_than_a_manifest_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {f"cache/{number}.txt": "" for number in range(5)})
    rules = [Rules()]

    def ignore() -> None:
        rules[0] = Rules(ignore=("cache/*",))

    monkeypatch.setattr(collect, "MOST_FILES", 3)
    fix = mend(lambda: collect.collect(tmp_path, rules[0]), tmp_path, edit=ignore)
    assert fix == "exclude files that are not results: `results: {ignore: […]}` in configs/meta.yaml"


def test_a_sweep_that_is_edited(root: Path) -> None:
    here = git("rev-parse", "HEAD", cwd=root / TOOL)
    text = snapshot_text("a", "v1", here, more="# JOBS: apart\n# JOB: 0 lr=1\n# SWEEP: lr=1,2\n")
    stage(root, {PATH: text})
    commit_index(root)
    stage(root, {PATH: text.replace("0.1", "0.2")})
    name = SnapshotName.from_path(PATH)
    assert name
    tool = Tool("mytool", "main.py", select="primary")
    data = (root / PATH).read_bytes()
    with (
        pytest.raises(StashError, match="cannot be frozen again by itself") as refused,
        laid_out(ResolvedTool(Stash(root), tool), name, data),
    ):
        pass
    paste(refused.value.fix, root)
    assert git("status", "--porcelain", "configs", cwd=root) == ""
