"""An archive that is not whole, or not what it says, is refused before anything of it is unpacked."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from archives import TAIL, block, number, pack_of, remade, sealed, small, with_pack
from conftest import estash

from experimentstash.core.errors import StashError
from experimentstash.reproduce.archive.archive_manifest import NAME, ArchiveManifest, parse
from experimentstash.reproduce.archive.packfiles import LARGEST_OBJECT
from experimentstash.reproduce.archive.tar import Member
from experimentstash.reproduce.archive.unpack import open_archive


def refused(path: Path) -> str:
    with pytest.raises(StashError) as error:
        open_archive(path)
    assert str(path) in str(error.value)
    return str(error.value).partition("\n")[0].removeprefix(f"{path}: ")


def test_one_that_is_whole_is_opened(tmp_path: Path) -> None:
    archive = open_archive(small(tmp_path))
    assert [one.path for one in archive.manifest.repositories] == ["", "tools/mytool"]
    assert list(archive.places) == [
        "experimentstash.json",
        "repositories/0.bundle",
        "repositories/1.bundle",
        "packages/one-1.0-py3-none-any.whl",
    ]


def test_every_byte_counts(tmp_path: Path) -> None:
    path = small(tmp_path)
    data = path.read_bytes()
    ends = range(len(data) - TAIL, len(data))
    said = set()
    for at in sorted({*range(0, len(data), 11), *ends}):
        altered = bytearray(data)
        altered[at] ^= random.Random(at).randrange(1, 256)
        path.write_bytes(altered)
        said.add(refused(path).partition(":")[0])
    assert said == {
        "not an archive of experimentstash bundle",
        "modified",
        "truncated or extended",
    }


@pytest.mark.parametrize("size", [0, 1, 100, 511, 512, 1024, 2048, -2048, -512, -1])
def test_one_that_was_cut_short(tmp_path: Path, size: int) -> None:
    path = small(tmp_path)
    path.write_bytes(path.read_bytes()[:size])
    first = "not an archive" if 0 <= size < 100 else "truncated"
    assert refused(path).startswith(first)


@pytest.mark.parametrize("more", [b"x", b"\0" * 512, b"\0" * 10240, block("more", b"data")])
def test_one_that_something_was_added_to(tmp_path: Path, more: bytes) -> None:
    path = small(tmp_path)
    path.write_bytes(path.read_bytes() + more)
    assert refused(path).startswith("truncated or extended")


@pytest.mark.parametrize("data", [b"", b"text\n", b"PK\3\4" * 400, block("other", b"x") * 8])
def test_another_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    assert refused(tmp_path / "file") == "not an archive of experimentstash bundle"


LINKS = {
    "a file": (block("more.txt", b"data"), "it contains more than its manifest lists: 'more.txt'"),
    "a way out": (block("../../more.txt", b"data"), "it contains more than its manifest lists: '../../more.txt'"),
    "a root": (block("/etc/passwd", b"data"), "it contains more than its manifest lists: '/etc/passwd'"),
    "a link": (
        block("repositories/x", type=b"2", linkname="/etc/passwd"),
        "it contains more than its manifest lists: 'repositories/x', a symbolic link",
    ),
    "a hard link": (
        block("x", type=b"1", linkname="/etc/passwd"),
        "it contains more than its manifest lists: 'x', a hard link",
    ),
    "a device": (
        block("null", type=b"3", devmajor=1, devminor=3),
        "it contains more than its manifest lists: 'null', a device",
    ),
    "a pipe": (block("pipe", type=b"6"), "it contains more than its manifest lists: 'pipe', a pipe"),
    "twice": (block(NAME, b"{}"), f"it contains more than its manifest lists: '{NAME}'"),
    "escapes": (block("\x1b[2J", b""), r"it contains more than its manifest lists: '\x1b[2J'"),
}


@pytest.mark.parametrize(("more", "said"), LINKS.values(), ids=LINKS)
def test_members_that_it_should_not_have(tmp_path: Path, more: bytes, said: str) -> None:
    path = small(tmp_path)
    path.write_bytes(sealed(path.read_bytes()[:-TAIL] + more))
    assert refused(path) == said


@pytest.mark.parametrize(("more", "said"), LINKS.values(), ids=LINKS)
def test_members_in_the_place_of_others(tmp_path: Path, more: bytes, said: str) -> None:
    path = small(tmp_path)
    data = path.read_bytes()[:-TAIL]
    at = open_archive(path).places["repositories/0.bundle"] - 512
    path.write_bytes(sealed(data[:at] + more + data[at:]))
    instead = said.replace("it contains more than its manifest lists:", "where repositories/0.bundle must be, there is")
    assert refused(path) == instead


def test_what_is_hidden_between_the_members(tmp_path: Path) -> None:
    path = small(tmp_path)
    data = bytearray(path.read_bytes()[:-TAIL])
    at = open_archive(path).places["packages/one-1.0-py3-none-any.whl"]
    data[at + 100] = 1
    path.write_bytes(sealed(bytes(data)))
    assert refused(path) == "unexpected data after packages/one-1.0-py3-none-any.whl"


@pytest.mark.parametrize(("key", "value"), [("mode", 0o755), ("uid", 1), ("mtime", 1), ("uname", "root")])
def test_a_member_that_has_what_members_have_not(tmp_path: Path, key: str, value: object) -> None:
    path = small(tmp_path)
    data = path.read_bytes()[:-TAIL]
    at = open_archive(path).places["packages/one-1.0-py3-none-any.whl"] - 512
    altered = block("packages/one-1.0-py3-none-any.whl", b"a wheel", **{key: value})
    path.write_bytes(sealed(data[:at] + altered))
    assert refused(path).startswith("where packages/one-1.0-py3-none-any.whl must be, there is 'packages/one-1.0")


def resaid(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> str:
    path = small(tmp_path)
    data = path.read_bytes()[:-TAIL]
    first = Member(NAME, int(data[124:135], 8))
    said = json.loads(data[512 : 512 + first.size])
    new = change(said)
    text = new if isinstance(new, bytes) else json.dumps(said if new is None else new).encode()
    rest = data[first.room :]
    path.write_bytes(sealed(Member(NAME, len(text)).header + text + b"\0" * (-len(text) % 512) + rest))
    return refused(path)


UNREADABLE = f"its manifest {NAME} cannot be read: "
SAYING: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no JSON": (lambda _: b"{", UNREADABLE + "'Expecting property name"),
    "deep": (lambda _: b"[" * 100_000, UNREADABLE),
    "a list": (lambda _: b"[]", UNREADABLE + "TypeError"),
    "bytes": (lambda _: b"\xff", UNREADABLE + "\"'utf-8' codec"),
    "an older format": (lambda said: said.update(format=0), UNREADABLE + "'format'"),
    "a later format": (lambda said: said.update(format=2), "written by a newer version of experimentstash"),
    "no tag": (lambda said: said.update(tag="../x"), UNREADABLE + "'../x'"),
    "another hash": (lambda said: said.update(object_format="md5"), UNREADABLE + "KeyError"),
    "no stash": (lambda said: said.update(repositories=said["repositories"][1:]), UNREADABLE + "'no stash'"),
    "a way out": (lambda said: said["repositories"][1].update(path="../x"), UNREADABLE + "'../x'"),
    "a root": (lambda said: said["repositories"][1].update(path="/etc"), UNREADABLE + "'/etc'"),
    "git's own": (lambda said: said["repositories"][1].update(path="a/.GIT/x"), UNREADABLE + "'a/.GIT/x'"),
    "twice": (lambda said: said["repositories"][1].update(path=""), UNREADABLE + "'path  twice'"),
    "no id": (lambda said: said["repositories"][1].update(commit="HEAD"), UNREADABLE),
    "a true size": (lambda said: said["repositories"][1].update(size=True), UNREADABLE + "'True'"),
    "a negative size": (lambda said: said["repositories"][1].update(size=-512), UNREADABLE + "'-512'"),
    "a great size": (lambda said: said["repositories"][1].update(size=2**80), UNREADABLE),
    "a package outside": (lambda said: said["packages"][0].update(file="../x.whl"), UNREADABLE + "'../x.whl'"),
    "another size": (
        lambda said: said["repositories"][1].update(size=8**11 + 5),
        "where repositories/1.bundle must be",
    ),
    "another tag": (
        lambda said: said.update(tag="v2"),
        f"repositories/0.bundle is not the repository that {NAME} says",
    ),
    "another size, unpacked": (
        lambda said: said["repositories"][0].update(unpacked=1),
        "repositories/0.bundle unpacks to ",
    ),
}


@pytest.mark.parametrize(("change", "said"), SAYING.values(), ids=SAYING)
def test_what_it_says_of_itself(tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str) -> None:
    assert resaid(tmp_path, change).startswith(said)


def test_more_is_said_than_anyone_reads(tmp_path: Path) -> None:
    assert resaid(tmp_path, lambda _: b" " * 16_000_001).endswith("and more than 16000000 are none")


def test_a_member_that_says_it_is_longer_than_the_archive(tmp_path: Path) -> None:
    path = small(tmp_path)
    data = path.read_bytes()[:-TAIL]
    last = Member("packages/one-1.0-py3-none-any.whl", 2**50)
    at = open_archive(path).places[last.name] - 512

    def change(manifest: ArchiveManifest) -> ArchiveManifest:
        return replace(manifest, packages=(replace(manifest.packages[0], size=2**50),))

    text = change(parse(data[512 : 512 + int(data[124:135], 8)], path)).render()
    first = Member(NAME, len(text))
    begin = Member(NAME, int(data[124:135], 8)).room
    whole = first.header + text + b"\0" * (-len(text) % 512) + data[begin:at] + last.header + data[at + 512 :]
    path.write_bytes(sealed(whole))
    assert refused(path) == f"{last.name} has not the {2**50} bytes that it should have"


ZEROS = b"\0" * 1_000_000
BOMBS = {
    "one large object": (pack_of((3, LARGEST_OBJECT + 1, b"x")), f"it holds an object of {LARGEST_OBJECT + 1} bytes"),
    "a delta to a large object": (
        pack_of((7, 12, (number(5) + number(2**40)).ljust(12, b"\1"))),
        f"it holds an object of {2**40} bytes",
    ),
    "many objects": (
        pack_of(*[(7, 12, (number(5) + number(LARGEST_OBJECT)).ljust(12, b"\1"))] * 40),
        "unpack to more than",
    ),
    "more than it says": (pack_of((3, 10, ZEROS)), "an object is larger than it says"),
    "less than it says": (pack_of((3, 2_000_000, ZEROS)), "an object is smaller than it says"),
    "no delta": (pack_of((7, 10, b"\xff" * 10)), "a delta without a size"),
    "an unknown kind": (pack_of((5, 1, b"x")), "an object of kind 5"),
    "no pack": (b"PUCK" + b"\0" * 50, "no pack"),
    "an empty file": (b"", "it was cut short"),
    "no compression": (pack_of((3, 1, b"x"))[:13] + b"\xff" * 40, "an object is damaged"),
    "cut short": (pack_of((3, 1_000_000, random.Random(1).randbytes(1_000_000)))[:-1000], "it was cut short"),
    "more objects": (pack_of((3, 1, b"x"))[:-20] + b"more" * 10, "it holds more than its objects"),
}


@pytest.mark.parametrize(("pack", "said"), BOMBS.values(), ids=BOMBS)
def test_a_pack_that_must_not_be_unpacked(tmp_path: Path, pack: bytes, said: str) -> None:
    told = refused(with_pack(tmp_path, pack))
    assert told.startswith("repositories/1.bundle is not unpacked: ")
    assert said in told


def test_a_damaged_package(tmp_path: Path) -> None:
    path = small(tmp_path)
    (tmp_path / "one.whl").write_bytes(b"another")
    remade(tmp_path, path, lambda same: same)
    with (
        pytest.raises(StashError, match="differs from the manifest"),
        open_archive(path).unpacked_packages(tmp_path / "out"),
    ):
        pass
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_of_one_that_is_refused(tmp_path: Path) -> None:
    path = small(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    ran = estash("reproduce", "v1", "--from", path, "--yes", "--into", tmp_path / "into", cwd=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"experimentstash: {path}: truncated or extended")
    assert not (tmp_path / "into").exists()


def test_another_tag_is_named(tmp_path: Path) -> None:
    path = small(tmp_path)
    ran = estash("reproduce", "v2", "--from", path, "--yes", "--into", tmp_path / "into", cwd=tmp_path)
    assert (ran.code, ran.err) == (
        1,
        f"experimentstash: {path}: it contains snapshot/v1, and not snapshot/v2\n"
        f"    fix: experimentstash reproduce v1 --from {path}\n",
    )
