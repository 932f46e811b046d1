"""`diff TAG`: a snapshot beside the working config of today, composed by the tool itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from conftest import estash, git, write
from shapes import Shape, hard_coded, make_stash

if TYPE_CHECKING:
    from pathlib import Path


def test_a_snapshot_beside_the_working_config(tmp_path: Path) -> None:
    stash = make_stash(tmp_path, Shape(hard_coded()))
    frozen = estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", "seed=3", cwd=stash)
    assert frozen.code == 0, frozen.err
    (same,) = json.loads(estash("diff", "v1", "--json", cwd=stash).out)["comparisons"]
    assert [row for part in ("config", "late", "override", "code") for row in same[part] if not row["is_same"]] == []
    assert same["new"]["tag"] == "working config"
    path = "configs/mytool/experiment/first.yaml"
    write(stash, {path: (stash / path).read_text() + "added: 1\n"})
    git("commit", "-q", "--allow-empty", "-m", "work on", cwd=stash / "tools/mytool")
    (told,) = json.loads(estash("diff", "v1", "--json", "--only-changed", cwd=stash).out)["comparisons"]
    assert [(row["key"], row["old"], row["new"]) for row in told["config"]] == [("added", None, "1")]
    assert [commit["subject"] for commit in told["commits"]] == ["work on"]
    assert told["override"] == []
