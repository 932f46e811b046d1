"""The rules `pin`, `frozen`, `tag` and `published`, on facts alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from experimentstash.core.errors import Problem
from experimentstash.core.names import SnapshotName, tag_of
from experimentstash.git.entries import EXECUTABLE, FILE, LINK, PIN, Entry
from experimentstash.stash.snapshot_file import Snapshot
from experimentstash.verify.rules import (
    FreezeCommit,
    Publication,
    RecordedCommit,
    broken_tag,
    frozen_problems,
    pin_problems,
    published_problems,
    recorded,
    tag_problems,
    tag_update_problems,
)

NAME = SnapshotName("mytool", "v1", "figure1/pca")
ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40
FREEZE = FreezeCommit(
    id="f" * 40,
    tag="v1",
    pins={"mytool": ONE, "other": TWO},
    registered=frozenset({"mytool", "other"}),
    files={NAME.path: Entry(FILE, "a" * 40)},
)
MAKING = FREEZE._replace(id=None, tag=None)


def snapshot(*header: tuple[str, str]) -> Snapshot:
    return Snapshot(header or (("TOOL_COMMIT", ONE), ("DEPENDS", f"other {TWO}")), "a: 1\n")


@pytest.mark.parametrize("recorded", [ONE, ONE[:7], ONE[:12]])
def test_a_recorded_commit_that_is_the_pin_holds(recorded: str) -> None:
    assert pin_problems(NAME, snapshot(("TOOL_COMMIT", recorded)), FREEZE) == []
    assert pin_problems(NAME, snapshot(), FREEZE) == []


def test_a_recorded_commit_that_is_no_commit_is_left_to_the_header() -> None:
    for text in ("main", "111111", "", "1" * 65):
        assert pin_problems(NAME, snapshot(("TOOL_COMMIT", text)), FREEZE) == []


def test_drift_is_told_with_both_commits() -> None:
    drifted = snapshot(("TOOL_COMMIT", THREE))
    assert pin_problems(NAME, drifted, FREEZE) == [
        Problem(
            NAME.path,
            "pin",
            "it records mytool at 333333333333, and snapshot/v1 pins 111111111111",
            "experimentstash snapshot mytool figure1/pca --tag NEW-TAG"
            f"  # and, if nobody else has the tag: git tag -d snapshot/v1 && git rm --force {NAME.path}",
        )
    ]
    (problem,) = pin_problems(NAME, drifted, MAKING)
    assert problem.what == "it records mytool at 333333333333, and the commit being made pins 111111111111"
    assert problem.fix == f"git -C tools/mytool checkout {THREE} && git add tools/mytool"
    (problem,) = pin_problems(NAME, drifted, FREEZE._replace(tag=None))
    assert problem.what == "it records mytool at 333333333333, and ffffffffffff pins 111111111111"


def test_a_dependency_drifts_as_a_tool_does() -> None:
    (problem,) = pin_problems(NAME, snapshot(("TOOL_COMMIT", ONE), ("DEPENDS", f"other {THREE}")), FREEZE)
    assert problem.what == "it records other at 333333333333, and snapshot/v1 pins 222222222222"


def test_a_tool_without_a_pin_or_without_a_line_in_the_registry() -> None:
    assert pin_problems(NAME, snapshot(), FREEZE._replace(pins={"mytool": ONE})) == [
        Problem(
            NAME.path,
            "pin",
            "it records other at 222222222222, and snapshot/v1 has no pin at tools/other",
            "experimentstash add-tool other URL",
        )
    ]
    assert pin_problems(NAME, snapshot(), FREEZE._replace(registered=frozenset({"other"}))) == [
        Problem(
            NAME.path, "pin", "the registry of snapshot/v1 has no tool 'mytool'", "experimentstash add-tool mytool URL"
        )
    ]
    # a registry that cannot be read is told once, not for every snapshot
    assert pin_problems(NAME, snapshot(), FREEZE._replace(registered=None)) == []


def test_the_same_bytes_hold_whatever_the_run_bit_says() -> None:
    assert frozen_problems(NAME.path, Entry(FILE, "a" * 40), FREEZE) == []
    assert frozen_problems(NAME.path, Entry(EXECUTABLE, "a" * 40), FREEZE) == []
    assert frozen_problems(NAME.path, Entry(FILE, "b" * 40), MAKING) == []


def test_an_edited_file_is_told_with_the_way_back() -> None:
    assert frozen_problems(NAME.path, Entry(FILE, "b" * 40), FREEZE) == [
        Problem(
            NAME.path, "frozen", "it differs from what snapshot/v1 froze", f"git checkout snapshot/v1 -- {NAME.path}"
        )
    ]
    (problem,) = frozen_problems(NAME.path, Entry(FILE, "b" * 40), FREEZE._replace(tag=None))
    assert problem.what == "it differs from what ffffffffffff froze"
    assert problem.fix == f"git checkout ffffffffffff -- {NAME.path}"


def test_a_file_added_to_a_tag_is_told() -> None:
    added = "configs/mytool/snapshots/v1/added.yaml"
    assert frozen_problems(added, Entry(FILE, "a" * 40), FREEZE) == [
        Problem(
            added,
            "frozen",
            "it was added to snapshot/v1 after that was made",
            f"git rm --force {added} && experimentstash snapshot mytool added --tag NEW-TAG",
        )
    ]
    beside = "configs/mytool/snapshots/v1/results.json"
    assert frozen_problems(beside, Entry(FILE, "a" * 40), FREEZE)[0].fix == f"git rm --cached {beside}"
    assert frozen_problems(beside, Entry(FILE, "a" * 40), MAKING) == []


@pytest.mark.parametrize("mode", [LINK, PIN])
def test_a_snapshot_that_is_a_link_is_never_frozen(mode: str) -> None:
    for freeze in (FREEZE, MAKING, FREEZE._replace(files={NAME.path: Entry(mode, "a" * 40)})):
        (problem,) = frozen_problems(NAME.path, Entry(mode, "a" * 40), freeze)
        assert problem.what == "a snapshot must be a regular file, not a symlink or a repository"


def test_a_link_beside_a_snapshot_is_judged_by_its_bytes() -> None:
    beside = "configs/mytool/snapshots/v1/latest"
    linked = FREEZE._replace(files={beside: Entry(LINK, "a" * 40)})
    assert frozen_problems(beside, Entry(LINK, "a" * 40), linked) == []
    assert frozen_problems(beside, Entry(FILE, "a" * 40), linked) != []


def test_a_tag_names_a_commit_that_holds_its_snapshots() -> None:
    assert tag_problems(FREEZE) == []
    nothing = Problem(
        "refs/tags/snapshot/v1",
        "tag",
        "it names ffffffffffff, which contains no configs/*/snapshots/v1/*.yaml",
        "git tag -d snapshot/v1",
    )
    assert tag_problems(FREEZE._replace(files={})) == [nothing]
    assert tag_problems(FREEZE._replace(files={"configs/t/snapshots/v1/a.txt": Entry(FILE, "a" * 40)})) == [nothing]
    assert tag_problems(FREEZE._replace(files={"configs/t/snapshots/v2/a.yaml": Entry(FILE, "a" * 40)})) == [nothing]


def test_a_published_tag_is_neither_moved_nor_deleted() -> None:
    fetch = "git fetch --force origin refs/tags/snapshot/v1:refs/tags/snapshot/v1"
    assert tag_update_problems("v1", ONE, TWO, published=True, remote="origin") == [
        Problem(
            "refs/tags/snapshot/v1", "tag", "it is published at 111111111111: it is not moved to 222222222222", fetch
        )
    ]
    assert tag_update_problems("v1", ONE, None, published=True, remote="origin") == [
        Problem("refs/tags/snapshot/v1", "tag", "it is published: it is not deleted", fetch)
    ]
    assert broken_tag("v1", "it leads to no commit", "origin").fix.endswith(f" && {fetch}")


@pytest.mark.parametrize(
    ("old", "new", "published"),
    [(None, ONE, True), (ONE, ONE, True), (None, None, True), (ONE, TWO, False), (ONE, None, False)],
)
def test_new_tags_and_unpublished_ones_are_free(old: str | None, new: str | None, published: bool) -> None:
    assert tag_update_problems("v1", old, new, published=published, remote="origin") == []


URL = "https://host/mytool.git"
RECORDED = RecordedCommit(NAME.path, "mytool", ONE, None)


@pytest.mark.parametrize("known", [Publication(URL, there=True), Publication(URL, None), Publication("", None)])
def test_a_commit_is_published_or_nobody_knows_better(known: Publication) -> None:
    assert published_problems(RECORDED, known) == []


@pytest.mark.parametrize(
    ("known", "what", "fix"),
    [
        (
            Publication(URL, there=False, push=("-C", "tools/mytool", "push", "origin", "main")),
            f"no branch or tag of {URL} has mytool at 111111111111",
            "git -C tools/mytool push origin main",
        ),
        (
            Publication(URL, there=False),
            f"no branch or tag of {URL} has mytool at 111111111111",
            f"git push {URL} {ONE}:refs/heads/NEW-BRANCH  # in a clone of mytool that has the commit",
        ),
        (
            Publication(URL, None, "no route", ("-C", "tools/mytool", "push", "origin", "main")),
            f"mytool at 111111111111 was seen on no branch of {URL}, which does not answer: no route",
            "git -C tools/mytool push origin main",
        ),
        (
            Publication(URL, None, "no route"),
            f"{URL} does not say whether it has mytool at 111111111111: no route",
            f"git ls-remote -- {URL}",
        ),
        (
            Publication("", there=False),
            "mytool at 111111111111 cannot be fetched: .gitmodules names no URL for tools/mytool",
            "touch .gitmodules && git submodule add --force -- URL tools/mytool",
        ),
    ],
)
def test_a_commit_that_is_not_published_is_told_with_the_command_that_publishes_it(
    known: Publication, what: str, fix: str
) -> None:
    assert published_problems(RECORDED, known) == [Problem(NAME.path, "published", what, fix)]


def test_what_a_snapshot_records() -> None:
    found = recorded("here", NAME, snapshot(("TOOL_COMMIT", ONE[:7]), ("DEPENDS", f"other {TWO}")), FREEZE)
    assert found == [
        RecordedCommit("here", "mytool", ONE[:7], "f" * 40),
        RecordedCommit("here", "other", TWO, "f" * 40),
    ]
    assert recorded("here", NAME, snapshot(("TOOL_COMMIT", "main")), MAKING) == []


def test_hostile_names_are_quoted_in_the_commands() -> None:
    name = SnapshotName("a; rm -rf ~", "v1", "$(x)")
    found = pin_problems(name, snapshot(("TOOL_COMMIT", THREE)), MAKING._replace(pins={name.tool: ONE}))
    assert [problem.fix for problem in found] == [
        f"git -C 'tools/a; rm -rf ~' checkout {THREE} && git add 'tools/a; rm -rf ~'",
        "experimentstash add-tool 'a; rm -rf ~' URL",
    ]
    (problem,) = published_problems(RECORDED._replace(tool=name.tool), Publication("", there=False))
    assert problem.fix == "touch .gitmodules && git submodule add --force -- URL 'tools/a; rm -rf ~'"
    (problem,) = published_problems(RECORDED, Publication("host:a b;x", there=False))
    assert problem.fix.startswith("git push 'host:a b;x' 1")


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("configs/t/snapshots/v1/a.yaml", "v1"),
        ("configs/t/snapshots/v1/f/a.txt", "v1"),
        ("configs/t/snapshots/v1", ""),
        ("configs/t/experiment/v1/a.yaml", ""),
        ("other/t/snapshots/v1/a.yaml", ""),
    ],
)
def test_the_tag_of_a_path(path: str, tag: str) -> None:
    assert tag_of(path) == tag


def test_the_rules_load_no_repository() -> None:
    code = (
        "import sys, experimentstash.verify.rules; print([n for n in sys.modules if 'repository' in n or n == 'yaml'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
