"""`uninstall`: gives back what was there, byte for byte, also where a framework came on top since."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from conftest import Ran, estash, git, run, write
from hooking import BEFORE, CLONE, HOOKS, OTHERS, everything, framework, hook_names, husky, program, stash, state, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return stash(tmp_path / "stäsh of mine")


def own_hooks(root: Path) -> None:
    program(root / ".git/hooks/pre-push", "cat")
    program(root / ".git/hooks/post-merge", "exit 1", mode=0o640)
    (root / ".git/hooks/pre-commit").symlink_to("../../anywhere")
    (root / ".git/hooks/post-commit").write_bytes(b"no shebang \xff\r\n")


def with_framework(root: Path) -> None:
    own_hooks(root)
    (root / ".git/hooks/pre-commit").unlink()  # a link that leads nowhere is no hook for prek
    write(root, {".pre-commit-config.yaml": OTHERS})
    framework("prek", root, "install", "-t", "pre-push", "-t", "post-merge")


def relative_path(root: Path) -> None:
    own_hooks(root)
    git("config", "core.hooksPath", ".githooks", cwd=root)
    program(root / ".githooks/pre-commit", "exit 0")


def home_path(root: Path) -> None:
    git("config", "--global", "core.hooksPath", "~/hooks", cwd=root)


def home_path_of_this_repository(root: Path) -> None:
    git("config", "core.hooksPath", "~/my hooks", cwd=root)


def worktree_path(root: Path) -> None:
    git("config", "extensions.worktreeConfig", "true", cwd=root)
    git("config", "core.hooksPath", "for all", cwd=root)
    git("config", "--worktree", "core.hooksPath", "for one", cwd=root)


def linked_folder(root: Path) -> None:
    program(root / "hooks/pre-commit", "exit 0")
    shutil.rmtree(root / ".git/hooks")
    (root / ".git/hooks").symlink_to("../hooks")


def our_folder(root: Path) -> None:
    git("config", "core.hooksPath", HOOKS, cwd=root)


def tool_python(root: Path) -> None:
    git("config", "experimentstash.toolPython", "/my/python", cwd=root)


@pytest.mark.first(4)
@pytest.mark.parametrize(
    "lay_out",
    [
        own_hooks,
        with_framework,
        relative_path,
        home_path,
        home_path_of_this_repository,
        worktree_path,
        linked_folder,
        our_folder,
        tool_python,
        husky,
    ],
    ids=lambda lay_out: lay_out.__name__,
)
def test_what_was_there_is_there_again(root: Path, lay_out: Callable[[Path], object], tmp_path: Path) -> None:
    lay_out(root)
    before = everything(tmp_path)
    env = {"VIRTUAL_ENV": str(tmp_path / "env")}
    program(tmp_path / "env/bin/python", "")
    assert estash("install", cwd=root, env=env).code == 0
    assert everything(tmp_path) != before
    program(tmp_path / "env/two/bin/python", "")
    assert estash("install", cwd=root, env={"VIRTUAL_ENV": str(tmp_path / "env/two")}).code == 0
    ran = estash("uninstall", cwd=root)
    assert (ran.code, ran.err) == (0, "")
    shutil.rmtree(tmp_path / "env")
    assert everything(tmp_path) == before
    assert not (root / ".git/experimentstash").exists()
    assert estash("uninstall", cwd=root) == Ran(0, f"{root}/.git: no hooks are installed\n", "")
    assert everything(tmp_path) == before


def test_it_says_what_it_did(root: Path) -> None:
    own_hooks(root)
    estash("install", cwd=root)
    assert estash("uninstall", cwd=root / "configs") == Ran(
        0,
        f"{root}/.git/hooks: hooks removed\n"
        "  your former hook is restored: pre-commit\n"
        "  your former hook is restored: post-commit\n"
        "  your former hook is restored: post-merge\n"
        "  your former hook is restored: pre-push\n",
        "",
    )
    husky(root)
    estash("install", cwd=root)
    assert estash("uninstall", cwd=root) == Ran(
        0, f"core.hooksPath: restored to .husky/_\n  {root}/.git/experimentstash/hooks: hooks removed\n", ""
    )
    git("config", "--unset", "core.hooksPath", cwd=root)
    git("config", "experimentstash.python", "/x", cwd=root)
    assert estash("uninstall", cwd=root) == Ran(0, f"{root}/.git: hook settings removed\n", "")


def test_a_server(tmp_path: Path) -> None:
    git("init", "-q", "--bare", "server.git", cwd=tmp_path)
    program(tmp_path / "server.git/hooks/pre-receive", "cat")
    before = everything(tmp_path)
    assert estash("install", cwd=tmp_path / "server.git").code == 0
    assert estash("uninstall", cwd=tmp_path / "server.git").code == 0
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_a_framework_came_on_top(root: Path, name: str, tmp_path: Path) -> None:
    """It found ours; what we found is what it would have found."""
    program(root / ".git/hooks/pre-push", f'cat > "{tmp_path}/theirs"')
    theirs = (root / ".git/hooks/pre-push").read_bytes()
    estash("install", cwd=root)
    write(root, {".pre-commit-config.yaml": OTHERS})
    framework(name, root, "install", "-t", "pre-push", "-t", "pre-commit")
    tops = everything(root / ".git/hooks/pre-push", root / ".git/hooks/pre-commit")
    assert estash("uninstall", cwd=root) == Ran(
        0,
        f"{root}/.git/hooks: hooks removed\n  your former hook is restored: pre-push.legacy\n",
        "",
    )
    assert hook_names(root) == {"pre-push", "pre-push.legacy", "pre-commit"}
    assert everything(root / ".git/hooks/pre-push", root / ".git/hooks/pre-commit") == tops
    assert (root / ".git/hooks/pre-push.legacy").read_bytes() == theirs
    git("init", "-q", "--bare", tmp_path / "remote.git", cwd=tmp_path)
    git("push", "-q", tmp_path / "remote.git", "main", cwd=root)
    assert (tmp_path / "theirs").read_text().startswith("refs/heads/main ")
    framework(name, root, "uninstall", "-t", "pre-push", "-t", "pre-commit")
    assert hook_names(root) == {"pre-push"}


def test_from_another_worktree(root: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git("worktree", "add", "-q", linked, cwd=root)
    worktree_path(linked)
    git("config", "--unset", "core.hooksPath", cwd=root)
    before = everything(root / ".git")
    estash("install", cwd=linked)
    estash("install", cwd=root)
    assert git("config", "experimentstash.hooksPath", cwd=linked) == "for one"
    assert estash("uninstall", cwd=root).out.splitlines()[0] == "core.hooksPath: restored to for one"
    assert everything(root / ".git") == before


def test_after_we_were_killed(root: Path) -> None:
    program(root / ".git/hooks/pre-push", "cat")
    before = state(root)
    os.link(root / ".git/hooks/pre-push", root / f".git/hooks/pre-push{BEFORE}")
    assert estash("uninstall", cwd=root).code == 0
    assert state(root) == before


def test_our_setting_is_gone(root: Path) -> None:
    before = state(root)
    husky(root)
    estash("install", cwd=root)
    git("config", "--unset", "experimentstash.hooksPath", cwd=root)
    assert estash("uninstall", cwd=root).out.splitlines()[0] == "core.hooksPath: unset"
    assert state(root) == before


def test_husky_took_over_since(root: Path) -> None:
    before = git("config", "--local", "--list", cwd=root)
    log = husky(root)
    estash("install", cwd=root)
    husky(root)
    estash("uninstall", cwd=root)
    assert git("config", "--local", "--list", cwd=root) == f"{before}\ncore.hookspath=.husky/_"
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert len(told(log)) == 2


def test_core_hookspath_came_and_went(root: Path) -> None:
    """Installed in both places: both are cleared."""
    own_hooks(root)
    before = state(root)
    estash("install", cwd=root)
    git("config", "core.hooksPath", ".githooks", cwd=root)
    estash("install", cwd=root)
    assert estash("uninstall", cwd=root).code == 0
    git("config", "--unset", "core.hooksPath", cwd=root)
    assert state(root) == before


def test_another_hook_has_taken_our_place(root: Path) -> None:
    program(root / ".git/hooks/pre-push", "echo first")
    estash("install", cwd=root)
    (root / ".git/hooks/pre-push").rename(root / ".git/hooks/pre-push.old")
    program(root / ".git/hooks/pre-push", "echo second")
    ran = estash("uninstall", cwd=root)
    left = f"{root}/.git/hooks/pre-push{BEFORE}: kept, because another hook now has its place\n"
    assert ran == Ran(0, f"{root}/.git/hooks: hooks removed\n  {left}", "")
    assert hook_names(root) == {"pre-push", f"pre-push{BEFORE}"}


def test_somebody_took_ours_away(root: Path) -> None:
    program(root / ".git/hooks/pre-push", "echo first")
    before = state(root)
    estash("install", cwd=root)
    for kind in CLONE:
        (root / ".git/hooks" / kind).unlink()
    assert estash("uninstall", cwd=root).code == 0
    assert state(root) == before


def test_a_hook_of_somebody_elses_in_our_folder(root: Path) -> None:
    husky(root)
    estash("install", cwd=root)
    write(root, {".pre-commit-config.yaml": OTHERS})
    framework("prek", root, "install", "-t", "pre-commit")
    ours = root / ".git/experimentstash/hooks"
    before = state(root)
    ran = estash("uninstall", cwd=root)
    assert (ran.code, ran.out, ran.err) == (
        1,
        "",
        f"experimentstash: {ours}/pre-commit: not a hook of experimentstash, but in its directory\n"
        "    fix: prek uninstall --all && experimentstash uninstall\n",
    )
    assert state(root) == before
    assert run("sh", "-c", ran.err.partition("fix: ")[2], cwd=root).code == 0
    assert not ours.exists()


def test_a_hook_of_somebody_elses_finds_a_way_out(root: Path) -> None:
    husky(root)
    estash("install", cwd=root)
    ours = root / ".git/experimentstash/hooks"
    (root / ".husky/_/post-merge").unlink()
    for kind in ("commit-msg", "post-merge"):
        (ours / kind).unlink()
        program(ours / kind, "exit 0")
    for kind, there in (("post-merge", root / ".husky/_/post-merge"), ("commit-msg", ours / "commit-msg.old")):
        ran = estash("uninstall", cwd=root)
        assert ran.err.endswith(f"    fix: mv '{ours}/{kind}' '{there}' && experimentstash uninstall\n")
        run("sh", "-c", ran.err.partition("fix: ")[2], cwd=root)
        assert there.read_text() == "#!/bin/sh\nexit 0\n"
    assert estash("uninstall", cwd=root).out == f"{root}/.git: no hooks are installed\n"


def test_a_config_that_cannot_be_written(root: Path) -> None:
    own_hooks(root)
    estash("install", cwd=root)
    before = state(root)
    (root / ".git/config.lock").touch()
    ran = estash("uninstall", cwd=root)
    assert (ran.code, ran.out, "could not lock config file" in ran.err) == (1, "", True)
    assert state(root) == before


def test_a_moved_repository(root: Path, tmp_path: Path) -> None:
    husky(root)
    before = git("config", "--local", "--list", cwd=root)
    estash("install", cwd=root)
    moved = root.rename(tmp_path / "moved")
    assert estash("uninstall", cwd=moved).code == 0
    assert git("config", "--local", "--list", cwd=moved) == before


def test_no_stash(tmp_path: Path) -> None:
    ran = estash("uninstall", cwd=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert "not a stash" in ran.err
