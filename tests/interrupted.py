"""A command that is killed between two of its steps: its journal is put into each state that it may leave."""

from __future__ import annotations

from pathlib import Path

from conftest import estash, write

JOURNAL = ".git/experimentstash-change"

_KEEP = """\
import os
_unlink = os.unlink
def unlink(path, *args, **more):
    if str(path).endswith("experimentstash-change"):
        os.link(path, os.path.join(os.path.dirname(path), "kept-journal"))
    _unlink(path, *args, **more)
os.unlink = unlink
"""


def journal_of(root: Path, *words: str) -> bytes:
    """Run a command of ours in a stash to its end, and return the journal that it had on the way."""
    shim = root.with_name(f"{root.name}-shim")
    write(shim, {"sitecustomize.py": _KEEP})
    ran = estash(*words, cwd=root, env={"PYTHONPATH": str(shim), "FRESH_TOOLS": "1"})
    assert ran.code == 0, ran.err
    return (root / ".git/kept-journal").read_bytes()


def interrupt(root: Path, journal: bytes) -> None:
    """Leave a journal in a stash, as a killed command does."""
    (root / JOURNAL).write_bytes(journal)
