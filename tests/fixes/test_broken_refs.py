"""The fix of a tag that git cannot read, or that leads to no commit: with a remote that has it, and without one."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ran, estash, git, run
from stashes import freeze, make_stash


@pytest.mark.parametrize("remote", [True, False])
@pytest.mark.parametrize("broken", ["unreadable", "a blob", "packed"])
def test_a_broken_tag_is_mended(tmp_path: Path, broken: str, remote: bool) -> None:
    root = make_stash(tmp_path / "stash")
    made = freeze(root, "a", "v1", "one")
    if remote:
        git("clone", "-q", "--bare", root, "remote.git", cwd=tmp_path)
        git("remote", "add", "upstream", tmp_path / "remote.git", cwd=root)
    if broken == "unreadable":
        (root / ".git/refs/tags/snapshot/v1").write_text("garbage\n")
    else:
        git("tag", "-f", "snapshot/v1", "HEAD:configs/meta.yaml", cwd=root)
    if broken == "packed":
        git("pack-refs", "--all", cwd=root)
    ran = estash("verify", "--all", cwd=root)
    assert ran.code == 1
    pasted = run("sh", "-c", ran.err.rpartition("fix: ")[2], cwd=root)
    assert pasted.code == 0, pasted.err
    assert git("rev-parse", "snapshot/v1^{commit}", cwd=root) == made
    assert estash("verify", "--all", cwd=root) == Ran(0, "1 snapshot holds\n", "")
