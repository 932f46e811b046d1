"""Which hosts a build may ask: told before anything of it runs, however they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import write
from locks import lock

from experimentstash.environments import interpreters
from experimentstash.environments.formats.base import Lock
from experimentstash.environments.hosts import hosts
from experimentstash.environments.interpreters import RecordedPython, python_host

TOOL = "tools/mytool"


def recorded(stash: Path) -> Lock:
    return lock(stash, "recorded", "configs/mytool/snapshots/v1/requirements-0123456789ab.txt", "# nothing\n")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{TOOL}/pyproject.toml", '[tool.uv]\nindex-url = "https://host.example/simple"\n'),
        (f"{TOOL}/pyproject.toml", '[build-system]\nrequires = ["a @ git+ssh://git@host.example/a"]\n'),
        (f"{TOOL}/pyproject.toml", '[tool.uv.sources]\na = { url = "https://host.example/a.whl" }\n'),
        (f"{TOOL}/uv.toml", 'find-links = ["https://host.example:8000/links"]\n'),
        (f"{TOOL}/setup.cfg", "[options]\nsetup_requires =\n    a @ https://host.example/a.whl\n"),
        ("tools/uv.toml", '[[index]]\nurl = "https://host.example/simple"\n'),
        ("uv.toml", 'index-url = "https://host.example/simple"\n'),
        ("uv.toml", 'index-url = "https\\u003a//host.example/simple"\n'),
        ("uv.toml", 'index-url = "https:\\\\\\\\host.example/simple"\n'),
        ("uv.toml", 'index-url = "https:host.example/simple"\n'),
        ("uv.toml", 'index-url = "ht\\ttps:\\n//pypi.org@host.example/simple"\n'),
        ("uv.toml", 'index-url = "HTTPS://HOST.example./simple"\n'),
    ],
)
def test_settings_beside_a_recorded_lock(tmp_path: Path, path: str, text: str) -> None:
    write(tmp_path, {f"{TOOL}/main.py": "", path: text})
    assert hosts(recorded(tmp_path)) == ()  # nothing of the checkout is built
    assert hosts(recorded(tmp_path), [tmp_path / TOOL]) == ("host.example",)


def test_settings_above_the_stash_are_the_users(tmp_path: Path) -> None:
    stash = tmp_path / "stash"
    write(stash, {f"{TOOL}/main.py": ""})
    write(tmp_path, {"uv.toml": 'index-url = "https://host.example/simple"\n'})
    assert hosts(recorded(stash), [stash / TOOL]) == ()


def test_a_folder_that_the_lock_itself_builds(tmp_path: Path) -> None:
    text = 'version = 1\n[[package]]\nname = "inner"\nversion = "1"\nsource = { editable = "packages/inner" }\n'
    write(tmp_path, {f"{TOOL}/packages/inner/uv.toml": 'index-url = "https://host.example/simple"\n'})
    assert hosts(lock(tmp_path, "uv", f"{TOOL}/uv.lock", text)) == ("host.example",)


@pytest.mark.parametrize(
    ("kind", "name", "text", "told"),
    [
        (
            "uv",
            "uv.lock",
            '[[package]]\nname = "a"\nsource = { registry = "https\\u003a//host.example" }\n',
            "host.example",
        ),
        (
            "poetry",
            "poetry.lock",
            '[[package]]\nname = "a"\n[package.source]\nurl = "git@host.example:a/b"\n',
            "host.example",
        ),
        ("conda", "environment.yml", "channels: [conda-forge]\ndependencies: [a=1]\n", "conda.anaconda.org"),
        ("conda", "environment.yml", "channels: ['https://host.example/c']\ndependencies: [a=1]\n", "host.example"),
        ("conda", "environment.yml", "dependencies: [a=1]\n", "repo.anaconda.com"),
    ],
)
def test_hosts_of_a_lock(tmp_path: Path, kind: str, name: str, text: str, told: str) -> None:
    assert hosts(lock(tmp_path, kind, f"{TOOL}/{name}", text)) == (told,)


def test_a_file_that_a_requirements_file_takes_in(tmp_path: Path) -> None:
    write(tmp_path, {f"{TOOL}/more.txt": "--extra-index-url https://host.example/simple\n"})
    assert hosts(lock(tmp_path, "requirements", f"{TOOL}/requirements.txt", "-r more.txt\n")) == ("host.example",)


def test_a_python_that_is_not_here_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "find_uv", lambda: Path("/usr/bin/true"))
    assert python_host(RecordedPython("2.2.1")) == ("github.com (Python 2.2.1)",)
    assert python_host(None) == ()
