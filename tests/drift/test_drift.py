"""The drift matrix, played: every row of the table, whoever runs the hooks.

`make matrix` plays every row in every way. `make test` plays some of each class: the rows of one module that have the
same verdicts and as many tags. The first three are played natively and the fourth at the server alone; the first is
played under a framework as well if it goes otherwise there, and in every third class.
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
        folder: it has a directory for each set-up.
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


def classes() -> list[list[Row]]:
    """Return the rows that are alike, class by class."""
    alike: dict[object, list[Row]] = {}
    for row in TABLE:
        verdicts = (row.native, row.pre_commit, row.prek, row.none)
        alike.setdefault((row.act.__module__, verdicts, len(row.tags), bool(row.left)), []).append(row)
    return list(alike.values())


def setups(number: int, place: int, row: Row) -> set[str]:
    """Return the set-ups in which `make test` plays the row at a place of the class of a number."""
    played = set[str]()
    if place < 4:
        played.add(NATIVE if place < 3 else NONE)
    differs = row.left or {row.pre_commit, row.prek} != {row.native}
    if place == 0 and (differs or number % 3 == 0):
        played.add((PRE_COMMIT, PREK)[number % 2])
    if place == 0 and row.none not in (FINE, PUSH):
        played.add(NONE)
    return played


PLAYED = [
    pytest.param(
        row,
        setup,
        id=f"{row.name}-{setup}",
        marks=[] if setup in setups(number, place, row) else [pytest.mark.every],
    )
    for number, rows in enumerate(classes())
    for place, row in enumerate(rows)
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
