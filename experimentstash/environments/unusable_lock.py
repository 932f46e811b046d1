"""Why a tool's lock cannot be used to run the tool, reported before a freeze."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

if TYPE_CHECKING:
    from experimentstash.environments.formats.base import Lock
    from experimentstash.environments.packages import Described, Python

_HYDRA = "hydra-core"
_CARET = re.compile(r"\^\s*(\d+)(\.\d+)*")
_TILDE = re.compile(r"~\s*(?!=)(\d+\.\d+)(\.\d+)*")


def unusable(lock: Lock, described: Described) -> str:
    """Return why a lock cannot be used to run its tool, in a sentence; empty if no reason is known.

    Args:
        lock: the lock.
        described: the environment that the tool runs in.
    """
    python = described.python
    reason = _without_hydra(lock, described) or _for_another_python(lock, python)
    return reason or ("it does not fit the pyproject.toml beside it" if lock.is_stale(python) else "")


def made_for(lock: Lock, python: Python) -> tuple[str, ...]:
    """Return a warning if requirements were resolved for another Python than the one that runs."""
    version = lock.made_for_python()
    if version in ("", python.minor):
        return ()
    return (f"{lock.name} was made for Python {version}, and {python.version} runs here: packages may not fit",)


def _without_hydra(lock: Lock, described: Described) -> str:
    """Return a warning for a lock without Hydra, unless Hydra is in the stash, or the lock lists no dependencies."""
    hydra = described.packages.get(_HYDRA)
    known = lock.versions() if lock.lists_dependencies else {}
    if not known or hydra is None or hydra.folder is not None:
        return ""
    if _HYDRA not in known:
        return f"{_HYDRA} is not in it"
    if not lock.installs(_HYDRA):
        return f"{_HYDRA} is in it only for an extra or a group that is not chosen (`extras:` and `groups:`)"
    return ""


def _for_another_python(lock: Lock, python: Python) -> str:
    pinned = lock.pinned_python()
    if pinned and ".".join(pinned.split(".")[:2]) != python.minor:
        return f"it has Python {pinned}, and the tool runs with {python.version} here"
    allowed = lock.allowed_pythons()
    if not allowed or _allows(allowed, python.version):
        return ""
    return f"it is for Python {allowed}, and the tool runs with {python.version} here"


def _allows(wanted: str, version: str) -> bool:
    """Return whether a constraint allows a version of Python; true if it cannot be parsed.

    Besides PEP 440, poetry writes `^3.9` (the next major version is not allowed), `~3.9` (the next minor one is not)
    and `||`.
    """
    for part in re.split(r"\s*\|\|?\s*", wanted):
        text = _CARET.sub(lambda match: f">={match[0].lstrip('^ ')},<{int(match[1]) + 1}", part)
        text = _TILDE.sub(lambda match: f">={match[0].lstrip('~ ')},=={match[1]}.*", text)
        try:
            if text.strip() in ("", "*") or SpecifierSet(text).contains(version, prereleases=True):
                return True
        except InvalidSpecifier:
            return True
    return False
