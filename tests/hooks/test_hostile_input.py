"""Hostile stdin, and what lies about a hook while it runs: a push is what git says it is, and nothing is executed."""

# ruff: noqa: E501  (each hostile repository is one line of a table)
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ran, git, write
from hostile import (
    NONE,
    NOWHERE,
    blob,
    check,
    entry,
    freeze,
    guard,
    receive,
    received,
    refused,
    server,
    tag,
    update,
)
from stashes import commit_index, healthy, make_stash, pin, pin_id, snapshot_path, snapshot_text, stage

PATH = snapshot_path("a", "v1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stash whose last commit would not hold."""
    root = make_stash(tmp_path / "stash")
    stage(root, {PATH: snapshot_text("a", "v1", pin_id("two"))})
    commit_index(root, "drift")
    return root


# what stdin says: the update of a ref as guard-push is told of it; (`{new}`, `{none}`, `{gone}`) are ids

NO_PUSH = {
    "zeros": "\0\0\0 \0\n",
    "words": "a b c d\n",
    "one word": "rubbish\n",
    "an empty line": "\n",
    "an empty line between": "refs/heads/a {new} refs/heads/a {none}\n\nrefs/heads/b {new} refs/heads/b {none}\n",
    "a good line first": "refs/heads/a {new} refs/heads/a {none}\nx\n",
    "the line ends of Windows": "refs/heads/a {new} refs/heads/a {none}\r\n",
    "a short id": "refs/heads/a {new:.39} refs/heads/a {none}\n",
    "a long id": "refs/heads/a {new}0 refs/heads/a {none}\n",
    "capital letters": "refs/heads/a {NEW} refs/heads/a {none}\n",
    "a name": "refs/heads/a HEAD refs/heads/a {none}\n",
    "an option": "refs/heads/a --all refs/heads/a {none}\n",
    "no ref": "HEAD {new} HEAD {none}\n",
    "a ref that is elsewhere": "x {new} ../refs/heads/a {none}\n",
    "a control sequence": "x {new} refs/heads/\x1b[2J {none}\n",
    "a zero in a ref": "x {new} refs/heads/a\0b {none}\n",
    "only spaces": " " * 1_000_000 + "\n",
}


def ids(root: Path) -> dict[str, str]:
    new = git("rev-parse", "HEAD", cwd=root)
    return {"new": new, "NEW": new.upper(), "none": NONE, "gone": NOWHERE}


def as_received(line: str) -> str:
    """Say in the words of pre-receive what was said in those of pre-push."""
    words = line.rsplit(" ", 3)
    return f"{words[3]} {words[1]} {words[2]}" if len(words) == 4 else line


@pytest.mark.first(8)
@pytest.mark.parametrize("case", NO_PUSH)
def test_stdin_that_is_no_push(root: Path, case: str) -> None:
    text = NO_PUSH[case].format(**ids(root))
    refused(guard(root, text), "experimentstash: invalid input on stdin: ")
    theirs = "\n".join(map(as_received, text.split("\n")))
    refused(received(server(root), theirs, objects=root / ".git/objects"), "experimentstash: invalid input on stdin: ")


@pytest.mark.parametrize("piece", [b"\xff\x00", b" \n", b"a"])
def test_64_megabytes_that_are_no_push(root: Path, piece: bytes) -> None:
    data = piece * (64_000_000 // len(piece)) + b" b c d\n"
    for ran in (guard(root, data), received(server(root), data, objects=root / ".git/objects")):
        refused(ran, "experimentstash: invalid input on stdin: ")
        assert len(ran.err) < 1000


PUSHES = {
    "the last line without its end": ("refs/heads/a {new} refs/heads/a {none}", f":{PATH}: pin: it records mytool"),
    "a ref twice": ("refs/heads/a {new} refs/heads/a {none}\n" * 2, f":{PATH}: pin: it records mytool"),
    "a name with spaces": ("HEAD@{{1 day ago}} {new} refs/heads/a {none}\n", f":{PATH}: pin: it records mytool"),
    "what the other end has is unknown here": ("refs/heads/a {new} refs/heads/a {gone}\n", f":{PATH}: pin: it records"),
    "an object that is missing": ("refs/heads/a {gone} refs/heads/a {none}\n", "refs/heads/a: the object 1111"),
    "a tag that is missing": ("refs/tags/v1 {gone} refs/tags/v1 {none}\n", "refs/tags/v1: the object 1111"),
    "a snapshot tag that is missing": (
        "refs/tags/snapshot/v1 {gone} refs/tags/snapshot/v1 {none}\n",
        f"refs/tags/snapshot/v1: tag: the object {NOWHERE} is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PUSHES)
def test_odd_pushes_are_judged(root: Path, case: str) -> None:
    text, said = PUSHES[case]
    text = text.format(**ids(root))
    refused(guard(root, text), said)
    if NOWHERE not in text.rpartition(" ")[2]:
        theirs = "\n".join(map(as_received, text.split("\n")))
        refused(received(server(root), theirs, objects=root / ".git/objects"), said)


@pytest.mark.parametrize(
    "lines", ["", f"(delete) {NONE} refs/heads/a {NOWHERE}\n", f"(delete) {NONE} refs/heads/a {NONE}\n"]
)
def test_nothing_to_push_is_nothing_to_judge(root: Path, lines: str) -> None:
    assert guard(root, lines) == Ran(0, "", "")


# what the index and the registry say

ODD: dict[str, tuple[dict[str, tuple[str, Callable[[], bytes] | bytes | str | None]], str]] = {
    "a link": ({PATH: ("120000", "/etc/passwd")}, f"{PATH}: frozen: a snapshot must be a regular file"),
    "a repository": ({PATH: ("160000", None)}, f"{PATH}: frozen: a snapshot must be a regular file"),
    "a registry that is a link": ({"configs/meta.yaml": ("120000", "/etc/passwd")}, "has no tool 'mytool'"),
    "a registry that is a repository": ({"configs/meta.yaml": ("160000", None)}, "has no tool 'mytool'"),
    "a bomb": ({"configs/meta.yaml": ("100644", "tools: &a [*a, *a]\n")}, "configs/meta.yaml: pin: line 1, column 12: an alias"),
    "a deep registry": ({"configs/meta.yaml": ("100644", "[" * 100_000)}, "configs/meta.yaml: pin: line 1, column 101: nested"),
    "a registry of bytes": ({"configs/meta.yaml": ("100644", b"\xff")}, "configs/meta.yaml: pin: line 1, column 1: not UTF-8"),
    "a registry that moves the cursor": ({"configs/meta.yaml": ("100644", 'tools: {"\\e[2J": 1}\n')}, "configs/meta.yaml: pin: "),
    "a large registry": ({"configs/meta.yaml": ("100644", lambda: b"#" * 100_000_000)}, "configs/meta.yaml: pin: 100000000 bytes"),
    "tools that are a file": ({"tools": ("100644", "x")}, "has no pin at tools/mytool"),
    "tools that are a link": ({"tools": ("120000", "/etc")}, "has no pin at tools/mytool"),
    "tools that are a repository": ({"tools": ("160000", None)}, "has no pin at tools/mytool"),
    "a tool that is a file": ({"tools/mytool": ("100644", "x")}, "has no pin at tools/mytool"),
    "a tool that is a link": ({"tools/mytool": ("120000", "../../x")}, "has no pin at tools/mytool"),
    "a tool that is a folder": ({"tools/mytool/sub": ("160000", None)}, "has no pin at tools/mytool"),
}  # fmt: skip


@pytest.mark.first(5)
@pytest.mark.parametrize("case", ODD)
def test_odd_entries(tmp_path: Path, case: str) -> None:
    root = make_stash(tmp_path / "stash")
    entry(root, PATH, blob(root, snapshot_text("a", "v1", pin_id("one"))))
    entries, said = ODD[case]
    for path, (mode, data) in entries.items():
        if path.startswith("tools"):
            git("rm", "-q", "--cached", "tools/mytool", cwd=root)
        entry(root, path, pin_id("one") if data is None else blob(root, data() if callable(data) else data), mode)
    refused(check(root), said)
    git("commit", "-q", "--no-verify", "-m", "hostile", cwd=root)
    for ran in (tag(root), guard(root, update(git("rev-parse", "HEAD", cwd=root))), receive(root)):
        refused(ran, said)
    assert git("tag", cwd=root) == ""


@pytest.mark.parametrize(("mode", "data"), [("100644", "x"), ("120000", "/etc"), ("160000", None)])
def test_configs_that_are_no_folder_hold_no_snapshot(tmp_path: Path, mode: str, data: str | None) -> None:
    root = make_stash(tmp_path / "stash")
    git("rm", "-q", "-r", "--cached", "configs", cwd=root)
    entry(root, "configs", pin_id("one") if data is None else blob(root, data() if callable(data) else data), mode)
    code = 0 if mode == "100644" else 1  # what a link or a submodule leads to is not frozen
    ran = check(root)
    assert (ran.code, "configs: frozen: a " in ran.err) == (code, code == 1)
    assert freeze(root) == Ran(0, "", "")
    git("commit", "-q", "--no-verify", "-m", "hostile", cwd=root)
    assert tag(root) == Ran(0, "", "")
    head = update(git("rev-parse", "HEAD", cwd=root))
    assert (guard(root, head).code, receive(root).code) == (code, code)


# what lies about

PWNED = "import os\nopen({!r}, 'a').close()\n"
MODULES = (
    "yaml click dulwich experimentstash omegaconf sitecustomize usercustomize conftest resource typing shlex".split()
)


def test_nothing_of_the_stash_is_executed(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    pwned = tmp_path / "pwned"
    code = PWNED.format(str(pwned))
    files = {f"{module}.py": code for module in MODULES} | {f"{module}/__init__.py": code for module in MODULES}
    files |= {
        ".env": f"PYTHONSTARTUP={root}/yaml.py\n",
        "pyproject.toml": "[tool.experimentstash]\n",
        "git": f"#!/bin/sh\n>{pwned}\n",
    }
    files |= {
        ".gitattributes": "* filter=x diff=x merge=x\n",
        ".gitconfig": f"[core]\n\tfsmonitor = >{pwned}\n",
        "setup.cfg": "",
    }
    files |= {
        ".gitmodules": f'[submodule "tools/mytool"]\n\tpath = tools/mytool\n\turl = ext::sh -c >{pwned}\n\tupdate = !>{pwned}\n'
    }
    write(root, files)
    (root / "git").chmod(0o755)
    git("add", *files, cwd=root)
    stage(
        root, {PATH: snapshot_text("a", "v1", pin_id("two"), body="a: !!python/object/apply:os.system [touch pwned]\n")}
    )
    git("init", "-q", "--bare", root / ".git/modules/tools/mytool", cwd=root)  # a clone, that knows of no remote
    for ran in (check(root), freeze(root)):
        refused(ran)
    git("commit", "-q", "--no-verify", "-m", "hostile", cwd=root)
    head = git("rev-parse", "HEAD", cwd=root)
    for ran in (tag(root), guard(root, update(head)), receive(root)):
        refused(ran)
    assert guard(root, update(head), EXPERIMENTSTASH_ALLOW="flat,pin").code == 0
    assert not pwned.exists()
    assert not (root / "pwned").exists()


USERS = """
[diff]
\texternal = touch {0}
\torderFile = /nowhere
\trenames = copies
\tnoprefix = true
\tignoreSubmodules = all
\tsubmodule = log
[diff "x"]
\ttextconv = touch {0};
\tcommand = touch {0};
[filter "x"]
\tclean = touch {0}; cat
[core]
\tpager = touch {0}
\tfsmonitor = touch {0}; false
\teditor = touch {0}
\tattributesFile = {1}
\tquotePath = true
[alias]
\trev-list = !touch {0}
[pager]
\tdiff-tree = touch {0}
\tfor-each-ref = true
[color]
\tui = always
[column]
\tui = always
[log]
\tshowSignature = true
[submodule]
\trecurse = true
"""


def test_what_the_user_has_set_for_other_work_does_not_reach_the_judgement(tmp_path: Path, sealed_home: Path) -> None:
    """No pager, no driver and no monitor is started, and nothing is read otherwise."""
    root = healthy(tmp_path / "stash")
    stage(root, {snapshot_path("b", "v9"): snapshot_text("b", "v9", pin(root, "four"))})
    commit_index(root)
    head = git("rev-parse", "HEAD", cwd=root)
    stage(root, {snapshot_path("c", "v9"): snapshot_text("c", "v9", pin(root, "five"), body="a: ${b}\n")})
    pwned, attributes = tmp_path / "pwned", tmp_path / "attributes"
    before = check(root)
    refused(before)
    attributes.write_text("* diff=x filter=x\n")
    with (sealed_home / ".gitconfig").open("a") as settings:
        settings.write(USERS.format(pwned, attributes))
    assert check(root) == before
    assert guard(root, update(head)) == Ran(0, "", "")
    assert tag(root) == Ran(0, "", "")
    assert git("rev-parse", "snapshot/v9^{commit}", cwd=root) == head
    assert not pwned.exists()
