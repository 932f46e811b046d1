"""What a tool writes beside its run directory is found, cheaply."""

from __future__ import annotations

import os
from pathlib import Path

from runs import run_folder

from experimentstash.stash.results.stray_files import snapshot_tree, written_beside


def told(before: dict[str, tuple[int, int, int]], after: dict[str, tuple[int, int, int]], root: Path) -> list[str]:
    return [str(written).removeprefix(f"{root.resolve()}/") for written in written_beside(before, after)]


def test_new_changed_and_gone_are_told(tmp_path: Path) -> None:
    root = run_folder(tmp_path, {"a.txt": "a", "b.txt": "b", "c.txt": "c", "deep/d.txt": "d"})
    before = snapshot_tree([root])
    run_folder(root, {"cache/new.bin": "x", "b.txt": "changed"})
    (root / "c.txt").unlink()
    (root / "link").symlink_to("a.txt")
    (root / "empty").mkdir()
    assert told(before, snapshot_tree([root]), root) == [
        "b.txt (changed)",
        "c.txt (gone)",
        "cache/new.bin (new)",
        "link (new)",
    ]


def test_a_file_of_the_same_size_that_was_replaced_is_seen(tmp_path: Path) -> None:
    root = run_folder(tmp_path, {"a.txt": "a"})
    status = (root / "a.txt").stat()
    before = snapshot_tree([root])
    (root / "b.txt").write_text("b")
    os.utime(root / "b.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    (root / "b.txt").replace(root / "a.txt")
    assert told(before, snapshot_tree([root]), root) == ["a.txt (changed)"]


def test_git_caches_and_the_run_folder_are_left_out(tmp_path: Path) -> None:
    root = run_folder(tmp_path, {"tool/a.py": ""})
    before = snapshot_tree([root], [root / "outputs/run"])
    run_folder(
        root,
        {
            ".git/index": "x",
            "tool/.git": "gitdir: x",
            "tool/__pycache__/a.pyc": "x",
            "tool/a.pyc": "x",
            "tool/.venv/lib/x.py": "x",
            "outputs/run/m.json": "x",
            "outputs/other.json": "x",
        },
    )
    assert told(before, snapshot_tree([root], [root / "outputs/run"]), root) == ["outputs/other.json (new)"]


def test_folders_may_overlap_lead_through_links_or_not_be_there(tmp_path: Path) -> None:
    root = run_folder(tmp_path / "real", {"a.txt": "a", "sub/b.txt": "b"})
    (tmp_path / "link").symlink_to(root)
    (root / "circle").symlink_to(root)
    state = snapshot_tree([root, root / "sub", tmp_path / "link", tmp_path / "nowhere"])
    assert sorted(os.path.relpath(path, root.resolve()) for path in state) == ["a.txt", "circle", "sub/b.txt"]


def test_nothing_written_is_nothing_told(tmp_path: Path) -> None:
    root = run_folder(tmp_path, {"a.txt": "a"})
    (root / "a.txt").read_text()
    assert written_beside(snapshot_tree([root]), snapshot_tree([root])) == ()
