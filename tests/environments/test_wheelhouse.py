"""The packages of a lock as files: gathered with what builds them, and built where no index answers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import run, write
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
from experimentstash.environments.build import Built, build
from experimentstash.environments.lock_file import find_lock, open_lock
from experimentstash.environments.wheelhouse import Gathered, check_locked, gather, supply

BACKEND = """
import os
from tiny_making import make

def get_requires_for_build_wheel(settings=None):
    return ["tiny-extra>=2"]

get_requires_for_build_editable = get_requires_for_build_wheel

def build_wheel(folder, settings=None, metadata=None):
    import tiny_extra
    return make(folder, tiny_extra.VERSION)

build_editable = build_wheel
"""
MAKER = """
import os, zipfile

def make(folder, extra):
    name = open("NAME").read()
    files = {
        f"{name}.py": f"VERSION = 'built with {extra}'\\n",
        f"{name}-3.0.dist-info/METADATA": f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 3.0\\n",
        f"{name}-3.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    lines = "".join(f"{path},,\\n" for path in files)
    with zipfile.ZipFile(os.path.join(folder, f"{name}-3.0-py3-none-any.whl"), "w") as out:
        for path, text in {**files, f"{name}-3.0.dist-info/RECORD": lines}.items():
            out.writestr(path, text)
    return f"{name}-3.0-py3-none-any.whl"
"""
SYSTEM = '[build-system]\nrequires = ["tiny-backend"]\nbuild-backend = "tiny_builder"\n'


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    no_settings(monkeypatch)
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    (tmp_path / "stash").mkdir()
    return tmp_path / "stash"


def builders(folder: Path) -> None:
    """Write a build backend, what it imports, and what it asks for only when it is asked."""
    wheel(folder, "tiny-backend", "1.0", ["tiny-maker"], files={"tiny_builder.py": BACKEND})
    wheel(folder, "tiny-maker", "1.0", files={"tiny_making.py": MAKER})
    wheel(folder, "tiny-extra", "1.0")
    wheel(folder, "tiny-extra", "2.0")


def somewhere_else(stash: Path, tmp_path: Path, gathered: Gathered, monkeypatch: pytest.MonkeyPatch) -> Built:
    """Build from what was gathered, with nothing of what it came from, and no index that answers."""
    for folder in stash.rglob("vendor"):
        folder.rename(folder.with_name("gone"))
    for key in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(key, "http://127.0.0.1:9")
    monkeypatch.delenv("PIP_NO_INDEX")
    cache = tmp_path / "another cache"
    monkeypatch.setenv("UV_CACHE_DIR", str(cache / "uv"))
    monkeypatch.setenv("PIP_CACHE_DIR", str(cache / "pip"))
    asked = replace(order(stash, tmp_path), cache=cache, own=cache / "own")
    return build(replace(asked, supply=supply(gathered, tmp_path / "pool")))


def has(built: Built, module: str) -> str:
    return run(built.interpreter, "-c", f"import {module}; print({module}.VERSION)", cwd=Path("/")).out.strip()


def test_wheels(stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tool_with_requirements(stash)
    gathered = gather(order(stash, tmp_path), tmp_path / "pool")
    assert gathered.files == {
        "tiny-one==1.0": "tiny_one-1.0-py3-none-any.whl",
        "tiny-two==1.2": "tiny_two-1.2-py3-none-any.whl",
    }
    assert sorted(path.name for path in (tmp_path / "pool").iterdir()) == sorted(gathered.files.values())
    built = somewhere_else(stash, tmp_path, gathered, monkeypatch)
    assert (has(built, "tiny_one"), has(built, "tiny_two")) == ("1.0", "1.2")


@pytest.mark.every
def test_a_source_distribution_comes_with_what_builds_it(
    stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = stash / "tools/mytool"
    builders(tool / "vendor")
    source = sdist(tool / "vendor", "tinysource", "3.0", {"pyproject.toml": SYSTEM, "NAME": "tinysource"})
    write(tool, {"requirements.txt": f"--no-index\n--find-links vendor\n{hashed(source)}"})
    gathered = gather(order(stash, tmp_path), tmp_path / "pool")
    assert gathered.files == {"tinysource==3.0": "tinysource-3.0.tar.gz"}
    assert sorted(path.name for path in (tmp_path / "pool").iterdir()) == [
        "tiny_backend-1.0-py3-none-any.whl",
        "tiny_extra-2.0-py3-none-any.whl",
        "tiny_maker-1.0-py3-none-any.whl",
        "tinysource-3.0.tar.gz",
    ]
    assert has(somewhere_else(stash, tmp_path, gathered, monkeypatch), "tinysource") == "built with 2.0"


@pytest.mark.every
def test_a_project_comes_with_what_builds_it(
    stash: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tool_with_requirements(stash)
    builders(tool / "vendor")
    write(tool, {"pyproject.toml": f'{SYSTEM}[project]\nname = "tinytool"\nversion = "3.0"\n', "NAME": "tinytool"})
    asked = replace(order(stash, tmp_path), projects=(tool,))
    gathered = gather(asked, tmp_path / "pool")
    assert gathered.projects == (tool,)
    assert "tiny_extra-2.0-py3-none-any.whl" in {path.name for path in (tmp_path / "pool").iterdir()}
    built = somewhere_else(stash, tmp_path, gathered, monkeypatch)
    assert (has(built, "tinytool"), has(built, "tiny_two")) == ("built with 2.0", "1.2")


@pytest.mark.every
def test_a_uv_lock_is_built_without_uv(stash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tool_with_uv_lock(stash)
    gathered = gather(order(stash, tmp_path), tmp_path / "pool")
    assert gathered.projects == (tool,)
    assert list(gathered.files) == ["tiny-one==1.0", "tiny-two==1.2"]
    hide_uv(tmp_path, monkeypatch)
    built = somewhere_else(stash, tmp_path, gathered, monkeypatch)
    assert run(built.interpreter, "-m", "mytool.main", cwd=tool).out == f"{tool}/src/mytool/main.py 1.0 1.2\n"


@pytest.mark.every
def test_a_builder_that_is_not_to_be_had(stash: Path, tmp_path: Path, installer: str) -> None:
    tool = tool_with_requirements(stash)
    declare(tool, "mytool")
    text = (tool / "pyproject.toml").read_text().replace("requires = []", 'requires = ["tiny-nowhere"]')
    write(tool, {"pyproject.toml": text})
    with pytest.raises(StashError, match="tiny-nowhere"):
        gather(replace(order(stash, tmp_path), projects=(tool,)), tmp_path / "pool")
    assert not (tmp_path / "pool").exists()


def test_conda_is_refused(stash: Path, tmp_path: Path) -> None:
    text = "name: x\ndependencies:\n  - python=3.11.7\n  - numpy=1.26.4\n"
    write(stash, {"tools/mytool/environment.yml": text})
    with pytest.raises(StashError, match="conda packages cannot be put into an archive"):
        gather(order(stash, tmp_path), tmp_path / "pool")


def test_only_what_a_lock_names_is_taken(stash: Path) -> None:
    tool = tool_with_requirements(stash)
    lock = find_lock(stash, "tools/mytool").lock
    assert lock is not None
    known = lock.hashes()
    digest = hashed(tool / "vendor/tiny_one-1.0-py3-none-any.whl").rpartition(":")[2].strip()
    check_locked("x", known, "tiny-one==1.0", digest)
    with pytest.raises(StashError, match=r"x: tiny-one==1\.0 differs from the lock file"):
        check_locked("x", known, "tiny-one==1.0", "0" * 64)
    with pytest.raises(StashError, match=r"x: the lock file does not list tiny-one==1\.1"):
        check_locked("x", known, "tiny-one==1.1", digest)


PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "Tiny_One"
version = "1.0"
index = "https://example.org/simple"
wheels = [{ url = "https://example.org/t.whl", hashes = { sha256 = "@" } }, { url = "u", hashes = { sha256 = "#" } }]
""".replace("@", "a" * 64).replace("#", "b" * 64)
POETRY = """
[[package]]
name = "tiny-one"
version = "1.0"
files = [{file = "t.whl", hash = "sha256:@"}]
""".replace("@", "a" * 64)
UV = """
[[package]]
name = "tiny-one"
version = "1.0+cpu"
source = { registry = "https://example.org/whl/cpu" }
wheels = [{ url = "https://example.org/t.whl", hash = "sha256:@", size = 3 }]
[[package]]
name = "tiny-two"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "tiny-three"
version = "1.0"
source = { registry = "vendor" }
""".replace("@", "a" * 64)


@pytest.mark.parametrize(
    ("name", "text", "known", "places"),
    [
        (
            "pylock.toml",
            PYLOCK,
            {("tiny-one", "1.0"): {"a" * 64, "b" * 64}},
            "--extra-index-url https://example.org/simple",
        ),
        ("poetry.lock", POETRY, {("tiny-one", "1.0"): {"a" * 64}}, ""),
        (
            "uv.lock",
            UV,
            {("tiny-one", "1.0+cpu"): {"a" * 64}, ("tiny-two", "1.0"): set(), ("tiny-three", "1.0"): set()},
            "--extra-index-url https://example.org/whl/cpu --find-links {folder}/vendor",
        ),
        (
            "requirements.txt",
            f"-i https://example.org/simple\n--find-links=vendor\ntiny-one==1.0 --hash=sha256:{'a' * 64}\n",
            {("tiny-one", "1.0"): {"a" * 64}},
            "-i https://example.org/simple --find-links {folder}/vendor",
        ),
    ],
)
def test_digests_and_places(
    stash: Path, name: str, text: str, known: dict[tuple[str, str], set[str]], places: str
) -> None:
    write(stash, {f"tools/mytool/{name}": text, "tools/mytool/pyproject.toml": ""})
    lock = open_lock(stash, f"tools/mytool/{name}", hashlib.sha256(text.encode()).hexdigest())
    assert lock.hashes() == known
    assert " ".join(lock.index_flags()) == places.format(folder=stash / "tools/mytool")
