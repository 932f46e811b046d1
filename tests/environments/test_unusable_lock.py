"""A lock that cannot run its tool is known as such before anything is frozen with it."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import locks
import pytest
from conftest import run, write
from tiny_packages import wheel

from experimentstash.environments.formats.base import Lock
from experimentstash.environments.lock_fixes import freeze_installed
from experimentstash.environments.packages import Described, Package, Python, python_at
from experimentstash.environments.unusable_lock import made_for, unusable

PYTHON = Python(Path(sys.executable), Path(sys.executable), "3.11.7", "cpython", "abi", "linux-x86_64", "glibc 2.36")
HERE = Described(PYTHON, {"hydra-core": Package("hydra-core", "1.3.2")})
WITHOUT = "hydra-core is not in it"
HASH = f"--hash=sha256:{'0' * 64}\n"
PROJECT = '[project]\nname = "mytool"\nversion = "1"\n'
UV = """version = 1
requires-python = ">=3.10"
[[package]]
name = "mytool"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "middle", extra = ["all"] }]
[package.optional-dependencies]
train = [{ name = "hydra-core" }]
[package.dev-dependencies]
dev = []
sweeps = [{ name = "hydra_core" }]
[[package]]
name = "middle"
version = "1"
[package.optional-dependencies]
all = []
[[package]]
name = "hydra-core"
version = "1.3.2"
"""
POETRY = """[[package]]
name = "hydra-core"
version = "1.3.2"
[metadata]
python-versions = "{python}"
content-hash = "{digest}"
"""


def lock(tmp_path: Path, kind: str, text: str, project: str = PROJECT, **chosen: tuple[str, ...]) -> Lock:
    name = {"uv": "uv.lock", "poetry": "poetry.lock", "pylock": "pylock.toml", "conda": "environment.yml"}.get(
        kind, "requirements.txt"
    )
    write(tmp_path, {"tools/mytool/pyproject.toml": project})
    return locks.lock(tmp_path, kind, f"tools/mytool/{name}", text, **chosen)


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        ("requirements", f"numpy==1 {HASH}", WITHOUT),
        ("requirements", f"numpy==1 {HASH}Hydra_Core==1.3.2 {HASH}", ""),
        ("poetry", '[[package]]\nname = "numpy"\nversion = "1"\n', WITHOUT),
        ("pylock", '[[packages]]\nname = "numpy"\nversion = "1"\n', WITHOUT),
        ("pylock", '[[packages]]\nname = "hydra-core"\nversion = "1.3.2"\n', ""),
        ("conda", "dependencies: [numpy=1]\n", ""),  # what brings Hydra along need not be told
        ("uv", UV.replace("hydra", "other"), WITHOUT),
    ],
)
def test_a_lock_without_hydra(tmp_path: Path, kind: str, text: str, why: str) -> None:
    wanted = lock(tmp_path, kind, text)
    assert unusable(wanted, HERE) == why
    vendored = Described(PYTHON, {"hydra-core": Package("hydra-core", "1.3.2", folder=tmp_path)})
    assert unusable(wanted, vendored) == ""


@pytest.mark.parametrize(
    ("chosen", "more", "fits"),
    [
        ({}, "", False),
        ({"extras": ("train",)}, "", True),
        ({"groups": ("sweeps",)}, "", True),
        ({}, '[tool.uv]\ndefault-groups = "all"\n', True),
        ({}, '[tool.uv]\ndefault-groups = ["sweeps"]\n', True),
    ],
)
def test_what_uv_installs_of_a_lock(tmp_path: Path, chosen: dict[str, tuple[str, ...]], more: str, fits: bool) -> None:
    why = unusable(lock(tmp_path, "uv", UV, f'{PROJECT}dynamic = ["x"]\n{more}', **chosen), HERE)
    told = "hydra-core is in it only for an extra or a group that is not chosen (`extras:` and `groups:`)"
    assert why == ("" if fits else told)
    deep = UV.replace("all = []", 'all = [{ name = "hydra-core" }]')
    assert unusable(lock(tmp_path, "uv", deep, f'{PROJECT}dynamic = ["x"]\n'), HERE) == ""


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("==3.9.*", False),
        (">=3.10,<3.12", True),
        ("^3.9", True),
        ("^4", False),
        ("~3.9", False),
        ("~3.11", True),
        ("~3.9 || ~3.11", True),
        ("*", True),
        ("something else", True),
    ],
)
def test_a_lock_for_another_python(tmp_path: Path, wanted: str, fits: bool) -> None:
    why = "" if fits else f"it is for Python {wanted}, and the tool runs with 3.11.7 here"
    text = POETRY.format(python=wanted, digest="")
    assert unusable(lock(tmp_path, "poetry", text), HERE) == why
    if "^" not in wanted and "~" not in wanted:
        text = f'requires-python = "{wanted}"\n[[packages]]\nname = "hydra-core"\n'
        assert unusable(lock(tmp_path, "pylock", text), HERE) == why


def test_a_conda_environment_with_another_python(tmp_path: Path) -> None:
    assert unusable(lock(tmp_path, "conda", "dependencies: [python=3.11.2, hydra-core=1.3.2]\n"), HERE) == ""
    other = lock(tmp_path, "conda", "dependencies: [python=3.9.18, hydra-core=1.3.2]\n")
    assert unusable(other, HERE) == "it has Python 3.9.18, and the tool runs with 3.11.7 here"


@pytest.mark.parametrize(
    ("project", "content"),
    [
        (
            {"tool": {"poetry": {"name": "x", "dependencies": {"python": "^3.9"}}}},
            {"dependencies": {"python": "^3.9"}, "dev-dependencies": None, "extras": None, "source": None},
        ),
        (
            {"project": {"name": "x", "dependencies": ["a"]}, "tool": {"poetry": {"group": {"d": {}}, "extras": None}}},
            {"project": {"dependencies": ["a"]}, "tool": {"poetry": {"group": {"d": {}}}}},
        ),
        (
            {"project": {"dependencies": ["a"]}, "dependency-groups": {"d": ["b"]}},
            {"dependency-groups": {"d": ["b"]}, "project": {"dependencies": ["a"]}, "tool": {"poetry": {}}},
        ),
    ],
)
def test_the_content_hash_of_poetry(tmp_path: Path, project: object, content: object) -> None:
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    declared = _toml(project)
    assert unusable(lock(tmp_path, "poetry", POETRY.format(python="*", digest=digest), declared), HERE) == ""
    older = lock(tmp_path, "poetry", POETRY.format(python="*", digest=digest), declared + "\n[project.x]\n"), HERE
    assert unusable(*older) == ""  # what poetry does not look at
    stale = lock(tmp_path, "poetry", POETRY.format(python="*", digest="0" * 64), declared), HERE
    assert unusable(*stale) == "it does not fit the pyproject.toml beside it"


def _toml(value: object) -> str:
    """Write a table of tables, texts and lists as inline TOML."""

    def inline(one: object) -> str:
        if isinstance(one, dict):
            return "{" + ", ".join(f"{key} = {inline(item)}" for key, item in one.items() if item is not None) + "}"
        return json.dumps(one)

    assert isinstance(value, dict)
    tables = {
        f"{name}.{key}": item
        for name, table in value.items()
        for key, item in table.items()
        if isinstance(table, dict) and isinstance(item, dict)
    }
    text = "".join(
        f"[{name}]\n" + "".join(f"{k} = {inline(v)}\n" for k, v in t.items() if v is not None)
        for name, t in tables.items()
    )
    for name, table in value.items():
        own = {key: item for key, item in table.items() if not isinstance(item, dict)}
        text += f"[{name}]\n" + "".join(f"{key} = {inline(item)}\n" for key, item in own.items()) if own else ""
    return text


def test_a_uv_lock_that_is_older_than_its_project(tmp_path: Path) -> None:
    tool = tmp_path / "tools/mytool"
    wheel(tool / "vendor", "hydra-core", "1.3.2")
    settings = '[tool.uv]\nno-index = true\nfind-links = ["vendor"]\npackage = false\n'
    project = f'{PROJECT}requires-python = ">=3.10"\ndependencies = ["hydra-core"]\n{settings}'
    write(tool, {"pyproject.toml": project})
    made = run("uv", "lock", cwd=tool)
    assert made.code == 0, made.err
    text = (tool / "uv.lock").read_text()
    here = python_at(Path(sys.executable))
    assert here is not None
    described = Described(here, HERE.packages)
    assert unusable(lock(tmp_path, "uv", text, project), described) == ""
    newer = project + "[project.optional-dependencies]\nmore = []\n"
    assert unusable(lock(tmp_path, "uv", text, newer), described) == "it does not fit the pyproject.toml beside it"


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("# This file is autogenerated by pip-compile with Python 3.9", "3.9"),
        ("#    uv pip compile --python-version 3.9 --generate-hashes in.txt", "3.9"),
        ("# This file is autogenerated by pip-compile with Python 3.11", ""),
        ("# somebody's own words", ""),
    ],
)
def test_requirements_for_another_python_are_told(tmp_path: Path, line: str, version: str) -> None:
    told = made_for(lock(tmp_path, "requirements", f"{line}\nhydra-core==1.3.2 {HASH}"), PYTHON)
    what = f"tools/mytool/requirements.txt was made for Python {version}, and 3.11.7 runs here: packages may not fit"
    assert told == ((what,) if version else ())


@pytest.mark.parametrize(
    ("registry", "becomes"),
    [
        (
            "tools:\n  mytool:\n    path: tools/mytool\n    entrypoint: main.py\n  other:\n    lock: shipped\n",
            "tools:\n  mytool:\n    lock: installed\n    path: tools/mytool\n    entrypoint: main.py\n"
            "  other:\n    lock: shipped\n",
        ),
        ("tools:\n  mytool:\n    lock: shipped\n", ""),
        ("tools: {mytool: {entrypoint: main.py}}\n", ""),
    ],
)
def test_what_lets_a_freeze_record_what_is_installed(tmp_path: Path, registry: str, becomes: str) -> None:
    write(tmp_path, {"configs/meta.yaml": registry})
    fix = freeze_installed(tmp_path, "mytool")
    if not becomes:
        assert fix == "set `lock: installed` for mytool in configs/meta.yaml, to freeze what is installed"
        return
    done = run("sh", "-c", fix, cwd=tmp_path)
    assert (done.code, (tmp_path / "configs/meta.yaml").read_text()) == (0, becomes), done.err


def test_the_command_that_installs_what_a_lock_has(tmp_path: Path) -> None:
    uv = lock(tmp_path, "uv", UV, extras=("cpu",), groups=("plots",))
    own = tmp_path / "tools/mytool/.venv/bin/python"
    assert uv.sync_command(own) == "uv sync --locked --project tools/mytool --extra cpu --group plots"
    other = uv.sync_command(Path("/e nv/bin/python"))
    assert other.startswith("UV_PROJECT_ENVIRONMENT='/e nv' uv sync --locked --project tools/mytool ")
    requirements = lock(tmp_path, "requirements", "")
    assert requirements.sync_command(own) == f"{own} -m pip install -r tools/mytool/requirements.txt"
