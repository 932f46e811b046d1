"""`install`: the native hooks beside whatever is there, twice over without harm, all or nothing."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from conftest import BIN, Ran, estash, git, run, write
from hooking import (
    AS_ROOT,
    BEFORE,
    CLONE,
    CONFIG,
    HOOK,
    HOOKS,
    NAMED,
    OTHERS,
    TYPES,
    everything,
    framework,
    hook_names,
    husky,
    program,
    stash,
    state,
    told,
)
from stashes import freeze, make_stash, pin_id, snapshot_path, snapshot_text, stage

PYTHON = BIN / Path(sys.executable).name
OURS = {*CLONE, "experimentstash.sh"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return stash(tmp_path / "stäsh of mine")


def installed(root: Path, *lines: str, cwd: Path | None = None) -> None:
    """Install and check the output, then check that a second run changes nothing."""
    ran = estash("install", cwd=cwd or root)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [lines[0], *(f"  {line}" for line in lines[1:]), f"  Python of the hooks: {PYTHON}"]
    before = state(root)
    assert estash("install", cwd=cwd or root) == Ran(0, f"{lines[0].removesuffix('installed')}already installed\n", "")
    assert state(root) == before


def drifted(root: Path) -> Ran:
    """Commit a snapshot that records another commit than the pin, and take it back where it passed."""
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("other"))})
    head = git("rev-parse", "HEAD", cwd=root)
    ran = run("git", "commit", "-q", "-m", "drift", cwd=root)
    git("reset", "-q", "--hard", head, cwd=root)
    return ran


def is_judged(root: Path) -> bool:
    ran = drifted(root)
    assert (ran.code != 0) == ("pin: it records" in ran.err + ran.out), ran
    return ran.code != 0


def test_a_plain_stash(root: Path) -> None:
    installed(root, f"{root}/.git/hooks: hooks installed", TYPES)
    assert hook_names(root) == OURS
    for kind in CLONE:
        hook = root / ".git/hooks" / kind
        assert hook.read_bytes() == (HOOKS / kind).read_bytes()
        assert hook.stat().st_mode & 0o777 == 0o755
    assert git("config", "--local", "experimentstash.python", cwd=root) == str(PYTHON)
    assert run("git", "config", "core.hooksPath", cwd=root).code == 1


def test_it_judges_and_tags(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    assert not is_judged(root)
    assert estash("install", cwd=root).code == 0
    assert is_judged(root)
    freeze(root, "a", "v1", "two", tagged=False)
    assert git("tag", cwd=root) == "snapshot/v1"


def test_from_any_folder_and_with_any_umask(root: Path) -> None:
    ran = run("sh", "-c", "umask 077; experimentstash install", cwd=root / "configs")
    assert ran.code == 0
    assert {
        path.name: oct(path.stat().st_mode & 0o777)
        for path in (root / ".git/hooks").iterdir()
        if path.suffix != ".sample"
    } == {
        **dict.fromkeys(CLONE, "0o755"),
        "experimentstash.sh": "0o644",
    }


def test_no_stash(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    ran = estash("install", cwd=tmp_path)
    assert (ran.code, ran.err) == (
        1,
        f"experimentstash: {tmp_path}: not a stash: it has no configs/meta.yaml\n    fix: experimentstash init\n",
    )
    assert hook_names(tmp_path) == set()


def test_a_server(root: Path, tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    git("init", "-q", "--bare", server, cwd=tmp_path)
    program(server / "hooks/pre-receive", f'cat > "{tmp_path}/theirs"')
    kept = f"your existing hook runs first: pre-receive{BEFORE}"
    ran = estash("install", cwd=server / "refs")
    assert ran == Ran(
        0, f"{server}/hooks: hooks installed\n  pre-receive\n  {kept}\n  Python of the hooks: {PYTHON}\n", ""
    )
    assert hook_names(server) == {"pre-receive", f"pre-receive{BEFORE}", "experimentstash.sh"}
    git("push", "-q", server, "main", cwd=root)
    head = git("rev-parse", "HEAD", cwd=root)
    assert (tmp_path / "theirs").read_text() == f"{'0' * 40} {head} refs/heads/main\n"


def test_the_server_judges_what_was_pushed(tmp_path: Path) -> None:
    root, server = make_stash(tmp_path / "stash"), tmp_path / "server.git"
    git("init", "-q", "--bare", server, cwd=tmp_path)
    assert estash("install", cwd=server).code == 0
    git("push", "-q", server, "main", cwd=root)
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("other"))})
    git("commit", "-q", "-m", "drift", cwd=root)
    ran = run("git", "push", server, "main", cwd=root)
    assert (ran.code, "pin: it records" in ran.err) == (1, True)


def test_a_linked_worktree_shares_the_hooks(root: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git("worktree", "add", "-q", linked, cwd=root)
    installed(root, f"{root}/.git/hooks: hooks installed", TYPES, cwd=linked)
    assert estash("install", cwd=root).out == f"{root}/.git/hooks: hooks already installed\n"


def test_a_worktree_of_a_bare_repository(root: Path, tmp_path: Path) -> None:
    git("clone", "-q", "--bare", root, tmp_path / "bare.git", cwd=tmp_path)
    git("worktree", "add", "-q", tmp_path / "linked", cwd=tmp_path / "bare.git")
    installed(tmp_path / "linked", f"{tmp_path}/bare.git/hooks: hooks installed", TYPES)


def test_a_stash_that_is_a_submodule(root: Path, tmp_path: Path) -> None:
    outer = stash(tmp_path / "outer")
    git("submodule", "add", "-q", root, "sub", cwd=outer)
    installed(outer / "sub", f"{outer}/.git/modules/sub/hooks: hooks installed", TYPES)
    assert hook_names(outer) == set()


def test_a_folder_of_hooks_that_is_not_there(tmp_path: Path) -> None:
    root = stash(tmp_path / "stash", "--template=")
    installed(root, f"{root}/.git/hooks: hooks installed", TYPES)


def test_the_tools_python_is_the_environment_that_is_active(root: Path, tmp_path: Path) -> None:
    python = program(tmp_path / "env/bin/python", "")
    ran = estash("install", cwd=root, env={"VIRTUAL_ENV": str(tmp_path / "env")})
    assert ran.out.splitlines()[-1] == f"  default Python of the tools: {python}"
    assert git("config", "--local", "experimentstash.toolPython", cwd=root) == str(python)
    assert estash("install", cwd=root).out == f"{root}/.git/hooks: hooks already installed\n"
    assert git("config", "--local", "experimentstash.toolPython", cwd=root) == str(python)
    other = program(tmp_path / "conda/bin/python", "")
    ran = estash("install", cwd=root, env={"VIRTUAL_ENV": sys.prefix, "CONDA_PREFIX": str(tmp_path / "conda")})
    assert ran.out.splitlines()[1:] == [f"  default Python of the tools: {other}"]


# Somebody's hook already exists.


@pytest.mark.parametrize("mode", [0o755, 0o644, 0o700])
def test_a_hook_of_the_users_own_is_kept_and_runs_first(root: Path, mode: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    hook = program(root / ".git/hooks/pre-commit", f'echo mine >> "{log}"', mode)
    was = hook.stat()
    kept = root / f".git/hooks/pre-commit{BEFORE}"
    installed(root, f"{root}/.git/hooks: hooks installed", TYPES, f"your existing hook runs first: {kept.name}")
    now = kept.stat()
    assert (now.st_ino, now.st_mode, now.st_mtime_ns) == (was.st_ino, was.st_mode, was.st_mtime_ns)
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert told(log) == (["mine"] if mode & 0o100 else [])


def test_a_link_stays_a_link(root: Path, tmp_path: Path) -> None:
    program(root / "tools/guard", f'echo "$0" >> "{tmp_path}/log"; exit 4')
    (root / ".git/hooks/pre-commit").symlink_to("../../tools/guard")
    assert estash("install", cwd=root).code == 0
    assert (root / f".git/hooks/pre-commit{BEFORE}").readlink() == Path("../../tools/guard")
    assert run("git", "commit", "--allow-empty", "-m", "x", cwd=root).code == 1
    assert told(tmp_path / "log") == [f".git/hooks/pre-commit{BEFORE}"]


def test_a_push_goes_through_both(tmp_path: Path) -> None:
    root, remote = make_stash(tmp_path / "stash"), tmp_path / "remote.git"
    git("init", "-q", "--bare", remote, cwd=tmp_path)
    program(root / ".git/hooks/pre-push", f'cat >> "{tmp_path}/log"')  # as the hook of git lfs does
    assert estash("install", cwd=root).code == 0
    head = git("rev-parse", "HEAD", cwd=root)
    git("push", "-q", remote, "main", cwd=root)
    assert told(tmp_path / "log") == [f"refs/heads/main {head} refs/heads/main {'0' * 40}"]
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("other"))})
    git("commit", "-q", "--no-verify", "-m", "drift", cwd=root)
    ran = run("git", "push", "-q", remote, "main", cwd=root)
    assert (ran.code, "pin: it records" in ran.err, len(told(tmp_path / "log"))) == (1, True, 1)


def test_somebody_puts_another_hook_in_the_place_of_ours(root: Path, tmp_path: Path) -> None:
    """As lefthook does: it renames what it finds to `.old`, and does not run it; so again when its config changes."""
    assert estash("install", cwd=root).code == 0
    hooks = root / ".git/hooks"
    for _ in range(2):
        (hooks / "pre-push").rename(hooks / "pre-push.old")
        program(hooks / "pre-push", f'cat > "{tmp_path}/lefthook"')
        ran = estash("install", cwd=root)
        assert f"  your existing hook runs first: pre-push{BEFORE}\n" in ran.out
        assert hook_names(root) == {*OURS, f"pre-push{BEFORE}"}
    (hooks / "pre-push").rename(hooks / "pre-push.old")
    program(hooks / "pre-push", "echo another")
    before = state(root)
    ran = estash("install", cwd=root)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"experimentstash: {hooks}/pre-push: only one existing hook can run before ours, "
        f"and {hooks}/pre-push{BEFORE} exists already\n"
        f"    fix: mv '{hooks}/pre-push{BEFORE}' '{hooks}/pre-push{BEFORE}'.old && experimentstash install\n"
    )
    assert state(root) == before
    assert run("sh", "-c", ran.err.partition("fix: ")[2], cwd=root).code == 0


def test_hooks_of_an_older_version_are_replaced_and_not_kept(root: Path) -> None:
    assert estash("install", cwd=root).code == 0
    wanted = state(root)
    for kind in CLONE[:2]:
        (root / ".git/hooks" / kind).write_text(f"#!/bin/sh\n# ExperimentStash, {kind}: an older one\n")
    (root / ".git/hooks/experimentstash.sh").write_text("# older")
    (root / ".git/hooks/post-merge").chmod(0o644)
    assert estash("install", cwd=root).out == f"{root}/.git/hooks: hooks installed\n  {TYPES}\n"
    assert state(root) == wanted


# pre-commit and prek.


@pytest.mark.first(1)
@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_a_framework_that_knows_nothing_of_ours(name: str, tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    own = CONFIG.format(HOOK.format("own", f"sh -c 'echo own >> {tmp_path}/log'", TYPES))
    write(root, {".pre-commit-config.yaml": own})
    git("add", ".pre-commit-config.yaml", cwd=root)
    git("commit", "-q", "-m", "a framework", cwd=root)
    framework(name, root, "install", "-t", "pre-commit", "-t", "pre-push", "-t", "post-commit")
    kinds = "pre-merge-commit, post-checkout, post-merge, post-rewrite"
    beside = f"run by {name}: pre-commit.legacy, post-commit.legacy, pre-push.legacy"
    installed(root, f"{root}/.git/hooks: hooks installed", kinds, beside)
    assert is_judged(root)
    told(tmp_path / "log")
    freeze(root, "a", "v1", "two", tagged=False)
    assert (git("tag", cwd=root), told(tmp_path / "log")) == ("snapshot/v1", ["own", "own"])
    framework(name, root, "install", "-t", "pre-commit", "-t", "pre-push", "-t", "post-commit")
    assert estash("install", cwd=root).out == f"{root}/.git/hooks: hooks already installed\n"
    framework(name, root, "uninstall", "-t", "pre-commit", "-t", "pre-push", "-t", "post-commit")
    assert hook_names(root) == OURS
    assert estash("install", cwd=root).out == f"{root}/.git/hooks: hooks already installed\n"


@pytest.mark.every
@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_a_framework_that_comes_later(name: str, tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    program(root / ".git/hooks/pre-push", f'cat > "{tmp_path}/theirs"')
    assert estash("install", cwd=root).code == 0
    write(root, {".pre-commit-config.yaml": OTHERS})
    framework(name, root, "install", "-t", "pre-commit", "-t", "pre-push")
    assert hook_names(root) == {*OURS, "pre-commit.legacy", "pre-push.legacy", f"pre-push{BEFORE}"}
    assert estash("install", cwd=root).out == f"{root}/.git/hooks: hooks already installed\n"
    assert is_judged(root)
    git("init", "-q", "--bare", tmp_path / "remote.git", cwd=tmp_path)
    git("push", "-q", tmp_path / "remote.git", "main", "main:side", cwd=root)
    assert len((tmp_path / "theirs").read_text().splitlines()) == 2
    framework(name, root, "install", "-f", "-t", "pre-commit", "-t", "pre-push")  # takes ours away
    assert estash("install", cwd=root).out.splitlines()[2] == f"  run by {name}: pre-commit.legacy, pre-push.legacy"
    git("push", "-q", tmp_path / "remote.git", "main:other", cwd=root)
    assert len((tmp_path / "theirs").read_text().splitlines()) == 1


@pytest.mark.every
@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_a_hook_that_the_framework_found_is_kept(name: str, root: Path, tmp_path: Path) -> None:
    program(root / ".git/hooks/pre-push", f'cat > "{tmp_path}/theirs"')
    write(root, {".pre-commit-config.yaml": OTHERS})
    framework(name, root, "install", "-t", "pre-push")
    ran = estash("install", cwd=root)
    assert ran.out.splitlines()[2:4] == [
        f"  run by {name}: pre-push.legacy",
        f"  your existing hook runs first: pre-push{BEFORE}",
    ]
    git("init", "-q", "--bare", tmp_path / "remote.git", cwd=tmp_path)
    git("push", "-q", tmp_path / "remote.git", "main", cwd=root)
    assert len((tmp_path / "theirs").read_text().splitlines()) == 1


@pytest.mark.every
@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_a_framework_whose_config_names_ours(name: str, tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    write(root, {".pre-commit-config.yaml": NAMED})
    git("add", ".pre-commit-config.yaml", cwd=root)
    git("commit", "-q", "-m", "a framework", cwd=root)
    framework(name, root, "install")
    left = f"configured in {name}: {', '.join(CLONE[:-1])}"
    installed(root, f"{root}/.git/hooks: hooks installed", f"run by {name}: pre-push.legacy", left)
    assert hook_names(root) == {*OURS, "pre-push.legacy"}
    assert is_judged(root)
    framework(name, root, "uninstall")
    ran = estash("install", cwd=root)
    assert ran.out.splitlines()[1:] == [f"  {TYPES}"]
    framework(name, root, "install")
    ran = estash("install", cwd=root)  # nothing twice
    assert ran.out.splitlines()[1:] == [f"  run by {name}: pre-push.legacy", f"  {left}"]
    assert hook_names(root) == {*OURS, "pre-push.legacy"}


NAMES = [
    (NAMED.replace("pre-commit, pre-merge-commit]", "manual]"), CLONE[2:-1]),
    (NAMED.replace("id: tag-snapshots", "id: other"), CLONE[:3]),
    (NAMED.replace("[pre-commit]", "[commit]"), CLONE[:-1]),
    (NAMED.replace("stages: [pre-commit]", "verbose: true"), CLONE[:-1]),
    ("default_stages: [manual]\n" + NAMED.replace("stages: [pre-commit]", "verbose: true"), CLONE[1:-1]),
    (NAMED.replace("repo: local", "repo: https://example.org/x").replace("stages: [pre-commit]", "x: 1"), CLONE[:-1]),
    ("a: &a [*a]\n" + NAMED, ()),
    ("a: &a {}\nb: *a\n" + NAMED, ()),
    ("repos: {}\n", ()),
    ("repos: [1, {hooks: 1}, {hooks: [1, {id: 1}]}]\n", ()),
    ("\xff[", ()),
    (NAMED + "#" * 1_000_000, ()),
    (NAMED, CLONE[:-1]),
]
"""Configs, and the types that are left to the framework."""


def test_what_a_config_names(root: Path) -> None:
    write(root, {".pre-commit-config.yaml": NAMED})
    framework("pre-commit", root, "install")
    for config, left in NAMES:
        (root / ".pre-commit-config.yaml").write_text(config, encoding="latin-1")
        assert estash("install", cwd=root).code == 0
        natively = {name.removesuffix(".legacy") for name in hook_names(root) if name.endswith(".legacy")}
        assert natively == set(CLONE) - set(left), config[:200]


def test_a_config_elsewhere_counts_where_the_hook_says_so(root: Path) -> None:
    write(root, {"ci/hooks.yaml": NAMED, ".pre-commit-config.yaml": OTHERS})
    framework("pre-commit", root, "install", "-c", "ci/hooks.yaml")
    assert f"  configured in pre-commit: {CLONE[0]}" in estash("install", cwd=root).out
    git("config", "--remove-section", "experimentstash", cwd=root)
    write(root, {"sub/.pre-commit-config.yaml": NAMED})
    framework("prek", root / "sub", "install", "-f")
    assert "  configured in prek: pre-commit, pre-merge" in estash("install", cwd=root).out


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 cannot read TOML: all hooks are installed then")
def test_preks_own_config(root: Path) -> None:
    hooks = "".join(
        f'{{ id = "{id_}", name = "x", language = "system", entry = "{id_}", stages = {stages} }},\n'
        for id_, stages in [
            ("freeze-snapshots", '["pre-commit"]'),
            ("check-snapshots", '["pre-commit", "pre-merge-commit"]'),
            ("compare-pins", '["post-checkout"]'),
            ("tag-snapshots", '["post-commit", "post-merge", "post-rewrite"]'),
        ]
    )
    types = ", ".join(f'"{kind}"' for kind in CLONE)
    text = f'default_install_hook_types = [{types}]\n[[repos]]\nrepo = "local"\nhooks = [\n{hooks}]\n'
    write(root, {"prek.toml": text, ".pre-commit-config.yaml": OTHERS})
    framework("prek", root, "install")
    left = f"configured in prek: {', '.join(CLONE[:-1])}"
    installed(root, f"{root}/.git/hooks: hooks installed", "run by prek: pre-push.legacy", left)


@pytest.mark.every
def test_two_frameworks_on_top_of_each_other(root: Path) -> None:
    """`prek install` keeps the hook of pre-commit as `.legacy`, which runs `.legacy`, without an end."""
    write(root, {".pre-commit-config.yaml": OTHERS})
    framework("pre-commit", root, "install")
    framework("prek", root, "install")
    before = state(root)
    ran = estash("install", cwd=root)
    legacy = root / ".git/hooks/pre-commit.legacy"
    assert (ran.code, ran.err) == (
        1,
        f"experimentstash: {legacy}: prek and pre-commit would run each other in an endless loop\n"
        f"    fix: rm '{legacy}' && experimentstash install\n",
    )
    assert state(root) == before
    assert run("sh", "-c", ran.err.partition("fix: ")[2], cwd=root).code == 0
    assert run("git", "commit", "--allow-empty", "-m", "x", cwd=root).code == 0


# core.hooksPath leads elsewhere.


def aside(root: Path) -> Path:
    return root / ".git/experimentstash/hooks"


def first(folder: Path) -> str:
    return f"{folder}: hooks of these types run first, hooks of other types run as before"


def test_husky(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stäsh of mine")
    log = husky(root)
    before = everything(root / ".husky")
    installed(root, f"{aside(root)}: hooks installed", TYPES, first(root / ".husky/_"))
    assert everything(root / ".husky") == before
    assert hook_names(root) == set()
    assert git("config", "--local", "core.hooksPath", cwd=root) == str(aside(root))
    assert is_judged(root)
    assert told(log) == ["husky pre-commit "]
    freeze(root, "a", "v1", "two", tagged=False)
    assert git("tag", cwd=root) == "snapshot/v1"
    assert told(log) == ["husky pre-commit ", "husky commit-msg .git/COMMIT_EDITMSG"]
    (root / ".husky/commit-msg").write_text("exit 1\n")
    assert run("git", "commit", "--allow-empty", "-m", "x", cwd=root).code == 1
    # husky again, as each `npm install` does
    husky(root)
    assert not is_judged(root)
    assert estash("install", cwd=root).out.splitlines() == [
        f"{aside(root)}: hooks installed",
        f"  {TYPES}",
        f"  {first(root / '.husky/_')}",
    ]
    assert is_judged(root)


@pytest.mark.every
def test_husky_in_a_linked_worktree(tmp_path: Path) -> None:
    """Git takes a relative path from the top of each worktree, and so do we."""
    root, linked = make_stash(tmp_path / "stash"), tmp_path / "linked"
    husky(root)
    git("worktree", "add", "-q", linked, cwd=root)
    assert estash("install", cwd=linked).code == 0
    program(linked / ".husky/_/pre-commit", f'echo "$PWD" >> "{tmp_path}/log"')
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=linked)
    assert told(tmp_path / "log") == [str(linked)]
    assert is_judged(linked)


def test_a_hook_that_appears_in_the_former_folder_is_run(root: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    git("config", "core.hooksPath", ".githooks", cwd=root)
    assert estash("install", cwd=root).code == 0
    for kind in ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-checkout", "pre-rebase"):
        program(root / ".githooks" / kind, f'echo "{kind} $*" >> "{log}"')
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    message = ".git/COMMIT_EDITMSG"
    assert told(log) == [
        "pre-commit ",
        f"prepare-commit-msg {message} message",
        f"commit-msg {message}",
        "post-commit ",
    ]
    program(root / ".githooks/post-checkout", "exit 9")
    assert run("git", "checkout", "-q", "-b", "side", cwd=root).code == 1
    program(root / ".githooks/pre-rebase", "exit 0", mode=0o644)
    git("rebase", "-q", "main", cwd=root)


def test_hooks_that_are_felt_by_being_there(root: Path, tmp_path: Path) -> None:
    git("config", "core.hooksPath", ".githooks", cwd=root)
    program(root / ".githooks/reference-transaction", f'echo "$1 $(cat)" >> "{tmp_path}/log"')
    assert estash("install", cwd=root).code == 0
    assert not (aside(root) / "push-to-checkout").exists()
    git("tag", "x", cwd=root)
    assert f"committed {'0' * 40} {git('rev-parse', 'HEAD', cwd=root)} refs/tags/x" in told(tmp_path / "log")
    # with an empty push-to-checkout, git would not update the files
    git("config", "receive.denyCurrentBranch", "updateInstead", cwd=root)
    git("clone", "-q", root, tmp_path / "clone", cwd=tmp_path)
    write(tmp_path / "clone", {"new": "x"})
    git("add", "new", cwd=tmp_path / "clone")
    git("commit", "-q", "-m", "x", cwd=tmp_path / "clone")
    git("push", "-q", "origin", "main", cwd=tmp_path / "clone")
    assert (root / "new").read_text() == "x"
    (root / ".githooks/reference-transaction").unlink()
    assert estash("install", cwd=root).code == 0
    assert not (aside(root) / "reference-transaction").exists()


@pytest.mark.every
@pytest.mark.parametrize("scope", ["--global", "--system"])
def test_hooks_for_all_repositories_of_the_user(
    root: Path, scope: str, tmp_path: Path, sealed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scope == "--system":
        monkeypatch.delenv("GIT_CONFIG_NOSYSTEM")
        monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "system"))
    log = tmp_path / "log"
    git("config", scope, "core.hooksPath", "~/all hooks", cwd=root)
    for folder in ("all hooks", "others"):
        program(sealed_home / folder / "pre-commit", f'echo "{folder}" >> "{log}"')
    before = everything(sealed_home)
    installed(root, f"{aside(root)}: hooks installed", TYPES, first(sealed_home / "all hooks"))
    assert everything(sealed_home) == before
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert told(log) == ["all hooks"]
    git("config", scope, "core.hooksPath", "~/others", cwd=root)  # what it says now counts
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert told(log) == ["others"]
    git("config", scope, "--unset", "core.hooksPath", cwd=root)
    program(root / ".git/hooks/pre-commit", f'echo local >> "{log}"')
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert told(log) == ["local"]


def test_a_path_of_one_worktree(root: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git("worktree", "add", "-q", linked, cwd=root)
    git("config", "extensions.worktreeConfig", "true", cwd=root)
    git("config", "--worktree", "core.hooksPath", "hooks here", cwd=linked)
    program(linked / "hooks here/pre-commit", f'echo here >> "{tmp_path}/log"')
    installed(linked, f"{aside(root)}: hooks installed", TYPES, first(linked / "hooks here"))
    assert git("config", "--worktree", "core.hooksPath", cwd=linked) == str(aside(root))
    assert run("git", "config", "core.hooksPath", cwd=root).code == 1
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=linked)
    assert told(tmp_path / "log") == ["here"]


def test_a_folder_of_hooks_that_is_a_link(root: Path, tmp_path: Path) -> None:
    program(root / "shared hooks/pre-commit", f'echo linked >> "{tmp_path}/log"')
    shutil.rmtree(root / ".git/hooks")
    (root / ".git/hooks").symlink_to("../shared hooks")
    installed(root, f"{aside(root)}: hooks installed", TYPES, first(root / ".git/hooks"))
    assert os.listdir(root / "shared hooks") == ["pre-commit"]
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert told(tmp_path / "log") == ["linked"]


def test_gits_own_folder_by_its_name(root: Path) -> None:
    git("config", "core.hooksPath", ".git/hooks", cwd=root)
    installed(root, f"{root}/.git/hooks: hooks installed", TYPES)
    assert git("config", "core.hooksPath", cwd=root) == ".git/hooks"
    program(root / "hooks/pre-commit", "exit 1")  # a directory of the stash by that name is nobody's directory of hooks
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)


def test_our_own_folder(root: Path) -> None:
    git("config", "core.hooksPath", HOOKS, cwd=root)
    what = f"{HOOKS}: core.hooksPath already names the hooks of experimentstash; nothing to install\n"
    assert estash("install", cwd=root) == Ran(0, f"{what}  Python of the hooks: {PYTHON}\n", "")
    assert estash("install", cwd=root) == Ran(0, what, "")
    assert hook_names(root) == set()
    assert git("config", "core.hooksPath", cwd=root) == str(HOOKS)


def test_core_hookspath_is_taken_back(root: Path, tmp_path: Path) -> None:
    log = husky(root)
    estash("install", cwd=root)
    git("config", "--unset", "core.hooksPath", cwd=root)
    assert estash("install", cwd=root).out.startswith(f"{root}/.git/hooks: hooks installed\n")
    assert run("git", "config", "experimentstash.hooksPath", cwd=root).code == 1
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert told(log) == []
    husky(root)
    estash("install", cwd=root)
    git("config", "--unset", "experimentstash.hooksPath", cwd=root)
    program(root / ".git/hooks/commit-msg", f'echo own >> "{log}"')
    estash("install", cwd=root)  # what led to husky is forgotten: git's own directory it is
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert told(log) == ["own"]


@pytest.mark.every
def test_prek_in_our_folder(tmp_path: Path) -> None:
    """Where core.hooksPath is set, `prek install` writes there, and keeps ours as `.legacy`."""
    root = make_stash(tmp_path / "stash")
    log = husky(root)
    assert estash("install", cwd=root).code == 0
    write(root, {".pre-commit-config.yaml": OTHERS})
    framework("prek", root, "install", "-t", "pre-commit", "-t", "commit-msg")
    assert estash("install", cwd=root).out == f"{aside(root)}: hooks already installed\n"
    assert is_judged(root)
    assert told(log) == ["husky pre-commit "]
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    assert told(log) == ["husky pre-commit ", "husky commit-msg .git/COMMIT_EDITMSG"]


@pytest.mark.every
def test_prek_in_the_former_folder_names_ours(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("config", "core.hooksPath", ".githooks", cwd=root)
    write(root, {".pre-commit-config.yaml": NAMED})
    git("add", ".pre-commit-config.yaml", cwd=root)
    git("commit", "-q", "-m", "a framework", cwd=root)
    framework("prek", root, "install")
    left = f"configured in prek: {', '.join(CLONE[:-1])}"
    installed(root, f"{aside(root)}: hooks installed", "pre-push", left, first(root / ".githooks"))
    assert drifted(root).err.count("pin: it records") == 1


def test_a_repository_that_was_moved(root: Path, tmp_path: Path) -> None:
    log = husky(root)
    assert estash("install", cwd=root).code == 0
    moved = root.rename(tmp_path / "moved")
    ran = estash("install", cwd=moved)
    assert ran.out.splitlines()[2:] == [f"  {first(moved / '.husky/_')}"]
    assert git("config", "experimentstash.hooksPath", cwd=moved) == ".husky/_"
    log.parent.mkdir()
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=moved)
    assert len(told(log)) == 2


# All or nothing.


def refused(root: Path, ran: Ran, what: str) -> None:
    assert (ran.code, ran.out) == (1, "")
    assert what in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.skipif(AS_ROOT, reason="root writes everywhere")
def test_a_read_only_folder(root: Path) -> None:
    program(root / ".git/hooks/pre-push", "exit 0")
    before = state(root)
    (root / ".git/hooks").chmod(0o555)
    refused(root, estash("install", cwd=root), "Permission denied")
    (root / ".git/hooks").chmod(0o755)
    assert state(root) == before


@pytest.mark.parametrize("blocked", ["post-rewrite", "experimentstash.sh"])
def test_something_in_the_way_leaves_what_was_there(root: Path, blocked: str) -> None:
    program(root / ".git/hooks/pre-commit", "exit 0")
    program(root / f".git/hooks/post-rewrite{BEFORE}/x", "a folder of that name")
    program(root / ".git/hooks" / blocked / "x", "a folder")
    before = state(root)
    ran = estash("install", cwd=root)
    assert (ran.code, ran.out, "Traceback" in ran.err) == (1, "", False)
    assert state(root) == before


def test_a_config_that_cannot_be_written(root: Path) -> None:
    program(root / ".git/hooks/pre-commit", "exit 0")
    (root / ".git/config.lock").touch()
    before = state(root)
    refused(root, estash("install", cwd=root), "could not lock config file")
    assert state(root) == before


def test_core_hookspath_with_several_values(root: Path) -> None:
    for value in (".one", ".two"):
        git("config", "--add", "core.hooksPath", value, cwd=root)
    before = state(root)
    ran = estash("install", cwd=root)
    refused(root, ran, "core.hooksPath has 2 values in this repository; git uses the last one")
    assert state(root) == before
    assert run("sh", "-c", ran.err.partition("fix: ")[2], cwd=root).code == 0
    assert estash("install", cwd=root).out.splitlines()[2] == f"  {first(root / '.two')}"


def test_core_hookspath_of_an_included_file(root: Path) -> None:
    write(root, {"team.gitconfig": "[core]\n\thooksPath = .team\n"})
    git("config", "include.path", "../team.gitconfig", cwd=root)  # behind what is written before it
    before = state(root)
    refused(root, estash("install", cwd=root), "core.hooksPath is also set in a file that the repository's config")
    assert state(root) == before


def test_core_hookspath_of_one_command(root: Path) -> None:
    before = state(root)
    env = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": ".x"}
    ran = estash("install", cwd=root, env=env)
    refused(root, ran, "core.hooksPath is set only for this command")
    assert state(root) == before
    assert run("sh", "-c", ran.err.partition("fix: ")[2], cwd=root, env=env).code == 0
    assert estash("doctor", cwd=root).code == 0


KILL = """
import os, signal, sys
from experimentstash.hooks.install import installation as room
from experimentstash.cli.program import main
real, left = room.write_text, [int(sys.argv.pop(1))]
def write_text(*args, **options):
    if not left[0]:
        os.kill(os.getpid(), int(os.environ["SIGNAL"]))
    left[0] -= 1
    real(*args, **options)
room.write_text = write_text
main()
"""


@pytest.mark.parametrize("writes", [0, 1, 5, 6])
def test_killed_at_any_moment(root: Path, writes: int) -> None:
    """At every moment there is a hook where there was one; another install ends what was begun."""
    for kind in CLONE[::2]:
        program(root / ".git/hooks" / kind, f"echo {kind}")
    git("config", "core.hooksPath", ".git/hooks", cwd=root)
    ran = run(sys.executable, "-c", KILL, str(writes), "install", cwd=root, env={"SIGNAL": "9"})
    assert ran.code == -9
    for kind in CLONE[::2]:
        assert any(f"echo {kind}" in path.read_text() for path in (root / ".git/hooks").glob(f"{kind}*"))
        assert os.access(root / ".git/hooks" / kind, os.X_OK)
    assert estash("install", cwd=root).code == 0
    assert hook_names(root) == {*OURS, *(f"{kind}{BEFORE}" for kind in CLONE[::2])}


def test_a_signal_waits_for_the_end(root: Path) -> None:
    ran = run(sys.executable, "-c", KILL, "3", "install", cwd=root, env={"SIGNAL": "15"})
    assert ran.code == 143
    assert hook_names(root) == OURS


def test_a_configuration_that_a_killed_git_left_locked(tmp_path: Path) -> None:
    root = stash(tmp_path / "stäsh of mine")
    (root / ".git/config.lock").touch()
    ran = estash("install", cwd=root / "configs")
    assert ran.code == 1
    fix = ran.err.partition("    fix: ")[2]
    assert fix == f"rm '{root}/.git/config.lock'  # if no other git is at work there, then rerun the same command\n"
    assert run("sh", "-c", fix, cwd=root).code == 0
    assert estash("install", cwd=root / "configs").code == 0
