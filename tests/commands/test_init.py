"""`init`: a stash out of nothing or out of a repository in use, twice over without harm."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from conftest import commit, estash, git, run, write

from experimentstash.commands.init import TEMPLATE

AS_ROOT = os.geteuid() == 0


def listing(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_new_folder_becomes_a_repository_and_a_stash(tmp_path: Path) -> None:
    ran = estash("init", "deep/stash", cwd=tmp_path)
    stash = tmp_path / "deep" / "stash"
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"{stash}: a stash, in a new git repository\n"
        "  wrote configs/meta.yaml: the registry, without a tool yet\n"
        "  wrote /outputs/ into .gitignore: what runs put out\n"
        "next: git add configs/meta.yaml .gitignore && git commit -m 'Make a stash'\n"
        "      experimentstash add-tool NAME URL\n"
    )
    assert (stash / "configs/meta.yaml").read_text() == TEMPLATE
    assert git("status", "--porcelain", "-uall", cwd=stash) == "?? .gitignore\n?? configs/meta.yaml"
    assert git("check-ignore", "outputs/x", cwd=stash) == "outputs/x"


def test_the_working_folder_by_default(tmp_path: Path) -> None:
    assert estash("init", cwd=tmp_path).code == 0
    assert (tmp_path / "configs/meta.yaml").is_file()


def test_its_next_steps_can_be_typed(tmp_path: Path) -> None:
    ran = estash("init", cwd=tmp_path)
    command = ran.out.splitlines()[3].removeprefix("next: ")
    assert run("bash", "-c", command, cwd=tmp_path).code == 0
    assert git("status", "--porcelain", cwd=tmp_path) == ""


def test_a_repository_in_use_keeps_all_it_has(tmp_path: Path) -> None:
    commit(tmp_path, {"README.md": "ours\n", ".gitignore": "*.pyc\n/data", "configs/x.yaml": "a: 1\n"})
    write(tmp_path, {"staged.txt": "x", "README.md": "changed\n"})
    git("add", "staged.txt", cwd=tmp_path)
    ran = estash("init", cwd=tmp_path)
    assert ran.out.startswith(f"{tmp_path}: a stash\n  wrote configs/meta.yaml")
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n/data\n/outputs/\n"
    assert git("status", "--porcelain", "-uall", cwd=tmp_path).splitlines() == [
        " M .gitignore",
        " M README.md",
        "A  staged.txt",
        "?? configs/meta.yaml",
    ]


def test_twice_over_does_no_harm(tmp_path: Path) -> None:
    estash("init", cwd=tmp_path)
    before = listing(tmp_path)
    ran = estash("init", cwd=tmp_path)
    assert (ran.code, ran.out, ran.err) == (0, f"{tmp_path}: already a stash\n", "")
    assert listing(tmp_path) == before


def test_a_stash_whose_outputs_are_not_ignored_yet(tmp_path: Path) -> None:
    commit(tmp_path, {"configs/meta.yaml": "tools: {} # mine\n"})
    ran = estash("init", cwd=tmp_path)
    assert ran.code == 0
    assert (tmp_path / "configs/meta.yaml").read_text() == "tools: {} # mine\n"
    assert (tmp_path / ".gitignore").read_text() == "/outputs/\n"


@pytest.mark.parametrize("ignored", ["outputs", "outputs/", "/outputs/*\n", "out*/", "# c\n/outputs"])
def test_outputs_that_git_ignores_already(tmp_path: Path, ignored: str) -> None:
    commit(tmp_path, {".gitignore": ignored})
    assert estash("init", cwd=tmp_path).code == 0
    assert (tmp_path / ".gitignore").read_text() == ignored


def test_what_only_this_machine_ignores_does_not_count(tmp_path: Path, sealed_home: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    (tmp_path / ".git/info/exclude").write_text("outputs/\n")
    (sealed_home / "ignored").write_text("outputs\n")
    git("config", "--global", "core.excludesFile", str(sealed_home / "ignored"), cwd=tmp_path)
    estash("init", cwd=tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "/outputs/\n"


@pytest.mark.parametrize(
    ("before", "after"), [("!/outputs/\n", "!/outputs/\n/outputs/\n"), ("a\r\nb", "a\r\nb\r\n/outputs/\r\n")]
)
def test_what_is_appended_to_gitignore(tmp_path: Path, before: str, after: str) -> None:
    git("init", "-q", cwd=tmp_path)
    (tmp_path / ".gitignore").write_bytes(before.encode())
    assert estash("init", cwd=tmp_path).code == 0
    assert (tmp_path / ".gitignore").read_bytes() == after.encode()


def test_a_folder_with_files_but_no_repository(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "/outputs\n", "notes.txt": "x"})
    assert estash("init", cwd=tmp_path).code == 0
    assert (tmp_path / ".gitignore").read_text() == "/outputs\n"


def test_a_linked_worktree_and_a_submodule(tmp_path: Path) -> None:
    commit(tmp_path / "one", {"x": "1"})
    git("worktree", "add", "-q", "../two", cwd=tmp_path / "one")
    assert estash("init", cwd=tmp_path / "two").code == 0
    git("submodule", "add", "-q", str(tmp_path / "one"), "sub", cwd=tmp_path / "one")
    assert estash("init", "sub", cwd=tmp_path / "one").code == 0
    assert (tmp_path / "one/sub/configs/meta.yaml").is_file()


def refused(tmp_path: Path, root: Path, *args: str, cwd: Path | None = None) -> str:
    before = listing(root)
    ran = estash("init", *args, cwd=cwd or tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert listing(root) == before
    return ran.err


def test_inside_of_a_repository(tmp_path: Path) -> None:
    commit(tmp_path, {"sub/x": "1"})
    told = (
        f"experimentstash: {{}}: lies inside of the repository {tmp_path}\n    fix: experimentstash init '{tmp_path}'\n"
    )
    assert refused(tmp_path, tmp_path, "sub") == told.format(tmp_path / "sub")
    assert refused(tmp_path, tmp_path, "new/deep") == told.format(tmp_path / "new/deep")
    assert not (tmp_path / "new").exists()


def test_a_bare_repository(tmp_path: Path) -> None:
    git("init", "-q", "--bare", "x.git", cwd=tmp_path)
    assert refused(tmp_path, tmp_path, "x.git") == (
        f"experimentstash: {tmp_path}/x.git: a bare repository has no working files\n"
        f"    fix: git clone {tmp_path}/x.git NEW\n"
    )


def test_gits_own_folder(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    assert "git's own folder is no place for a stash" in refused(tmp_path, tmp_path, ".git/info")


def test_a_registry_that_is_broken_is_told_and_kept(tmp_path: Path) -> None:
    commit(tmp_path, {"configs/meta.yaml": "tools:\n  a: [\n"})
    assert refused(tmp_path, tmp_path).startswith("experimentstash: configs/meta.yaml: line 3, column 1: ")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"configs": ""}, "configs: a file where a folder must be"),
        ({"configs/meta.yaml/x": ""}, "configs/meta.yaml: cannot be read: Is a directory"),
        ({".gitignore/x": ""}, ".gitignore: cannot be read: Is a directory"),
        ({".gitignore": "configs/\n"}, "git ignores configs/meta.yaml there (.gitignore:1: configs/)"),
    ],
)
def test_something_in_the_way(tmp_path: Path, files: dict[str, str], told: str) -> None:
    git("init", "-q", cwd=tmp_path)
    write(tmp_path, files)
    assert told in refused(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("link", "told"), [("configs", "a link that leads out of"), (".gitignore", "git follows no link")]
)
def test_a_link_in_the_way(tmp_path: Path, link: str, told: str) -> None:
    (tmp_path / "stash").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "stash" / link).symlink_to(tmp_path / "elsewhere")
    assert told in refused(tmp_path, tmp_path, cwd=tmp_path / "stash")
    assert not (tmp_path / "stash/.git").exists()


def test_a_file_and_a_path_below_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"x": ""})
    assert f"{tmp_path}/x: not a folder" in refused(tmp_path, tmp_path, "x")
    assert f"{tmp_path}/x: not a folder" in refused(tmp_path, tmp_path, "x/y")


def test_what_git_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    write(tmp_path, {".git": "gitdir: /nowhere\n"})
    assert "not a git repository: /nowhere" in refused(tmp_path, tmp_path)


@pytest.mark.skipif(AS_ROOT, reason="root writes everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir(mode=0o555)
    assert refused(tmp_path, tmp_path, "x") == (
        f"experimentstash: {tmp_path}/x: read-only\n    fix: chmod u+w '{tmp_path}/x'\n"
    )


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/.gitignore").write_text("x" * 5115)
    bin_folder = Path(sys.executable).parent
    # the registry fits, what git's own template brings fits, the longer .gitignore does not
    program = f"ulimit -f 5; trap '' XFSZ; '{bin_folder}/experimentstash' init new"
    ran = run("bash", "-c", program, cwd=tmp_path, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert (ran.code, ran.err) == (
        1,
        f"experimentstash: {tmp_path}/new/.gitignore: cannot be written: File too large\n",
    )
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".gitignore"]


def test_hostile_names_are_printed_harmlessly(tmp_path: Path) -> None:
    ran = estash("init", "a\x1b[31mb", cwd=tmp_path)
    assert (ran.code, "\x1b" in ran.out, "a\\x1b[31mb: a stash" in ran.out) == (0, False, True)


def test_usage(tmp_path: Path) -> None:
    assert estash("init", "a", "b", cwd=tmp_path).code == 2
    assert estash("init", "--nonsense", cwd=tmp_path).code == 2
