"""Finds packages that only ExperimentStash requires, if it is installed in a tool's environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from experimentstash.environments.header_lines import NAMED
from experimentstash.environments.packages import normal
from experimentstash.git.user_git import ask_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from experimentstash.environments.packages import Described, Package

_OWN = "experimentstash"
_DECLARING = ("pyproject.toml", "setup.cfg", "setup.py", "*requirements*.txt", "*requirements*.in", "environment*.y*ml")
_CODE = ("*.py", "*.ipynb", "*.yaml", "*.yml")


def only_ours(described: Described, folders: Sequence[Path]) -> frozenset[str]:
    """Return the packages that only ExperimentStash requires, no other package and no code of the tools.

    Args:
        described: the environment.
        folders: the checkouts of the tools; a package that one declares or imports belongs to the tool.

    Returns:
        Normal names, without ExperimentStash itself; none where it is not installed there.
    """
    packages = described.packages
    if _OWN not in packages:
        return frozenset()
    ours = _needed(packages, [(_OWN, frozenset())])
    used = {name for name in ours if name in NAMED or any(_uses(folder, packages[name]) for folder in folders)}
    roots = (packages.keys() - ours) | used
    return frozenset(ours - _needed(packages, ((name, frozenset()) for name in roots)) - {_OWN})


def _needed(packages: Mapping[str, Package], roots: Iterable[tuple[str, frozenset[str]]]) -> set[str]:
    """Return some installed packages and all their dependencies.

    Args:
        packages: the installed packages.
        roots: names, each with the requested extras.
    """
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(roots)
    while waiting:
        if (pair := waiting.pop()) not in seen and pair[0] in packages:
            seen.add(pair)
            waiting += _asked(packages[pair[0]], pair[1])
    return {name for name, _ in seen}


def _asked(package: Package, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for line in package.requires:
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue
        marker = wanted.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield normal(wanted.name), frozenset(wanted.extras)


def _uses(folder: Path, package: Package) -> bool:
    """Return whether a checkout declares a package, or its code or configs use a module of it."""
    name = re.sub(r"[-_.]+", "[-_.]", re.escape(package.key).replace("\\-", "-"))
    if _greps(folder, "-iwE", name, _DECLARING):
        return True
    modules = "|".join(map(re.escape, package.modules)) or name
    words = r"(^|[[:space:]\"';])(import|from)[[:space:]]+([[:alnum:]_., ]*,[[:space:]]*)?"
    return _greps(folder, "-E", rf"{words}({modules})([^[:alnum:]_]|$)|_target_:[[:space:]]*[\"']?({modules})\.", _CODE)


def _greps(folder: Path, how: str, pattern: str, files: Sequence[str]) -> bool:
    """Return whether the files of a checkout contain a pattern; true if git fails."""
    done = ask_git(
        "grep", "--quiet", "--untracked", "--no-exclude-standard", how, "-e", pattern, "--", *files, cwd=folder
    )
    return done.returncode != 1
