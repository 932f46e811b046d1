"""Which way a pin moves is told, and back or sideways only happens if the user says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import commit, estash, git, run

from experimentstash.core.errors import StashError
from experimentstash.git.checkouts.pins import check_moves, pin_moves
from experimentstash.stash.stash import Stash

PATH = "tools/t"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A stash that pins the second of three commits of a tool, and a fourth commit beside them."""
    root = tmp_path_factory.mktemp("made")
    ids = {}
    for name in ("one", "two", "three"):
        ids[name] = commit(root / "tool", {"a.py": name})
    git("checkout", "-q", "-b", "aside", ids["one"], cwd=root / "tool")
    ids["aside"] = commit(root / "tool", {"a.py": "aside"})
    registry = (
        "tools:\n  t:\n    path: tools/t\n    entrypoint: a.py\n  new:\n    path: tools/new\n    entrypoint: a.py\n"
    )
    commit(root / "stash", {"configs/meta.yaml": registry})
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", root / "tool", PATH, cwd=root / "stash")
    git("checkout", "-q", ids["two"], cwd=root / "stash" / PATH)
    commit(root / "stash", {})
    return root / "stash", ids


@pytest.mark.parametrize(
    ("to", "move", "is_ordinary"),
    [
        ("two", "the pin is unchanged", True),
        ("three", "the pin moves forward by 1 commit from {two}", True),
        ("one", "the pin moves back by 1 commit from {two}", False),
        ("aside", "the pin moves sideways from {two}: 1 commit left out, 1 commit added", False),
    ],
)
def test_which_way_a_pin_moves(made: tuple[Path, dict[str, str]], to: str, move: str, is_ordinary: bool) -> None:
    stash, ids = made
    short = {name: commit[:12] for name, commit in ids.items()}
    (found,) = pin_moves(Stash(stash), {"t": ids[to]})
    assert str(found) == f"{PATH} at {short[to]}: {move.format(**short)}"
    assert found.is_ordinary is is_ordinary


def test_a_tool_that_head_does_not_pin_yet(made: tuple[Path, dict[str, str]]) -> None:
    stash, ids = made
    assert [str(move) for move in pin_moves(Stash(stash), {"new": ids["one"]})] == [
        f"tools/new at {ids['one'][:12]}: pinned for the first time"
    ]


def test_a_clone_without_the_old_commit_cannot_tell_and_that_is_refused(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    stash, ids = made
    git("clone", "-q", stash, tmp_path / "clone", cwd=tmp_path)
    shallow = ("clone", "-q", "--depth=1", "-b", "aside", f"file://{stash.parent}/tool")
    git(*shallow, tmp_path / "clone" / PATH, cwd=tmp_path)
    moves = pin_moves(Stash(tmp_path / "clone"), {"t": ids["aside"]})
    with pytest.raises(StashError) as refused:
        check_moves(Stash(stash), moves)
    assert refused.value.args[0] == (
        f"{PATH} at {ids['aside'][:12]}: the pin was {ids['two'][:12]}, which this clone does not have: the direction"
        " of the move is unknown"
    )


@pytest.mark.parametrize("to", ["one", "aside"])
def test_snapshot_refuses_a_pin_that_moves_back_and_the_fix_mends_it(
    made: tuple[Path, dict[str, str]], to: str
) -> None:
    stash, ids = made
    git("checkout", "-q", ids[to], cwd=stash / PATH)
    ran = estash("snapshot", "t", "x", "--tag", "v1", cwd=stash)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"experimentstash: {PATH} at {ids[to][:12]}: the pin moves ")
    fix = "git -c protocol.file.allow=always submodule update --init --recursive tools/t"
    assert ran.err.endswith(f"    fix: {fix}  # or, to freeze the commit that is checked out, add --allow-back\n")
    allowed = estash("snapshot", "t", "x", "--tag", "v1", "--allow-back", cwd=stash)
    assert "no experiment 'x'" in allowed.err  # the next check
    assert run("sh", "-c", fix, cwd=stash).code == 0
    assert git("rev-parse", "HEAD", cwd=stash / PATH) == ids["two"]
    assert git("status", "--porcelain", cwd=stash) == ""
