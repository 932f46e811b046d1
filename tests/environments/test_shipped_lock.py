"""The rule `frozen` of a lock that a tool ships: the recorded commit holds it, as far as this machine can tell."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from conftest import commit, git
from stashes import REGISTRY, commit_index, snapshot_path, snapshot_text, stage

from experimentstash.git.repository import Repository
from experimentstash.verify.examination import judge_commit

LOCK = "foo==1.0 --hash=sha256:00\n"
DIGEST = hashlib.sha256(LOCK.encode()).hexdigest()
MISSING = "it was frozen with {path}, which the recorded commit {commit} does not hold"
OTHER = "it was frozen with another {path} than the recorded commit {commit} holds"
NOBODY = "its environment was built from tools/nobody/uv.lock, and {freeze} has no pin at tools/nobody"


@pytest.fixture(scope="module")
def stash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stash with a checked out tool that has a lock, another in a directory, and a submodule of its own."""
    root = tmp_path_factory.mktemp("lab") / "stash"
    inner = root.parent / "inner"
    commit(inner, {"requirements.txt": LOCK}, "a part")
    tool = root / "tools/mytool"
    commit(tool, {"requirements.txt": LOCK, "sub/requirements.txt": LOCK}, "the tool")
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "part", cwd=tool)
    commit(tool, {}, "its part")
    git("init", "-q", cwd=root)
    stage(root, {"configs/meta.yaml": REGISTRY})
    git("add", "tools", cwd=root)
    commit_index(root)
    return root


def judged(stash: Path, path: str, digest: str = DIGEST, recorded: str | None = None) -> list[str]:
    """Freeze a snapshot that names a lock, and return what is found; the stash is unchanged."""
    head = git("rev-parse", "HEAD", cwd=stash / "tools/mytool")
    more = f"# LOCK: {path} sha256:{digest} extra=cpu\n"
    before = git("rev-parse", "HEAD", cwd=stash)
    stage(stash, {snapshot_path("pca", "t"): snapshot_text("pca", "t", recorded or head, more=more)})
    made = commit_index(stash)
    with Repository.open(stash) as repository:
        problems = judge_commit(repository, made).problems
    git("reset", "-q", "--hard", before, cwd=stash)
    assert all("experimentstash snapshot mytool pca --tag NEW-TAG" in one.fix for one in problems)
    assert {one.rule for one in problems} <= {"frozen", "pin"}
    return [one.what.replace(head[:12], "{commit}").replace(made[:12], "{freeze}") for one in problems]


@pytest.mark.parametrize(
    ("path", "digest", "told"),
    [
        ("tools/mytool/requirements.txt", DIGEST, []),
        ("tools/mytool/sub/requirements.txt", DIGEST, []),
        ("tools/mytool/requirements.txt", "0" * 64, [OTHER]),
        ("tools/mytool/uv.lock", DIGEST, [MISSING]),
        ("tools/mytool/none/uv.lock", DIGEST, [MISSING]),
        ("'tools/mytool/a b.txt'", DIGEST, [MISSING]),
        ("tools/mytool/part/requirements.txt", "0" * 64, []),  # its own repository has it
        ("tools/nobody/uv.lock", DIGEST, [NOBODY]),  # a tool that the stash does not have
    ],
)
def test_the_recorded_commit_is_asked(stash: Path, path: str, digest: str, told: list[str]) -> None:
    assert judged(stash, path, digest) == [text.replace("{path}", path.strip("'")) for text in told]


def test_without_the_objects_of_the_tool_nothing_is_found(stash: Path, tmp_path: Path) -> None:
    shutil.copytree(stash, tmp_path / "stash", symlinks=True)
    shutil.rmtree(tmp_path / "stash/tools/mytool")
    (tmp_path / "stash/tools/mytool").mkdir()
    shutil.rmtree(tmp_path / "stash/.git/modules", ignore_errors=True)
    head = git("rev-parse", "HEAD", cwd=stash / "tools/mytool")
    assert judged_without_tool(tmp_path / "stash", head) == []


def judged_without_tool(stash: Path, recorded: str) -> list[str]:
    more = f"# LOCK: tools/mytool/uv.lock sha256:{DIGEST}\n"
    stage(stash, {snapshot_path("pca", "t"): snapshot_text("pca", "t", recorded, more=more)})
    with Repository.open(stash) as repository:
        return [str(one) for one in judge_commit(repository, commit_index(stash)).problems]
