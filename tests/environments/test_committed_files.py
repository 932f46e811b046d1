"""A lock counts only if the tool's commit holds it and what it is built from, with the bytes that git has."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from conftest import commit, git, write
from tiny_packages import hashed, vendor, wheel

from experimentstash.core.errors import StashError
from experimentstash.environments.lock_file import find_lock, open_lock

UV = 'version = 1\n[[package]]\nname = "foo"\nversion = "1"\nsource = { registry = "vendor" }\n'
POETRY = '[[package]]\nname = "foo"\nversion = "1"\nfiles = [{ file = "foo-1-py3-none-any.whl", hash = "sha256:00" }]\n'


@pytest.fixture(scope="module")
def foo(tmp_path_factory: pytest.TempPathFactory) -> str:
    return hashed(wheel(tmp_path_factory.mktemp("wheels"), "foo", "1.0"))


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """The checkout of a tool, with one commit."""
    root = tmp_path / "stash/tools/mytool"
    root.mkdir(parents=True)
    git("init", "-q", cwd=root)
    commit(root, {"main.py": "", "pyproject.toml": '[project]\nname = "mytool"\nversion = "1"\n'}, "a tool")
    return root


def found(tool: Path) -> tuple[str, tuple[str, ...]]:
    answer = find_lock(tool.parents[1], "tools/mytool", committed=True)
    return (answer.lock.name if answer.lock else ""), answer.told


@pytest.mark.parametrize("ignored_by", [".gitignore", ".git/info/exclude", ""])
@pytest.mark.parametrize("name", ["uv.lock", "requirements.txt"])
def test_a_lock_that_the_commit_does_not_hold_is_none(tool: Path, foo: str, ignored_by: str, name: str) -> None:
    vendor(tool)
    commit(tool, {}, "packages")
    if ignored_by:
        write(tool, {ignored_by: f"{name}\n"})
    write(tool, {name: UV if name == "uv.lock" else foo})
    assert found(tool) == (
        "",
        (
            f"tools/mytool/{name}: the tool's commit does not hold tools/mytool/{name}, "
            "so nobody else has it; not used as the lock file",
        ),
    )
    git("add", "-f", name, cwd=tool)
    git("commit", "-qm", "the lock", cwd=tool)
    assert found(tool) == (f"tools/mytool/{name}", ())


@pytest.mark.parametrize(
    ("files", "ignored"),
    [
        ({"requirements.txt": "-r base.txt\n", "base.txt": "@foo@"}, "base.txt"),
        ({"requirements.txt": "--find-links wheels\n@foo@", "wheels/foo": ""}, "wheels"),
        ({"uv.lock": UV, "vendor/foo": ""}, "vendor"),
        ({"uv.lock": UV.replace("registry", "directory"), "vendor/foo": ""}, "vendor"),
        ({"pylock.toml": '[[packages]]\nname = "foo"\ndirectory = { path = "lib" }\n', "lib/foo": ""}, "lib"),
        (
            {"poetry.lock": '[[package]]\nname = "foo"\nsource = { type = "directory", url = "lib" }\n', "lib/a": ""},
            "lib",
        ),
    ],
)
def test_what_a_lock_is_built_from_is_in_the_commit_too(
    tool: Path, foo: str, files: dict[str, str], ignored: str
) -> None:
    lock = next(iter(files))
    write(tool, {".git/info/exclude": f"{ignored}\n"})
    commit(tool, {path: text.replace("@foo@", foo) for path, text in files.items()}, "a lock")
    told = (
        f"tools/mytool/{lock}: the tool's commit does not hold tools/mytool/{ignored}, "
        "so nobody else has it; not used as the lock file"
    )
    assert found(tool) == ("", (told,))
    git("add", "-f", ".", cwd=tool)
    git("commit", "-qm", "all of it", cwd=tool)
    assert found(tool) == (f"tools/mytool/{lock}", ())


def test_files_of_an_index_are_not_looked_for_in_the_commit(tool: Path) -> None:
    commit(tool, {"poetry.lock": POETRY}, "a lock")
    assert found(tool) == ("tools/mytool/poetry.lock", ())


@pytest.mark.parametrize("how", ["eol=crlf in the tool", "core.autocrlf"])
def test_the_digest_is_that_of_the_bytes_that_git_has(tool: Path, foo: str, how: str) -> None:
    if how == "core.autocrlf":
        git("config", "core.autocrlf", "true", cwd=tool)
    else:
        write(tool, {".gitattributes": "*.txt text eol=crlf\n"})
    commit(tool, {"requirements.txt": foo}, "a lock")
    (tool / "requirements.txt").unlink()
    git("checkout", "--", "requirements.txt", cwd=tool)
    assert b"\r\n" in (tool / "requirements.txt").read_bytes()
    lock = find_lock(tool.parents[1], "tools/mytool", committed=True).lock
    assert lock is not None
    assert lock.sha256 == hashlib.sha256(foo.encode()).hexdigest()
    assert open_lock(tool.parents[1], lock.name, lock.sha256) == lock
    write(tool, {"requirements.txt": foo + foo})
    with pytest.raises(StashError, match="its text in git differs"):
        open_lock(tool.parents[1], lock.name, lock.sha256)


def test_a_lock_that_a_filter_made_is_none(tool: Path, foo: str) -> None:
    git("config", "filter.shout.smudge", "sed s/1.0/2.0/", cwd=tool)
    git("config", "filter.shout.clean", "sed s/2.0/1.0/", cwd=tool)
    commit(tool, {".gitattributes": "*.txt filter=shout\n", "requirements.txt": foo.replace("1.0", "2.0")}, "a lock")
    assert git("status", "--porcelain", cwd=tool) == ""
    told = "tools/mytool/requirements.txt: its text in git differs (a filter, Git LFS); not used as the lock file"
    assert found(tool) == ("", (told,))


def test_a_symlink_to_a_lock_is_followed_within_the_commit(tool: Path, foo: str) -> None:
    write(tool, {"locks/linux.txt": foo})
    (tool / "requirements.txt").symlink_to("locks/linux.txt")
    commit(tool, {}, "a link")
    lock = find_lock(tool.parents[1], "tools/mytool", committed=True).lock
    assert lock is not None
    assert lock.sha256 == hashlib.sha256(foo.encode()).hexdigest()
