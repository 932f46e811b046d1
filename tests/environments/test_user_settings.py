"""A user's own settings of uv and pip say where packages come from, and nothing of what a lock comes to."""

from __future__ import annotations

import hashlib
import http.server
import os
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from conftest import run, write
from tiny_packages import hashed, hide_uv, order, wheel

from experimentstash.core.errors import StashError
from experimentstash.core.toml_text import parse
from experimentstash.environments.build import build
from experimentstash.environments.installers import installing_environment
from experimentstash.environments.packages import Described, Package, describe, python_at
from experimentstash.environments.unusable_lock import unusable
from experimentstash.environments.user_settings import is_kept

PROJECT = """[project]
name = "mytool"
version = "1"
requires-python = ">=3.10"
dependencies = ["hydra-core"]
[tool.uv]
package = false
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without settings."""
    for key in [key for key in os.environ if key.startswith(("PIP_", "UV_", "XDG_"))]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "system"))
    monkeypatch.setenv("EXPERIMENTSTASH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """An index of its own, which has hydra-core 1.3.2, and 1.4.0rc1."""
    folder = tmp_path / "index/simple/hydra-core"
    files = [wheel(folder, "hydra-core", version) for version in ("1.3.2", "1.4.0rc1")]
    links = (
        f'<a href="{file.name}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}">{file.name}</a>'
        for file in files
    )
    write(folder, {"index.html": "".join(links)})
    handler = partial(_Quiet, directory=str(tmp_path / "index"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


SPOILING = """
exclude-newer = "2001-01-01"
prerelease = "allow"
resolution = "lowest"
[pip]
no-deps = true
"""


@pytest.mark.parametrize("place", ["home/.config/uv/uv.toml", "system/uv/uv.toml", "own.toml"])
def test_a_lock_of_uv_is_judged_and_built_as_everybody_does(
    tmp_path: Path, index: str, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    tool = tmp_path / "stash/tools/mytool"
    write(tool, {"pyproject.toml": PROJECT})
    made = run("uv", "lock", cwd=tool, env={"UV_DEFAULT_INDEX": index})
    assert made.code == 0, made.err
    # the lock's own index is another than that of whoever builds from it
    write(tmp_path, {place: f'index-url = "https://mirror.invalid/simple"\n{SPOILING}'})
    if place == "own.toml":
        monkeypatch.setenv("UV_CONFIG_FILE", str(tmp_path / place))
    wanted = order(tmp_path / "stash", tmp_path)
    assert describe(build(wanted).interpreter).packages["hydra-core"].version == "1.3.2"
    here = wanted.lock
    python = python_at(Path(sys.executable))
    assert python is not None
    described = Described(python, {"hydra-core": Package("hydra-core", "1.3.2")})
    assert unusable(here, described) == ""
    # and the other way round: settings that the lock was made with do not vouch for it
    write(tool, {"pyproject.toml": PROJECT.replace("hydra-core", "hydra-core>=1.4.0rc1")})
    assert unusable(here, described) == "it does not fit the pyproject.toml beside it"
    with pytest.raises(StashError, match=r"does not fit the pyproject\.toml beside it"):
        build(order(tmp_path / "stash", tmp_path))


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_requirements_are_installed_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str
) -> None:
    tool = tmp_path / "stash/tools/mytool"
    one = wheel(tmp_path / "links", "tiny-one", "1.0")
    write(tool, {"requirements.txt": hashed(one)})
    pip = "[global]\nfind-links =\n    {links}\nno-index = true\n[install]\nuser = true\nconstraint = {none}\n"
    settings = {"links": tmp_path / "links", "none": tmp_path / "none.txt"}
    uv = f'no-index = true\nfind-links = ["{tmp_path}/links"]\n{SPOILING}'
    write(tmp_path / "home/.config", {"pip/pip.conf": pip.format(**settings), "uv/uv.toml": uv})
    if installer == "pip":
        hide_uv(tmp_path, monkeypatch)
    assert describe(build(order(tmp_path / "stash", tmp_path)).interpreter).packages["tiny-one"].version == "1.0"


def test_what_says_where_packages_come_from_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = (
        'index-url = "https://ada:s3cret@mirror.example/simple"\nnative-tls = true\nresolution = "lowest"\n'
        '[[index]]\nname = "own"\nurl = "https://own.example/simple"\nexplicit = true\n'
        '[pip]\nextra-index-url = ["https://more.example/\u00e9"]\nno-deps = true\n'
    )
    pip = "[global]\nindex-url = https://a.example/simple\nproxy = http://p\n[install]\nindex-url = https://b.example\n"
    write(tmp_path / "home/.config", {"uv/uv.toml": uv, "pip/pip.conf": pip, "git/config": "[user]\n", "other": ""})
    monkeypatch.setenv("PIP_PROXY", "http://mine")
    env = installing_environment()
    assert (env["PIP_INDEX_URL"], env["PIP_PROXY"], env["PIP_CONFIG_FILE"]) == (
        "https://b.example",
        "http://mine",
        os.devnull,
    )
    folder = Path(env["XDG_CONFIG_HOME"])
    assert parse((folder / "uv/uv.toml").read_bytes(), "uv.toml") == {
        "index-url": "https://ada:s3cret@mirror.example/simple",
        "native-tls": True,
        "index": [{"name": "own", "url": "https://own.example/simple", "explicit": True}],
        "pip": {"extra-index-url": ["https://more.example/\u00e9"]},
    }
    assert (folder / "git/config").read_text() == "[user]\n"
    assert folder.parent.stat().st_mode & 0o077 == 0
    write(tmp_path / "home/.config", {"uv/uv.toml": "native-tls = true\n"})
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))
    assert installing_environment()["XDG_CONFIG_HOME"] == str(tmp_path / "home/.config")


def test_settings_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    write(tmp_path / "home/.config", {"uv/uv.toml": "resolution = \n"})
    with pytest.raises(StashError, match=r"uv\.toml: invalid TOML: "):
        installing_environment()


@pytest.mark.parametrize(
    ("variable", "kept"),
    [
        ("UV_INDEX_URL", True),
        ("UV_INDEX_OWN_PASSWORD", True),
        ("UV_INDEX_STRATEGY", False),
        ("UV_EXCLUDE_NEWER_PACKAGE", False),
        ("UV_TORCH_BACKEND", False),
        ("UV_CONFIG_FILE", False),
        ("PIP_EXTRA_INDEX_URL", True),
        ("PIP_CERT", True),
        ("PIP_CONSTRAINT", False),
        ("PIP_NO_DEPS", False),
        ("PIP_CONFIG_FILE", False),
        ("HTTPS_PROXY", True),
        ("SSL_CERT_FILE", True),
    ],
)
def test_which_variables_reach_an_installer(variable: str, kept: bool) -> None:
    assert is_kept(variable) == kept
