"""What cannot be built is told: which snapshot wants it, which package it is, the installer's own words, what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import write
from tiny_packages import (
    declare,
    hashed,
    hide_uv,
    no_settings,
    order,
    sdist,
    tool_with_requirements,
    tool_with_uv_lock,
    wheel,
)

from experimentstash.core.errors import StashError
from experimentstash.environments.build import build
from experimentstash.environments.build_errors import failure
from experimentstash.environments.build_request import BuildRequest
from experimentstash.environments.interpreters import RecordedPython

TITLE = "mytool/pca (snapshot/draft)"


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    no_settings(monkeypatch)


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    (tmp_path / "stash").mkdir()
    return tmp_path / "stash"


def refused(wanted: BuildRequest) -> str:
    """Build what cannot be built; return the message, with the log's place taken out."""
    with pytest.raises(StashError) as failed:
        build(wanted)
    text = str(failed.value)
    assert not list(wanted.cache.rglob("complete.json"))
    assert not list(wanted.cache.glob("environments/*/env-*"))
    if "(all of it: " in text:
        log = Path(text.partition("(all of it: ")[2].partition(")")[0])
        assert log.read_text()
        text = text.replace(str(log), "LOG")
    return text


def test_a_package_that_is_gone_is_named(stash: Path, tmp_path: Path, installer: str) -> None:
    tool = tool_with_requirements(stash)
    (tool / "vendor/tiny_two-1.2-py3-none-any.whl").unlink()
    said: list[str] = []
    text = refused(order(stash, tmp_path, said=said))
    first, *words, log, fix = text.splitlines()
    assert first == f"{TITLE}: tiny-two==1.2 is no longer available as pinned in tools/mytool/requirements.txt"
    assert any("tiny-two==1.2" in word for word in words)
    assert log == "(all of it: LOG)"
    assert fix == (
        "    fix: name another index with UV_INDEX or PIP_INDEX_URL, or use the current environment with --no-build"
    )
    assert words[0] not in said  # told once


def test_a_package_of_a_uv_lock_that_is_gone_is_named(stash: Path, tmp_path: Path) -> None:
    tool = tool_with_uv_lock(stash)
    (tool / "vendor/tiny_two-1.2-py3-none-any.whl").unlink()
    text = refused(order(stash, tmp_path))
    assert text.startswith(f"{TITLE}: tiny-two==1.2 is no longer available as pinned in tools/mytool/uv.lock\n")


def test_a_package_that_was_changed_is_named(stash: Path, tmp_path: Path, installer: str) -> None:
    tool = tool_with_requirements(stash)
    wheel(tool / "vendor", "tiny-two", "1.2", files={"tiny_two/__init__.py": "VERSION = 'evil'\n"})
    text = refused(order(stash, tmp_path))
    assert text.startswith(
        f"{TITLE}: tiny-two==1.2 is not what tools/mytool/requirements.txt names: its hash is another one\n"
    )


def test_a_package_that_cannot_be_built_is_named(stash: Path, tmp_path: Path, installer: str) -> None:
    tool = tool_with_requirements(stash)
    declare(tmp_path / "scratch", "bad", "1.0")
    files = {name: (tmp_path / "scratch" / name).read_text() for name in ("pyproject.toml", "own_backend.py")}
    files["own_backend.py"] = "def build_wheel(*_):\n    raise SystemExit('no compiler here')\n"
    made = sdist(tool / "vendor", "bad", "1.0", files)
    with (tool / "requirements.txt").open("a") as file:
        file.write(hashed(made))
    text = refused(order(stash, tmp_path))
    assert text.startswith(f"{TITLE}: bad==1.0, which tools/mytool/requirements.txt names, could not be built here\n")
    assert "no compiler here" in text


def test_a_package_without_a_wheel_for_this_machine_is_named(stash: Path, tmp_path: Path, installer: str) -> None:
    tool = tool_with_requirements(stash)
    made = wheel(tool / "vendor", "other-os", "1.0", tag="cp39-cp39-win_amd64")
    with (tool / "requirements.txt").open("a") as file:
        file.write(hashed(made))
    text = refused(order(stash, tmp_path))
    assert text.startswith(f"{TITLE}: other-os==1.0 is no longer available as pinned in tools/mytool/requirements.txt")


def test_an_index_that_cannot_be_reached(
    stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tool_with_requirements(stash)
    lines = [line for line in (tool / "requirements.txt").read_text().splitlines() if not line.startswith("--")]
    write(tool, {"requirements.txt": "\n".join(["--index-url https://127.0.0.1:9/simple", *lines])})
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "1")  # at the first it warns of the network; at the end it only lacks the package
    text = refused(order(stash, tmp_path))
    assert text.startswith(f"{TITLE}: the package index could not be reached for ")
    assert text.endswith(
        "fix: rerun the same command when the network is there, or use the current environment with --no-build"
    )


def test_a_stale_lock_is_not_built_and_not_rewritten(stash: Path, tmp_path: Path) -> None:
    tool = tool_with_uv_lock(stash)
    before = (tool / "uv.lock").read_bytes()
    project = (tool / "pyproject.toml").read_text().replace('"tiny-one"', '"tiny-one>=0.5"')
    write(tool, {"pyproject.toml": project})
    text = refused(order(stash, tmp_path))
    assert text.startswith(
        f"{TITLE}: tools/mytool/uv.lock does not fit the pyproject.toml beside it, so it cannot be built unchanged\n"
    )
    assert "needs to be updated, but `--locked` was provided" in text
    assert (tool / "uv.lock").read_bytes() == before


def test_a_lock_that_does_not_resolve(stash: Path, tmp_path: Path, installer: str) -> None:
    tool = tool_with_requirements(stash)
    older = tool / "vendor/tiny_two-1.1-py3-none-any.whl"
    with (tool / "requirements.txt").open("a") as file:
        file.write(hashed(older))
    text = refused(order(stash, tmp_path))
    assert text.startswith(f"{TITLE}: tools/mytool/requirements.txt does not resolve: tiny-two==1.")


@pytest.mark.parametrize("installer", ["uv", "pip"], indirect=True)
def test_a_lock_that_lacks_what_a_package_needs(stash: Path, tmp_path: Path, installer: str) -> None:
    tool = tool_with_requirements(stash)
    one = hashed(tool / "vendor/tiny_one-1.0-py3-none-any.whl")
    write(tool, {"requirements.txt": f"--no-index\n--find-links vendor\n{one}"})
    text = refused(order(stash, tmp_path))
    assert text.startswith(f"{TITLE}: tools/mytool/requirements.txt does not resolve: ")
    assert "tiny-two" in text


def test_a_lock_for_another_python(stash: Path, tmp_path: Path) -> None:
    tool = tool_with_uv_lock(stash)
    project = (tool / "pyproject.toml").read_text().replace(">=3.8", ">=3.99")
    write(tool, {"pyproject.toml": project})
    assert refused(order(stash, tmp_path)).startswith(f"{TITLE}: tools/mytool/uv.lock is not for this Python\n")


@pytest.mark.every
@pytest.mark.parametrize("installer", ["uv", "pip"], indirect=True)
def test_a_python_that_is_not_to_be_had(
    stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool_with_requirements(stash)
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    wanted = replace(order(stash, tmp_path), python=RecordedPython("3.99.1"))
    assert refused(wanted) == (
        "Python 3.99.1 is not available: no Python 3.99 is on this machine\n"
        "    fix: uv python install 3.99.1  # or put a python3.99 on the PATH"
    )


def test_a_disk_that_is_full(stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tool_with_requirements(stash)
    fat = wheel(tool / "vendor", "fat", "1.0", files={"fat/data.txt": "x" * 3_000_000})
    with (tool / "requirements.txt").open("a") as file:
        file.write(hashed(fat))
    (tmp_path / "cache").mkdir()
    mount, umount = (shutil.which(name, path=os.defpath + ":/sbin:/usr/sbin") for name in ("mount", "umount"))
    small = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path / "cache")]
    if not mount or not umount or subprocess.run([mount, *small], check=False).returncode:
        pytest.skip("only root makes a small disk")
    try:
        monkeypatch.setenv("UV_LINK_MODE", "copy")
        text = refused(order(stash, tmp_path))
    finally:
        subprocess.run([umount, tmp_path / "cache"], check=True)
    assert text.startswith(f"{TITLE}: no space left for the environment that tools/mytool/requirements.txt describes\n")
    assert text.endswith("fix: export EXPERIMENTSTASH_CACHE=FOLDER  # on a disk with room, then rerun the same command")


def test_a_cache_that_cannot_be_written(stash: Path, tmp_path: Path) -> None:
    tool_with_requirements(stash)
    write(tmp_path, {"cache": "a file"})
    with pytest.raises(StashError, match=r"cache/environments/\w+: Not a directory"):
        build(order(stash, tmp_path))


def test_conda_names_what_is_missing(stash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_uv(tmp_path, monkeypatch)
    write(stash / "tools/mytool", {"environment.yml": "dependencies: [python=3.11.7, numpy=1.26.4]\n"})
    assert refused(order(stash, tmp_path)) == (
        f"{TITLE}: tools/mytool/environment.yml is built by micromamba, which is not on the PATH of this machine\n"
        "    fix: install micromamba, https://mamba.readthedocs.io, or use the current environment with --no-build"
    )


def test_what_nobody_knows_is_told_whole() -> None:
    said = ["one", "two \x1b[31m", "three"]
    text = str(failure("a title", "uv.lock", {}, said, None))
    assert text == (
        "a title: the environment that uv.lock describes could not be built\n"
        "one\ntwo \\x1b[31m\nthree\n"
        "    fix: read what it said, or use the current environment with --no-build"
    )


def test_only_packages_of_the_lock_are_named() -> None:
    said = ["error: No matching distribution found for setuptools==99", "  because Tiny.Two==1.2 needs it"]
    text = str(failure("a title", "uv.lock", {"tiny-two": frozenset({"1.2"})}, said, None))
    assert text.startswith("a title: Tiny.Two==1.2 is no longer available as pinned in uv.lock\n")
