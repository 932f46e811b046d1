"""What the tests of hostile repositories share: the doors as processes, and objects that git would not write."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import unicodedata
import zlib
from pathlib import Path

from conftest import BIN, Ran, git

NONE = "0" * 40
ORDINARY = set("\n \u00a0\u3000")
NOWHERE = "1" * 40
_MEMORY = 1_500_000  # kilobytes of address space; a door that wants more fails as a fault of the program
_BOUNDED = ["sh", "-c", f'ulimit -v {_MEMORY} 2>/dev/null; exec "$@"', "sh"]
_NATIVE = "import sys\nfrom experimentstash.hooks.native import main\nsys.exit(main('pre-receive'))\n"


def ask(*args: str | Path, cwd: Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Ran:
    """Run a program that gets so much memory and no more; one that hangs is a failure of the test."""
    done = subprocess.run(
        [*_BOUNDED, *map(str, args)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        input=stdin,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def check(root: Path, **env: str) -> Ran:
    """Ask `check-snapshots` about the commit being made."""
    return ask(BIN / "check-snapshots", cwd=root, env=env)


def freeze(root: Path, **env: str) -> Ran:
    """Ask `freeze-snapshots` about the commit being made."""
    return ask(BIN / "freeze-snapshots", cwd=root, env=env)


def tag(root: Path, *args: str, **env: str) -> Ran:
    """Ask `tag-snapshots` about the commit that was made."""
    return ask(BIN / "tag-snapshots", *args, cwd=root, env=env)


def guard(root: Path, *lines: bytes | str, **env: str) -> Ran:
    """Ask `guard-push` about the push that git tells of in these lines."""
    stdin = b"".join(os.fsencode(line) for line in lines)
    return ask(BIN / "guard-push", "nowhere", "/nowhere", cwd=root, stdin=stdin, env=env)


def update(name: str, ref: str = "refs/heads/main", old: str = NONE) -> str:
    """Return git's line for a push that lets a ref name an object."""
    return f"{ref} {name} {ref} {old}\n"


def server(root: Path) -> Path:
    """Make a git server beside a stash, whose pre-receive hook is ours; each call makes a new one."""
    made = root.parent / f"server-{len(list(root.parent.glob('server-*')))}.git"
    git("init", "-q", "--bare", f"--object-format={git('rev-parse', '--show-object-format', cwd=root)}", made, cwd=root)
    (made / "hooks").mkdir(exist_ok=True)
    hook = made / "hooks/pre-receive"
    hook.write_text(f'#!/bin/sh\nulimit -v {_MEMORY} 2>/dev/null\nexec {sys.executable} -c "{_NATIVE}"\n')
    hook.chmod(0o755)
    return made


def receive(root: Path, *refs: str) -> Ran:
    """Push to such a server, and return what its hook said; where it refuses, it has got nothing."""
    at = server(root)
    ran = ask("git", "push", "-q", at, *(refs or ("HEAD:refs/heads/main",)), cwd=root)
    there = git("for-each-ref", cwd=at)
    assert (ran.code == 0) == (there != ""), ran.err[-2000:]
    assert ran.code == 0 or "(pre-receive hook declined)" in ran.err, ran.err[:2000]
    told = [line.removeprefix("remote: ").rstrip() for line in ran.err.split("\n") if line.startswith("remote: ")]
    return Ran(ran.code, ran.out, "\n".join(told))


def received(at: Path, *lines: bytes | str, objects: Path) -> Ran:
    """Ask the pre-receive hook of a server about lines that no git would say, with somebody's objects at hand."""
    stdin = b"".join(os.fsencode(line) for line in lines)
    return ask(
        sys.executable, "-c", _NATIVE, cwd=at, stdin=stdin, env={"GIT_DIR": ".", "GIT_OBJECT_DIRECTORY": str(objects)}
    )


def refused(ran: Ran, *said: str) -> None:
    """It said why and where, with exit code 1, no traceback, and nothing that moves a terminal's cursor."""
    assert ran.code == 1, (ran.code, ran.out[:2000], ran.err[:2000])
    assert ran.err.strip()
    assert "Traceback" not in ran.err
    assert "internal error" not in ran.err
    assert not {char for char in ran.out + ran.err if unicodedata.category(char)[0] in "CZ"} - ORDINARY
    for text in said:
        near = [line for line in ran.err.splitlines() if text.partition(": ")[0].partition(".yaml")[0] in line]
        assert text in ran.err, f"{text!r} is not in {(near or ran.err.splitlines())[:10]}"


def refused_by_all(root: Path, *said: str) -> list[str]:
    """Let what is staged go through all doors that judge, and return what they said."""
    told = [check(root)]
    git("commit", "-q", "--no-verify", "-m", "hostile", cwd=root)
    return [*told_by(told, *said), *refused_when_made(root, *said)]


def refused_when_made(root: Path, *said: str) -> list[str]:
    """Let what is committed go through the doors behind a commit, and return what they said; no tag was made."""
    told = [tag(root), guard(root, update(git("rev-parse", "HEAD", cwd=root))), receive(root)]
    assert git("tag", cwd=root) == ""
    return told_by(told, *said)


def told_by(told: list[Ran], *said: str) -> list[str]:
    """Check that each refused and said so, and return what they said."""
    for ran in told:
        refused(ran, *said)
    return [ran.err for ran in told]


def entry(root: Path, path: bytes | str, name: str, mode: str = "100644") -> None:
    """Stage an object, whatever its path, which no file system has to carry."""
    line = f"{mode} {name}\t".encode() + os.fsencode(path) + b"\0"
    subprocess.run(["git", "update-index", "-z", "--add", "--index-info"], cwd=root, input=line, check=True)


def blob(root: Path, data: bytes | str) -> str:
    """Write a blob and return its id."""
    return _written(root, "blob", data.encode() if isinstance(data, str) else data)


def tree(root: Path, *lines: tuple[str, bytes | str, str]) -> str:
    """Write a tree of modes, names and ids, in any order and with any names, and return its id."""
    told = (f"{mode} ".encode() + os.fsencode(name) + b"\0" + bytes.fromhex(id_) for mode, name, id_ in lines)
    return _written(root, "tree", b"".join(told))


def loose(root: Path, kind: str, data: bytes) -> str:
    """Write an object that git would not write, and return its id."""
    whole = f"{kind} {len(data)}\0".encode() + data
    name = hashlib.sha1(whole).hexdigest()
    file = object_file(root, name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(zlib.compress(whole, 1))
    return name


def object_file(root: Path, name: str) -> Path:
    """Return the file of a loose object."""
    return root / ".git/objects" / name[:2] / name[2:]


def commit_tree(root: Path, configs: str) -> str:
    """Let HEAD be a commit in which `configs` is another tree, and return its id."""
    lines = [line for line in git("ls-tree", "HEAD", cwd=root).split("\n") if not line.endswith("\tconfigs")]
    top = git("mktree", cwd=root, stdin="\n".join([*lines, f"040000 tree {configs}\tconfigs"]) + "\n")
    made = git("commit-tree", "-p", "HEAD", "-m", "hostile", top, cwd=root)
    git("update-ref", "HEAD", made, cwd=root)
    return made


def in_snapshots(root: Path, below: str) -> str:
    """Return the tree of `configs` in which `mytool/snapshots` is a tree."""
    folder = tree(root, ("40000", "snapshots", below))
    registry = git("rev-parse", "HEAD:configs/meta.yaml", cwd=root)
    return tree(root, ("100644", "meta.yaml", registry), ("40000", "mytool", folder))


def _written(root: Path, kind: str, data: bytes) -> str:
    asked = ["git", "hash-object", "-t", kind, "--literally", "-w", "--stdin"]
    return subprocess.run(asked, cwd=root, input=data, capture_output=True, check=True).stdout.decode().strip()
