"""The scripts in `hooks/`: each type of git hook reaches its door, after whatever stood there before, or fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BIN, git, run, write
from hooking import BEFORE, CLONE, HOOKS, program, recorder, stash, told

from experimentstash.hooks.native import MODULES

POOR = {"PATH": "/usr/bin:/bin"}
"""What a program started from a desktop has."""


@pytest.fixture(params=["/bin/sh", "/bin/bash --posix"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The hooks, as they are and as a bash runs them that is called sh."""
    copy = tmp_path / "the höoks"
    shutil.copytree(HOOKS, copy)
    for kind in MODULES:
        text = (copy / kind).read_text()
        assert text.startswith("#!/bin/sh\n")
        (copy / kind).write_text(text.replace("/bin/sh", request.param, 1))
    return copy


@pytest.fixture
def root(folder: Path, tmp_path: Path) -> Path:
    """A stash that takes its hooks straight from the directory, and a recorder in the place of Python."""
    made = stash(tmp_path / "stäsh of mine")
    git("config", "core.hooksPath", folder, cwd=made)
    git("config", "experimentstash.python", recorder(tmp_path), cwd=made)
    return made


def test_there_is_a_hook_for_every_door() -> None:
    assert {path.name for path in HOOKS.iterdir()} == {*MODULES, "experimentstash.sh"}
    assert all(os.access(HOOKS / kind, os.X_OK) for kind in MODULES)


def test_every_hook_of_a_clone_hands_over(root: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert told(log) == ["ours pre-commit", "ours post-commit"]
    git("checkout", "-q", "-b", "side", "HEAD~1", cwd=root)
    git("commit", "-q", "--allow-empty", "-m", "y", cwd=root)
    told(log)
    git("merge", "-q", "--no-edit", "main", cwd=root)
    assert told(log) == ["ours pre-merge-commit", "ours post-merge 0"]
    (tmp_path / "stdin").unlink()
    old = git("rev-parse", "HEAD", cwd=root)
    git("commit", "-q", "--amend", "-m", "z", cwd=root)
    assert told(log) == ["ours pre-commit", "ours post-commit", "ours post-rewrite amend"]
    assert (tmp_path / "stdin").read_text() == f"{old} {git('rev-parse', 'HEAD', cwd=root)}\n"
    (tmp_path / "stdin").unlink()
    git("init", "-q", "--bare", tmp_path / "remote.git", cwd=tmp_path)
    git("push", "-q", tmp_path / "remote.git", "side", cwd=root)
    assert told(log) == [f"ours pre-push {tmp_path}/remote.git {tmp_path}/remote.git"]
    head = git("rev-parse", "HEAD", cwd=root)
    assert (tmp_path / "stdin").read_text() == f"refs/heads/side {head} refs/heads/side {'0' * 40}\n"


def test_the_server_hands_over_what_is_in_quarantine(root: Path, folder: Path, tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    git("init", "-q", "--bare", server, cwd=tmp_path)
    judge = 'shift 2; echo "$*"; read old new ref; git cat-file -t "$new"; echo "${GIT_QUARANTINE_PATH:+quarantine}"'
    git("config", "experimentstash.python", program(tmp_path / "judge", f'({judge}) >> "{tmp_path}/log"'), cwd=server)
    git("config", "core.hooksPath", folder, cwd=server)
    git("push", "-q", "--no-verify", server, "main", cwd=root)
    assert told(tmp_path / "log") == ["pre-receive", "commit", "quarantine"]


@pytest.mark.parametrize("place", ["worktree", "submodule", "subfolder"])
def test_wherever_one_commits(root: Path, place: str, tmp_path: Path) -> None:
    here = root / "configs"
    if place == "worktree":
        here = tmp_path / "linked"
        git("worktree", "add", "-q", here, cwd=root)
    if place == "submodule":
        git("submodule", "add", "-q", root, "sub", cwd=root)
        here = root / "sub"
        for key in ("core.hooksPath", "experimentstash.python"):
            git("config", key, git("config", key, cwd=root), cwd=here)
    told(tmp_path / "log")
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=here, env=POOR)
    assert told(tmp_path / "log") == ["ours pre-commit", "ours post-commit"]


def test_a_hook_under_another_name_knows_its_type(folder: Path, root: Path, tmp_path: Path) -> None:
    for kind in CLONE:
        (folder / kind).rename(folder / f"{kind}.legacy")
        assert run(folder / f"{kind}.legacy", "a b", "c", cwd=root).code == 0
        assert told(tmp_path / "log") == [f"ours {kind} a b c"]


def test_the_exit_code_is_the_doors(root: Path, folder: Path, tmp_path: Path) -> None:
    git("config", "experimentstash.python", program(tmp_path / "judge", "exit 3"), cwd=root)
    assert run(folder / "pre-commit", cwd=root).code == 3
    program(folder / f"pre-push{BEFORE}", "cat > /dev/null")
    assert run(folder / "pre-push", "origin", "url", cwd=root, stdin="x\n").code == 3


@pytest.mark.parametrize("kind", MODULES)
def test_what_stood_there_before_runs_first(root: Path, folder: Path, kind: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    program(folder / f"{kind}{BEFORE}", f'echo "theirs $*" >> "{log}"')
    assert run(folder / kind, "a b", "c", cwd=root).code == 0
    assert told(log) == ["theirs a b c", f"ours {kind} a b c"]


@pytest.mark.parametrize("kind", MODULES)
def test_what_stood_there_before_fails(root: Path, folder: Path, kind: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    program(folder / f"{kind}{BEFORE}", f'echo theirs >> "{log}"; exit 7')
    ran = run(folder / kind, cwd=root)
    if kind.startswith("pre-"):
        assert (ran.code, told(log)) == (7, ["theirs"])
    else:
        code = 7 if kind == "post-checkout" else 0  # git passes the code of this one on
        assert (ran.code, told(log)) == (code, ["theirs", f"ours {kind}"])


def test_only_what_is_executable_is_a_hook(root: Path, folder: Path, tmp_path: Path) -> None:
    program(folder / f"pre-commit{BEFORE}", "exit 7", mode=0o644)
    (folder / f"post-commit{BEFORE}").mkdir()
    ran = run("git", "commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert (ran.code, ran.err) == (0, "")
    assert told(tmp_path / "log") == ["ours pre-commit", "ours post-commit"]


ANY_BYTES = bytes(range(1, 256)) + b" \xff\xfe\n\n\\n %s $HOME `x` 'y' \"z\"\r\n\n"


@pytest.mark.first(10)
@pytest.mark.parametrize("kind", ["pre-push", "post-rewrite", "pre-receive"])
@pytest.mark.parametrize("said", [b"", b"\n", b"one line", b"two\nlines\n\n\n", ANY_BYTES], ids=range(5))
def test_both_read_the_same_on_stdin(root: Path, folder: Path, kind: str, said: bytes, tmp_path: Path) -> None:
    program(folder / f"{kind}{BEFORE}", f'cat > "{tmp_path}/theirs"')
    done = subprocess.run([folder / kind, "a"], cwd=root, input=said, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "theirs").read_bytes() == said
    assert (tmp_path / "stdin").read_bytes() == said


def test_much_on_stdin_that_nobody_reads_to_the_end(root: Path, folder: Path, tmp_path: Path) -> None:
    said = b"refs/heads/x 1 refs/heads/x 2\n" * 100_000
    program(folder / f"pre-push{BEFORE}", "exit 0")
    done = subprocess.run([folder / "pre-push", "o", "u"], cwd=root, input=said, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "stdin").read_bytes() == said
    git("config", "experimentstash.python", program(tmp_path / "judge", "exit 5"), cwd=root)
    done = subprocess.run([folder / "pre-push", "o", "u"], cwd=root, input=said, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (5, b"")


def test_one_call_of_git(root: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "trace").mkdir()
    assert run(folder / "pre-commit", cwd=root, env={"GIT_TRACE2_EVENT": str(tmp_path / "trace")}).code == 0
    assert len(list((tmp_path / "trace").iterdir())) == 1


GONE = "experimentstash: the {} hook cannot judge: its Python no longer exists: {}\n    fix: {}\n"


@pytest.mark.parametrize("kind", MODULES)
def test_a_python_that_is_gone(root: Path, folder: Path, kind: str, tmp_path: Path) -> None:
    (tmp_path / "recorder").unlink()
    code = 0 if kind == "post-checkout" else 1  # a checkout has succeeded before its hook runs
    ran = run(folder / kind, cwd=root, stdin="x\n")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err == GONE.format(kind, f"{tmp_path}/recorder", "experimentstash install")
    ran = run(folder / kind, cwd=root, env=POOR)
    both = "pip install experimentstash && experimentstash install"
    assert (ran.code, ran.err) == (code, GONE.format(kind, f"{tmp_path}/recorder", both))


def test_a_python_that_is_gone_stops_the_commit_and_the_push(root: Path, tmp_path: Path) -> None:
    git("config", "experimentstash.python", "/nowhere/bin/python", cwd=root)
    git("init", "-q", "--bare", tmp_path / "remote.git", cwd=tmp_path)
    head = git("rev-parse", "HEAD", cwd=root)
    assert run("git", "commit", "--allow-empty", "-m", "x", cwd=root).code == 1
    assert git("rev-parse", "HEAD", cwd=root) == head
    assert run("git", "push", tmp_path / "remote.git", "main", cwd=root).code == 1
    assert git("for-each-ref", cwd=tmp_path / "remote.git") == ""


def test_a_python_that_lies_in_the_stash_by_that_name_is_none(root: Path, folder: Path, tmp_path: Path) -> None:
    git("config", "experimentstash.python", "python3", cwd=root)
    program(root / "python3", f'echo hostile > "{tmp_path}/hostile"')
    ran = run(folder / "pre-commit", cwd=root)
    assert (ran.code, ran.err) == (1, GONE.format("pre-commit", "python3", "experimentstash install"))
    assert not (tmp_path / "hostile").exists()


def test_a_python_without_the_package(root: Path, folder: Path, tmp_path: Path) -> None:
    made = run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    assert made.code == 0, made.err
    git("config", "experimentstash.python", tmp_path / "venv/bin/python", cwd=root)
    ran = run(folder / "pre-push", "origin", "url", cwd=root, stdin="x\n")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"experimentstash: the pre-push hook cannot judge: {tmp_path}/venv/bin/python: "
        "No module named 'experimentstash'\n    fix: pip install experimentstash && experimentstash install\n"
    )


def test_without_a_python_the_console_script(root: Path, folder: Path) -> None:
    git("config", "--unset", "experimentstash.python", cwd=root)
    assert run(folder / "pre-commit", cwd=root).code == 0
    ran = run(folder / "pre-commit", cwd=root, env=POOR)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "experimentstash: the pre-commit hook cannot judge: git config names no experimentstash.python, and "
        "experimentstash-hook is not on the PATH\n"
        "    fix: pip install experimentstash && experimentstash install\n"
    )


def test_the_shared_file_is_gone(root: Path, folder: Path) -> None:
    (folder / "experimentstash.sh").unlink()
    for kind in MODULES:
        assert run(folder / kind, cwd=root).code != 0
    ran = run("git", "commit", "--allow-empty", "-m", "x", cwd=root)
    assert (ran.code, "experimentstash.sh" in ran.err) == (1, True)


@pytest.mark.parametrize("args", [[], ["pre-rebase"]])
def test_the_console_script_wants_a_type(args: list[str], tmp_path: Path) -> None:
    ran = run(BIN / "experimentstash-hook", *args, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"usage: experimentstash-hook {'|'.join(MODULES)} [ARGUMENT…]\n"


@pytest.mark.first(3)
@pytest.mark.parametrize("python", ["recorded", "from the PATH"])
@pytest.mark.parametrize("path", [None, ":/nowhere", ".:/nowhere"])
def test_nothing_of_the_stash_is_executed(python: str, path: str | None, tmp_path: Path) -> None:
    root = stash(tmp_path / "stash")
    git("config", "core.hooksPath", HOOKS, cwd=root)
    if python == "recorded":
        git("config", "experimentstash.python", sys.executable, cwd=root)
    hostile = f"open({str(tmp_path / 'hostile')!r}, 'a').write(__name__ + ' ')\n"
    names = "yaml click dulwich experimentstash omegaconf sitecustomize usercustomize sys os importlib json site"
    for folder in ("", "configs/"):
        write(root, {f"{folder}{name}.py": hostile for name in names.split()})
        write(root, {f"{folder}{name}/__init__.py": hostile for name in ("experimentstash", "yaml", "dulwich")})
    write(root, {"configs/t/snapshots/v1/a.yaml": "x: 1\n"})  # the hooks load what they judge with
    git("init", "-q", "--bare", tmp_path / "remote.git", cwd=tmp_path)
    git("add", "-A", cwd=root)
    env = {} if path is None else {"PYTHONPATH": path}
    said = [
        run("git", "commit", "-m", "x", cwd=root, env=env),
        run("git", "commit", "--no-verify", "-m", "x", cwd=root, env=env),
        run("git", "push", tmp_path / "remote.git", "main", cwd=root / "configs", env=env),
    ]
    assert [(ran.code, "configs/t/snapshots/v1/a.yaml" in ran.err) for ran in said] == [(1, True), (0, True), (1, True)]
    assert not (tmp_path / "hostile").exists(), (tmp_path / "hostile").read_text()


def test_a_python_path_of_ones_own_is_kept(root: Path, folder: Path, tmp_path: Path) -> None:
    git("config", "experimentstash.python", program(tmp_path / "judge", 'echo "$PYTHONPATH"'), cwd=root)
    for given, kept in [("/a b:/c", "/a b:/c"), (":/a b:x:/c:", "/a b:/c"), (".", ""), ("*:/*", "/*")]:
        assert run(folder / "pre-commit", cwd=root, env={"PYTHONPATH": given}).out == f"{kept}\n"


def test_a_python_path_that_leads_into_the_stash_is_not(root: Path, folder: Path, tmp_path: Path) -> None:
    """However it is written, and in a linked worktree too; the tools get the user's own value."""
    told = 'echo "$PYTHONPATH|$EXPERIMENTSTASH_PYTHONPATH|$PYTHONUSERBASE|$PYTHONPYCACHEPREFIX"'
    git("config", "experimentstash.python", program(tmp_path / "judge", told), cwd=root)
    git("worktree", "add", "-q", "--detach", tmp_path / "linked", cwd=root)
    (tmp_path / "link").symlink_to(root / "configs")
    (tmp_path / "beside").mkdir()
    (root / "x.zip").touch()
    inside = (
        root,
        root / "configs",
        f"{tmp_path}/beside/../{root.name}/",
        tmp_path / "link",
        root / "x.zip",
        root / "gone",
    )
    for cwd, own in ((root, inside), (tmp_path / "linked", (*inside, tmp_path / "linked"))):
        given = ":".join(map(str, (*own, tmp_path / "beside")))
        env = {"PYTHONPATH": given, "PYTHONUSERBASE": str(root), "PYTHONPYCACHEPREFIX": str(tmp_path / "beside")}
        ran = run(folder / "pre-commit", cwd=cwd, env=env)
        assert ran.out == f"{tmp_path}/beside|{given}||{tmp_path}/beside\n", ran.err
