"""A disk that is full, at any step: it is told with what mends it, and with room the same command goes on.

The disk is a small one in memory, in a mount namespace of our own; the system may not let us have that.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from conftest import BIN, Ran, git, run, write
from scene import Scene, make_scene

MOUNTED = ("unshare", "--map-root-user", "--mount", "sh", "-c")
HAS_DISKS = subprocess.run([*MOUNTED, "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode == 0
pytestmark = [
    pytest.mark.usefixtures("fresh_tools"),
    pytest.mark.skipif(not HAS_DISKS, reason="no mounts of our own on this machine"),
]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with a tool of some size, and a file in its tree that its clones have not."""
    made = make_scene(tmp_path)
    tool = made.stash / "tools/mytool"
    write(tool, {"noise.txt": os.urandom(150_000).hex()})
    git("add", "-A", cwd=tool)
    git("commit", "-qm", "large", cwd=tool)
    git("push", "-q", "origin", "HEAD:refs/heads/large", cwd=tool)
    made.freeze()
    return made


def on_a_small_disk(scene: Scene, disk: Path, size: str, command: list[str], **env: str) -> tuple[Ran, Ran]:
    """Run a command while there is a full disk at a directory, and once more when it has room."""
    disk.mkdir()
    words, ours = shlex.join(command), scene.root / "first"
    script = (
        f"mount -t tmpfs -o size={size} none {disk} && {{ {words} >{ours}.out 2>{ours}.err; echo $? >{ours}.code; }}\n"
        f"mount -o remount,size=90m {disk} && {words}"
    )
    again = run(*MOUNTED, script, cwd=scene.stash, env={**scene.env, **env})
    out, err, code = (ours.with_suffix(ending).read_text() for ending in (".out", ".err", ".code"))
    return Ran(int(code), out, err), again


@pytest.mark.first(1)
@pytest.mark.parametrize("size", ["16k", "60k", "200k", "360k", "480k"])
def test_for_what_is_brought(scene: Scene, size: str) -> None:
    disk = scene.root / "disk"
    command = scene.command("v1", "--check", "--no-build", "--yes", "--allow-local", "--into", disk / "into")
    first, again = on_a_small_disk(scene, disk, size, command)
    assert first.code == 1, first.err
    assert "free some disk space there, then rerun the same command" in first.err
    assert str(disk) in first.err or "tools/mytool: " in first.err or "snapshot/v1" in first.err
    assert again.code == 0, again.err
    assert "hold, bit by bit" in again.out


@pytest.mark.first(1)
@pytest.mark.parametrize("size", ["60k", "400k", "700k"])
def test_for_what_is_packed(scene: Scene, size: str) -> None:
    disk, target = scene.root / "disk", scene.root / "v1.tar"
    command = [str(BIN / "experimentstash"), "bundle", "v1", str(target), "--allow-local"]
    first, again = on_a_small_disk(scene, disk, size, command, TMPDIR=str(disk))
    assert first.code == 1, first.err
    assert "free some disk space there, then rerun the same command" in first.err
    assert again.code == 0, again.err
