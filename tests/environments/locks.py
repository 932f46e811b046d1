"""Locks of each format, made of a text."""

from __future__ import annotations

import hashlib
from pathlib import Path

from conftest import write

from experimentstash.environments.formats.base import Lock
from experimentstash.environments.lock_file import FORMATS


def lock(stash: Path, kind: str, name: str, text: str, **chosen: tuple[str, ...]) -> Lock:
    """Write a lock into a stash and return it, whatever its name."""
    write(stash, {name: text})
    (lock_format,) = (known for known in FORMATS if known.kind == kind)
    return lock_format(stash, name, hashlib.sha256(text.encode()).hexdigest(), **chosen)
