"""`doctor`: each thing that keeps the hooks from working is found, and the command that it names mends it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from conftest import Ran, commit, estash, git, run, write
from hooking import CLONE, HOOKS, TYPES, framework, husky, program, stash
from hooking import NAMED as OURS
from hooking import OTHERS as THEIRS

if TYPE_CHECKING:
    from pathlib import Path

EXCLUDE = "exclude: ^configs/[^/]+/snapshots/\n"
NAMED, OTHERS = EXCLUDE + OURS, EXCLUDE + THEIRS
FINE = Ran(0, "the hooks are installed and working\n", "")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stash with hooks that nothing keeps from working."""
    made = stash(tmp_path / "stäsh of mine")
    assert estash("install", cwd=made).code == 0
    return made


def mended(root: Path, *found: str, env: dict[str, str] | None = None, then: dict[str, str] | None = None) -> None:
    """Check what is found, paste each command that it names, and see that nothing is left."""
    ran = estash("doctor", cwd=root / "configs", env=env)
    assert (ran.code, ran.out) == (1, "")
    lines = ran.err.splitlines()
    assert sorted(line.replace(str(root), "ROOT") for line in lines[::2]) == sorted(found)
    for fix in dict.fromkeys(line.removeprefix("    fix: ") for line in lines[1::2]):
        pasted = run("sh", "-c", fix, cwd=root / "configs")
        assert pasted.code == 0, fix + pasted.err
    assert estash("doctor", cwd=root, env=then) == FINE


def test_nothing_is_in_the_way(root: Path) -> None:
    assert estash("doctor", cwd=root) == FINE
    assert estash("doctor", "--json", cwd=root) == Ran(0, '{\n  "problems": []\n}\n', "")


def test_json(root: Path) -> None:
    (root / ".git/hooks/pre-push").chmod(0o644)
    ran = estash("doctor", "--json", cwd=root)
    assert (ran.code, ran.err) == (1, "")
    hook = f"{root}/.git/hooks/pre-push"
    what = "git does not run it: it is not executable"
    assert json.loads(ran.out) == {
        "problems": [{"where": hook, "rule": "hooks", "what": what, "fix": f"chmod +x '{hook}'"}]
    }


def test_nothing_is_installed(tmp_path: Path) -> None:
    root = stash(tmp_path / "stash")
    mended(root, f"ROOT/.git/hooks: hooks: not installed: {TYPES}")


def test_a_server(tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    git("init", "-q", "--bare", server, cwd=tmp_path)
    (server / "configs").mkdir()
    what = "it is not set: git accepts malformed trees, such as one with a directory named .git"
    mended(server, "ROOT/hooks: hooks: not installed: pre-receive", f"receive.fsckObjects: push: {what}")


def test_no_stash(tmp_path: Path) -> None:
    ran = estash("doctor", cwd=tmp_path)
    assert (ran.code, ran.out, "not a stash" in ran.err) == (1, "", True)


# The hooks.


def test_hooks_that_were_taken_away_or_replaced(root: Path) -> None:
    (root / ".git/hooks/post-rewrite").unlink()
    (root / ".git/hooks/pre-push").unlink()
    program(root / ".git/hooks/pre-push", "exit 0")
    mended(root, "ROOT/.git/hooks: hooks: not installed: post-rewrite, pre-push")


def test_hooks_without_run_bit(root: Path) -> None:
    for kind in CLONE:
        (root / ".git/hooks" / kind).chmod(0o644)
    mended(root, *(f"ROOT/.git/hooks/{kind}: hooks: git does not run it: it is not executable" for kind in CLONE))


@pytest.mark.every
def test_hooks_of_another_version(root: Path) -> None:
    text = (root / ".git/hooks/pre-commit").read_bytes()
    (root / ".git/hooks/pre-commit").write_bytes(text + b"# older\n")
    (root / ".git/hooks/experimentstash.sh").unlink()
    mended(root, "ROOT/.git/hooks: hooks: of another version, or edited: pre-commit, experimentstash.sh")


def test_core_hookspath_leads_elsewhere(root: Path) -> None:
    husky(root)
    mended(
        root,
        "core.hooksPath (local): hooks: git runs the hooks in ROOT/.husky/_, not those of experimentstash",
    )
    husky(root)  # again, as each `npm install` does
    mended(
        root,
        "core.hooksPath (local): hooks: git runs the hooks in ROOT/.husky/_, not those of experimentstash",
    )
    program(root / ".husky/_/reference-transaction", "exit 0")
    (root / ".git/experimentstash/hooks/commit-msg").unlink()
    mended(root, "ROOT/.git/experimentstash/hooks: hooks: not installed: commit-msg, reference-transaction")


@pytest.mark.every
def test_core_hookspath_of_the_user(root: Path, sealed_home: Path) -> None:
    git("config", "--global", "core.hooksPath", "~/hooks", cwd=root)
    mended(
        root,
        f"core.hooksPath (global): hooks: git runs the hooks in {sealed_home}/hooks, not those of experimentstash",
    )


@pytest.mark.every
def test_a_folder_of_hooks_that_is_a_link(root: Path) -> None:
    (root / ".git/hooks").rename(root / "hooks")
    (root / ".git/hooks").symlink_to("../hooks")
    assert estash("doctor", cwd=root) == FINE
    (root / "hooks/pre-push").unlink()
    what = "git runs the hooks in ROOT/.git/hooks, not those of experimentstash"
    mended(root, f"core.hooksPath (a link): hooks: {what}")


def test_our_own_folder(root: Path, tmp_path: Path) -> None:
    shutil.copytree(HOOKS, tmp_path / "copy")
    git("config", "core.hooksPath", tmp_path / "copy", cwd=root)
    assert estash("doctor", cwd=root) == FINE
    (tmp_path / "copy/pre-push").chmod(0o644)
    mended(root, f"{tmp_path}/copy/pre-push: hooks: git does not run it: it is not executable")


@pytest.mark.every
def test_a_repository_that_was_moved(root: Path, tmp_path: Path) -> None:
    husky(root)
    estash("install", cwd=root)
    moved = root.rename(tmp_path / "moved")
    what = f"git runs the hooks in {root}/.git/experimentstash/hooks, not those of experimentstash"
    mended(moved, f"core.hooksPath (local): hooks: {what}")


# Frameworks.


@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_a_framework(root: Path, name: str) -> None:
    write(root, {".pre-commit-config.yaml": OTHERS})
    framework(name, root, "install", "-t", "pre-commit", "-t", "pre-push")
    assert estash("doctor", cwd=root) == FINE
    framework(name, root, "install", "-f", "-t", "pre-commit", "-t", "pre-push")  # and ours are gone
    gate = f"{name} passes only the first ref of a push to its hooks, and the native hook is missing"
    mended(
        root,
        "ROOT/.git/hooks: hooks: not installed: pre-commit",
        f"ROOT/.git/hooks/pre-push.legacy: hooks: {gate}",
    )
    (root / ".git/hooks/pre-push").chmod(0o644)
    mended(root, "ROOT/.git/hooks/pre-push: hooks: git does not run it: it is not executable")


@pytest.mark.every
@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_a_framework_that_runs_ours(root: Path, name: str) -> None:
    write(root, {".pre-commit-config.yaml": NAMED})
    framework(name, root, "install")
    assert estash("doctor", cwd=root) == FINE  # twice is no harm
    estash("install", cwd=root)
    assert estash("doctor", cwd=root) == FINE
    write(root, {".pre-commit-config.yaml": NAMED.replace("id: tag-snapshots", "id: other")})
    mended(root, "ROOT/.git/hooks: hooks: not installed: post-commit, post-merge, post-rewrite")
    write(root, {".pre-commit-config.yaml": NAMED})
    estash("install", cwd=root)
    framework(name, root, "uninstall", "-t", "post-commit", "-t", "pre-push")
    mended(root, "ROOT/.git/hooks: hooks: not installed: post-commit")
    (root / ".git/hooks/pre-commit").chmod(0o644)
    ran = estash("doctor", cwd=root)
    assert [line for line in ran.err.splitlines() if "fix" in line] == [
        "    fix: experimentstash install",
        f"    fix: chmod +x '{root}/.git/hooks/pre-commit'",
    ]


@pytest.mark.every
@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_a_config_that_leaves_out_types(root: Path, name: str) -> None:
    config = re.sub("default_install_hook_types: .*", "default_install_hook_types: [pre-commit, commit-msg]", NAMED)
    write(root, {".pre-commit-config.yml" if name == "prek" else ".pre-commit-config.yaml": config})
    (path,) = root.glob(".pre-commit-config.y*ml")
    lacking = ", ".join(CLONE[1:])
    what = f"`{name} install` in a clone does not install these hook types: {lacking}"
    mended(root, f"ROOT/{path.name}: default_install_hook_types: hooks: {what}")
    assert path.read_text() == config.replace("commit-msg]", f"commit-msg, {lacking}]")


@pytest.mark.every
@pytest.mark.parametrize("line", ["", "exclude: ^docs/\n", "exclude: '['\n"])
def test_a_config_that_gives_snapshots_to_fixers(root: Path, line: str) -> None:
    write(root, {".pre-commit-config.yaml": NAMED.replace(EXCLUDE, line)})
    mended(
        root,
        "ROOT/.pre-commit-config.yaml: exclude: hooks: pre-commit passes frozen files to its other hooks, "
        "and a fixer would rewrite them",
    )


def test_a_config_that_excludes_snapshots_in_other_words(root: Path) -> None:
    write(root, {".pre-commit-config.yaml": NAMED.replace(EXCLUDE, "exclude: (^|/)snapshots/.*[.](yaml|json)$\n")})
    assert estash("doctor", cwd=root) == FINE


# Hooks of git's configuration.


def newer_git(folder: Path) -> dict[str, str]:
    """Put a git on the PATH that says it is 2.54, and return the environment."""
    git_here = shutil.which("git")
    said = 'if [ "$1" = version ]; then echo "git version 2.54.0"; else exec'
    program(folder / "bin/git", f'{said} {git_here} "$@"; fi')
    return {"PATH": f"{folder}/bin:{os.environ['PATH']}"}


def configure(root: Path, name: str, command: str, *events: str) -> None:
    git("config", f"hook.{name}.command", command, cwd=root)
    for event in events:
        git("config", "--add", f"hook.{name}.event", event, cwd=root)


@pytest.mark.parametrize("runner", ["our own program", "pre-commit"])
def test_hooks_of_the_configuration_that_run_ours(tmp_path: Path, runner: str) -> None:
    root = stash(tmp_path / "stash")
    env = newer_git(tmp_path)
    write(root, {".pre-commit-config.yaml": NAMED})
    for kind in CLONE if runner != "pre-commit" else CLONE[:-1]:
        command = f"pre-commit hook-impl --config=.pre-commit-config.yaml --hook-type={kind} --hook-dir .git/hooks --"
        configure(
            root, f"own.{kind}", command if runner == "pre-commit" else f"/usr/bin/experimentstash-hook {kind}", kind
        )
    ran = estash("doctor", cwd=root, env=env)
    assert ran.code == (1 if runner == "pre-commit" else 0), ran.err
    assert ("not installed: pre-push" in ran.err) == (runner == "pre-commit")  # which sees one ref of many
    assert "not installed: pre-commit" in estash("doctor", cwd=root).err  # a git that runs none of them
    installed = estash("install", cwd=root, env=env)
    assert "hooks in git's configuration run first: own.pre-commit, " in installed.out
    hooks = {path.name for path in (root / ".git/hooks").iterdir() if path.name in CLONE}
    assert hooks == ({"pre-push"} if runner == "pre-commit" else set())
    assert estash("doctor", cwd=root, env=env) == FINE


def test_hooks_of_the_configuration_that_stop_ours(root: Path, tmp_path: Path) -> None:
    env = newer_git(tmp_path)
    git("config", "--global", "hook.pre-commit.enabled", "false", cwd=root)
    configure(root, "lint", "", "pre-push")
    git("config", "--unset", "hook.lint.command", cwd=root)
    configure(root, "other", "touch x", "post-checkout")
    assert estash("doctor", cwd=root) == FINE
    mended(
        root,
        "hook.lint: hooks: it has no command, so git fails at pre-push",
        "hook.pre-commit.enabled: hooks: it disables every hook of that type",
        env=env,
        then=env,
    )


# A clone without hooks.


def test_who_works_without_hooks_is_told(tmp_path: Path) -> None:
    git("config", "--global", "--unset", "experimentstash.hooks", cwd=tmp_path)
    root = stash(tmp_path / "stash")
    told = "experimentstash: the git hooks are not installed in this clone: nothing checks its commits and pushes; "
    for words in (("run", "t", "e"), ("snapshot", "t", "e", "--tag", "v1")):
        assert estash(*words, cwd=root).err.splitlines()[0] == f"{told}fix: experimentstash install"
    assert estash("install", cwd=root).code == 0
    assert "hooks" not in estash("run", "t", "e", cwd=root).err
    assert estash("init", "without", "--hooks", "none", cwd=tmp_path).code == 0
    assert "hooks" not in estash("run", "t", "e", cwd=tmp_path / "without").err


def test_a_new_stash_passes(tmp_path: Path) -> None:
    for hooks in ("native", "pre-commit", "prek"):
        assert estash("init", hooks, "--hooks", hooks, cwd=tmp_path).code == 0
        assert estash("doctor", cwd=tmp_path / hooks) == FINE


# Python.


def test_a_python_that_is_gone(root: Path, tmp_path: Path) -> None:
    git("config", "experimentstash.python", tmp_path / "gone", cwd=root)
    mended(root, f"experimentstash.python: python: {tmp_path}/gone: not a program on this machine")
    git("config", "experimentstash.python", "python3", cwd=root)
    mended(root, "experimentstash.python: python: python3: not a program on this machine")
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    git("config", "experimentstash.python", tmp_path / "text", cwd=root)
    mended(root, f"experimentstash.python: python: {tmp_path}/text cannot import experimentstash: Exec format error")


@pytest.mark.every
def test_a_python_without_the_package_or_with_another(root: Path, tmp_path: Path) -> None:
    made = run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    assert made.code == 0, made.err
    python = tmp_path / "venv/bin/python"
    git("config", "experimentstash.python", python, cwd=root)
    reason = "ModuleNotFoundError: No module named 'experimentstash'"
    mended(root, f"experimentstash.python: python: {python} cannot import experimentstash: {reason}")
    asked = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path)
    package = tmp_path / asked.out.strip() / "experimentstash"
    write(package, {"__init__.py": "__version__ = '0.0.1'\n", "hooks/__init__.py": "", "hooks/native.py": ""})
    git("config", "experimentstash.python", python, cwd=root)
    from experimentstash import __version__

    what = f"{python} has experimentstash 0.0.1, but this command is {__version__}"
    mended(root, f"experimentstash.python: python: {what}")


def test_no_python_is_recorded(root: Path) -> None:
    git("config", "--unset", "experimentstash.python", cwd=root)
    assert estash("doctor", cwd=root) == FINE  # the console script is on the PATH
    what = "it is not set, and experimentstash-hook is not on the PATH"
    mended(root, f"experimentstash.python: python: {what}", env={"PATH": "/usr/bin:/bin"})


def test_the_tools_python_is_gone(root: Path) -> None:
    git("config", "experimentstash.toolPython", "/gone/python", cwd=root)
    mended(root, "experimentstash.toolPython: python: /gone/python: not a program on this machine")


def test_what_lies_in_the_stash_is_not_executed(root: Path, tmp_path: Path) -> None:
    write(root, {f"{folder}experimentstash.py": f"open('{tmp_path}/hostile', 'w')\n" for folder in ("", "configs/")})
    assert estash("doctor", cwd=root / "configs") == FINE
    assert not (tmp_path / "hostile").exists()


# Git.


def test_submodules_that_git_does_not_look_at(root: Path) -> None:
    git("config", "-f", ".gitmodules", "submodule.tools/a b.ignore", "all", cwd=root)
    git("config", "-f", ".gitmodules", "submodule.tools/c.ignore", "dirty", cwd=root)
    git("config", "submodule.tools/d.ignore", "all", cwd=root)
    git("config", "--global", "diff.ignoreSubmodules", "all", cwd=root)
    blind = "submodules: it hides a moved pin from git status and git add"
    mended(
        root,
        f".gitmodules: submodule.tools/a b.ignore: {blind}",
        f"submodule.tools/d.ignore: {blind}",
        "diff.ignoreSubmodules: submodules: it hides moved pins from git status and git diff",
    )


def test_a_push_that_leaves_the_stash_behind(root: Path) -> None:
    git("config", "--global", "push.recurseSubmodules", "no", cwd=root)
    assert estash("doctor", cwd=root) == FINE  # the gate judges whether a pin is published
    git("config", "--global", "push.recurseSubmodules", "only", cwd=root)
    mended(root, "push.recurseSubmodules: push: the value `only` pushes the tools, but not the stash and its snapshots")


def test_an_exception_that_stays(root: Path) -> None:
    ran = estash("doctor", cwd=root, env={"EXPERIMENTSTASH_ALLOW": "pin"})
    assert ran == Ran(
        1,
        "",
        "EXPERIMENTSTASH_ALLOW: allowed: it is pin in this shell: every command passes these findings, "
        "not just one\n    fix: unset EXPERIMENTSTASH_ALLOW\n",
    )
    shell = "export EXPERIMENTSTASH_ALLOW=pin; unset EXPERIMENTSTASH_ALLOW; experimentstash doctor"
    assert run("sh", "-c", shell, cwd=root) == FINE


@pytest.mark.parametrize(
    ("said", "is_old"), [("git version 2.29.3", True), ("git version 2.30.0 (Apple Git-1)", False)]
)
def test_an_old_git(root: Path, said: str, is_old: bool, tmp_path: Path) -> None:
    git_here = shutil.which("git")
    program(tmp_path / "bin/git", f'if [ "$1" = version ]; then echo "{said}"; else exec {git_here} "$@"; fi')
    ran = estash("doctor", cwd=root, env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"})
    told = f"git: git: {said}: too old\n    fix: install git 2.30 or later, https://git-scm.com\n"
    assert ran == (Ran(1, "", told) if is_old else FINE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_tool_of_another_user(root: Path, tmp_path: Path) -> None:
    commit(tmp_path / "tool", {"a": ""})
    git("submodule", "--quiet", "add", tmp_path / "tool", "tools/mytool", cwd=root)
    run("chown", "-R", "1234", "tools/mytool", ".git/modules", cwd=root)
    ran = estash("doctor", cwd=root)
    assert ran.code == 1
    assert ran.err.startswith(f"tools/mytool: tools: fatal: detected dubious ownership in repository at '{root}/tools")
    fix = ran.err.rpartition("fix: ")[2].strip()
    assert fix.startswith("git config --global --add safe.directory ")
    assert run("sh", "-c", fix, cwd=root).code == 0
    assert estash("doctor", cwd=root) == FINE
