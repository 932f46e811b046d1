"""Files are written whole or not at all, and no link leads out."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from conftest import run

from experimentstash.core.errors import StashError
from experimentstash.core.files import check_inside, file_digest, write_text


def test_writes_and_makes_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.txt", "é\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "é\n".encode()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_new_file_has_the_mode_that_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "x", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_keeps_the_mode_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o755)
    write_text(tmp_path / "x", "new")
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "x").read_text() == "new"


def test_replaces_a_link_and_leaves_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("theirs")
    (tmp_path / "x").symlink_to("other")
    write_text(tmp_path / "x", "ours")
    assert (tmp_path / "other").read_text() == "theirs"
    assert not (tmp_path / "x").is_symlink()


def test_leaves_nothing_behind_where_it_fails(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(StashError, match="cannot be written"):
        write_text(tmp_path / "x", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    program = (
        "import os, signal; from pathlib import Path; from experimentstash.core.files import write_text\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_text(Path('x'), 'text')\n"
    )
    assert run("python", "-c", program, cwd=tmp_path).code == -9
    (left,) = tmp_path.iterdir()
    running = tmp_path / f".estash-{os.getppid()}-0123abcd"
    running.touch()
    (tmp_path / ".estash-notes-of-mine").touch()
    assert left.name.startswith(".estash-")
    write_text(tmp_path / "x", "text")
    assert {path.name for path in tmp_path.iterdir()} == {"x", running.name, ".estash-notes-of-mine"}


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    program = (
        "import sys; from pathlib import Path; from experimentstash.core.files import write_text\n"
        "from experimentstash.core.errors import guard\n"
        "sys.exit(guard(lambda: write_text(Path('x'), 'new' * 100_000)))\n"
    )
    env = {"PYTHONDONTWRITEBYTECODE": "1"}  # a cached module would be cut short, too
    ran = run("bash", "-c", f"ulimit -f 1; trap '' XFSZ; python -c \"{program}\"", cwd=tmp_path, env=env)
    assert (ran.code, ran.err) == (1, "experimentstash: x: cannot be written: File too large\n")
    assert (tmp_path / "x").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd"])
def test_a_path_outside_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(StashError, match="lies outside"):
        check_inside(tmp_path, Path(path))


@pytest.mark.parametrize("target", ["/etc", "..", "../elsewhere"])
def test_a_link_out_is_refused(tmp_path: Path, target: str) -> None:
    root = tmp_path / "stash"
    root.mkdir()
    (root / "configs").symlink_to(target)
    with pytest.raises(StashError, match="a symlink that leads out of"):
        check_inside(root, root / "configs" / "meta.yaml")


def test_a_circle_of_links_is_refused_or_has_no_way_out(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(StashError):
        check_inside(tmp_path, tmp_path / "a" / "x")


def test_links_inside_and_above_are_fine(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "stash").symlink_to("real")
    (tmp_path / "real" / "link").symlink_to("deep")
    check_inside(tmp_path / "stash", tmp_path / "stash" / "link" / "new" / "x")


def test_a_file_where_a_folder_must_be(tmp_path: Path) -> None:
    (tmp_path / "configs").write_text("")
    with pytest.raises(StashError, match="a file, but a directory is needed"):
        check_inside(tmp_path, tmp_path / "configs" / "meta.yaml")
    check_inside(tmp_path, tmp_path / "configs")


def test_the_digest_of_a_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 8200  # more than one block
    (tmp_path / "x").write_bytes(data)
    assert file_digest(tmp_path / "x") == hashlib.sha256(data).hexdigest()
