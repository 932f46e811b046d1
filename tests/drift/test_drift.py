"""The drift matrix, played: every row of the table, whoever runs the hooks.

Each row is played natively, one in three in another way as well: under a framework, or with the server's hook alone. A
row that goes otherwise there is played in all ways but one framework. `make matrix` plays every row in every way.
"""

from __future__ import annotations

import contextlib
import inspect
import shutil
from dataclasses import dataclass
from pathlib import Path

import acts_commits
import acts_contents
import acts_merges
import acts_places
import acts_pushes
import acts_rewriting
import pytest
from conftest import git
from lab import NATIVE, NONE, PRE_COMMIT, PREK, SETUPS, Lab, Refused, make_lab, put_hooks
from table import FINE, PUSH, TABLE, Row

ACTS = (acts_commits, acts_merges, acts_rewriting, acts_places, acts_contents, acts_pushes)


@dataclass(frozen=True)
class Prepared:
    """What every row is played on a copy of.

    Attributes:
        folder: it has a folder for each set-up.
        commits: the tool's commits.
        old: the commit of the tag `old`.
    """

    folder: Path
    commits: dict[str, str]
    old: str

    def copy(self, setup: str, target: Path) -> Lab:
        shutil.copytree(self.folder / setup, target, symlinks=True)
        return Lab(target, setup, self.commits)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("drift")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))  # no test's home is sealed yet
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_TEMPLATE_DIR", "")
        for name, value in stores(folder).items():
            patch.setenv(name, value)
        (folder / ".gitconfig").write_text(
            "[user]\n\tname = A\n\temail = a@b\n[init]\n\tdefaultBranch = main\n"
            '[protocol "file"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n[gc]\n\tauto = 0\n'
        )
        base = folder / "base"
        base.mkdir()
        commits = make_lab(base)
        for setup in SETUPS:
            shutil.copytree(base, folder / setup, symlinks=True)
            put_hooks(setup, folder / setup)
    return Prepared(folder, commits, git("rev-parse", "snapshot/old^{commit}", cwd=base / "stash"))


def stores(folder: Path) -> dict[str, str]:
    return {"PRE_COMMIT_HOME": str(folder / "pre-commit-store"), "PREK_HOME": str(folder / "prek-store")}


def in_turn(number: int, row: Row) -> set[str]:
    """Return the set-ups in which `make test` plays a row of the table."""
    if row.left or {row.pre_commit, row.prek} != {row.native} or row.none not in (FINE, PUSH):
        return {NATIVE, (PRE_COMMIT, NONE, PREK)[number % 3]}
    return {(NATIVE, NATIVE, NONE, NATIVE, PRE_COMMIT, NATIVE, NONE, PREK)[number % 8]}


PLAYED = [
    pytest.param(
        row,
        setup,
        id=f"{row.name}-{setup}",
        marks=[
            *([] if setup in in_turn(number, row) else [pytest.mark.every]),
        ],
    )
    for number, row in enumerate(TABLE)
    for setup in SETUPS
]


@pytest.mark.parametrize(("row", "setup"), PLAYED)
def test_row(row: Row, setup: str, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stores(prepared.folder).items():
        monkeypatch.setenv(name, value)
    lab = prepared.copy(setup, tmp_path / "lab")
    with contextlib.suppress(Refused):
        row.act(lab)
        lab.push()
    assert (", ".join(lab.saw), lab.noise) == (row.verdict(setup), []), "\n".join(lab.told)
    if setup != NONE:
        check_tags(row, lab, prepared.old)


def check_tags(row: Row, lab: Lab, old: str) -> None:
    """The tags lead where the table says, and what was frozen last was pushed along."""
    wanted = {**row.tags, **(row.left if lab.setup in (PRE_COMMIT, PREK) else {})}
    tags = lab.tags()
    assert {name: leads for name, (_, leads) in tags.items() if (name, leads) != ("old", old)} == {
        name: lab.rev(where) for name, where in wanted.items()
    }
    if lab.pushed_as_usual:
        there = git("ls-remote", "--refs", "origin", "refs/tags/snapshot/*", cwd=lab.at, env=lab.env)
        for name in (name for name, where in wanted.items() if where == "HEAD"):
            assert f"{tags[name][0]}\trefs/tags/snapshot/{name}" in there.splitlines()


def test_every_act_is_in_the_table_once() -> None:
    acts = [act for module in ACTS for act in vars(module).values() if inspect.isfunction(act)]
    public = [act for act in acts if act.__module__.startswith("acts_") and not act.__name__.startswith("_")]
    assert sorted(row.name for row in TABLE) == sorted(Row(act, "", "", "", "").name for act in public)
