"""Environments from locks: built once, used again, never in the checkout, and each holds what its lock says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import run, write
from tiny_packages import (
    HERE,
    contents,
    declare,
    hashed,
    hide_uv,
    no_settings,
    order,
    sdist,
    tool_with_requirements,
    tool_with_uv_lock,
)

from experimentstash.core.errors import StashError
from experimentstash.environments.build import Built, build, environment_key
from experimentstash.environments.environment_cache import MARKER, cache_folder
from experimentstash.environments.interpreters import RecordedPython
from experimentstash.environments.packages import describe, python_at


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    no_settings(monkeypatch)


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    (tmp_path / "stash").mkdir()
    return tmp_path / "stash"


def has(built: Built, module: str) -> str:
    ran = run(built.interpreter, "-c", f"import {module}; print({module}.VERSION)", cwd=Path("/"))
    return ran.out.strip()


@pytest.mark.parametrize("installer", ["uv", "pip"], indirect=True)
def test_requirements_with_hashes_are_built_and_used_again(stash: Path, tmp_path: Path, installer: str) -> None:
    tool = tool_with_requirements(stash)
    before, said = contents(tool), list[str]()
    first = build(order(stash, tmp_path, said=said))
    assert (has(first, "tiny_one"), has(first, "tiny_two")) == ("1.0", "1.2")
    assert not first.was_there
    assert first.told == ()
    assert f"building the environment of tools/mytool/requirements.txt with Python {HERE}" in said
    assert any("tiny" in line for line in said[1:]), said
    said.clear()
    assert build(order(stash, tmp_path, said=said)) == replace(first, was_there=True)
    assert said == []
    assert contents(tool) == before


def test_uv_lock_is_built_unchanged_and_the_checkout_runs(stash: Path, tmp_path: Path) -> None:
    tool = tool_with_uv_lock(stash)
    before = contents(tool)
    built = build(order(stash, tmp_path))
    ran = run(built.interpreter, "-m", "mytool.main", cwd=tool)
    assert ran.out == f"{tool}/src/mytool/main.py 1.0 1.2\n", ran.err
    assert run(built.interpreter.parent / "mytool-train", cwd=tmp_path).out == ran.out
    version = "from importlib.metadata import version; print(version('mytool'))"
    assert run(built.interpreter, "-c", version, cwd=tmp_path).out == "0.3\n"
    assert contents(tool) == before
    assert not (tool / ".venv").exists()


@pytest.mark.every
def test_two_checkouts_share_packages_and_not_code(stash: Path, tmp_path: Path) -> None:
    one, other = tool_with_uv_lock(stash), tool_with_uv_lock(tmp_path / "second")
    built = [build(order(root, tmp_path)) for root in (stash, tmp_path / "second")]
    assert [both.was_there for both in built] == [False, True]
    ran = [run(both.interpreter, "-m", "mytool.main", cwd=tmp_path).out for both in built]
    assert ran == [f"{one}/src/mytool/main.py 1.0 1.2\n", f"{other}/src/mytool/main.py 1.0 1.2\n"]
    assert len(list((tmp_path / "cache/environments").iterdir())) == 1


@pytest.mark.every
def test_another_patch_of_the_python_is_taken_and_told(stash: Path, tmp_path: Path, installer: str) -> None:
    tool_with_requirements(stash)
    minor = HERE.rpartition(".")[0]
    built = build(replace(order(stash, tmp_path), python=RecordedPython(f"{minor}.99")))
    version = run(
        built.interpreter, "-c", "import platform; print(platform.python_version())", cwd=tmp_path
    ).out.strip()
    assert version.startswith(f"{minor}.")
    assert built.told == (f"built with Python {version}; {minor}.99 was recorded",)


def test_another_minor_version_is_found(stash: Path, tmp_path: Path, installer: str) -> None:
    found = sorted(Path(os.environ.get("PYENV_ROOT", "/nowhere")).glob("versions/3.8.*/bin/python3.8"))
    if not found:
        pytest.skip("no Python 3.8 on this machine")
    tool_with_requirements(stash)
    version = found[-1].parts[-3]
    built = build(replace(order(stash, tmp_path), python=RecordedPython(version)))
    assert (built.told, has(built, "tiny_two")) == ((), "1.2")
    assert run(built.interpreter, "--version", cwd=tmp_path).out == f"Python {version}\n"


def test_another_lock_is_another_environment(stash: Path, tmp_path: Path, installer: str) -> None:
    tool = tool_with_requirements(stash)
    first = build(order(stash, tmp_path))
    one = hashed(tool / "vendor/tiny_one-1.0-py3-none-any.whl")
    two = hashed(tool / "vendor/tiny_two-1.1-py3-none-any.whl")
    write(tool, {"requirements.txt": f"--no-index\n--find-links vendor\n{one}{two}"})
    second = build(order(stash, tmp_path))
    assert (has(first, "tiny_two"), has(second, "tiny_two")) == ("1.2", "1.1")


def test_a_package_that_was_installed_is_installed_again(stash: Path, tmp_path: Path, installer: str) -> None:
    tool = tool_with_requirements(stash)
    declare(tool, "mytool")
    built = build(replace(order(stash, tmp_path), projects=(tool,)))
    ran = run(built.interpreter.parent / "mytool-train", cwd=tmp_path)
    assert ran.out == f"{tool}/src/mytool/main.py 1.0 1.2\n", ran.err


DRIVER = """
import logging
import sys
from pathlib import Path
from experimentstash.environments.build import build
from experimentstash.environments.lock_file import find_lock
from experimentstash.environments.build_request import BuildRequest
from experimentstash.core.errors import guard

stash, folder = map(Path, sys.argv[1:])
logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)

def door():
    lock = find_lock(stash, "tools/mytool").lock
    built = build(BuildRequest(lock, "a title", folder / "cache", folder / "own"))
    print(built.interpreter)
    return 0

sys.exit(guard(door))
"""

SLOW = """
import os, time, own_backend
from own_backend import build_editable

def build_wheel(folder, settings=None, metadata=None):
    with open(os.environ["BUILDS"], "a") as file:
        file.write("build\\n")
    while not os.path.exists(os.environ["GO"]):
        time.sleep(0.02)
    return build_editable(folder)
"""


def slow_tool(stash: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Make a tool that needs a package whose build waits for a file.

    Returns:
        The file that counts the builds, and the one that they wait for.
    """
    tool = stash / "tools/mytool"
    scratch = stash.parent / "slow"
    declare(scratch, "slow", "1.0")
    files = {"own_backend.py": (scratch / "own_backend.py").read_text(), "slow_backend.py": SLOW}
    files["pyproject.toml"] = (
        '[project]\nname = "slow"\nversion = "1.0"\n'
        '[build-system]\nrequires = []\nbuild-backend = "slow_backend"\nbackend-path = ["."]\n'
    )
    made = sdist(tool / "vendor", "slow", "1.0", files)
    write(tool, {"requirements.txt": f"--no-index\n--find-links vendor\n{hashed(made)}"})
    builds, go = stash.parent / "builds", stash.parent / "go"
    monkeypatch.setenv("BUILDS", str(builds))
    monkeypatch.setenv("GO", str(go))
    return builds, go


def start(stash: Path, tmp_path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, stash, tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    while not file.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def environments(tmp_path: Path) -> list[str]:
    return sorted(path.parent.name for path in (tmp_path / "cache/environments").glob("*/env-*/pyvenv.cfg"))


@pytest.mark.first(1)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_build_leaves_nothing_and_can_be_said_again(
    stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    builds, go = slow_tool(stash, monkeypatch)
    first = start(stash, tmp_path)
    wait_for(builds, first)
    first.send_signal(number)
    _, err = first.communicate()
    assert (first.returncode, err.splitlines()[-1]) == (code, "experimentstash: interrupted")
    assert environments(tmp_path) == []
    assert not list((tmp_path / "cache").rglob(MARKER))
    go.touch()
    again = start(stash, tmp_path)
    out, err = again.communicate()
    assert again.returncode == 0, err
    assert Path(out.splitlines()[-1]).exists()


def test_a_killed_build_is_not_taken_for_whole(
    stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds, go = slow_tool(stash, monkeypatch)
    first = start(stash, tmp_path)
    wait_for(builds, first)
    assert len(environments(tmp_path)) == 1
    first.kill()
    first.communicate()
    go.touch()  # what it started ends too
    again = start(stash, tmp_path)
    out, err = again.communicate()
    assert again.returncode == 0, err
    assert len(environments(tmp_path)) == 1
    assert Path(out.splitlines()[-1]).is_relative_to(tmp_path / "cache/environments")


def test_two_builds_at_once_are_one(
    stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds, go = slow_tool(stash, monkeypatch)
    first = start(stash, tmp_path)
    wait_for(builds, first)
    second = start(stash, tmp_path)
    assert second.stdout is not None
    assert second.stdout.readline() == "waiting for another build of the same environment\n"
    go.touch()
    out, late = first.communicate()[0], second.communicate()[0]
    assert (first.returncode, second.returncode) == (0, 0)
    assert out.splitlines()[-1] == late.splitlines()[-1]
    assert builds.read_text() == "build\n"


def test_each_python_has_its_own_environments(stash: Path, tmp_path: Path) -> None:
    here = python_at(Path(sys.executable))
    assert here is not None
    others = [
        replace(here, version="other"),
        replace(here, implementation="other"),
        replace(here, abi="other"),
        replace(here, platform="other"),
        replace(here, libc="other"),
    ]
    keys = {environment_key("uv", python, [b"text"], wheels_only=False) for python in (here, *others)}
    assert len(keys) == 6
    assert environment_key("uv", replace(here, path=Path("/elsewhere")), [b"text"], wheels_only=False) in keys
    assert environment_key("uv", here, [b"te", b"xt"], wheels_only=False) not in keys
    assert environment_key("uv", here, [b"text"], wheels_only=True) not in keys


def test_an_environment_whose_python_went_away_is_built_again(stash: Path, tmp_path: Path) -> None:
    tool_with_requirements(stash)
    first = build(order(stash, tmp_path))
    first.interpreter.unlink()
    again = build(order(stash, tmp_path))
    assert not again.was_there
    assert has(again, "tiny_two") == "1.2"


@pytest.mark.parametrize("marker", ["", "{", "[]", '{"folder": "../../../etc"}', '{"folder": 1}'])
def test_a_marker_that_is_none_leads_nowhere(stash: Path, tmp_path: Path, marker: str) -> None:
    tool_with_requirements(stash)
    first = build(order(stash, tmp_path))
    (first.interpreter.parents[2] / MARKER).write_text(marker)
    again = build(order(stash, tmp_path))
    assert not again.was_there
    assert has(again, "tiny_two") == "1.2"


def test_the_marker_says_what_it_was_made_from(stash: Path, tmp_path: Path) -> None:
    tool_with_requirements(stash)
    wanted = order(stash, tmp_path)
    built = build(wanted)
    said = json.loads((built.interpreter.parents[2] / MARKER).read_text())
    assert said == {
        "folder": built.interpreter.parents[1].name,
        "lock": "tools/mytool/requirements.txt",
        "sha256": wanted.lock.sha256,
        "python": HERE,
        "for": "mytool/pca (snapshot/draft)",
    }


def test_only_wheels_are_taken_where_that_is_asked(
    stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds, _ = slow_tool(stash, monkeypatch)
    with pytest.raises(StashError, match=r"slow==1\.0 is no longer available"):
        build(replace(order(stash, tmp_path), wheels_only=True))
    assert not builds.exists()


def test_variables_that_would_change_the_lock_are_not_heeded(
    stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool_with_requirements(stash)
    write(tmp_path, {"constraints.txt": "tiny-two==1.1\n"})
    for name in ("PIP_CONSTRAINT", "UV_CONSTRAINT"):
        monkeypatch.setenv(name, str(tmp_path / "constraints.txt"))
    for name in ("PIP_TARGET", "PIP_PREFIX", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("UV_FROZEN", "1")
    built = build(order(stash, tmp_path))
    monkeypatch.undo()
    assert has(built, "tiny_two") == "1.2"
    assert not (tmp_path / "elsewhere").exists()


def test_pylock_is_built_and_its_project_put_on_top(stash: Path, tmp_path: Path) -> None:
    tool = tool_with_uv_lock(stash)
    made = run("uv", "export", "--format", "pylock.toml", "-o", "pylock.toml", "-q", cwd=tool)
    assert made.code == 0, made.err
    (tool / "uv.lock").unlink()
    built = build(order(stash, tmp_path))
    assert run(built.interpreter, "-m", "mytool.main", cwd=tmp_path).out == f"{tool}/src/mytool/main.py 1.0 1.2\n"


@pytest.mark.every
def test_uv_is_fetched_where_a_lock_needs_it(stash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool_with_uv_lock(stash)
    hide_uv(tmp_path, monkeypatch)
    said: list[str] = []
    built = build(order(stash, tmp_path, said=said))
    assert said[0] == "fetching uv, which builds tools/mytool/uv.lock"
    assert has(built, "tiny_two") == "1.2"
    assert (tmp_path / "cache/helpers/uv").is_dir()


@pytest.mark.every
def test_a_helper_that_is_not_to_be_had_is_named(stash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool_with_uv_lock(stash)
    hide_uv(tmp_path, monkeypatch)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(StashError) as failed:
        build(order(stash, tmp_path))
    assert str(failed.value).startswith(
        "mytool/pca (snapshot/draft): tools/mytool/uv.lock is built by uv, which is not on the PATH "
        "and could not be fetched:\n"
    )
    assert str(failed.value).endswith("fix: install uv, https://docs.astral.sh/uv")


def test_the_cache_lies_where_the_user_says(monkeypatch: pytest.MonkeyPatch, sealed_home: Path) -> None:
    assert cache_folder() == sealed_home / ".cache/experimentstash"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == sealed_home / ".cache/experimentstash"
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/tmp/cache")
    assert cache_folder() == Path("/var/tmp/cache/experimentstash")
    monkeypatch.setenv("EXPERIMENTSTASH_CACHE", "~/elsewhere")
    assert cache_folder() == sealed_home / "elsewhere"


POETRY_PROJECT = """[tool.poetry]
name = "ptool"
version = "0.1.0"
description = ""
authors = ["x <x@example.org>"]
package-mode = false
[tool.poetry.dependencies]
python = ">=3.10"
iniconfig = "2.0.0"
[[tool.poetry.source]]
name = "simple"
url = "https://pypi.org/simple"
priority = "primary"
"""

POETRY_LOCK = """# This file is automatically @generated by Poetry 2.5.1 and should not be changed by hand.

[[package]]
name = "iniconfig"
version = "2.0.0"
description = "brain-dead simple config-ini parsing"
optional = false
python-versions = ">=3.7"
groups = ["main"]
files = [
    {file = "iniconfig-2.0.0-py3-none-any.whl", hash = "sha256:b6a85871a79d2e3b22d2d1b94ac2824226a63c6b741c88f7ae975f18b6778374"},
    {file = "iniconfig-2.0.0.tar.gz", hash = "sha256:2d91e135bf72d31a410b17c16da610a82cb55f6b0477d1a902134b24a455b8b3"},
]

[package.source]
type = "legacy"
url = "https://pypi.org/simple"
reference = "simple"

[metadata]
lock-version = "2.1"
python-versions = ">=3.10"
content-hash = "5c12a718aefe79df37958692a1216f3b8db9eececbf273ff17edf5c0037d0e2b"
"""  # noqa: E501  (as poetry 2.5 wrote it)


@pytest.mark.every
def test_poetry_lock_is_built_by_poetry(stash: Path, tmp_path: Path) -> None:
    tool = stash / "tools/mytool"
    write(tool, {"pyproject.toml": POETRY_PROJECT, "poetry.lock": POETRY_LOCK})
    before = contents(tool)
    built = build(order(stash, tmp_path))
    assert describe(built.interpreter).packages["iniconfig"].version == "2.0.0"
    assert contents(tool) == before
    write(tool, {"pyproject.toml": POETRY_PROJECT.replace('"2.0.0"', '"2.1.0"')})
    with pytest.raises(StashError, match=r"tools/mytool/poetry\.lock does not fit the pyproject\.toml beside it"):
        build(order(stash, tmp_path))
