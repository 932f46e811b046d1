"""A clone that lacks objects is no source by itself: its remote is, or the command that fetches the rest is told."""

from __future__ import annotations

from pathlib import Path

from conftest import BIN, git, run
from scene import make_scene


def test_a_partial_clone(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    scene.freeze()
    scene.commit_all()
    remote, clone = tmp_path / "stash.git", tmp_path / "partial"
    git("clone", "-q", "--bare", scene.stash, remote, cwd=tmp_path)
    git("config", "uploadpack.allowFilter", "true", cwd=remote)
    git("clone", "-q", "--filter=blob:none", "--no-checkout", remote.as_uri(), clone, cwd=tmp_path)
    git("sparse-checkout", "set", "configs/none", cwd=clone)
    git("checkout", "-q", cwd=clone)
    git("update-index", "--no-skip-worktree", "configs/meta.yaml", cwd=clone)
    git("checkout", "-q", "HEAD", "--", "configs/meta.yaml", cwd=clone)

    done = scene.reproduce("v1", "--into", tmp_path / "one", cwd=clone)
    assert done.code == 0, done.err
    packed = run(
        BIN / "experimentstash", "bundle", "v1", tmp_path / "v1.tar", "--allow-local", cwd=clone, env=scene.env
    )
    assert packed.code == 0, packed.err

    # the directory itself, named: git cannot give what it lacks
    named = ["--from", str(clone), "--into", str(tmp_path / "two")]
    refused = scene.reproduce("v1", *named, cwd=tmp_path)
    assert refused.code == 1
    fix = refused.err.rpartition("fix: ")[2].strip()
    assert fix == f"git -C {clone} fetch --refetch --no-filter --tags"
    assert run("sh", "-c", fix, cwd=tmp_path).code == 0
    again = scene.reproduce("v1", *named, cwd=tmp_path)
    assert again.code == 0, again.err
