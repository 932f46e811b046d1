"""What a snapshot records of the environment: the lock that its tool ships, or what the tool ran with."""

from __future__ import annotations

from pathlib import Path

from conftest import BIN, commit, estash, git, run, write
from shapes import Shape, hard_coded, make_stash

STALE = 'version = 1\nrequires-python = ">=3.10"\n\n[[package]]\nname = "hydra-core"\nversion = "1.0.0"\n'
LOCKED = {"uv.lock": STALE, "pyproject.toml": '[project]\nname = "mytool"\nversion = "0"\n'}


def lock_of(stash: Path, tag: str) -> str:
    text = (stash / f"configs/mytool/snapshots/{tag}/first.yaml").read_text()
    return next(line.split()[2] for line in text.splitlines() if line.startswith("# LOCK: "))


def test_a_stale_lock_is_told_and_the_registry_decides_against_it(tmp_path: Path) -> None:
    stash = make_stash(tmp_path, Shape({**hard_coded(), **LOCKED}))

    shipped = estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash)
    assert lock_of(stash, "v1") == "tools/mytool/uv.lock"
    assert "\n    environment: hydra-core 1." in shipped.out
    assert "1.0.0 in tools/mytool/uv.lock\n" in shipped.out
    assert "`lock: installed` in the registry" in shipped.out

    registry = stash / "configs/meta.yaml"
    write(stash, {"configs/meta.yaml": registry.read_text() + "    lock: installed\n"})
    git("commit", "-qam", "what it ran with", cwd=stash)
    installed = estash("snapshot", "mytool", "first", "--tag", "v2", cwd=stash)
    assert lock_of(stash, "v2").startswith("configs/mytool/snapshots/v2/requirements-")
    assert "hydra-core==1." in (stash / lock_of(stash, "v2")).read_text()
    assert "uv.lock" not in installed.out


def test_a_lock_that_is_older_than_its_project_is_told(tmp_path: Path) -> None:
    project = '[project]\nname = "mytool"\nversion = "0"\nrequires-python = ">=3.10"\n'
    write(tmp_path / "locked", {"pyproject.toml": project})
    assert run(BIN / "uv", "lock", "--offline", cwd=tmp_path / "locked").code == 0
    files = {**hard_coded(), "pyproject.toml": project, "uv.lock": (tmp_path / "locked/uv.lock").read_text()}
    stash = make_stash(tmp_path, Shape(files))
    older = "tools/mytool/uv.lock does not fit the pyproject.toml beside it, so it cannot be built from"
    for tag, extra in (("v1", ""), ("v2", "[project.optional-dependencies]\nmore = []\n")):
        commit(stash / "tools/mytool", {"pyproject.toml": project + extra}, tag) if extra else None
        frozen = estash("snapshot", "mytool", "first", "--tag", tag, cwd=stash)
        assert (frozen.code, older in frozen.out) == (0, bool(extra)), frozen.out
        assert lock_of(stash, tag) == "tools/mytool/uv.lock"
        assert git("status", "--short", cwd=stash / "tools/mytool") == ""
