"""What is installed is written down so that it can be installed again, and what differs from it is told."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import run, write
from tiny_packages import HERE, declare, hide_uv, no_settings, vendor, wheel

from experimentstash.core.errors import StashError
from experimentstash.environments.build import build
from experimentstash.environments.build_request import BuildRequest
from experimentstash.environments.differences import differences
from experimentstash.environments.formats.base import Lock
from experimentstash.environments.header_lines import LockLine, Recorded, header_lines, read_header, recorded
from experimentstash.environments.interpreters import RecordedPython
from experimentstash.environments.lock_file import open_lock
from experimentstash.environments.packages import Described, Package, Python, describe
from experimentstash.environments.recorded_lock import lock_path, projects_of, record, stale_copies, with_hashes
from experimentstash.reproduce.experiment_environments import Within
from experimentstash.stash import snapshot_file

COMMIT = "3f1d0c4c6c1f0b8e5b6c3a3e0c1f9f1f2a3b4c5d"
GIT = f'{{"vcs": "git", "commit_id": "{COMMIT}"}}'
PYTHON = Python(Path("/p"), Path("/p"), "3.11.7", "cpython", "abi", "linux-x86_64", "glibc 2.36")


def write_lock(stash: Path, tool: str, tag: str, text: str) -> Lock:
    """Write a lock where freezing does, and return it."""
    name = lock_path(tool, tag, text)
    write(stash, {name: text})
    return open_lock(stash, name, hashlib.sha256(text.encode("utf-8")).hexdigest())


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_settings(monkeypatch)
    monkeypatch.setenv("EXPERIMENTSTASH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    (tmp_path / "stash/tools/mytool").mkdir(parents=True)
    return tmp_path / "stash"


@pytest.fixture
def at_hand(stash: Path, tmp_path: Path) -> Path:
    """The Python of an environment that a user made: two packages, one from a file, and the tool for development."""
    tool = stash / "tools/mytool"
    vendor(tool)
    declare(tool, "mytool")
    wheel(tmp_path / "downloads", "from-file", "2.0")
    inside = tmp_path / "venv/bin/python"
    commands: list[list[str | Path]] = [
        ["uv", "venv", "-q", "--python", sys.executable, tmp_path / "venv"],
        ["uv", "pip", "install", "-q", "--python", inside, "--no-index", "-f", tool / "vendor", "tiny-one"],
        ["uv", "pip", "install", "-q", "--python", inside, tmp_path / "downloads/from_file-2.0-py3-none-any.whl"],
        ["uv", "pip", "install", "-q", "--python", inside, "--no-deps", "-e", tool],
    ]
    for command in commands:
        done = run(*command, cwd=tmp_path)
        assert done.code == 0, done.err
    return inside


def described(*packages: Package, python: Python = PYTHON) -> Described:
    return Described(python, {package.key: package for package in packages})


def test_what_is_installed_is_recorded(stash: Path, at_hand: Path, tmp_path: Path) -> None:
    seen = describe(at_hand)
    made = record(seen, stash, "mytool")
    here = seen.python
    assert made.text == (
        "# What mytool ran with when it was frozen: pip install --no-deps -r FILE, or uv pip install.\n"
        f"# PYTHON: {HERE}\n# PLATFORM: {here.platform} {here.libc}\n".replace(" \n", "\n")
        + "# LEFT_OUT: from-file==2.0, which came from where nobody else can install it\n"
        "tiny-one==1.0\ntiny-two==1.2\n"
    )
    assert made.told == (
        "from-file==2.0 came from a directory of this machine, or not over https: nobody else can install it",
    )
    assert projects_of(seen, stash) == ("tools/mytool",)
    assert stale_copies(seen, stash) == ()
    assert record(describe(at_hand), stash, "mytool") == made


@pytest.mark.first(1)
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_recorded_lock_gives_the_same_packages(
    stash: Path, at_hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str
) -> None:
    first = describe(at_hand)
    lock = write_lock(stash, "mytool", "draft", record(first, stash, "mytool").text)
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX"):
        monkeypatch.setenv(name, "1")
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, str(stash / "tools/mytool/vendor"))
    if installer == "pip":
        hide_uv(tmp_path, monkeypatch)
    projects = tuple(stash / folder for folder in projects_of(first, stash))
    built = build(
        BuildRequest(
            lock, "a title", tmp_path / "cache", tmp_path / "own", python=RecordedPython(HERE), projects=projects
        )
    )
    again = describe(built.interpreter)
    assert differences(recorded(first, lock, projects_of(first, stash)), lock, again) == []
    lines = [record(seen, stash, "mytool").text.splitlines() for seen in (first, again)]
    assert lines[1] == [line for line in lines[0] if not line.startswith("# LEFT_OUT: from-file==2.0")]
    assert projects_of(again, stash) == ("tools/mytool",)


def test_a_recorded_lock_is_not_resolved(stash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(tmp_path / "links", "tiny-one", "1.0", ["tiny-two>=1"])
    wheel(tmp_path / "links", "tiny-two", "0.5")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "links"))
    text = record(described(Package("tiny-one", "1.0"), Package("tiny-two", "0.5")), stash, "mytool").text
    lock = write_lock(stash, "mytool", "draft", text)
    built = build(BuildRequest(lock, "a title", tmp_path / "cache", tmp_path / "own", python=RecordedPython(HERE)))
    assert describe(built.interpreter).packages["tiny-two"].version == "0.5"


def test_a_copy_of_the_tool_is_told(stash: Path, at_hand: Path, tmp_path: Path) -> None:
    done = run("uv", "pip", "install", "-q", "--python", at_hand, "--no-deps", stash / "tools/mytool", cwd=tmp_path)
    assert done.code == 0, done.err
    assert stale_copies(describe(at_hand), stash) == (
        "mytool is installed as a copy of tools/mytool: what ran may not be the code of its commit "
        "(pip install -e tools/mytool)",
    )


def test_the_oldest_python_can_be_asked(tmp_path: Path) -> None:
    found = sorted(Path(os.environ.get("PYENV_ROOT", "/nowhere")).glob("versions/3.8.*/bin/python3.8"))
    if not found:
        pytest.skip("no Python 3.8 on this machine")
    seen = describe(found[-1])
    assert seen.python.version.startswith("3.8.")
    assert "pip" in seen.packages


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/false", "/bin/true", "/bin/echo"])
def test_what_is_no_python_is_told(program: str) -> None:
    with pytest.raises(StashError, match=f"{program}: does not list its installed packages"):
        describe(Path(program))


def test_what_an_environment_prints_at_its_start_does_no_harm(at_hand: Path) -> None:
    folder = next(at_hand.parents[1].glob("lib/*/site-packages"))
    write(folder, {"loud.pth": "import sys; print('[1, 2]'); sys.stderr.write('loud')\n"})
    assert "tiny-one" in describe(at_hand).packages


def test_hostile_metadata_is_no_package(at_hand: Path) -> None:
    folder = next(at_hand.parents[1].glob("lib/*/site-packages"))
    bad = "Metadata-Version: 2.1\nName: x\nVersion: 1.0 --index-url=http://evil.example\n"
    write(folder, {"x-1.0.dist-info/METADATA": bad, "y-1.0.dist-info/METADATA": bad.replace("x", "../y")})
    write(folder, {"z-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: z\nVersion: 1.0\n"})
    write(folder, {"z-1.0.dist-info/direct_url.json": '{"url": "https://e.example/z\\n--pre", "archive_info": []}'})
    seen = describe(at_hand).packages
    assert seen.keys() == {"tiny-one", "tiny-two", "from-file", "mytool", "z"}
    assert seen["z"].source == ""


@pytest.mark.first(4)
@pytest.mark.parametrize(
    ("url", "source"),
    [
        (
            f'{{"url": "https://ada:secret@example.org/a/b.git", "vcs_info": {GIT}}}',
            f"git+https://example.org/a/b.git@{COMMIT}",
        ),
        (
            f'{{"url": "ssh://git@example.org/b.git", "subdirectory": "sub/x", "vcs_info": {GIT}}}',
            f"git+ssh://git@example.org/b.git@{COMMIT}#subdirectory=sub/x",
        ),
        (
            f'{{"url": "https://ghp_abcdefghijklmnopqrst@example.org/a/b.git", "vcs_info": {GIT}}}',
            f"git+https://example.org/a/b.git@{COMMIT}",
        ),
        ('{"url": "https://example.org/z.whl?token=s3cret-s3cret"}', "https://example.org/z.whl"),
        (
            '{"url": "https://example.org/z.whl", "archive_info": {"hashes": {"sha256": "%s"}}}' % ("0" * 64),
            f"https://example.org/z.whl#sha256={'0' * 64}",
        ),
        (
            '{"url": "https://example.org/z.whl", "archive_info": {"hash": "sha256=%s"}}' % ("0" * 64),
            f"https://example.org/z.whl#sha256={'0' * 64}",
        ),
        ('{"url": "https://example.org/z.whl"}', "https://example.org/z.whl"),
        ("[]", ""),
        ("{", ""),
    ],
)
def test_what_came_from_a_url_is_named_by_it(stash: Path, at_hand: Path, url: str, source: str) -> None:
    folder = next(at_hand.parents[1].glob("lib/*/site-packages"))
    write(folder, {"z-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: z\nVersion: 1.0\n"})
    write(folder, {"z-1.0.dist-info/direct_url.json": url})
    seen = describe(at_hand)
    assert seen.packages["z"].source == source
    assert (f"z @ {source}" if source else "z==1.0") in record(seen, stash, "mytool").text.splitlines()


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/hf_abcdefghijklmnopqrst/z.whl",
        "http://example.org/z.whl",
        "git://example.org/z.git",
        "svn+https://example.org/z",
    ],
)
def test_what_does_not_come_over_https_is_left_out(stash: Path, url: str) -> None:
    made = record(described(Package("z", "1.0", url), Package("y", "1.0")), stash, "mytool")
    assert made.text.splitlines()[3:] == [
        "# LEFT_OUT: z==1.0, which came from where nobody else can install it",
        "y==1.0",
    ]
    assert len(made.told) == 1


def test_builds_of_torch_name_their_index(stash: Path) -> None:
    made = record(
        described(Package("torch", "2.5.1+cu121"), Package("torchvision", "0.20.1+cpu"), Package("jaxlib", "1+cuda")),
        stash,
        "mytool",
    )
    assert made.text.splitlines()[3:] == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        "--extra-index-url https://download.pytorch.org/whl/cu121",
        "jaxlib==1+cuda",
        "torch===2.5.1+cu121",
        "torchvision===0.20.1+cpu",
    ]
    assert made.told == ("jaxlib 1+cuda is a build that the package index may not have",)
    check = write_lock(stash, "mytool", "t", made.text)
    assert check.kind == "recorded"


@pytest.mark.every
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_the_build_of_torch_is_the_recorded_one(
    stash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str
) -> None:
    for one in ("2.5.1", "2.5.1+cpu", "2.5.1+cu121"):
        wheel(tmp_path / "links", "torch", one)
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX"):
        monkeypatch.setenv(name, "1")
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, str(tmp_path / "links"))
    if installer == "pip":
        hide_uv(tmp_path, monkeypatch)
    lock = write_lock(stash, "mytool", "draft", record(described(Package("torch", "2.5.1")), stash, "mytool").text)
    built = build(BuildRequest(lock, "a title", tmp_path / "cache", tmp_path / "own", python=RecordedPython(HERE)))
    assert describe(built.interpreter).packages["torch"].version == "2.5.1"


def test_what_installs_and_what_freezes_is_left_out(stash: Path) -> None:
    made = record(described(Package("pip", "24.0"), Package("uv", "0.9"), Package("experimentstash", "1")), stash, "t")
    assert all(line.startswith("#") for line in made.text.splitlines())


def test_hashes_are_those_of_the_index(stash: Path) -> None:
    text = record(described(Package("omegaconf", "2.3.0"), Package("hydra_core", "1.3.2")), stash, "mytool").text
    done = with_hashes(text, Path(sys.executable))
    assert done.splitlines()[:3] == text.splitlines()[:3]
    assert "hydra-core==1.3.2 \\\n    --hash=sha256:" in done
    assert "--hash=sha256:7b4df175cdb08ba400f45cae3bdcae7ba8365db4d165fc65fd04b050ab63b46b" in done
    lock = write_lock(stash, "mytool", "t", done)
    assert open_lock(stash, lock.name, lock.sha256) == lock


def test_where_hashes_are_not_to_be_had_the_lock_stays(
    stash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = record(described(Package("tiny-one", "1.0")), stash, "mytool").text
    monkeypatch.setenv("UV_NO_INDEX", "1")
    assert with_hashes(text, Path(sys.executable)) == text
    wheel(tmp_path / "links", "tiny-one", "1.0")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "links"))  # uv tells no hashes of files that lie there
    assert with_hashes(text, Path(sys.executable)) == text
    hide_uv(tmp_path, monkeypatch)
    assert with_hashes(text, Path(sys.executable)) == text


def test_the_lock_is_named_by_its_bytes() -> None:
    digest = hashlib.sha256(b"tiny-one==1.0\n").hexdigest()
    named = lock_path("mytool", "draft", "tiny-one==1.0\n")
    assert named == f"configs/mytool/snapshots/draft/requirements-{digest[:12]}.txt"
    assert lock_path("mytool", "draft", "tiny-one==1.1\n") != named


def test_the_header_says_what_it_ran_in(stash: Path) -> None:
    seen = described(
        Package("hydra-core", "1.3.8"), Package("omegaconf", "2.3.0"), Package("numpy", "1"), python=PYTHON
    )
    lock = replace(write_lock(stash, "mytool", "draft", "numpy==1\n"), extras=("cpu",), groups=("plots", "x"))
    said = recorded(seen, lock, ("tools/mytool",))
    lines = header_lines(said)
    assert lines == [
        ("PYTHON", "3.11.7"),
        ("PLATFORM", "linux-x86_64 glibc 2.36"),
        ("PACKAGE", "hydra-core==1.3.8"),
        ("PACKAGE", "omegaconf==2.3.0"),
        ("LOCK", f"{lock.name} sha256:{lock.sha256} extra=cpu group=plots group=x"),
        ("PROJECT", "tools/mytool"),
    ]
    text = snapshot_file.render(lines, "a: 1\n")
    assert read_header(snapshot_file.parse(text.encode(), "here"), "here") == said
    assert read_header(snapshot_file.parse(b"a: 1\n", "here"), "here") == Recorded()


def test_a_header_of_another_implementation_and_a_path_with_blanks() -> None:
    said = Recorded(RecordedPython("3.10.14", "pypy"), lock=LockLine("tools/mytool/my sub/uv.lock", "0" * 64))
    text = snapshot_file.render(header_lines(said), "a: 1\n")
    assert "# PYTHON: 3.10.14 pypy\n" in text
    assert read_header(snapshot_file.parse(text.encode(), "here"), "here") == said


@pytest.mark.parametrize(
    "line",
    [
        "PYTHON: three",
        "PYTHON: 3.11; rm -rf",
        "PACKAGE: hydra-core",
        "LOCK: tools/x/uv.lock",
        "LOCK: tools/x/uv.lock sha256:12",
        f"LOCK: 'tools/x/uv.lock sha256:{'0' * 64}",
        f"LOCK: /etc/uv.lock sha256:{'0' * 64}",
        f"LOCK: tools/../../uv.lock sha256:{'0' * 64}",
        f"LOCK: tools/x/uv.lock sha256:{'0' * 64} --index-url=x",
        f"LOCK: tools/x/uv.lock sha256:{'0' * 64} extra=--x",
        "PROJECT: /etc",
        "PROJECT: tools/../..",
        "PROJECT: -x",
    ],
)
def test_a_header_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(StashError, match=f"^here: the header line {line.partition(':')[0]} "):
        read_header(snapshot_file.parse(f"# {line}\n\na: 1\n".encode(), "here"), "here")


def test_what_differs_from_the_recorded_one_is_told(stash: Path) -> None:
    then = described(Package("hydra-core", "1.3.2"), Package("numpy", "1.26.4"), Package("scipy", "1.14.0"))
    lock = write_lock(stash, "mytool", "draft", record(then, stash, "mytool").text)
    said = recorded(then, lock, ())
    assert differences(said, lock, then) == []
    other = replace(PYTHON, version="3.12.1", platform="macosx-14.0-arm64", libc="")
    now = described(
        Package("hydra-core", "1.3.2"),
        Package("numpy", "2.0.1"),
        Package("extra", "1"),
        Package("pip", "1"),
        python=other,
    )
    assert differences(said, lock, now) == [
        "cpython 3.12.1 here, cpython 3.11.7 recorded",
        "platform macosx-14.0-arm64 here, linux-x86_64 glibc 2.36 recorded",
        f"numpy 2.0.1 here, 1.26.4 in {lock.name}",
        f"scipy is not here, 1.14.0 in {lock.name}",
        f"extra 1 here, not in {lock.name}",
    ]
    assert differences(Recorded(packages=(("omegaconf", "2.3.0"),)), None, now) == [
        "omegaconf is not here, 2.3.0 recorded"
    ]


def test_a_run_that_fails_is_told_what_its_lock_lacks(stash: Path) -> None:
    seen = described(Package("numpy", "1"), Package("from-file", "2.0", folder=Path("/nowhere")), Package("click", "8"))
    lock = write_lock(stash, "mytool", "draft", record(seen, stash, "mytool", ["click"]).text)
    within = Within(Path("/p"), ("another platform",), "3.11.7", lock)
    assert within.of_failure().told == (
        "another platform",
        f"not installed: from-file==2.0, which came from where nobody else can install it ({lock.name})",
        f"not installed: click==8, which experimentstash alone needs ({lock.name})",
    )
    assert differences(Recorded(), lock, described(Package("numpy", "1"), Package("click", "8"))) == []
    at_hand = replace(within, lock=None)
    assert at_hand.of_failure() == at_hand


def test_a_shipped_lock_may_name_more_than_is_here(stash: Path) -> None:
    text = f"numpy==1 --hash=sha256:{'0' * 64}\nwindows-only==1 --hash=sha256:{'0' * 64}\n"
    write(stash / "tools/mytool", {"requirements.txt": text})
    lock = open_lock(stash, "tools/mytool/requirements.txt", hashlib.sha256(text.encode()).hexdigest())
    assert differences(Recorded(), lock, described(Package("numpy", "1"), Package("pytest", "8"))) == []
    assert differences(Recorded(), lock, described(Package("numpy", "2"))) == [
        "numpy 2 here, 1 in tools/mytool/requirements.txt"
    ]
