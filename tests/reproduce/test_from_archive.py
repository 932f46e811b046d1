"""From an archive to the same results, on a machine that reaches nothing, with the archive and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import BIN, Ran, commit, run, write
from offline import cut_off, offline
from scene import Scene, make_scene
from tiny_packages import HERE, hashed, no_settings, vendor, wheel

from experimentstash.reproduce.archive.unpack import open_archive
from experimentstash.reproduce.archive.writer import ArchiveMember, make

# what hydra-core needs: the one thing here that comes from the package index
HYDRA = ("hydra-core==1.3.2", "omegaconf==2.3.0", "antlr4-python3-runtime==4.9.3", "packaging==24.2", "pyyaml==6.0.2")


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    no_settings(monkeypatch)


def bundle(scene: Scene, *flags: str) -> Ran:
    file = scene.root / "v1.tar"
    return run(BIN / "experimentstash", "bundle", "v1", file, "--allow-local", *flags, cwd=scene.stash, env=scene.env)


def reproduce(scene: Scene, *flags: str, **env: str) -> Ran:
    """Reproduce in another directory, with nothing of what the archive was made of."""
    for path in (scene.stash, scene.root / "remotes", scene.root / "cache"):
        if path.exists():
            path.rename(path.with_name(f"{path.name}-gone"))
    away = scene.root / "elsewhere"
    away.mkdir(exist_ok=True)
    command: list[str | Path] = [
        BIN / "experimentstash",
        "reproduce",
        "v1",
        "--from",
        scene.root / "v1.tar",
        "--yes",
        *flags,
    ]
    return run(*cut_off(scene.root), *command, cwd=away, env={**scene.env, **offline(**env)})


@pytest.mark.first(1)
@pytest.mark.parametrize("wide", [[], ["--object-format=sha256"]], ids=["sha1", "sha256"])
def test_the_same_results(tmp_path: Path, wide: list[str]) -> None:
    scene = make_scene(tmp_path, *wide)
    scene.freeze("first", tagged=False)
    scene.freeze("second")
    assert bundle(scene).code == 0
    ran = reproduce(scene, "--no-build", "--check")
    assert ran.code == 0, ran.err
    folder = tmp_path / "elsewhere/v1"
    digest = hashlib.sha256((tmp_path / "v1.tar").read_bytes()).hexdigest()
    assert f"snapshot/v1 of the archive {tmp_path}/v1.tar (SHA-256 {digest}), " in ran.err
    assert f"  tools/mytool from the archive, recorded as {tmp_path}/remotes/mytool, " in ran.err
    assert ran.out.endswith(": 2 of 2 experiments hold\n")
    assert (folder / "outputs/mytool/first/@run/v1/results.json").exists()
    again = reproduce(scene, "--no-build", "--check")
    assert (again.code, again.out) == (0, ran.out)
    assert scene.runs() == ["first", "second"]


def test_it_asks_first(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    scene.freeze()
    bundle(scene)
    command: list[str | Path] = [
        BIN / "experimentstash",
        "reproduce",
        "v1",
        "--from",
        tmp_path / "v1.tar",
        "--no-build",
    ]
    ran = run(*command, cwd=tmp_path / "signs", env=scene.env)
    assert (ran.code, scene.runs()) == (1, [])
    assert "--yes  # if you trust its authors" in ran.err


def with_tiny_lock(scene: Scene) -> None:
    """Give the tool a lock of two tiny packages, which it carries itself, and freeze it with that."""
    tool = scene.stash / "tools/mytool"
    one, two = vendor(tool)
    write(tool, {"requirements.txt": f"--no-index\n--find-links vendor\n{hashed(one)}{hashed(two)}"})
    commit(tool, {}, "a lock")
    digest = hashlib.sha256((tool / "requirements.txt").read_bytes()).hexdigest()
    scene.freeze(more=f"# PYTHON: {HERE}\n# LOCK: tools/mytool/requirements.txt sha256:{digest}\n", value=None)


@pytest.mark.every
def test_what_is_told_of_packages(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    with_tiny_lock(scene)
    ran = bundle(scene, "--with-packages")
    assert ran.code == 0, ran.err
    manifest = open_archive(tmp_path / "v1.tar").manifest
    assert manifest.locks is not None
    (lock,) = manifest.locks
    assert (lock.lock, lock.wanted) == ("tools/mytool/requirements.txt", f"Python {HERE}")
    assert lock.files == {
        "tiny-one==1.0": "tiny_one-1.0-py3-none-any.whl",
        "tiny-two==1.2": "tiny_two-1.2-py3-none-any.whl",
    }
    assert (
        f"  the packages of tools/mytool/requirements.txt for {lock.platform}\n  Python itself is not in it\n"
        in ran.out
    )
    first = (tmp_path / "v1.tar").read_bytes()
    assert bundle(scene, "--with-packages").code == 0
    assert (tmp_path / "v1.tar").read_bytes() == first


def forged(scene: Scene, file: str, data: bytes) -> None:
    """Put another file in the place of the package `tiny-one`, with a digest that fits."""
    archive = open_archive(scene.root / "v1.tar")
    run("tar", "xf", archive.path, cwd=scene.root)
    manifest = archive.manifest
    old = "tiny_one-1.0-py3-none-any.whl"
    (scene.root / "packages" / old).unlink()
    (scene.root / "packages" / file).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    packages = tuple(
        replace(one, file=file, sha256=digest, size=len(data)) if one.file == old else one for one in manifest.packages
    )
    locks = tuple(replace(one, files={**one.files, "tiny-one==1.0": file}) for one in manifest.locks or ())
    numbers = range(len(manifest.repositories))
    parts = [ArchiveMember(b"", scene.root / manifest.repository_member(number).name) for number in numbers]
    parts += [ArchiveMember(b"", scene.root / "packages" / one.file) for one in packages]
    make(archive.path, replace(manifest, packages=packages, locks=locks), parts)


@pytest.mark.every
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_packages_for_another_platform(tmp_path: Path, installer: str) -> None:
    scene = make_scene(tmp_path)
    with_tiny_lock(scene)
    assert bundle(scene, "--with-packages").code == 0
    data = (scene.stash / "tools/mytool/vendor/tiny_one-1.0-py3-none-any.whl").read_bytes()
    forged(scene, "tiny_one-1.0-cp27-cp27m-win_amd64.whl", data)
    env = {} if installer == "uv" else {"PATH": str(only(tmp_path / "programs", "git", "sh", "env"))}
    ran = reproduce(scene, **env)
    assert ran.code == 1
    assert "tiny-one==1.0" in ran.err
    assert f"Nothing was fetched: the packages of {tmp_path}/v1.tar are for cpython " in ran.err
    assert scene.runs() == []


def only(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(run("sh", "-c", f"command -v {name}", cwd=folder).out.strip())
    return folder


@pytest.mark.every
def test_a_package_that_the_lock_does_not_name(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    with_tiny_lock(scene)
    assert bundle(scene, "--with-packages").code == 0
    other = wheel(tmp_path / "other", "tiny-one", "1.0", files={"evil.py": "evil = True\n"})
    forged(scene, other.name, other.read_bytes())
    ran = reproduce(scene)
    assert ran.code == 1
    assert f"{tmp_path}/v1.tar: tiny-one==1.0 differs from the lock file: its SHA-256 is " in ran.err
    assert not (tmp_path / "cache/environments").exists()


@pytest.mark.every
def test_an_archive_of_other_locks(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    with_tiny_lock(scene)
    assert bundle(scene, "--with-packages").code == 0
    archive = open_archive(tmp_path / "v1.tar")
    run("tar", "xf", archive.path, cwd=tmp_path)
    parts = [ArchiveMember(b"", tmp_path / member.name) for member in archive.manifest.members(0)[1:]]
    make(archive.path, replace(archive.manifest, locks=()), parts)
    ran = reproduce(scene)
    assert (ran.code, ran.err.splitlines()[-1]) == (
        1,
        f"experimentstash: {tmp_path}/v1.tar: it contains packages, but none for tools/mytool/requirements.txt",
    )


@pytest.mark.every
def test_packages_and_all(tmp_path: Path) -> None:
    """The one test that asks the package index: Hydra itself, one package of which has to be built."""
    scene = make_scene(tmp_path)
    tool = scene.stash / "tools/mytool"
    files = tmp_path / "files"
    fetched = run("python", "-m", "pip", "download", "-q", "--no-deps", "--dest", files, *HYDRA, cwd=tmp_path)
    assert fetched.code == 0, fetched.err
    lines = []
    for requirement in HYDRA:
        (file,) = files.glob(
            requirement.partition("==")[0].replace("-", "?").replace("pyyaml", "*[yY][aA][mM][lL]") + "-*"
        )
        lines.append(f"{requirement} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n")
    commit(tool, {"requirements.txt": "".join(lines)}, "a lock")
    digest = hashlib.sha256((tool / "requirements.txt").read_bytes()).hexdigest()
    scene.freeze(more=f"# PYTHON: {HERE}\n# LOCK: tools/mytool/requirements.txt sha256:{digest}\n")
    assert bundle(scene, "--with-packages").code == 0
    cache = str(tmp_path / "caches")
    ran = reproduce(scene, "--check", UV_CACHE_DIR=cache, PIP_CACHE_DIR=cache)
    assert (ran.code, ran.out.splitlines()[-1].endswith(": 1 of 1 experiments hold")) == (0, True), ran.err
    assert "the packages of tools/mytool/requirements.txt, from the archive\n" in ran.err
    assert not (tmp_path / "elsewhere/v1/.git/experimentstash/packages").exists()
