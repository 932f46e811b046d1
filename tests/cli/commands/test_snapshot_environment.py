"""What a snapshot records of the environment: the lock that its tool ships, or what the tool ran with."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import estash, git, run, write
from shapes import Shape, hard_coded, make_stash

STALE = 'version = 1\nrequires-python = ">=3.10"\n\n[[package]]\nname = "hydra-core"\nversion = "1.0.0"\n'
LOCKED = {"uv.lock": STALE, "pyproject.toml": '[project]\nname = "mytool"\nversion = "0"\n'}


def lock_of(stash: Path, tag: str) -> str:
    text = (stash / f"configs/mytool/snapshots/{tag}/first.yaml").read_text()
    return next(line.split()[2] for line in text.splitlines() if line.startswith("# LOCK: "))


@pytest.mark.every
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


def test_a_lock_that_cannot_run_the_tool_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    files = {**LOCKED, "uv.lock": STALE.replace("hydra-core", "numpy")}
    stash = make_stash(tmp_path, Shape({**hard_coded(), **files}))
    refused = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    assert refused.code == 1
    assert refused.err.endswith(
        "experimentstash: tools/mytool/uv.lock: hydra-core is not in it, so nobody can run mytool with it:"
        " nothing is frozen\n    fix: perl -pi -e 's/^  mytool:\\K/\\n    lock: installed/' configs/meta.yaml"
        "  # to freeze what is installed\n"
    )
    assert (git("status", "--porcelain", cwd=stash), git("tag", cwd=stash)) == ("", "")
    assert run("sh", "-c", refused.err.rpartition("fix: ")[2], cwd=stash).code == 0
    frozen = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash)
    assert (frozen.code, git("tag", cwd=stash)) == (0, "snapshot/v1"), frozen.err
    assert lock_of(stash, "v1").startswith("configs/mytool/snapshots/v1/requirements-")
