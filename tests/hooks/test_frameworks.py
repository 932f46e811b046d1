"""From a copied working config to the tag, whole: natively, through pre-commit and through prek, as they build it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from conftest import BIN, Ran, commit, estash, git, run, write
from shapes import EXPERIMENT, Shape, hard_coded, make_stash

ROOT = Path(__file__).parents[2]
LEFT = shutil.ignore_patterns("__pycache__", ".*_cache")
FOLDER = "configs/mytool/snapshots/v1"
PATH = f"{FOLDER}/first.yaml"
CONFIG = """\
default_install_hook_types: [pre-commit, pre-merge-commit, post-commit, post-merge, post-rewrite, pre-push]
repos:
- repo: {source}
  rev: {rev}
  hooks:
  - id: freeze-snapshots
  - id: check-snapshots
  - id: tag-snapshots
  - id: guard-push
"""


INSTALL = {"pre-commit": "install-hooks", "prek": "prepare-hooks"}


class Frameworks:
    """What the frameworks build of this checkout, uncommitted work and all; each when it is first asked for.

    Attributes:
        config: the `.pre-commit-config.yaml` that names it.
        env: where the built environments are kept.
    """

    def __init__(self, root: Path) -> None:
        self.env = {"PRE_COMMIT_HOME": str(root / "pre-commit"), "PREK_HOME": str(root / "prek")}
        self._root = root
        self._built: set[str] = set()
        source = root / "source"
        source.mkdir()
        for folder in ("experimentstash", "configs", "hooks"):
            shutil.copytree(ROOT / folder, source / folder, ignore=LEFT)
        for file in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".pre-commit-hooks.yaml"):
            shutil.copy(ROOT / file, source / file)
        self.config = CONFIG.format(source=source, rev=commit(source, {}, "this tree"))
        commit(root / "user", {".pre-commit-config.yaml": self.config})

    def build(self, framework: str) -> None:
        """Let a framework make its environment, once for all tests."""
        if framework not in self._built:
            ran = run(BIN / framework, INSTALL[framework], cwd=self._root / "user", env=self.env)
            assert ran.code == 0, ran.out + ran.err
            self._built.add(framework)


@pytest.fixture(scope="module")
def frameworks(tmp_path_factory: pytest.TempPathFactory) -> Frameworks:
    root = tmp_path_factory.mktemp("built")
    return Frameworks(root)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    make_stash(root, Shape(hard_coded()))
    return root


@pytest.fixture
def stash(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "stash", tmp_path / "stash", symlinks=True)
    return tmp_path / "stash"


@pytest.fixture
def native(stash: Path) -> Path:
    """A stash with the native hooks of this checkout."""
    git("config", "core.hooksPath", ROOT / "hooks", cwd=stash)
    git("config", "experimentstash.python", sys.executable, cwd=stash)
    return stash


@pytest.fixture(params=["native", "pre-commit", pytest.param("prek", marks=pytest.mark.every)])
def hooked(request: pytest.FixtureRequest) -> Path:
    """A stash whose hooks are installed in one of the ways."""
    name = "native" if request.param == "native" else "framed"
    stash: Path = request.getfixturevalue(name)
    return stash


@pytest.fixture
def framework(request: pytest.FixtureRequest) -> str:
    """The framework that the test is about: its parameter, or that of `hooked`."""
    values = request.node.callspec.params.values()
    return next(str(value) for value in values if value in INSTALL)


@pytest.fixture
def framed(stash: Path, frameworks: Frameworks, framework: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stash whose last commit brings the framework in, through its own install; nobody hears of snapshots."""
    for key, value in frameworks.env.items():
        monkeypatch.setenv(key, value)
    frameworks.build(framework)
    write(stash, {".pre-commit-config.yaml": frameworks.config})
    git("add", ".pre-commit-config.yaml", cwd=stash)
    ran = run(BIN / framework, "install", cwd=stash)
    assert ran.code == 0, ran.err
    first = committed(stash)
    assert first.code == 0, first.err
    assert "experimentstash" not in first.out + first.err
    return stash


def committed(stash: Path, *arguments: str, **env: str) -> Ran:
    return run("git", "commit", "-m", "work", *arguments, cwd=stash, env=env)


def stage(stash: Path, text: str = EXPERIMENT, path: str = PATH) -> None:
    write(stash, {path: text})
    git("add", path, cwd=stash)


def test_copied_committed_frozen_staged_again_and_tagged(hooked: Path) -> None:
    original = estash("run", "mytool", "first", cwd=hooked)
    assert original.code == 0
    head = git("rev-parse", "HEAD", cwd=hooked)
    stage(hooked)
    working = {"configs/mytool/experiment/first.yaml": "name: work goes on\n"}
    write(hooked, working)
    stopped = committed(hooked)
    assert stopped.code == 1
    assert f"frozen {PATH}\n" in stopped.out + stopped.err
    assert f"next: git add {PATH} {FOLDER}/requirements-" in stopped.out + stopped.err
    assert "Traceback" not in stopped.out + stopped.err
    assert git("rev-parse", "HEAD", cwd=hooked) == head
    assert git("show", f":{PATH}", cwd=hooked) + "\n" == EXPERIMENT, "a fixer does not stage"
    git("add", PATH, cwd=hooked)
    stopped = committed(hooked)
    assert stopped.code == 1
    assert "it was frozen with configs/mytool/snapshots/v1/requirements-" in stopped.out + stopped.err
    git("add", FOLDER, cwd=hooked)
    passed = committed(hooked)
    assert passed.code == 0, passed.out + passed.err
    assert git("cat-file", "-t", "snapshot/v1", cwd=hooked) == "tag"
    assert git("rev-parse", "snapshot/v1^{commit}", cwd=hooked) == git("rev-parse", "HEAD", cwd=hooked)
    assert git("status", "--porcelain", "--ignore-submodules=none", cwd=hooked) == f" M {next(iter(working))}"
    assert estash("verify", "--all", cwd=hooked).code == 0
    assert estash("run", "mytool", "first", "--snapshot", "v1", cwd=hooked).out == original.out


@pytest.mark.first(1)
def test_what_cannot_be_frozen_stops_the_commit_with_the_reason(hooked: Path) -> None:
    stage(hooked, "# @package _global_\nmodel:\n  no_such_key: ${nowhere}\n  x: [\n")
    stopped = committed(hooked)
    assert stopped.code == 1
    assert f"experimentstash: {PATH}: line 5, column 1: " in stopped.out + stopped.err
    assert git("tag", cwd=hooked) == ""


def test_who_changes_no_snapshot_hears_nothing(native: Path) -> None:
    write(native, {"notes.txt": "x"})
    git("add", "notes.txt", cwd=native)
    assert committed(native, "--quiet") == Ran(0, "", "")


@pytest.mark.first(1)
@pytest.mark.parametrize("framework", INSTALL, indirect=True)
def test_the_tools_python_is_never_the_hooks_own(framed: Path) -> None:
    """Without an active environment, nothing but the clone's own setting tells which it is."""
    bare = {"PATH": os.defpath}
    stage(framed)
    stopped = committed(framed, **bare)
    assert stopped.code == 1
    assert "no Python is known for the tool 'mytool'; the Python of the hook has no Hydra" in stopped.out + stopped.err
    git("config", "experimentstash.toolPython", BIN / "python", cwd=framed)
    stopped = committed(framed, **bare)
    assert f"frozen {PATH}\n" in stopped.out + stopped.err
    git("add", FOLDER, cwd=framed)
    assert committed(framed, **bare).code == 0
    assert git("tag", cwd=framed) == "snapshot/v1"


@pytest.mark.first(1)
@pytest.mark.parametrize("framework", INSTALL, indirect=True)
def test_the_check_by_hand(framed: Path, framework: str) -> None:
    command = (BIN / framework, "run", "--hook-stage", "manual", "check-snapshots", "--all-files")
    assert run(*command, cwd=framed).code == 0
    stage(framed)
    ran = run(*command, cwd=framed)
    assert ran.code == 1
    assert f"{PATH}: header: no SNAPSHOT line" in ran.out + ran.err


WAYS = {
    "a path": ["--", FOLDER],
    "all that is tracked": ["--all"],
    "included": ["--include", "--", FOLDER],
}


@pytest.mark.first(1)
@pytest.mark.parametrize("way", WAYS)
def test_the_index_that_the_commit_is_made_of(native: Path, way: str) -> None:
    """Git hands the hook another index than the repository's own."""
    write(native, {PATH: EXPERIMENT})
    git("add", "--intent-to-add", PATH, cwd=native)
    stopped = committed(native, *WAYS[way])
    assert stopped.code == 1
    assert f"frozen {PATH}\n" in stopped.out + stopped.err
    git("add", "--intent-to-add", FOLDER, cwd=native)
    assert committed(native, *WAYS[way]).code == 0
    assert git("tag", cwd=native) == "snapshot/v1"
    assert git("status", "--porcelain", cwd=native) == ""


@pytest.mark.every
def test_a_linked_worktree(native: Path, tmp_path: Path) -> None:
    """A hook gets GIT_DIR there, and git asked about the tool must not take it for the tool's."""
    side = tmp_path / "side"
    git("worktree", "add", "-q", "-b", "side", side, cwd=native)
    git("submodule", "--quiet", "update", "--init", cwd=side)
    stage(side)
    assert f"frozen {PATH}\n" in committed(side).err
    git("add", FOLDER, cwd=side)
    assert committed(side).code == 0
    assert git("rev-parse", "snapshot/v1^{commit}", cwd=native) == git("rev-parse", "side", cwd=native)


@pytest.mark.first(1)
def test_the_freeze_commit_of_the_command(hooked: Path) -> None:
    """It is made in a worktree's git directory, of an index of its own: what else is staged is not its business."""
    stage(hooked)
    ran = estash("snapshot", "mytool", "first", "--tag", "v2", "--commit", cwd=hooked)
    assert ran.code == 0, ran.err
    assert git("tag", cwd=hooked) == "snapshot/v2"
    assert git("show", f":{PATH}", cwd=hooked) + "\n" == (hooked / PATH).read_text() == EXPERIMENT
    held = git("ls-tree", "-r", "--name-only", "snapshot/v2", "configs/mytool/snapshots", cwd=hooked).splitlines()
    assert held[0] == PATH.replace("v1", "v2")
    assert [path.startswith(f"{FOLDER.replace('v1', 'v2')}/requirements-") for path in held[1:]] == [True]


def test_amend_and_fixup(native: Path) -> None:
    write(native, {"notes.txt": "x"})
    git("add", "notes.txt", cwd=native)
    assert committed(native).code == 0
    stage(native)
    assert committed(native, "--amend").code == 1
    git("add", FOLDER, cwd=native)
    assert committed(native, "--amend").code == 0
    assert git("rev-parse", "snapshot/v1^{commit}", cwd=native) == git("rev-parse", "HEAD", cwd=native)
