"""A checkout that differs from its commit is refused, also where `git status` is silent, and each fix mends it."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import commit, git

from experimentstash.core.errors import StashError
from experimentstash.git.checkouts.changes import changes
from experimentstash.git.checkouts.tool_commit import tool_commit
from experimentstash.stash.stash import Stash

TOOL = "tools/t"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stash with one tool, which has a submodule of its own."""
    root = tmp_path_factory.mktemp("made")
    commit(root / "inner", {"s.py": "S = 1\n", "d/t.py": "T = 1\n"})
    commit(root / "tool", {"main.py": "A = 1\n", "pkg/m.py": "M = 1\n"})
    allow = ("-c", "protocol.file.allow=always", "submodule", "--quiet")
    git(*allow, "add", root / "inner", "nest", cwd=root / "tool")
    commit(root / "tool", {})
    commit(root / "stash", {"configs/meta.yaml": "tools: {}\n"})
    git(*allow, "add", root / "tool", TOOL, cwd=root / "stash")
    git(*allow, "update", "--init", "--recursive", cwd=root / "stash")
    commit(root / "stash", {})
    return root / "stash"


@pytest.fixture
def stash(made: Path) -> Path:
    """The stash as it was made: what a test leaves in the tool is taken away before the next one."""
    subprocess.run(
        "git for-each-ref --format='delete %(refname)' refs/replace | git update-ref --stdin",
        shell=True,
        cwd=made / TOOL,
        check=True,
    )
    for place in (made / TOOL, made / TOOL / "nest"):
        for flag in ("assume-unchanged", "skip-worktree"):
            names = git("ls-files", "-z", cwd=place)
            git("update-index", f"--no-{flag}", "-z", "--stdin", cwd=place, stdin=names)
        for key in ("core.fileMode", "core.fsmonitor", "core.checkStat", "core.trustctime", "submodule.nest.ignore"):
            subprocess.run(["git", "config", "--unset", key], cwd=place, check=False)
    git("reset", "-q", "--hard", cwd=made / TOOL)
    git("submodule", "-q", "update", "--force", "--recursive", cwd=made / TOOL)
    for place in (made / TOOL, made / TOOL / "nest"):
        git("reset", "-q", "--hard", cwd=place)
        git("clean", "-qffdx", cwd=place)
    return made


def hide(flag: str, path: str, tool: Path) -> None:
    place, name = (tool / "nest", path.removeprefix("nest/")) if path.startswith("nest/") else (tool, path)
    git("update-index", f"--{flag}", name, cwd=place)
    (tool / path).write_text("CHANGED = 1\n")


def lying_monitor(tool: Path) -> None:
    monitor = tool.parent / "monitor"
    monitor.write_text('#!/bin/sh\nprintf "x\\0"\n')
    monitor.chmod(0o755)
    git("config", "core.fsmonitor", monitor.absolute(), cwd=tool)
    git("status", cwd=tool)
    git("status", cwd=tool)
    (tool / "main.py").write_text("A = 2\n")


def same_size_and_time(tool: Path) -> None:
    git("config", "core.trustctime", "false", cwd=tool)
    git("config", "core.checkStat", "minimal", cwd=tool)
    main = tool / "main.py"
    os.utime(main, ns=(10**18, 10**18))
    git("update-index", "--refresh", cwd=tool)
    time.sleep(1.1)  # git compares times in seconds
    main.write_text("A = 2\n")
    os.utime(main, ns=(10**18, 10**18))


def delete(tool: Path) -> None:
    git("update-index", "--assume-unchanged", "main.py", cwd=tool)
    (tool / "main.py").unlink()


def executable(tool: Path) -> None:
    git("config", "core.fileMode", "false", cwd=tool)
    (tool / "main.py").chmod(0o755)


def ignored_submodule(tool: Path) -> None:
    git("config", "submodule.nest.ignore", "all", cwd=tool)
    (tool / "nest/s.py").write_text("S = 2\n")


def moved_submodule(tool: Path) -> None:
    git("config", "submodule.nest.ignore", "all", cwd=tool)
    git("-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x", cwd=tool / "nest")


def announced(tool: Path) -> None:
    (tool / "new.py").write_text("N = 1\n")
    git("add", "--intent-to-add", "new.py", cwd=tool)


def replaced(tool: Path) -> None:
    """A tree that holds the edit stands in for that of HEAD."""
    (tool / "main.py").write_text("A = 2\n")
    git("add", "main.py", cwd=tool)
    git("replace", git("rev-parse", "HEAD^{tree}", cwd=tool), git("write-tree", cwd=tool), cwd=tool)


UNSEEN = "(git status does not show it: {})"
EDITS: dict[str, tuple[Callable[[Path], None], str]] = {
    "assume-unchanged": (lambda tool: hide("assume-unchanged", "main.py", tool), "main.py " + UNSEEN),
    "skip-worktree": (lambda tool: hide("skip-worktree", "pkg/m.py", tool), "pkg/m.py " + UNSEEN),
    "assume-unchanged, deleted": (delete, "main.py " + UNSEEN.format("assume-unchanged")),
    "core.fileMode": (executable, "main.py " + UNSEEN),
    "core.fsmonitor": (lying_monitor, "main.py " + UNSEEN),
    "core.trustctime, core.checkStat": (same_size_and_time, "main.py " + UNSEEN),
    "ignore = all": (ignored_submodule, "nest/s.py"),
    "a submodule that moved": (moved_submodule, "nest"),
    "assume-unchanged in a submodule": (
        lambda tool: hide("assume-unchanged", "nest/d/t.py", tool),
        "nest/d/t.py " + UNSEEN.format("assume-unchanged"),
    ),
    "intent-to-add": (announced, "new.py"),
    "git replace": (replaced, "main.py " + UNSEEN),
}


@pytest.mark.parametrize("case", EDITS)
def test_an_edit_that_git_status_hides_is_refused_and_the_fix_undoes_it(stash: Path, case: str) -> None:
    edit, shown = EDITS[case]
    head = tool_commit(Stash(stash), "t")
    edit(stash / TOOL)
    with pytest.raises(StashError) as refused:
        tool_commit(Stash(stash), "t")
    assert refused.value.args[0] == f"{TOOL}: uncommitted changes: {shown.format(case)}"
    play(refused.value.fix, stash)
    assert tool_commit(Stash(stash), "t") == head


def test_an_edit_in_the_second_in_which_the_index_was_written_is_seen(tmp_path: Path) -> None:
    """Size and times of the file are those in the index: only its content tells."""
    root = tmp_path / "tool"
    file = root / "main.py"
    seconds: set[int] = set()
    while len(seconds) != 1:
        time.sleep(1 - time.time() % 1)
        commit(root, {"main.py": "print(1)\n"})
        first = int(file.stat().st_ctime)
        git("update-index", "--assume-unchanged", "main.py", cwd=root)
        file.write_text("print(2)\n")
        seconds = {first, int(file.stat().st_ctime), int((root / ".git/index").stat().st_mtime)}
        if len(seconds) != 1:
            git("update-index", "--no-assume-unchanged", "main.py", cwd=root)
    time.sleep(1)
    assert [(change.path, change.flags) for change in changes(root)] == [("main.py", ("assume-unchanged",))]


def play(fix: str, stash: Path) -> None:
    """Run a fix as a user pastes it, in the root of the stash."""
    identity = "git config --global user.name A && git config --global user.email a@b"
    assert subprocess.run(["sh", "-ec", f"{identity} && {fix}"], cwd=stash, check=False).returncode == 0, fix


def test_untracked_files_are_moved_out_of_the_tool_and_the_tool_does_not_change(stash: Path) -> None:
    new = {"cache/a/b.bin": "1", "pkg/n.py": "2", "nest/d/u.py": "3", "a b.txt": "4"}
    for path, text in new.items():
        (stash / TOOL / path).parent.mkdir(parents=True, exist_ok=True)
        (stash / TOOL / path).write_text(text)
    with pytest.raises(StashError) as refused:
        tool_commit(Stash(stash), "t")
    assert refused.value.args[0] == (f"{TOOL}: uncommitted changes: a b.txt, cache/a/b.bin, nest/d/u.py, pkg/n.py")
    play(refused.value.fix, stash)
    assert changes(stash / TOOL) == []
    (moved,) = (stash / "outputs/t").iterdir()
    assert re.fullmatch(r"moved-\d{8}-\d{6}", moved.name)
    assert {str(path.relative_to(moved)): path.read_text() for path in moved.rglob("*") if path.is_file()} == new
    assert git("status", "--porcelain", cwd=stash / TOOL) == ""


def test_what_is_no_difference(stash: Path) -> None:
    """A sparse checkout has no file; what Python leaves is no change, in a submodule of the tool too."""
    git("update-index", "--skip-worktree", "main.py", cwd=stash / TOOL)
    (stash / TOOL / "main.py").unlink()
    git("update-index", "--assume-unchanged", "pkg/m.py", cwd=stash / TOOL)  # and it is as its commit has it
    (stash / TOOL / "nest/__pycache__").mkdir()
    (stash / TOOL / "nest/__pycache__/x.pyc").write_text("")
    assert changes(stash / TOOL) == []


@pytest.mark.parametrize("kind", ["a link to the stash", "a worktree of the stash"])
def test_a_tool_that_is_the_stash_itself_is_refused(stash: Path, kind: str) -> None:
    place = stash / "tools/own"
    if kind == "a link to the stash":
        place.symlink_to("..")
    else:
        git("worktree", "add", "-q", "--detach", place, cwd=stash)
    with pytest.raises(StashError) as refused:
        tool_commit(Stash(stash), "own")
    assert str(refused.value) == (
        "tools/own: it is the stash itself; a snapshot pins a commit of the tool, so the tool needs a repository of its"
        " own\n    fix: experimentstash init ../paper && cd ../paper && experimentstash add-tool own URL"
        "  # URL: the repository of the tool alone"
    )
    if kind == "a link to the stash":
        place.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_tool_of_another_user_is_told_in_gits_own_words_and_the_fix_trusts_it(stash: Path) -> None:
    subprocess.run(["chown", "-R", "1234", TOOL, ".git/modules"], cwd=stash, check=True)
    try:
        with pytest.raises(StashError, match="detected dubious ownership") as refused:
            tool_commit(Stash(stash), "t")
        trust = f"git config --global --add safe.directory {(stash / TOOL).resolve()}"
        assert refused.value.fix == trust
        play(trust, stash)
        play(f"git config --global --add safe.directory {(stash / TOOL / 'nest').resolve()}", stash)
        assert len(tool_commit(Stash(stash), "t")) == 40
    finally:
        subprocess.run(["chown", "-R", str(os.getuid()), TOOL, ".git/modules"], cwd=stash, check=True)
