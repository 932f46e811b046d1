"""Archives of stashes: the same bytes from every clone, all that is needed in them, and nothing of the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from archives import TAIL, bundled, frozen_stash, sealed
from conftest import commit, estash, git, run, write
from offline import offline
from plays import paste
from stashes import snapshot_path, snapshot_text

from experimentstash.core.errors import StashError
from experimentstash.reproduce.archive.unpack import open_archive
from experimentstash.reproduce.earlier_attempt import Earlier
from experimentstash.reproduce.fetch import Stage
from experimentstash.reproduce.reproduction import bring_tools
from experimentstash.reproduce.stash_source import named
from experimentstash.reproduce.tool_checkouts import Tools


def another_clone(stash: Path, place: Path) -> Path:
    """Clone a stash and its tools, and pack, tag and set them as nobody else would."""
    git("clone", "-q", "--no-local", stash, place, cwd=stash.parent)
    git("submodule", "--quiet", "update", "--init", "--recursive", cwd=place)
    tool = place / "tools/mytool"
    for root in (place, tool, tool / "vendor/inner"):
        git("config", "pack.window", "200", cwd=root)
        git("config", "pack.compression", "1", cwd=root)
        git("config", "core.bigFileThreshold", "1k", cwd=root)
        for age in (0, 1):
            git("tag", f"mine-{age}", f"HEAD~{age}" if root == tool else "HEAD", cwd=root)
        git("repack", "-adfq", "--window=1", "--depth=1", cwd=root)
    return place


@pytest.mark.first(1)
@pytest.mark.parametrize("wide", [[], ["--object-format=sha256"]], ids=["sha1", "sha256"])
def test_the_same_bytes_from_every_clone(tmp_path: Path, wide: list[str], sealed_home: Path) -> None:
    stash = frozen_stash(tmp_path / "one", *wide)
    first = estash("bundle", "v1", tmp_path / "one.tar", "--allow-local", cwd=stash)
    assert first.code == 0, first.err
    other = another_clone(stash, tmp_path / "another place" / "clone")
    (sealed_home / ".gitconfig").write_text(
        '[protocol "file"]\n\tallow = always\n[pack]\n\twindow = 3\n\tthreads = 2\n[core]\n\tcompression = 0\n'
    )
    env = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "TMPDIR": str(tmp_path / "another place"), "SOURCE_DATE_EPOCH": "1"}
    shell = 'umask 077; exec "$0" bundle v1 two.tar --allow-local'
    second = run("bash", "-c", shell, Path(sys.executable).parent / "estash", cwd=other, env=env)
    assert second.code == 0, second.err
    assert (tmp_path / "one.tar").read_bytes() == (other / "two.tar").read_bytes()
    assert estash("bundle", "v1", tmp_path / "one.tar", "--allow-local", cwd=stash).out == first.out


def test_what_is_told(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    ran = estash("bundle", "v1", "v1.tar", "--allow-local", cwd=stash)
    digest = run("sha256sum", stash / "v1.tar", cwd=stash).out.split()[0]
    archive = open_archive(stash / "v1.tar")
    repositories = archive.manifest.repositories
    assert ran.out == (
        f"{stash}/v1.tar: snapshot/v1 at {repositories[0].commit[:12]}, {(stash / 'v1.tar').stat().st_size} bytes\n"
        f"  tools/mytool at {repositories[1].commit[:12]}\n"
        f"  tools/mytool/vendor/inner at {repositories[2].commit[:12]}\n"
        f"  SHA-256 {digest}\n"
    )
    assert archive.sha256 == digest
    assert repositories[0].object == git("rev-parse", "refs/tags/snapshot/v1", cwd=stash) != repositories[0].commit
    assert [one.url for one in repositories] == ["", str(tmp_path / "one/mytool"), str(tmp_path / "one/inner")]
    assert [path for path in os.listdir(stash) if path.startswith(".estash")] == []


@pytest.mark.every
def test_contents_that_git_does_not_have(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    assert bundled(stash, tmp_path / "v1.tar").lfs == ()
    commit(stash, {"data/.gitattributes": "*.npy filter=lfs\n", "data/x.npy": "pointer\n"}, "LFS")
    git("tag", "-f", "snapshot/v1", cwd=stash)
    ran = estash("bundle", "v1", tmp_path / "v1.tar", "--allow-local", cwd=stash)
    assert "\n  the contents that the stash has in Git LFS are not in it\n" in ran.out, ran.err


def test_it_is_a_tar_of_bundles_that_git_clones(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    bundled(stash, tmp_path / "v1.tar")
    out = tmp_path / "out"
    out.mkdir()
    assert run("tar", "xf", tmp_path / "v1.tar", cwd=out).code == 0
    git("clone", "-q", "-b", "snapshot/v1", "repositories/0.bundle", "stash", cwd=out)
    git("clone", "-q", "repositories/1.bundle", "tool", cwd=out)
    assert git("rev-parse", "snapshot/v1", cwd=out / "stash") == git("rev-parse", "snapshot/v1", cwd=stash)
    wanted = git("rev-parse", "snapshot/v1:tools/mytool", cwd=stash)
    assert git("rev-parse", "HEAD", cwd=out / "tool") == wanted
    assert len(git("rev-list", "HEAD", cwd=out / "tool").splitlines()) == 6


def unpacked(path: Path, into: Path, tag: str = "v1") -> Stage:
    """Do with an archive what a reproduction does before it asks."""
    source = named(str(path), tag, allow_local=False)
    stage = Stage(into, tag, source)
    commit = stage.fetch_tag()
    earlier = Earlier(into)
    stage.check_out(commit, earlier)
    frozen, problems = stage.judged(commit)
    assert list(problems) == []
    bring_tools(Tools(stage.repository, source, {}, earlier), commit, frozen)
    return stage


@pytest.mark.first(1)
@pytest.mark.parametrize("wide", [[], ["--object-format=sha256"]], ids=["sha1", "sha256"])
def test_all_of_it_comes_back_without_a_network(
    tmp_path: Path, wide: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stash = frozen_stash(tmp_path / "one", *wide)
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.update", "!touch /tmp/ran", cwd=stash)
    wanted = {
        name: git("rev-parse", name, cwd=stash) for name in ("snapshot/v1", "snapshot/v1^{commit}", "snapshot/v1~2")
    }
    tool = git("rev-parse", "HEAD", cwd=stash / "tools/mytool")
    bundled(stash, tmp_path / "v1.tar")
    run("rm", "-rf", tmp_path / "one", cwd=tmp_path)
    for key, value in offline().items():
        monkeypatch.setenv(key, value)
    into = tmp_path / "into"
    stage = unpacked(tmp_path / "v1.tar", into)
    assert {name: git("rev-parse", name, cwd=into) for name in wanted} == wanted
    assert git("rev-parse", "HEAD", cwd=into / "tools/mytool") == tool
    assert (into / "tools/mytool/vendor/inner/data.txt").read_text() == "inner\n"
    assert git("fsck", "--full", "--strict", cwd=into) == ""
    assert git("status", "--porcelain", cwd=into) == ""
    assert git("tag", cwd=into) == "snapshot/v1"  # and nothing that came later or belongs to others
    assert stage.fetch_tag() == wanted["snapshot/v1^{commit}"]


@pytest.mark.every
def test_a_signature_stays(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    text = git("cat-file", "tag", "snapshot/v1", cwd=stash)
    signed = f"{text}\n-----BEGIN PGP SIGNATURE-----\n\niQEzBAABCAAdFiEE\n-----END PGP SIGNATURE-----\n"
    made = git("hash-object", "-t", "tag", "-w", "--stdin", cwd=stash, stdin=signed)
    git("update-ref", "refs/tags/snapshot/v1", made, cwd=stash)
    bundled(stash, tmp_path / "v1.tar")
    unpacked(tmp_path / "v1.tar", tmp_path / "into")
    assert git("rev-parse", "refs/tags/snapshot/v1", cwd=tmp_path / "into") == made
    assert "iQEzBAABCAAdFiEE" in git("cat-file", "tag", "snapshot/v1", cwd=tmp_path / "into")


def test_a_lightweight_tag(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    git("tag", "-f", "snapshot/v1", "snapshot/v1^{commit}", cwd=stash)
    bundled(stash, tmp_path / "v1.tar")
    unpacked(tmp_path / "v1.tar", tmp_path / "into")
    assert git("cat-file", "-t", "refs/tags/snapshot/v1", cwd=tmp_path / "into") == "commit"


def test_what_git_unpacks_must_be_what_it_says(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    bundled(stash, tmp_path / "v1.tar")
    archive = open_archive(tmp_path / "v1.tar")
    data = bytearray((tmp_path / "v1.tar").read_bytes()[:-TAIL])
    data[archive.places["repositories/1.bundle"] + archive.manifest.repositories[1].size - 1] ^= 1
    (tmp_path / "v1.tar").write_bytes(sealed(bytes(data)))
    with pytest.raises(StashError, match=r"v1\.tar: repositories/1\.bundle: git index-pack failed: "):
        unpacked(tmp_path / "v1.tar", tmp_path / "into")
    assert not (tmp_path / "into/tools/mytool/main.py").exists()


def test_a_tool_that_no_clone_has_is_fetched(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    bundled(stash, tmp_path / "one.tar")
    git("submodule", "--quiet", "deinit", "-f", "--all", cwd=stash)
    run("rm", "-rf", stash / ".git/modules", cwd=stash)
    ran = estash("bundle", "v1", tmp_path / "two.tar", cwd=stash)
    assert ran.code == 1
    assert "experimentstash: tools/mytool: its remote is " in ran.err
    assert "--allow-local" in ran.err
    assert not (tmp_path / "two.tar").exists()
    ran = estash("bundle", "v1", tmp_path / "two.tar", "--allow-local", cwd=stash)
    assert ran.code == 0, ran.err
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_pin_that_nobody_has(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    write(stash, {snapshot_path("pca", "v2"): snapshot_text("pca", "v2", "1" * 40)})
    git("add", "configs", cwd=stash)
    git("update-index", "--cacheinfo", f"160000,{'1' * 40},tools/mytool", cwd=stash)
    git("commit", "-q", "-m", "freeze", cwd=stash)
    git("tag", "snapshot/v2", cwd=stash)
    ran = estash("bundle", "v2", tmp_path / "v2.tar", "--allow-local", cwd=stash)
    assert (ran.code, ran.out) == (1, "")
    assert "tools/mytool: " in ran.err
    assert "11111111" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one"]


def test_a_tag_that_does_not_hold(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    commit(stash, {snapshot_path("pca", "v2"): snapshot_text("pca", "v2", "1" * 40)}, "drift")
    git("tag", "snapshot/v2", cwd=stash)
    ran = estash("bundle", "v2", tmp_path / "v2.tar", "--allow-local", cwd=stash)
    assert (ran.code, ": pin: " in ran.err) == (1, True)
    assert not (tmp_path / "v2.tar").exists()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("", "a directory; name the file to write"),
        ("nowhere/v1.tar", "no such directory"),
        ("precious", "another file exists there"),
    ],
)
def test_where_it_cannot_be_written(tmp_path: Path, target: str, said: str) -> None:
    stash = frozen_stash(tmp_path / "one")
    (tmp_path / "precious").write_text("precious\n")
    ran = estash("bundle", "v1", tmp_path / target, "--allow-local", cwd=stash)
    assert (ran.code, said in ran.err) == (1, True), ran.err
    assert (tmp_path / "precious").read_text() == "precious\n"


def test_no_such_tag(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    git("remote", "remove", "origin", cwd=stash)
    ran = estash("bundle", "v3", tmp_path / "v3.tar", cwd=stash)
    assert (ran.code, "has no tag snapshot/v3; did you mean v1?" in ran.err) == (1, True), ran.err


def test_a_shallow_clone_has_not_all_of_it(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    bundled(stash, tmp_path / "one.tar")
    shallow = tmp_path / "shallow"
    git("clone", "-q", "--depth=1", "-b", "snapshot/v1", f"file://{stash}", shallow, cwd=tmp_path)
    ran = estash("bundle", "v1", tmp_path / "v1.tar", "--allow-local", cwd=shallow)
    assert ran.code == 0, ran.err  # what is missing comes from where the clone came from
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "v1.tar").read_bytes()
    git("remote", "remove", "origin", cwd=shallow)
    ran = estash("bundle", "v1", tmp_path / "v2.tar", "--allow-local", cwd=shallow)
    assert (ran.code, ran.err.endswith(f"    fix: git -C {shallow} fetch --unshallow --tags\n")) == (1, True), ran.err
    assert not (tmp_path / "v2.tar").exists()
    git("remote", "add", "origin", f"file://{stash}", cwd=shallow)
    paste(ran.err.rpartition("fix: ")[2], tmp_path)
    git("remote", "remove", "origin", cwd=shallow)
    assert estash("bundle", "v1", tmp_path / "v2.tar", "--allow-local", cwd=shallow).code == 0


@pytest.mark.first(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_half_file(tmp_path: Path, number: int) -> None:
    stash = frozen_stash(tmp_path / "one")
    target, scratch = tmp_path / "out", tmp_path / "scratch"
    target.mkdir()
    scratch.mkdir()
    os.mkfifo(tmp_path / "held")
    wrapper = tmp_path / "bin"
    hold = f'case " $* " in *" pack-objects "*) echo here > {tmp_path}/held; sleep 60;; esac'
    write(wrapper, {"git": f'#!/bin/sh\n{hold}\nexec {real_git()} "$@"\n'})
    (wrapper / "git").chmod(0o755)
    env = {**os.environ, "PATH": f"{wrapper}:{os.environ['PATH']}", "TMPDIR": str(scratch)}
    program = Path(sys.executable).parent / "experimentstash"
    with subprocess.Popen([program, "bundle", "v1", target / "v1.tar", "--allow-local"], cwd=stash, env=env) as child:
        (tmp_path / "held").read_text()  # it is in the middle now
        child.send_signal(number)
        assert child.wait(60) == (130 if number == signal.SIGINT else 143)
    assert (os.listdir(target), os.listdir(scratch)) == ([], [])


def real_git() -> str:
    return run("sh", "-c", "command -v git", cwd=Path("/")).out.strip()


@pytest.mark.every
def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    stash = frozen_stash(tmp_path / "one")
    (tmp_path / "out").mkdir()
    bundled(stash, tmp_path / "whole.tar")
    blocks = (tmp_path / "whole.tar").stat().st_size // 1024 - 2  # all but its end fits
    program = Path(sys.executable).parent / "experimentstash"
    shell = f'ulimit -f {blocks}; exec "$0" bundle v1 "$1" --allow-local'
    ran = run("bash", "-c", shell, program, tmp_path / "out/v1.tar", cwd=stash)
    assert (ran.code, "v1.tar: cannot be written: File too large" in ran.err) == (1, True), ran.err
    assert os.listdir(tmp_path / "out") == []
