"""Hostile names: each is told, no terminal sees it, and what mends it can be pasted into a shell."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import Ran, git, write
from hostile import (
    blob,
    check,
    commit_tree,
    entry,
    freeze,
    guard,
    in_snapshots,
    receive,
    refused,
    refused_by_all,
    refused_when_made,
    tag,
    tree,
    update,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from stashes import healthy, make_stash, pin_id, snapshot_path, snapshot_text

from experimentstash.core.errors import quote

NAMES = [
    *("\x1b[2J\n\t", "\u202egpj", "a\u2028b", "a\x85b", "a\u200bb", "\U000e0041", "\udcff\udcfe", "ü\x7f", "é" * 200),
    *("'\x1b'; touch pwned; '", "\x1b\\'; touch pwned; '", "a;touch pwned", "$(touch pwned)", "`touch pwned`", "~"),
    *("'\"'; touch pwned; '", "a|touch pwned", "a&touch pwned&", "a>pwned", "a\\", "\\", "#", "!x", "{a,b}", "%s%n"),
    *("-rf", "--help", "--commit", "CON", "aux.x", ".", "a.lock", "a..b", "a b", "a*?", "x" * 300),
]
PLACES = ["configs/mytool/snapshots/v1/{}.yaml", "configs/mytool/snapshots/{}/a.yaml", "configs/{}/snapshots/v1/a.yaml"]


def pasted(told: str, tmp_path: Path, shell: str) -> list[list[bytes]]:
    """Paste what mends each finding into a shell, all of it, and return the commands that were run there."""
    box, log = tmp_path / "box", tmp_path / "log"
    for program in ("git", "experimentstash", "file", "touch"):
        write(tmp_path / "stubs", {program: f"#!/bin/sh\nprintf '%s\\0' '{program}' \"$@\" '' >>'{log}'\n"})
        (tmp_path / "stubs" / program).chmod(0o755)
    box.mkdir(exist_ok=True)
    log.write_bytes(b"")
    fixes = re.findall(r"^    fix: (.*)$", told, re.MULTILINE)
    assert fixes
    env = {"PATH": f"{tmp_path / 'stubs'}", "HOME": str(box)}
    done = subprocess.run([f"/bin/{shell}"], cwd=box, env=env, input="\n".join(fixes).encode(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(box.iterdir()) == []
    return [words.split(b"\0") for words in log.read_bytes().removesuffix(b"\0\0").split(b"\0\0")]


@pytest.mark.first(1)
@pytest.mark.parametrize("place", PLACES, ids=["experiment", "tag", "tool"])
def test_hostile_names(tmp_path: Path, place: str) -> None:
    """Pasted into bash, what mends it names the very file; pasted into any shell, it runs nothing else."""
    root = make_stash(tmp_path / "stash")
    text = blob(root, snapshot_text("a", "v1", pin_id("one")))
    paths = [place.format(name) for name in NAMES if name != "." or "{}.yaml" in place]
    for path in paths:
        entry(root, path, text)
    frozen = freeze(root)
    refused(frozen)
    for said in (frozen.err, *refused_by_all(root)):
        ran = pasted(said, tmp_path, "bash")
        assert {words[-1] for words in ran if words[:3] == [b"git", b"rm", b"--cached"]} == set(map(os.fsencode, paths))
        assert {words[0] for words in [*ran, *pasted(said, tmp_path, "sh")]} <= {b"git", b"experimentstash"}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.binary(max_size=12).map(lambda data: data.replace(b"\0", b"")), min_size=1, max_size=50))
def test_a_quoted_word_is_that_word(words: list[bytes]) -> None:
    line = " ".join(quote(word.decode("utf-8", "surrogateescape")) for word in words)
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    assert done.stdout == b"".join(word + b"\0" for word in words)


@pytest.mark.parametrize("name", ["..", ".", "a/b", ".git"])
def test_names_that_git_would_not_write(tmp_path: Path, name: str) -> None:
    root = make_stash(tmp_path / "stash")
    file = tree(root, ("100644", "a.yaml", blob(root, snapshot_text("a", "v1", pin_id("two")))))
    commit_tree(root, in_snapshots(root, tree(root, ("40000", name, file))))
    refused_when_made(root)


REFS = [
    *("ü", "@", "a@b", "'q'", '"q"', "$(touch\u00a0pwned)", "`touch`", "a;b", "a|b", "a&b", "a/b/c", "-x", "--help"),
    *("v1\u2028x", "v1\x85y", "a\udcffb", "a\u3000b", "\u202egpj", "#a", "{a}", "!a", "%s", "CON"),
]


def test_refs_with_odd_names(tmp_path: Path) -> None:
    """None is a snapshot's tag, and none is taken for another."""
    root = make_stash(tmp_path / "stash")
    head = git("rev-parse", "HEAD", cwd=root)
    refs = [f"refs/tags/snapshot/{name}" for name in REFS]
    for ref in refs:
        subprocess.run(["git", "update-ref", os.fsencode(ref), head], cwd=root, check=True)
    path = snapshot_path("a", "v1")
    entry(root, path, blob(root, snapshot_text("a", "v1", pin_id("one"))))
    assert check(root) == Ran(0, "", "")  # there is no `snapshot/v1`, of which `v1\u2028x` is none
    told = [guard(root, *(update(head, ref) for ref in refs)), receive(root, "refs/tags/*:refs/tags/*")]
    for ran in told:
        refused(ran)
        assert ran.err.count("it is no snapshot's tag: ") == len(refs)
        words = pasted(ran.err, tmp_path, "bash")
        deleted = {word[3] for word in words if word[:3] == [b"git", b"tag", b"-d"]}
        assert deleted == {os.fsencode(ref.removeprefix("refs/tags/")) for ref in refs}


@pytest.mark.every
def test_ten_thousand_refs_in_a_push(tmp_path: Path) -> None:
    """One finding, of the first ref that brings it; what the server had and is unknown here is no hindrance."""
    root = make_stash(tmp_path / "stash")
    entry(root, snapshot_path("a", "v1"), blob(root, snapshot_text("a", "v1", pin_id("two"))))
    git("commit", "-qm", "drift", cwd=root)
    bad = git("rev-parse", "HEAD", cwd=root)
    made = "".join(
        f"commit refs/heads/b{n}\ncommitter a <a@b> {n} +0000\ndata 1\nx\n"
        f"from {bad}\nM 100644 inline f{n}\ndata 1\nx\n"
        for n in range(10_000)
    )  # fmt: skip
    git("fast-import", "--quiet", cwd=root, stdin=made)
    listed = git("for-each-ref", "--format=%(objectname) %(refname)", cwd=root).split("\n")
    ran = guard(root, *(update(line[:40], line[41:], f"{number:040x}") for number, line in enumerate(listed, 1)))
    refused(ran, f"refs/heads/b0 {bad[:12]}:{snapshot_path('a', 'v1')}: pin: it records mytool")
    assert ran.err.count("    fix: ") == 1
    refused(receive(root, "refs/heads/*:refs/heads/*"), f"refs/heads/b0 {bad[:12]}:{snapshot_path('a', 'v1')}: pin: ")


def test_a_trace_of_git_is_no_broken_tag(tmp_path: Path) -> None:
    """What git says beside its answers names the tags that it was asked for."""
    root = healthy(tmp_path / "stash")
    path = snapshot_path("pca-one", "tag-one")
    entry(root, path, blob(root, "edited\n"))
    for trace in ("1", "2", "true"):
        ran = check(root, GIT_TRACE=trace, GIT_TRACE2=trace, GIT_TRACE_SETUP=trace)
        assert (ran.code, ran.err) == (1, check(root).err)
        assert f"{path}: frozen: it differs from what snapshot/tag-one froze" in ran.err
    assert tag(root, GIT_TRACE="1").code == 0
