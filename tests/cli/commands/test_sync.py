"""`sync`, and the hook that asks for it: a clone in line with the commit that is checked out, and no work lost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import estash, git, run, write
from plays import fixes, paste
from submodules import Lab, make_lab, work, work_and_push

TOOL = "tools/mytool"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stash of two commits at two pins, pushed to a remote."""
    root = tmp_path_factory.mktemp("made")
    lab = make_lab(root)
    git("branch", "-q", "first", cwd=lab.stash)
    work_and_push(lab.theirs)
    git("fetch", "-q", "origin", cwd=lab.tool)
    git("checkout", "-q", "--detach", "origin/main", cwd=lab.tool)
    git("commit", "-qam", "the tool moves on", cwd=lab.stash)
    return root


@pytest.fixture
def lab(made: Path, tmp_path: Path) -> Lab:
    shutil.copytree(made, tmp_path / "lab", symlinks=True)
    root = tmp_path / "lab"
    for place in (root / "stash" / TOOL, root / "mytool.git.work"):
        git("remote", "set-url", "origin", str(root / "mytool.git"), cwd=place)
    git("config", "submodule.tools/mytool.url", str(root / "mytool.git"), cwd=root / "stash")
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", str(root / "mytool.git"), cwd=root / "stash")
    return Lab(root / "stash", root / "stash" / TOOL, root / "mytool.git")


def at(place: Path) -> str:
    return git("rev-parse", "HEAD", cwd=place)


def pin(stash: Path) -> str:
    return git("rev-parse", f"HEAD:{TOOL}", cwd=stash)


def test_a_clone_without_its_tools(lab: Lab, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git("clone", "-q", str(lab.stash), str(clone), cwd=tmp_path)
    ran = estash("sync", cwd=clone)
    assert ran.code == 0, ran.err
    assert f"{TOOL}: checked out at the pin {pin(clone)[:12]} (it was not checked out)" in ran.out
    assert f"{clone}/.git/hooks: hooks installed" in ran.out
    assert at(clone / TOOL) == pin(clone)
    ran = estash("sync", cwd=clone)
    assert (ran.code, ran.out) == (
        0, f"{TOOL}: at the pin {pin(clone)[:12]}\n{clone}/.git/hooks: hooks already installed\n",
    )  # fmt: skip


def test_an_older_commit_and_back(lab: Lab) -> None:
    new = at(lab.tool)
    git("config", "experimentstash.hooks", "none", cwd=lab.stash)
    git("checkout", "-q", "first", cwd=lab.stash)
    ran = estash("sync", cwd=lab.stash)
    assert ran.code == 0, ran.err
    assert at(lab.tool) == pin(lab.stash) != new
    assert f"(from {new[:12]})" in ran.out
    assert not (lab.stash / ".git/hooks/pre-push").exists()  # the clone is to have no hooks


def test_work_in_a_tool_is_not_lost(lab: Lab) -> None:
    git("checkout", "-q", "first", cwd=lab.stash)
    write(lab.tool, {"main.py": "mine\n"})
    before = at(lab.tool)
    ran = estash("sync", cwd=lab.stash)
    assert (ran.code, "uncommitted changes: main.py" in ran.err) == (1, True)
    assert (at(lab.tool), (lab.tool / "main.py").read_text()) == (before, "mine\n")
    git("checkout", "-q", "--", "main.py", cwd=lab.tool)
    mine = work(lab.tool)
    ran = estash("sync", cwd=lab.stash)
    assert (ran.code, f"the commit {mine[:12]} is on no branch, and would be lost" in ran.err) == (1, True)
    assert at(lab.tool) == mine
    paste(fixes(ran.err)[0], lab.stash)
    assert estash("sync", cwd=lab.stash).code == 0
    assert git("branch", "--contains", mine, "--format=%(refname:short)", cwd=lab.tool) == f"work-{mine[:12]}"


def test_a_pin_that_nobody_pushed(lab: Lab) -> None:
    mine = work(lab.theirs)
    git("update-index", "--cacheinfo", f"160000,{mine},{TOOL}", cwd=lab.stash)
    ran = estash("sync", cwd=lab.stash)
    assert (ran.code, "git submodule failed with exit code" in ran.err) == (1, True)
    git("push", "-q", "origin", "HEAD:refs/heads/side", cwd=lab.theirs)
    paste(fixes(ran.err)[-1], lab.stash)
    assert at(lab.tool) == mine


def test_the_hook_reports_what_differs_and_nothing_else(lab: Lab, tmp_path: Path) -> None:
    git("config", "--global", "--unset", "experimentstash.hooks", cwd=lab.stash)
    assert estash("install", cwd=lab.stash).code == 0
    new = at(lab.tool)
    ran = run("git", "checkout", "-q", "first", cwd=lab.stash)
    assert (ran.code, ran.err) == (
        0,
        f"experimentstash: {TOOL}: at {new[:12]}, the pin is {pin(lab.stash)[:12]}\n    fix: experimentstash sync\n",
    )
    assert run("git", "checkout", "-q", "--", ".gitmodules", cwd=lab.stash).err == ""
    paste(fixes(ran.err)[0], lab.stash)
    assert run("git", "checkout", "-q", "-b", "side", cwd=lab.stash).err == ""
    ran = run("git", "worktree", "add", "-q", str(tmp_path / "linked"), cwd=lab.stash)
    assert f"experimentstash: {TOOL}: not checked out" in ran.err
    assert ran.code == 0


def test_the_hook_syncs_where_it_is_configured(lab: Lab) -> None:
    git("config", "--global", "--unset", "experimentstash.hooks", cwd=lab.stash)
    assert estash("install", cwd=lab.stash).code == 0
    git("config", "experimentstash.sync", "true", cwd=lab.stash)
    ran = run("git", "checkout", "-q", "first", cwd=lab.stash)
    assert (ran.code, at(lab.tool)) == (0, pin(lab.stash)), ran.err
    write(lab.tool, {"main.py": "mine\n"})
    ran = run("git", "checkout", "-q", "main", cwd=lab.stash)
    assert "uncommitted changes: main.py" in ran.err
    assert (lab.tool / "main.py").read_text() == "mine\n"
    git("checkout", "-q", "--", "main.py", cwd=lab.tool)
    assert estash("sync", cwd=lab.stash).code == 0
    git("commit", "-q", "--allow-empty", "-m", "more", cwd=lab.stash)
    git("checkout", "-q", "--", ".gitmodules", cwd=lab.stash)
    # a rebase checks out commits on its way
    ran = run("git", "rebase", "-q", "--force-rebase", "first", cwd=lab.stash)
    assert (ran.code, ran.err) == (0, "")


def test_an_environment_of_the_tools_lock(lab: Lab) -> None:
    (lab.stash / "configs/meta.yaml").write_text("tools:\n  mytool:\n    path: tools/mytool\n    entrypoint: main.py\n")
    ran = estash("sync", "--env", cwd=lab.stash)
    assert (ran.code, "ships no lock file to build an environment from" in ran.err) == (1, True)
    paste(fixes(ran.err)[0], lab.stash)
    shutil.rmtree(lab.tool / ".venv")
    uv = shutil.which("uv") or "uv"
    write(lab.theirs, {"pyproject.toml": '[project]\nname = "mytool"\nversion = "1"\nrequires-python = ">=3.10"\n'})
    subprocess.run([uv, "lock", "--quiet"], cwd=lab.theirs, check=True)
    git("add", "-A", cwd=lab.theirs)
    git("commit", "-qm", "a lock", cwd=lab.theirs)
    git("push", "-q", "origin", "HEAD:refs/heads/main", cwd=lab.theirs)
    assert estash("update-tool", "mytool", cwd=lab.stash).code == 0
    ran = estash("sync", "--env", cwd=lab.stash)
    assert (ran.code, f"{TOOL}/.venv: built from {TOOL}/uv.lock" in ran.out) == (0, True), ran.err
    assert (lab.tool / ".venv/bin/python").exists()
    assert git("status", "--porcelain", cwd=lab.tool) == ""
    assert "is built from" in estash("sync", "--env", cwd=lab.stash).out
    (lab.tool / ".venv/experimentstash-lock.json").unlink()
    ran = estash("sync", "--env", cwd=lab.stash)
    assert (ran.code, "exists, and was not built by sync" in ran.err) == (1, True)
    paste(fixes(ran.err)[0], lab.stash)
    assert (lab.tool / ".venv.old").exists()
