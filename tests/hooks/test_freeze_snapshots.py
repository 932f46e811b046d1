"""`freeze-snapshots`: a config that is staged as a snapshot is frozen in place, as the text that is staged."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import BIN, Ran, commit, estash, git, run, write
from plays import paste
from shapes import EXPERIMENT, SHAPES, Shape, hard_coded, make_stash

from experimentstash.stash import snapshot_file

if TYPE_CHECKING:
    pass

FOLDER = "configs/mytool/snapshots/v1"
PATH = f"{FOLDER}/first.yaml"
AS_IT_IS = "or, if you mean it: EXPERIMENTSTASH_ALLOW=flat,header git commit …"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stash to copy from."""
    root = tmp_path_factory.mktemp("made")
    return make_stash(root, Shape(hard_coded()))


@pytest.fixture
def stash(made: Path, tmp_path: Path) -> Path:
    return copied(made, tmp_path)


def copied(stash: Path, tmp_path: Path) -> Path:
    shutil.copytree(stash, tmp_path / "stash", symlinks=True)
    return tmp_path / "stash"


@dataclass(frozen=True)
class Shaped:
    """A stash to copy from, with a tool of one shape.

    Attributes:
        stash: where it is.
        experiment: the text of its experiment.
        wanted: what the command `snapshot` freezes it to.
        printed: what Hydra prints of the whole config.
    """

    stash: Path
    experiment: str
    wanted: str
    printed: str


SOME = [
    pytest.param(name, marks=[pytest.mark.every] if number % 6 else [])
    for number, name in enumerate(SHAPES)  # all of them are frozen in tests/hydra/test_shapes.py
]


@pytest.fixture(scope="module", params=SOME)
def shaped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shaped:
    root, shape = tmp_path_factory.mktemp("shaped"), SHAPES[request.param]
    stash = make_stash(root, shape)
    assert estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash).code == 0
    wanted = read(stash)
    (stash / PATH).unlink()
    if "compose API" in request.param:  # it has no flags
        printed = body(wanted).replace("out: ???", "out: ${oc.env:HOME}/x")
    else:
        printed = estash("run", "mytool", "first", "--cfg", "job", cwd=stash).out
    return Shaped(stash, shape.experiment, wanted, printed)


def freeze_snapshots(stash: Path, **env: str) -> Ran:
    return run(BIN / "freeze-snapshots", cwd=stash, env=env)


def stage(stash: Path, text: str, path: str = PATH) -> None:
    write(stash, {path: text})
    git("add", "--", path, cwd=stash)


def read(stash: Path, path: str = PATH) -> str:
    return (stash / path).read_text(encoding="utf-8")


def header(text: str, *keys: str) -> list[tuple[str, str]]:
    return [line for line in snapshot_file.parse(text.encode(), "x").header if line[0] in keys]


def body(text: str) -> str:
    return snapshot_file.parse(text.encode(), "x").body


def lock_of(text: str) -> str:
    """The path of the lock that a snapshot names."""
    return header(text, "LOCK")[0][1].partition(" ")[0]


def timeless(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("# TIMESTAMP: ")]


def refused(ran: Ran, *said: str, path: str = PATH) -> None:
    """It said why, of the file, without a traceback, and froze nothing."""
    assert (ran.code, ran.out) == (1, "")
    assert f"experimentstash: {path}" in ran.err
    assert "Traceback" not in ran.err
    for text in (*said, AS_IT_IS):
        assert text in ran.err


def test_a_copy_of_a_working_config_is_frozen_as_the_command_would(shaped: Shaped, tmp_path: Path) -> None:
    stash = copied(shaped.stash, tmp_path)
    stage(stash, shaped.experiment)
    write(stash, {"configs/mytool/experiment/first.yaml": "name: edited meanwhile\n"})
    ran = freeze_snapshots(stash)
    assert ran.code == 1
    assert timeless(read(stash)) == timeless(shaped.wanted)
    assert ran.out.splitlines()[0] == f"frozen {PATH}"
    assert ran.out.splitlines()[-1] == f"next: git add {PATH} {lock_of(shaped.wanted)} && git commit"
    assert git("show", f":{PATH}", cwd=stash) + "\n" == shaped.experiment, "nothing is staged"
    git("add", PATH, lock_of(shaped.wanted), cwd=stash)
    assert freeze_snapshots(stash) == Ran(0, "", "")
    assert run(BIN / "check-snapshots", cwd=stash) == Ran(0, "", "")


def test_what_hydra_prints_is_a_whole_config(shaped: Shaped, tmp_path: Path) -> None:
    """`--cfg job`, or `.hydra/config.yaml`: it says nothing of a package, and is no experiment."""
    stash = copied(shaped.stash, tmp_path)
    stage(stash, shaped.printed)
    ran = freeze_snapshots(stash)
    assert ran.code == 1, ran.err
    assert body(read(stash)) == body(shaped.wanted)
    assert ("    types: the text does not have those" in ran.out) == bool(header(shaped.wanted, "TYPE"))
    assert "    choices: the text does not name the chosen config groups" in ran.out
    keys = ("LATE", "HYDRA", "SELECT", "WORKDIR", "RERUN")
    chosen = re.compile(r" ?\+\+hydra\.runtime\.choices\.\S+")
    wanted = [(key, chosen.sub("", text)) for key, text in header(shaped.wanted, *keys)]
    assert header(read(stash), *keys) == [line for line in wanted if line[1]]


@pytest.mark.every
def test_a_tool_that_sweeps_by_itself_does_so_with_a_whole_config(tmp_path: Path) -> None:
    files = hard_coded()
    files["conf/config.yaml"] += "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      seed: 1,2\n"
    stash = make_stash(tmp_path, Shape(files))
    stage(stash, "name: first\nseed: 1\nout: x\nmodel:\n  layers: 5\n  rate: 0.5\n")
    assert freeze_snapshots(stash).code == 1
    assert header(read(stash), "HYDRA", "SWEEP") == [("HYDRA", "--multirun"), ("SWEEP", "seed=1,2")]


OPTION = "title: one\nsteps: 3\n"  # of a group that is a part of the config, at the key `experiment`


@pytest.mark.every
def test_an_option_of_a_group_stays_one(tmp_path: Path) -> None:
    """A working config may say nothing of a package, too; its copy is no whole config, edited or not."""
    stash = make_stash(tmp_path, Shape(hard_coded(), experiment=OPTION))
    assert estash("snapshot", "mytool", "first", "--tag", "v1", cwd=stash).code == 0
    wanted = body(read(stash))
    assert wanted.endswith("\nexperiment:\n  title: one\n  steps: 3\n")
    stage(stash, OPTION)
    assert freeze_snapshots(stash).code == 1
    assert body(read(stash)) == wanted
    stage(stash, OPTION.replace("3", "4"))
    assert freeze_snapshots(stash).code == 1
    assert body(read(stash)) == wanted.replace("3", "4")
    (stash / "configs/mytool/experiment/first.yaml").write_text("name: mine\n")
    stage(stash, "name: mine\n")
    assert freeze_snapshots(stash).code == 1
    assert body(read(stash)).endswith("\nexperiment:\n  name: mine\n")


def test_what_is_neither_whole_nor_a_part_is_refused(stash: Path) -> None:
    stage(stash, "name: first\nseed: 1\nfurther: 2\n")
    refused(
        freeze_snapshots(stash),
        f"{PATH}: it does not say what it overrides, and is not a complete config of 'mytool' (no model, out)\n"
        f"    fix: {{ echo '# @package _global_'; cat {PATH}; }} >{PATH}.new && mv {PATH}.new {PATH} && git add ",
    )
    assert read(stash) == "name: first\nseed: 1\nfurther: 2\n"
    paste(freeze_snapshots(stash).err.partition("fix: ")[2].partition("\n")[0], stash)
    assert "frozen" in freeze_snapshots(stash).out


TYPED = """# @package _global_
defaults:
  - override /model: big
name: first
model: {layers: 5, kind: RNN}
more:
  scratch: ${oc.env:SCRATCH,/tmp}
  workers: ${oc.env:WORKERS,4}
  given: ${oc.env:HOME}
"""
FIELD = "    by: Dict[str, Model] = field(default_factory=dict)\n"


@pytest.fixture
def typed(tmp_path: Path) -> Path:
    """A stash whose snapshot has lines of every kind, and that snapshot's path for another tag."""
    files = dict(SHAPES["structured configs alone"].files)
    files["mytool/main.py"] = files["mytool/main.py"].replace(
        FIELD, FIELD + FIELD.replace("by: ", "more: ").replace("Model", "Any")
    )
    stash = make_stash(tmp_path, Shape(files, experiment=TYPED))
    command = ["snapshot", "mytool", "first", "--tag", "v0", "--late", "more.workers", "--commit"]
    ran = estash(*command, "+more.added=1", cwd=stash, env={"SCRATCH": "/scratch/ada"})
    assert ran.code == 0, ran.err
    return stash


def edited(stash: Path, *changes: tuple[str, str]) -> str:
    text = read(stash, PATH.replace("v1", "v0"))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_an_edited_snapshot_is_frozen_again(typed: Path) -> None:
    """What was late stays late, types stay, a line of somebody's own stays; the stamp is made anew."""
    before = read(typed, PATH.replace("v1", "v0"))
    tool = commit(typed / "tools/mytool", {"new.py": ""})
    git("add", "tools/mytool", cwd=typed)
    meta = typed / "configs/meta.yaml"
    meta.write_text(meta.read_text() + "    keep: [more.workers]\n")
    [(_, made)] = header(before, "TIMESTAMP")
    long_ago = "2020-01-01T00:00:00+00:00"
    changes = [("name: first", "name: n${model.layers}"), ("# TAG: v0\n", "# NOTE: figure 3\n"), (made, long_ago)]
    stage(typed, edited(typed, *changes, ("given: ???", "given: here")))
    ran = freeze_snapshots(typed)
    assert ran.code == 1, ran.err
    text = read(typed)
    assert header(text, "SNAPSHOT", "TAG", "TOOL_COMMIT", "NOTE") == [
        ("SNAPSHOT", "mytool/first"), ("TAG", "v1"), ("TOOL_COMMIT", tool), ("NOTE", "figure 3"),
    ]  # fmt: skip
    assert header(text, "TIMESTAMP") != [("TIMESTAMP", long_ago)]
    assert header(text, "TYPE") == header(before, "TYPE")
    assert [key for key, _ in header(text, "TYPE")]
    late = header(before, "LATE")
    assert len(late) == 3
    assert header(text, "LATE") == [line for line in late if not line[1].startswith("more.given=")]
    assert header(text, "OVERRIDE") == []
    assert body(text) == body(before).replace("name: first", "name: n5").replace("given: ???", "given: here")
    git("add", PATH, cwd=typed)
    git("commit", "-qm", "Freeze", cwd=typed)
    replayed = estash("run", "mytool", "first", "--snapshot", "v1", cwd=typed)
    assert "/'model'/'kind' EnumNode <enum 'Kind'> <enum 'Kind'> <Kind.RNN: 2>" in replayed.out


def test_an_edited_sweep_stays_a_sweep(stash: Path) -> None:
    assert (
        estash("snapshot", "mytool", "first", "--tag", "v0", "--multirun", "seed=1,2", "--commit", cwd=stash).code == 0
    )
    stage(stash, edited(stash, ("layers: 5", "layers: ${seed}")))
    ran = freeze_snapshots(stash)
    assert ran.code == 1, ran.err
    before = read(stash, PATH.replace("v1", "v0"))
    assert {("HYDRA", "--multirun"), ("SWEEP", "seed=1,2")} <= set(header(before, "HYDRA", "SWEEP"))
    assert header(read(stash), "HYDRA", "SWEEP") == header(before, "HYDRA", "SWEEP")


@pytest.mark.every
def test_an_edited_snapshot_of_a_program_that_adds_overrides(tmp_path: Path) -> None:
    """They have their effect already; and Hydra alone cannot rerun it, since the program would add them again."""
    stash = make_stash(tmp_path, SHAPES["a program that edits its sys.argv"])
    assert estash("snapshot", "mytool", "first", "--tag", "v0", "--commit", cwd=stash).code == 0
    stage(stash, edited(stash, ("layers: 5", "layers: ${seed}"), ("seed: 7", "seed: 8")))
    assert freeze_snapshots(stash).code == 1
    before = read(stash, PATH.replace("v1", "v0"))
    assert body(read(stash)) == body(before).replace("layers: 5", "layers: 8").replace("seed: 7", "seed: 8")
    assert header(read(stash), "RERUN", "WORKDIR", "HYDRA") == header(before, "RERUN", "WORKDIR", "HYDRA")


@pytest.mark.every
def test_a_header_over_a_working_config_is_made_anew(stash: Path) -> None:
    """Somebody wrote it by hand: the config below it is an experiment all the same."""
    stage(stash, EXPERIMENT.replace("\n", "\n# TODO: a comment is no header\n", 1))
    assert freeze_snapshots(stash).code == 1
    wanted = read(stash)
    assert "TODO" not in wanted
    by_hand = "# SNAPSHOT: mytool/other\n# TOOL_COMMIT: 1234567\n# LATE: out=x\n# NOTE: mine\n"
    stage(stash, by_hand + EXPERIMENT)
    assert freeze_snapshots(stash).code == 1
    assert timeless(read(stash)) == timeless(wanted.replace("\n\n", "\n# NOTE: mine\n\n", 1))


UNFIT = {
    "a value that its type does not take": (("layers: 5", "layers: five"), "model.layers: 'five' is not of its type"),
    "an enum that is none": (("kind: RNN", "kind: NONE"), "model.kind: 'NONE' is not of its type"),
    "a class that is none": (("__main__:Big", "__main__:Huge"), "__main__:Huge"),
    "an override that is none": (
        ("# LATE: more.workers=", "# LATE: more.workers=["),
        "LATE more.workers=[${oc.env:WORKERS,4} is no override",
    ),
}


@pytest.mark.first(2)
@pytest.mark.parametrize("case", UNFIT)
def test_an_edit_that_fits_no_more_is_refused(typed: Path, case: str) -> None:
    change, said = UNFIT[case]
    stage(typed, edited(typed, change, ("name: first", "name: ${more.added}")))
    refused(freeze_snapshots(typed), "mytool/first does not compose (exit code 1):\n", said)


def bomb() -> str:
    levels = [f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)]
    return "a: &a [1, 2]\n" + "".join(levels)


HOSTILE: dict[str, tuple[Callable[[], bytes] | bytes, str]] = {
    "a YAML bomb": (bomb().encode(), "more than 500000 values, too many for a config"),
    "a config that holds itself": (b"a: &a [*a]\n", "it contains itself"),
    "a language tag": (b"a: !!python/object/apply:os.system [ls]\n", "the tag 'tag:yaml.org,2002:python/object/"),
    "a key that occurs twice": (b"a:\n  b: 1\n  b: 2\n", "line 3, column 3: the key 'b' occurs twice"),
    "a list": (b"- 1\n", "a config is a mapping"),
    "two documents": (b"a: 1\n---\nb: 2\n", "but found another document"),
    "no YAML": (b"a: [1\n", "line 2, column 1: "),
    "deep": (b"a: " + b"[" * 100_000, "nested more than 100 levels deep"),
    "many keys in a line": (lambda: b"a: {" + b"".join(b"k%d: 1, " % n for n in range(400_000)) + b"}\n", "500000"),
    "nothing": (b"# only a comment\n", "empty: nothing to freeze"),
    "not UTF-8": (b"name: \xe9\n", "not UTF-8 (byte 6)"),
    "control characters": (b"a: \x1b[2Jx\n", "a control character"),
    "an endless header": (b"# TYPE: x\n" * 30_000, "the header does not end"),
    "large": (lambda: b"a: " + b"x" * 11_000_000 + b"\n", "of at most 10485760"),
    "huge": (lambda: b"a: " + b"x" * 100_000_000 + b"\n", "of at most 52428800"),
    "a value that nobody gave": (
        b"# @package _global_\nmore: ???\n",
        f"missing value: more (???)\n    fix: write a value into {PATH}  # if the program gives it: ",
    ),
    "another key": (
        b"# @package _global_\nmodel: {no: 1}\ndefaults: [{override /model: huge}]\n",
        "Could not find 'model/huge'",
    ),
}


@pytest.mark.first(6)
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_config_is_refused(stash: Path, case: str) -> None:
    made, said = HOSTILE[case]
    data = made() if callable(made) else made
    (stash / FOLDER).mkdir(parents=True)
    (stash / PATH).write_bytes(data)
    git("add", PATH, cwd=stash)
    ran = freeze_snapshots(stash)
    refused(ran, said)
    assert "\x1b" not in ran.err
    assert (stash / PATH).read_bytes() == data


NAMES = {
    "a tool that is none": "configs/my tool/snapshots/v1/first.yaml",
    "a tag that is none": "configs/mytool/snapshots/v 1/first.yaml",
    "an experiment that is none": f"{FOLDER}/fir\x1b[31mst.yaml",
    "a line break": f"{FOLDER}/a\nb.yaml",
    "a tool that is not registered": "configs/other/snapshots/v1/first.yaml",
    "a folder that is named like a file": f"{FOLDER}/x.yaml/first.yaml",
}


@pytest.mark.parametrize("case", NAMES)
def test_a_hostile_name_is_refused(stash: Path, case: str) -> None:
    path = NAMES[case]
    stage(stash, EXPERIMENT, path)
    shown = path.replace("\x1b", "\\x1b").replace("\n", "\\n")
    ran = freeze_snapshots(stash)
    refused(ran, path=shown)
    assert "\x1b" not in ran.err
    assert read(stash, path) == EXPERIMENT


def test_a_link_is_refused(stash: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(EXPERIMENT)
    (stash / FOLDER).mkdir(parents=True)
    (stash / PATH).symlink_to(tmp_path / "secret.yaml")
    git("add", PATH, cwd=stash)
    refused(freeze_snapshots(stash), f"{PATH}: a snapshot must be a regular file, not a symlink or a repository\n"
            f"    fix: git rm --cached {PATH}\n")  # fmt: skip
    assert (tmp_path / "secret.yaml").read_text() == EXPERIMENT


def test_a_link_on_disk_is_not_what_is_staged(stash: Path) -> None:
    """Not even one to the same text: what is written there would take its place."""
    stage(stash, EXPERIMENT)
    (stash / PATH).unlink()
    (stash / PATH).symlink_to(stash / "configs/mytool/experiment/first.yaml")
    refused(freeze_snapshots(stash), "the staged content differs from the file on disk")
    assert (stash / PATH).is_symlink()


def test_a_folder_that_leads_out_of_the_stash_is_refused(stash: Path, tmp_path: Path) -> None:
    stage(stash, EXPERIMENT)
    (stash / FOLDER).rename(tmp_path / "elsewhere")
    (stash / FOLDER).symlink_to(tmp_path / "elsewhere")
    refused(freeze_snapshots(stash), "a symlink that leads out of")
    assert (tmp_path / "elsewhere/first.yaml").read_text() == EXPERIMENT


@pytest.mark.parametrize("now", ["name: other\n", None])
def test_what_is_staged_must_be_what_is_on_disk(stash: Path, now: str | None) -> None:
    """A framework sees to it; after `git commit -p` alone it may not be so."""
    stage(stash, EXPERIMENT)
    (stash / PATH).unlink()
    if now is not None:
        write(stash, {PATH: now})
    refused(
        freeze_snapshots(stash),
        f"{PATH}: the staged content differs from the file on disk\n    fix: git add {PATH}\n",
    )
    assert (read(stash) if now else None) == now


@pytest.mark.every
def test_line_endings_that_git_converts_are_no_difference(stash: Path) -> None:
    write(stash, {".gitattributes": "*.yaml text eol=crlf\n"})
    (stash / FOLDER).mkdir(parents=True)
    (stash / PATH).write_bytes(EXPERIMENT.replace("\n", "\r\n").encode())
    git("add", ".gitattributes", PATH, cwd=stash)
    assert "\r" not in git("show", f":{PATH}", cwd=stash)
    assert freeze_snapshots(stash).code == 1
    assert body(read(stash)).startswith("name: first\n")


def test_the_others_are_frozen_all_the_same(stash: Path) -> None:
    stage(stash, EXPERIMENT)
    stage(stash, "a: [1\n", f"{FOLDER}/broken.yaml")
    stage(stash, EXPERIMENT.replace("layers: 5", "layers: 6"), f"{FOLDER}/figure 1/second.yaml".replace(" ", ""))
    ran = freeze_snapshots(stash)
    assert ran.code == 1
    assert [line for line in ran.out.splitlines() if not line.startswith("    environment: ")] == [
        f"frozen {FOLDER}/figure1/second.yaml",
        f"frozen {PATH}",
        f"tools/mytool at {git('rev-parse', 'HEAD', cwd=stash / 'tools/mytool')[:12]}: the pin is unchanged",
        f"next: git add {FOLDER}/figure1/second.yaml {lock_of(read(stash))} {PATH} && git commit",
    ]
    assert f"experimentstash: {FOLDER}/broken.yaml: line 2, column 1: " in ran.err
    assert "\n  layers: 6\n" in read(stash, f"{FOLDER}/figure1/second.yaml")
    assert read(stash, f"{FOLDER}/broken.yaml") == "a: [1\n"


@pytest.mark.every
def test_a_read_only_folder(stash: Path) -> None:
    stage(stash, EXPERIMENT)
    (stash / FOLDER).chmod(0o555)
    # Root may write anywhere; without that capability it may not.
    drop = ["setpriv", "--bounding-set=-dac_override", "--"] if os.getuid() == 0 else []
    ran = run(*drop, BIN / "freeze-snapshots", cwd=stash)
    (stash / FOLDER).chmod(0o755)
    refused(ran, "cannot be written: Permission denied", path=f"{stash}/{FOLDER}/")
    assert read(stash) == EXPERIMENT


def test_what_is_tagged_is_left_to_the_check(stash: Path) -> None:
    assert estash("snapshot", "mytool", "first", "--tag", "v1", "--commit", cwd=stash).code == 0
    stage(stash, EXPERIMENT)
    stage(stash, EXPERIMENT, f"{FOLDER}/added.yaml")
    assert freeze_snapshots(stash) == Ran(0, "", "")
    assert read(stash) == EXPERIMENT
    checked = run(BIN / "check-snapshots", cwd=stash)
    assert (checked.code, checked.err.count(": frozen: ")) == (1, 2)


def test_what_the_user_lets_pass_is_not_frozen(stash: Path) -> None:
    stage(stash, EXPERIMENT)
    assert freeze_snapshots(stash, EXPERIMENTSTASH_ALLOW="flat,header") == Ran(0, "", "")
    assert read(stash) == EXPERIMENT
    assert freeze_snapshots(stash, EXPERIMENTSTASH_ALLOW="flat").code == 1
    assert read(stash) != EXPERIMENT


def test_what_has_a_wrong_header_is_left_to_the_check(stash: Path) -> None:
    stage(stash, "# TOOL_COMMIT: 1234567\n\nlr: 0.1\n")
    assert freeze_snapshots(stash) == Ran(0, "", "")


def test_what_is_no_snapshot_is_left_alone(stash: Path) -> None:
    stage(stash, EXPERIMENT, f"{FOLDER}/notes.yml")
    stage(stash, EXPERIMENT, "configs/mytool/experiment/second.yaml")
    write(stash, {PATH: EXPERIMENT})
    assert freeze_snapshots(stash) == Ran(0, "", "")


def test_the_tool_is_clean_checked_out_and_pinned(stash: Path) -> None:
    """What the snapshot records is what the commit being made holds."""
    stage(stash, EXPERIMENT)
    tool = stash / "tools/mytool"
    write(tool, {"new.py": ""})
    refused(
        freeze_snapshots(stash),
        "tools/mytool: uncommitted changes: new.py\n    fix: mkdir -p outputs/mytool/moved-",
    )
    new = commit(tool, {})
    old = git("rev-parse", "HEAD^", cwd=tool)
    refused(
        freeze_snapshots(stash),
        f"{PATH}: tools/mytool is checked out at {new[:12]}, and the commit being made pins {old[:12]}\n"
        "    fix: git add tools/mytool  # or, to go back: git -c protocol.file.allow=always submodule update --init",
    )
    git("add", "tools/mytool", cwd=stash)
    assert freeze_snapshots(stash).code == 1
    assert header(read(stash), "TOOL_COMMIT") == [("TOOL_COMMIT", new)]
    stage(stash, EXPERIMENT)
    git("submodule", "--quiet", "deinit", "-f", "tools/mytool", cwd=stash)
    refused(
        freeze_snapshots(stash),
        "tools/mytool: the tool 'mytool' is not checked out\n    fix: git -c protocol.file.allow=always submodule",
    )


@pytest.mark.every
def test_a_tool_that_it_depends_on_is_pinned_too(tmp_path: Path) -> None:
    shape = SHAPES["search_packages of two tools"]
    stash = make_stash(tmp_path, shape)
    new = commit(stash / "tools/shared", {"new.py": ""})
    stage(stash, shape.experiment)
    refused(freeze_snapshots(stash), f"tools/shared is checked out at {new[:12]}, and the commit being made pins ")
    assert read(stash) == shape.experiment


def test_late_and_keep_of_the_registry_decide(stash: Path) -> None:
    meta = stash / "configs/meta.yaml"
    meta.write_text(meta.read_text() + "    late: [seed]\n    keep: [out]\n")
    stage(stash, EXPERIMENT)
    ran = freeze_snapshots(stash)
    assert ran.out.splitlines()[1:3] == ["    seed: late: you said so", "    out: kept, as you said"]
    assert header(read(stash), "LATE") == [("LATE", "seed=???")]


def test_a_repository_without_a_registry(stash: Path) -> None:
    (stash / "configs/meta.yaml").unlink()
    assert freeze_snapshots(stash) == Ran(0, "", "")
    stage(stash, EXPERIMENT)
    ran = freeze_snapshots(stash)
    assert (ran.code, ran.out) == (1, "")
    assert (
        ran.err
        == f"experimentstash: {stash}: not a stash: it has no configs/meta.yaml\n    fix: experimentstash init\n"
    )


LOADED = """\
import sys
from experimentstash.hooks.freeze_snapshots import main
code = main(["--stage", "pre-commit"])
print(code, *sorted(name for name in sys.modules if name.startswith("experimentstash.")))
print(*(name for name in ("click", "yaml", "dulwich", "omegaconf", "json", "difflib") if name in sys.modules))
"""


def test_where_nothing_is_staged_little_is_loaded(stash: Path) -> None:
    write(stash, {"notes.txt": "", "configs/mytool/experiment/second.yaml": EXPERIMENT})
    git("add", "-A", cwd=stash)
    ran = run(sys.executable, "-c", LOADED, cwd=stash)
    loaded, others = ran.out.splitlines()
    assert others == ""
    ours = {name.removeprefix("experimentstash.") for name in loaded.split()[1:]}
    assert loaded.split()[0] == "0"
    assert ours >= {"hooks.freeze_snapshots", "git.repository", "git.user_git"}
    assert not ours & {
        "core.files", "freeze.staged_configs", "stash.stash", "stash.registry", "stash.snapshot_file",
        "verify.examination", "verify.exceptions", "verify.missing_tags",
    }  # fmt: skip
