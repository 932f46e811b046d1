"""`snapshot`: what it refuses before anything is written, and a commit that is there whole or not at all."""

from __future__ import annotations

import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BIN, commit, estash, git, run, write
from plays import fixes, paste
from shapes import EXPERIMENT, Shape, hard_coded, make_stash, write_experiment


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stash to copy from."""
    root = tmp_path_factory.mktemp("made")
    make_stash(root, Shape(hard_coded()))
    return root


@pytest.fixture
def stash(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "stash", tmp_path / "stash", symlinks=True)
    return tmp_path / "stash"


def untouched(stash: Path) -> bool:
    """Nothing was written: no file, no ref, no commit, and what was staged is what it was."""
    return (
        git("status", "--porcelain", cwd=stash) == ""
        and git("for-each-ref", "--format=%(refname)", cwd=stash) in ("refs/heads/main", "refs/heads/master")
        and git("rev-list", "--count", "HEAD", cwd=stash) == "2"
        and not (stash / "configs/mytool/snapshots").exists()
    )


def lock_of(stash: Path, tool: str = "mytool") -> str:
    """The lock that stands beside the snapshots of `v1`, since the tool ships none."""
    (lock,) = (stash / f"configs/{tool}/snapshots/v1").glob("requirements-*.txt")
    return lock.relative_to(stash).as_posix()


def test_it_freezes_and_tells_what_is_next(stash: Path) -> None:
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash)
    assert ran.code == 0
    path = "configs/mytool/snapshots/v1/first.yaml"
    told = [line for line in ran.out.splitlines() if not line.startswith("    environment: left out of the lock")]
    assert told == [
        f"frozen {path}",
        f"tools/mytool at {git('rev-parse', 'HEAD', cwd=stash / 'tools/mytool')[:12]}: the pin is unchanged",
        f"next: git add tools/mytool {path} {lock_of(stash)} && git commit && experimentstash tag",
    ]
    text = (stash / path).read_text()
    pin = git("rev-parse", "HEAD", cwd=stash / "tools/mytool")
    assert text.startswith(f"# SNAPSHOT: mytool/first\n# TAG: v1\n# TOOL_COMMIT: {pin}\n# TIMESTAMP: 20")
    assert text.endswith("\n\nname: first\nseed: 1\nout: main/x\nmodel:\n  layers: 5\n  rate: 0.5\n")


def test_several_experiments_are_one_freeze(stash: Path) -> None:
    write_experiment(stash, "figure1/pca", EXPERIMENT)
    ran = estash(
        "snapshot", "mytool", "first", "figure1/pca", "seed=3", "--tag", "v1", "--commit", "-m", "Freeze", cwd=stash
    )
    assert ran.code == 0, ran.err
    assert git("show", "--name-only", "--format=%s", "snapshot/v1", cwd=stash).splitlines()[-5:] == [
        "Freeze", "", "configs/mytool/snapshots/v1/figure1/pca.yaml", "configs/mytool/snapshots/v1/first.yaml",
        lock_of(stash),
    ]  # fmt: skip
    assert estash("run", "mytool", "figure1/pca", "--snapshot", "v1", cwd=stash).code == 0
    assert estash("verify", "--all", cwd=stash).code == 0


def test_commit_takes_the_pin_and_nothing_else_that_is_staged(stash: Path) -> None:
    write(stash, {"notes.txt": "mine", "half.txt": "staged"})
    git("add", "half.txt", cwd=stash)
    tool = commit(stash / "tools/mytool", {"new.py": "x = 1\n"})
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    assert ran.code == 0, ran.err
    changed = git("diff-tree", "-r", "--name-only", "--no-commit-id", "HEAD", cwd=stash).splitlines()
    assert changed == ["configs/mytool/snapshots/v1/first.yaml", lock_of(stash), "tools/mytool"]
    assert git("rev-parse", "HEAD:tools/mytool", cwd=stash) == tool
    assert git("status", "--porcelain", cwd=stash).splitlines() == ["A  half.txt", "?? notes.txt"]
    assert git("cat-file", "-t", "snapshot/v1", cwd=stash) == "tag"
    assert git("rev-parse", "snapshot/v1^{commit}", cwd=stash) == git("rev-parse", "HEAD", cwd=stash)
    assert git("worktree", "list", cwd=stash).count("\n") == 0


@pytest.mark.every
def test_the_users_hooks_and_message_hooks_run(stash: Path) -> None:
    hooks = stash / ".git/hooks"
    write(hooks, {
        "pre-commit": "#!/bin/sh\ntest -f configs/mytool/snapshots/v1/first.yaml &&"
        " git diff --cached --name-only > ../seen\n",
        "commit-msg": "#!/bin/sh\necho 'Signed-off-by: hook' >> \"$1\"\n",
    })  # fmt: skip
    for hook in hooks.iterdir():
        hook.chmod(0o755)
    assert estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash).code == 0
    assert (stash.parent / "seen").read_text() == f"configs/mytool/snapshots/v1/first.yaml\n{lock_of(stash)}\n"
    assert git("log", "-1", "--format=%B", cwd=stash).endswith("Signed-off-by: hook\n")


def test_a_hook_that_refuses_leaves_neither_commit_nor_tag(stash: Path) -> None:
    hook = stash / ".git/hooks/pre-commit"
    write(stash, {".git/hooks/pre-commit": "#!/bin/sh\necho no >&2\nexit 1\n"})
    hook.chmod(0o755)
    head = git("rev-parse", "HEAD", cwd=stash)
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    assert ran.code == 1
    assert ran.err.endswith(
        "experimentstash: git commit failed with exit code 1; there is no commit and no tag\n"
        "    fix: experimentstash snapshot mytool first --tag v1 --commit  # once what git says above is mended;"
        " the snapshot is written, and is taken up as it is\n"
    )
    assert (git("rev-parse", "HEAD", cwd=stash), git("tag", cwd=stash)) == (head, "")
    hook.unlink()
    paste(ran.err.rpartition("fix: ")[2], stash)
    assert git("tag", cwd=stash) == "snapshot/v1"
    assert git("tag", cwd=stash) == "snapshot/v1"


@pytest.mark.every
def test_it_works_in_a_linked_worktree_and_from_any_folder(stash: Path, tmp_path: Path) -> None:
    git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"), cwd=stash)
    git("submodule", "--quiet", "update", "--init", cwd=tmp_path / "side")
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=tmp_path / "side/configs/mytool")
    assert ran.code == 0, ran.err
    assert git("rev-parse", "side", cwd=stash) == git("rev-parse", "snapshot/v1^{commit}", cwd=stash)
    assert git("worktree", "list", cwd=stash).count("\n") == 1
    assert git("status", "--porcelain", cwd=tmp_path / "side") == ""


def test_whenever_it_is_killed_commit_and_tag_are_both_there_or_neither(stash: Path) -> None:
    """Killed with all its children, at moments spread over the making of the commit."""
    head = git("rev-parse", "HEAD", cwd=stash)
    outcomes, chance = [], random.Random(7)
    for moment in [*(chance.uniform(0, 0.2) for _ in range(12 if "EVERY" in os.environ else 2)), 30]:
        process = subprocess.Popen(
            [BIN / "experimentstash", "snapshot", "mytool", "first", "--tag", "v1", "--commit"],
            cwd=stash, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while process.poll() is None and not (stash / f".git/experimentstash/freeze-{process.pid}").exists():
            time.sleep(0.001)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(0.05)
        for lock in stash.glob(".git/**/*.lock"):
            lock.unlink()  # git's own advice after a git was killed
        moved = git("rev-parse", "HEAD", cwd=stash) != head
        assert moved == (git("tag", cwd=stash) == "snapshot/v1")
        outcomes.append(moved)
        if moved:
            break
    assert outcomes[0] is False or len(outcomes) == 1
    assert outcomes[-1] is True, "saying it again finishes the work"
    assert git("rev-parse", "snapshot/v1^{commit}^", cwd=stash) == head
    assert git("status", "--porcelain", cwd=stash) == ""
    assert estash("verify", "--all", cwd=stash).code == 0
    assert (
        not list((stash / ".git/experimentstash").iterdir())
        or estash("snapshot", "mytool", "first", "--tag", "v2", "--commit", cwd=stash).code == 0
    )


def test_another_snapshot_under_the_name_is_not_overwritten(stash: Path) -> None:
    estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash)
    before = (stash / "configs/mytool/snapshots/v1/first.yaml").read_bytes()
    ran = estash("snapshot", "mytool", "first", "seed=9", "--tag", "v1", "--commit", cwd=stash)
    assert ran.code == 1
    assert "configs/mytool/snapshots/v1/first.yaml: exists with different content, and is not tagged yet" in ran.err
    assert (stash / "configs/mytool/snapshots/v1/first.yaml").read_bytes() == before
    git("add", "configs", cwd=stash)
    git("commit", "-qm", "freeze", cwd=stash)
    paste(estash("snapshot", "mytool", "first", "seed=9", "--tag", "v1", cwd=stash).err.rpartition("fix: ")[2], stash)
    assert git("show", "snapshot/v1:configs/mytool/snapshots/v1/first.yaml", cwd=stash).encode() + b"\n" == before
    assert estash("snapshot", "mytool", "first", "seed=9", "--tag", "v2", cwd=stash).code == 0
    ran = estash("snapshot", "mytool", "first", "seed=8", "--tag", "v2", "--commit", cwd=stash)
    paste(ran.err.rpartition("fix: ")[2], stash)
    assert estash("snapshot", "mytool", "first", "seed=8", "--tag", "v2", "--commit", cwd=stash).code == 0


REFUSED = {
    "unknown tool": (["mytol", "first"], "no tool 'mytol' in configs/meta.yaml; did you mean mytool?"),
    "unknown experiment": (["mytool", "frist"], "no experiment 'frist' of 'mytool'"),
    "no value": (["mytool", "first", "model.layers=???"], "mytool/first: missing value: model.layers (???)"),
    "does not compose": (["mytool", "first", "no.such=1"], "Could not override 'no.such'."),
    "no run directory": (
        ["mytool", "first", "hydra.run.dir=x/${model.rates}"],
        "mytool/first: hydra.run.dir cannot be resolved: Interpolation key 'model.rates' not found",
    ),
    "no value for the run directory": (
        ["mytool", "first", "model.layers=???", "hydra.run.dir=x/${model.layers}"],
        "mytool/first: missing value: model.layers (???)",
    ),
    "a question": (["mytool", "first", "--tag", "v/1"], "'v/1' is not a valid tag"),
    "dots": (["mytool", "../first"], "'../first' is not a valid experiment name"),
    "lock": (["mytool", "first.lock"], "'first.lock' is not a valid experiment name"),
    "space": (["mytool", "fir st"], "'fir st' is not a valid experiment name"),
    "control": (["mytool", "fir\x1b[31mst"], "'fir\\x1b[31mst' is not a valid experiment name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_writes_nothing(stash: Path, case: str) -> None:
    arguments, message = REFUSED[case]
    ran = estash("snapshot", "--tag", "v1", *arguments, cwd=stash)
    assert ran.code == 1
    assert ran.out == ""
    assert message in ran.err
    assert "\x1b" not in ran.err
    assert "Traceback" not in ran.err
    assert untouched(stash)


@pytest.mark.parametrize("tag", ["-x", "a b", "..", ".x", "a..b", "x.lock", "x/y", "a\nb", "é", "x" * 300, "con", ""])
def test_tags_that_git_or_a_file_system_cannot_carry(stash: Path, tag: str) -> None:
    ran = estash("snapshot", "mytool", "first", f"--tag={tag}", cwd=stash)
    assert ran.code == 1
    assert "is not a valid tag" in ran.err
    assert untouched(stash)


@pytest.mark.parametrize("taken", ["v1", "V1"])
def test_a_tag_that_is_taken(stash: Path, taken: str) -> None:
    git("tag", f"snapshot/{taken}", cwd=stash)
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash)
    assert ran.code == 1
    assert f"the tag snapshot/{taken} is taken\n    fix: choose another tag: a tag never moves\n" in ran.err
    assert not (stash / "configs/mytool/snapshots").exists()


def test_a_tool_with_changes(stash: Path) -> None:
    left = dict.fromkeys(["mytool/__pycache__/x.pyc", ".venv/x.cfg", "outputs/a/b", "multirun/x", "x.egg-info/y"], "")
    write(stash / "tools/mytool", {"mytool/new.py": "", **left})
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash)
    assert ran.code == 1
    assert re.fullmatch(
        "experimentstash: tools/mytool: uncommitted changes: mytool/new.py\n"
        "    fix: mkdir -p (outputs/mytool/moved-[0-9-]+/mytool) && mv -- tools/mytool/mytool/new.py \\1"
        "  # or commit them there\n",
        ran.err,
    )
    (stash / "tools/mytool/mytool/new.py").unlink()
    assert estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash).code == 0


def test_a_tool_that_is_not_checked_out(stash: Path) -> None:
    git("submodule", "--quiet", "deinit", "-f", "tools/mytool", cwd=stash)
    for command in (["snapshot", "mytool", "first", "--tag", "v1"], ["run", "mytool", "first"]):
        ran = estash(*command, cwd=stash)
        assert (ran.code, ran.err) == (
            1,
            "experimentstash: tools/mytool: the tool 'mytool' is not checked out\n"
            "    fix: git -c protocol.file.allow=always submodule update --init --recursive tools/mytool\n",
        )


def test_before_the_first_commit(tmp_path: Path) -> None:
    stash = make_stash(tmp_path, Shape(hard_coded()))
    git("update-ref", "-d", "HEAD", cwd=stash)
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    assert ran.code == 1
    assert "no commit yet: commit the tool and the registry first" in ran.err
    assert not (stash / "configs/mytool/snapshots").exists()


@pytest.mark.every
def test_a_full_disk_leaves_nothing_half_done(stash: Path) -> None:
    done = subprocess.run(
        [BIN / "experimentstash", "snapshot", "mytool", "first", "--tag", "v1"],
        cwd=stash, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)),
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not list((stash / "configs/mytool").rglob("snapshots/**/*.*"))


@pytest.mark.every
def test_a_read_only_folder(stash: Path) -> None:
    folder = stash / "configs/mytool"
    folder.chmod(0o555)
    # Root may write anywhere; without that capability it may not.
    drop = ["setpriv", "--bounding-set=-dac_override", "--"] if os.getuid() == 0 else []
    ran = run(*drop, BIN / "experimentstash", "snapshot", "mytool", "first", "--tag", "v1", cwd=stash)
    folder.chmod(0o755)
    assert ran.code == 1
    assert "configs/mytool/snapshots" in ran.err
    assert "Permission denied" in ran.err
    assert untouched(stash)


def test_one_tag_freezes_experiments_of_several_tools(tmp_path: Path) -> None:
    """What was frozen before under the tag, and is in no commit yet, comes along: a tag takes nothing later."""
    stash = make_stash(tmp_path, Shape(hard_coded(), others={"other": hard_coded(package="other")}))
    meta = stash / "configs/meta.yaml"
    meta.write_text(meta.read_text().replace("'-m other'", "'-m other.main'"))
    commit(stash, {"configs/other/experiment/second.yaml": EXPERIMENT})
    assert estash("snapshot", "other", "second", "--tag", "v1", cwd=stash).code == 0
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    assert ran.code == 0, ran.err
    assert "also committing configs/other/snapshots/v1/second.yaml, which was frozen earlier\n" in ran.out
    assert git("show", "--name-only", "--format=", "snapshot/v1", cwd=stash).splitlines()[-4:] == [
        "configs/mytool/snapshots/v1/first.yaml",
        lock_of(stash),
        lock_of(stash, "other"),
        "configs/other/snapshots/v1/second.yaml",
    ]
    assert estash("verify", "--all", cwd=stash).code == 0
    assert estash("snapshot", "other", "second", "--tag", "v2", cwd=stash).code == 0
    commit(stash / "tools/other", {"new.py": ""})
    ran = estash("snapshot", "mytool", "first", "--tag", "v2", "--commit", cwd=stash)
    assert ran.code == 1
    assert "configs/other/snapshots/v2/second.yaml is frozen under the same tag, with tools/other at" in ran.err
    assert git("tag", cwd=stash) == "snapshot/v1"


def test_committed_by_hand_and_tagged_after(stash: Path) -> None:
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash)
    command = ran.out.splitlines()[-1].removeprefix("next: ")
    assert run("sh", "-c", command.replace("git commit", "git commit -qm Freeze"), cwd=stash).code == 0
    assert git("rev-parse", "snapshot/v1^{commit}", cwd=stash) == git("rev-parse", "HEAD", cwd=stash)


@pytest.mark.every
def test_on_a_detached_head_it_names_the_command_that_puts_the_commit_on_a_branch(stash: Path) -> None:
    git("checkout", "-q", "--detach", cwd=stash)
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    assert ran.code == 0, ran.err
    made = git("rev-parse", "HEAD", cwd=stash)
    assert ran.out.splitlines()[-2:] == [
        "HEAD is detached: the commit is on no branch",
        f"next: git branch snapshot-v1 {made[:12]}",
    ]
    assert run("sh", "-c", ran.out.splitlines()[-1].removeprefix("next: "), cwd=stash).code == 0
    assert git("rev-parse", "refs/heads/snapshot-v1", cwd=stash) == made
    git("checkout", "-q", "snapshot-v1", cwd=stash)
    on_branch = estash("snapshot", "mytool", "first", "--tag", "v2", "--commit", cwd=stash)
    assert "no branch" not in on_branch.out


def test_a_file_that_another_hook_rewrites_is_refused_and_frozen_anew(stash: Path) -> None:
    assert estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash).code == 0
    path = stash / "configs/mytool/snapshots/v1/first.yaml"
    path.write_text(path.read_text() + "\n")  # as a formatter may
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    assert ran.code == 1
    assert "its body was changed after it was frozen" in ran.err
    fix = ran.err.rpartition("fix: ")[2]
    assert run("sh", "-c", fix, cwd=stash).code == 0
    lock = stash / lock_of(stash)
    lock.write_text(lock.read_text() + "\n")
    ran = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    assert ran.code == 1
    assert f"{lock_of(stash)}: it was changed after it was frozen, perhaps by another hook" in ran.err
    assert run("sh", "-c", ran.err.rpartition("fix: ")[2], cwd=stash).code == 0
    assert estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash).code == 0


def test_replace_freezes_an_unpublished_tag_anew(stash: Path) -> None:
    assert estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash).code == 0
    old = git("rev-parse", "HEAD", cwd=stash)
    ran = estash("snapshot", "mytool", "first", "seed=4", "--tag", "v1", "--replace", "--commit", cwd=stash)
    assert ran.code == 0, ran.err
    assert "seed: 4" in git("show", "snapshot/v1:configs/mytool/snapshots/v1/first.yaml", cwd=stash)
    assert git("rev-parse", "HEAD^", cwd=stash) == git("rev-parse", f"{old}^", cwd=stash)
    assert git("status", "--porcelain", cwd=stash) == ""
    assert estash("verify", "--all", cwd=stash).code == 0
    assert estash("snapshot", "mytool", "first", "--tag", "new", "--replace", "--commit", cwd=stash).code == 1


def test_a_replacement_that_fails_leaves_the_old_snapshot(stash: Path) -> None:
    write_experiment(stash, "second", EXPERIMENT)
    estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    before = git("for-each-ref", cwd=stash), git("ls-files", "-s", cwd=stash), git("status", "--porcelain", cwd=stash)

    def kept() -> bool:
        now = git("for-each-ref", cwd=stash), git("ls-files", "-s", cwd=stash), git("status", "--porcelain", cwd=stash)
        return now == before

    again = ("snapshot", "mytool", "first", "seed=4", "--tag", "v1", "--replace", "--commit")
    write(stash, {".git/hooks/pre-commit": "#!/bin/sh\nexit 1\n"})
    (stash / ".git/hooks/pre-commit").chmod(0o755)
    assert estash(*again, cwd=stash).code == 1  # the commit of the new one is refused
    assert kept()
    (stash / ".git/hooks/pre-commit").unlink()
    other = estash("snapshot", "mytool", "second", "--tag", "v1", "--replace", cwd=stash)
    assert (other.code, "snapshot/v1 also contains mytool/first" in other.err) == (1, True)
    assert kept()
    assert estash("snapshot", "mytool", "first", "seed=???", "--tag", "v1", "--replace", cwd=stash).code != 0
    assert kept()
    git("init", "-q", "--bare", "../origin.git", cwd=stash)
    git("push", "-q", "--no-verify", "../origin.git", "snapshot/v1", cwd=stash)
    git("remote", "add", "origin", "../origin.git", cwd=stash)
    ran = estash(*again, cwd=stash)
    assert (ran.code, "snapshot/v1 is published" in ran.err) == (1, True)
    assert kept()
    git("remote", "remove", "origin", cwd=stash)
    paste(fixes(other.err)[-1], stash)
    assert git("tag", cwd=stash) == ""


@pytest.mark.every
def test_whenever_a_replacement_is_killed_the_old_snapshot_or_the_new_one_is_there(stash: Path, tmp_path: Path) -> None:
    assert estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash).code == 0
    old = git("rev-parse", "HEAD", cwd=stash)
    again = ("snapshot", "mytool", "first", "seed=4", "--tag", "v1", "--replace", "--commit")
    whole = shutil.copytree(stash, tmp_path / "whole", symlinks=True)
    start = time.monotonic()
    assert estash(*again, cwd=whole).code == 0
    took = time.monotonic() - start
    moments = random.Random(3)
    for number in range(4):
        root = shutil.copytree(stash, tmp_path / f"killed-{number}", symlinks=True)
        process = subprocess.Popen([BIN / "experimentstash", *again], cwd=root, start_new_session=True)
        time.sleep(moments.uniform(0.6, 1.0) * took)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for lock in root.glob(".git/**/*.lock"):
            lock.unlink()
        assert estash("verify", "--all", cwd=root).code == 0  # takes back what was begun
        assert git("status", "--porcelain", cwd=root) == ""
        now = git("rev-parse", "snapshot/v1^{commit}", cwd=root)
        assert now == git("rev-parse", "HEAD", cwd=root)
        text = git("show", "snapshot/v1:configs/mytool/snapshots/v1/first.yaml", cwd=root)
        assert now == old or "seed: 4" in text


def test_run_on_the_checkout_of_a_tag_names_the_option_that_runs_what_is_frozen(stash: Path) -> None:
    assert estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash).code == 0
    hint = "experimentstash: this is the checkout of snapshot/v1; --snapshot v1 runs the config that is frozen there\n"
    assert hint not in estash("run", "mytool", "first", cwd=stash).err
    git("checkout", "-q", "snapshot/v1", cwd=stash)
    ran = estash("run", "mytool", "first", cwd=stash)
    assert (ran.code, ran.err.count(hint)) == (0, 1)
    assert hint not in estash("run", "mytool", "first", "--snapshot", "v1", cwd=stash).err
