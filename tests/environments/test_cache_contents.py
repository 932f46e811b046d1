"""`cache` shows what is kept for later, and clears what no process uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import estash

from experimentstash.environments.environment_cache import make_whole


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("EXPERIMENTSTASH_CACHE", str(folder))
    (folder / "hashes").mkdir(parents=True)
    (folder / "hashes/one.txt").write_text("x" * 100)
    return folder


MAKE = """\
import sys
from pathlib import Path
from experimentstash.environments.environment_cache import make_whole
def make(folder):
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").write_text("x" * 5000)
print(make_whole(Path(sys.argv[1]), {"lock": "uv.lock"}, make)[1], flush=True)
sys.stdin.read()
"""


def use(place: Path) -> subprocess.Popen[str]:
    """Start a process that uses an environment until its standard input ends."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", MAKE, str(place)], text=True, **pipes)  # type: ignore[call-overload]
    assert process.stdout is not None
    assert process.stdout.readline()
    return process  # type: ignore[no-any-return]


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("")


def test_it_is_shown_and_cleared(cache: Path, tmp_path: Path) -> None:
    end(use(cache / "environments/abc"))
    told = estash("cache", cwd=tmp_path)
    assert told.code == 0
    assert told.out.splitlines()[0].startswith(f"{cache}: 5 kB")
    assert "uv.lock" in told.out
    listed = json.loads(estash("cache", "--json", cwd=tmp_path).out)
    assert {(entry["kind"], entry["facts"].get("lock")) for entry in listed["entries"]} == {
        ("environments", "uv.lock"), ("hashes", None),
    }  # fmt: skip
    assert listed["bytes"] == sum(entry["bytes"] for entry in listed["entries"]) > 5000
    ran = estash("cache", "clear", "--older-than", "1", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "removed 0 of 0 entries, 0 B\n")
    old = 1_700_000_000
    os.utime(cache / "environments/abc/in-use", (old, old))
    ran = estash("cache", "clear", "--older-than", "30", cwd=tmp_path)
    assert (ran.code, ran.out[:22]) == (0, "removed 1 of 1 entries")
    assert (cache / "hashes/one.txt").exists()
    assert estash("cache", "clear", cwd=tmp_path).code == 0
    assert estash("cache", cwd=tmp_path).out == f"{cache}: 0 B\n"


def test_what_a_process_uses_is_not_removed(cache: Path, tmp_path: Path) -> None:
    place = cache / "environments/abc"
    process = use(place)
    ran = estash("cache", "clear", cwd=tmp_path)
    assert (ran.code, f"kept {place}: in use" in ran.out) == (1, True)
    assert list(place.glob("env-*/bin/python"))
    end(process)
    assert estash("cache", "clear", cwd=tmp_path).code == 0
    assert not place.exists()
    end(use(place))  # it is made again
    assert list(place.glob("env-*/bin/python"))


def test_no_cache_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERIMENTSTASH_CACHE", str(tmp_path / "none"))
    assert estash("cache", cwd=tmp_path).out == f"{tmp_path}/none: 0 B\n"
    assert estash("cache", "clear", cwd=tmp_path).code == 0
    assert estash("cache", "clear", "--json", cwd=tmp_path).code == 2


def test_an_environment_is_made_once(cache: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").write_text("")

    first = make_whole(cache / "environments/x", {}, make)
    assert make_whole(cache / "environments/x", {}, make) == (first[0], True)
    assert len(made) == 1
