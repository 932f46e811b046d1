"""`cache` shows what is kept for later, and clears what no process uses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import estash

from experimentstash.core.file_lock import take_lock
from experimentstash.environments.environment_cache import make_whole


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("EXPERIMENTSTASH_CACHE", str(folder))
    (folder / "hashes").mkdir(parents=True)
    (folder / f"hashes/{'0' * 64}.txt").write_text("x" * 100)
    return folder


MAKE = """\
import sys
from pathlib import Path
from experimentstash.core.file_lock import take_lock
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
    assert list((cache / "hashes").iterdir())
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


def test_files_of_others_are_neither_shown_nor_removed(cache: Path, tmp_path: Path) -> None:
    own = {"environments/mine/data.txt", "hashes/notes.txt", "papers/one/draft.txt", "top.txt"}
    for name in own:
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_text("mine")
    (cache / "poetry/artifacts").mkdir(parents=True)
    (cache / "poetry/artifacts/a.whl").write_text("x")
    process = use(cache / "environments/abc")
    assert estash("cache", "clear", cwd=tmp_path).code == 1
    end(process)
    ran = estash("cache", "clear", cwd=tmp_path)
    assert ran.code == 0, ran.out
    left = {path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()}
    assert left == own


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux lists the locks that processes wait for")
def test_an_environment_that_is_removed_while_another_process_waits_for_it_is_made_again(cache: Path) -> None:
    place = cache / "environments/abc"
    place.mkdir(parents=True)
    with (place / "in-use").open("ab") as file:
        assert take_lock(file) is True  # as `cache clear` does before it removes it
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        waiting = subprocess.Popen([sys.executable, "-c", MAKE, str(place)], text=True, **pipes)  # type: ignore[call-overload]
        while str(waiting.pid) not in waiters(place / "in-use"):
            time.sleep(0.01)
            assert waiting.poll() is None
        shutil.rmtree(place)
    assert waiting.communicate("")[0] == "False\n"
    assert list(place.glob("env-*/bin/python"))


def waiters(path: Path) -> set[str]:
    """Return the ids of the processes that wait for the lock of a file (proc_locks(5))."""
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    inode = f":{path.stat().st_ino}"
    return {words[5] for words in lines if words[1] == "->" and words[6].endswith(inode)}


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
