"""Hooks in real repositories: recorded, written, compared; and what husky and a framework leave."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from conftest import BIN, git, run, write

HOOKS = Path(__file__).parents[1] / "hooks"
CLONE = ("pre-commit", "pre-merge-commit", "post-checkout", "post-commit", "post-merge", "post-rewrite", "pre-push")
AS_ROOT = os.geteuid() == 0
BEFORE = ".before-experimentstash"
TYPES = ", ".join(CLONE)

CONFIG = "repos:\n  - repo: local\n    hooks:\n{}"
HOOK = (
    "      - {{id: {}, name: x, language: system, entry: {}, always_run: true, pass_filenames: false, stages: [{}]}}\n"
)
STAGES = {
    "freeze-snapshots": "pre-commit",
    "check-snapshots": "pre-commit, pre-merge-commit",
    "compare-pins": "post-checkout",
    "tag-snapshots": "post-commit, post-merge, post-rewrite",
    "guard-push": "pre-push",
}
NAMED = f"default_install_hook_types: [{TYPES}]\n" + CONFIG.format(
    "".join(HOOK.format(id_, id_, stages) for id_, stages in STAGES.items())
)
"""A config that names our hooks."""
OTHERS = CONFIG.format(HOOK.format("own", "echo", TYPES))
"""One that names other hooks."""


def stash(root: Path, *init: str) -> Path:
    """Make a stash without a tool, in one commit."""
    root.mkdir(parents=True, exist_ok=True)
    git("init", "-q", *init, cwd=root)
    write(root, {"configs/meta.yaml": "tools: {}\n"})
    git("add", "configs", cwd=root)
    git("commit", "-q", "-m", "a stash", cwd=root)
    return root


def program(path: Path, text: str, mode: int = 0o755) -> Path:
    """Write a shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def told(log: Path) -> list[str]:
    """Return the lines of a log, and empty it."""
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def recorder(folder: Path) -> Path:
    """Make a program that stands for Python: it appends what it was asked, and its stdin, to `folder/log`."""
    # -c, the program, the type, what git gave
    return program(folder / "recorder", f'shift 2; echo "ours $*" >> "{folder}/log"; cat >> "{folder}/stdin"')


def everything(*folders: Path) -> dict[str, tuple[int, bytes]]:
    """Return the mode and the bytes of every file, and the end of every link, below some directories or at a path."""
    found = {}
    for folder in folders:
        for path in sorted(path for path in (folder, *folder.rglob("*")) if os.path.lexists(path)):
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                found[str(path)] = (0, os.fsencode(path.readlink()))
            elif stat.S_ISREG(mode):
                found[str(path)] = (stat.S_IMODE(mode), path.read_bytes())
    return found


def state(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return all that an installation may touch: hooks and configuration."""
    common = root / git("rev-parse", "--git-common-dir", cwd=root)
    return everything(common / "hooks", common / "config", common / "experimentstash")


def hook_names(root: Path) -> set[str]:
    """Return what lies in the directory of hooks, without git's samples."""
    common = root / git("rev-parse", "--git-common-dir", cwd=root)
    return {path.name for path in (common / "hooks").iterdir() if path.suffix != ".sample"}


def husky(root: Path) -> Path:
    """Lay husky 9 out as `husky` does, with a hook that tells its arguments, and return the log."""
    log = root / "husky.log"
    types = "pre-commit pre-merge-commit prepare-commit-msg commit-msg post-commit applypatch-msg pre-applypatch"
    types += " post-applypatch pre-rebase post-rewrite post-checkout post-merge pre-push pre-auto-gc"
    for kind in types.split():
        hook = root / ".husky/_" / kind
        hook.parent.mkdir(parents=True, exist_ok=True)
        hook.write_text('#!/usr/bin/env sh\n. "$(dirname "$0")/h"')
        hook.chmod(0o755)
    (root / ".husky/_/h").write_text(
        '#!/usr/bin/env sh\nn=$(basename "$0")\ns=$(dirname "$(dirname "$0")")/$n\n\n[ ! -f "$s" ] && exit 0\n\n'
        'sh -e "$s" "$@"\nc=$?\n[ $c != 0 ] && echo "husky - $n script failed (code $c)"\nexit $c\n'
    )
    write(root, {".husky/_/.gitignore": "*", ".gitignore": "/husky.log\n"})
    for kind in ("pre-commit", "commit-msg", "pre-push"):
        (root / ".husky" / kind).write_text(f'echo "husky {kind} $*" >> "{log}"\n')
    git("config", "core.hooksPath", ".husky/_", cwd=root)
    return log


def framework(name: str, root: Path, *args: str) -> str:
    """Run pre-commit or prek, which must succeed, and return what it said."""
    ran = run(BIN / name, *args, cwd=root)
    assert ran.code == 0, ran.err + ran.out
    return ran.out
