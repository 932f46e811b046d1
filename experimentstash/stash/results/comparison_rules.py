"""The rules for comparing results: ignored files and tolerances."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase, translate
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

RUN_RECORD = "experimentstash.json"
"""The file in a run directory that records the origin of the run."""
DEFAULT_IGNORE = (
    ".hydra",  # Hydra's copy of the config: the snapshot has it, and it contains paths and versions
    "multirun.yaml",
    ".submitit",
    RUN_RECORD,  # contains start and end times
    f"{RUN_RECORD}.part",
    "*.log",  # Hydra's own, of the job; each line begins with a clock
    "events.out.tfevents.*",  # a time with each value
    "__pycache__",
    ".DS_Store",
)
"""Files and directories that are no results, whatever the tool. `!PATTERN` takes one back in."""


class Tolerance(NamedTuple):
    """How far a number may lie from the recorded one: `atol + rtol * |recorded|`, as numpy has it."""

    rtol: float = 0.0
    atol: float = 0.0


EXACT = Tolerance()


class Setting(NamedTuple):
    """A tolerance for some files and some of their keys; None leaves an earlier one in place.

    Attributes:
        file, key: patterns; `*` is all.
        rtol, atol: the new ones.
    """

    file: str = "*"
    key: str = "*"
    rtol: float | None = None
    atol: float | None = None


class Rules(NamedTuple):
    """The rules from the registry and the command line.

    Patterns are those of `fnmatch`. That of a file meets its path, its name, and each directory on the way; that of a
    key its dotted path, each part and each beginning of it, in small letters or large.

    Attributes:
        ignore: patterns of files, after `DEFAULT_IGNORE`; the last that meets a file decides, and `!` takes it in.
        ignore_keys: a pattern of files and one of keys, columns or arrays in them, that are not compared.
        settings: the tolerances; if several match a key, the last one wins.
        paths: patterns of result files outside of the run directory: paths from the root of the tool's checkout;
            one that begins with `../../` is in the stash.
    """

    ignore: tuple[str, ...] = ()
    ignore_keys: tuple[tuple[str, str], ...] = ()
    settings: tuple[Setting, ...] = ()
    paths: tuple[str, ...] = ()

    def names(self, path: str) -> bool:
        """Return whether a file outside of the run directory is a result, by its path from the root of the tool."""
        parts = path.split("/")
        beginnings = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        return any(fnmatchcase(place, pattern.rstrip("/")) for pattern in self.paths for place in beginnings)

    def leaves_out(self, path: str) -> str:
        """Return the pattern by which a file is no part of the results, or an empty text."""
        patterns = (*DEFAULT_IGNORE, *self.ignore)
        by = ""
        if not any(map(_any_of(patterns).match, _places(path))):
            return by  # most files meet none, and there may be many
        for pattern in patterns:
            if _meets_file(path, pattern.removeprefix("!").rstrip("/")):
                by = "" if pattern.startswith("!") else pattern
        return by

    def leaves_out_key(self, path: str, key: str) -> bool:
        """Return whether a key, column or array of a file is not compared."""
        return any(_meets_file(path, file) and _meets_key(key, pattern) for file, pattern in self.ignore_keys)

    def tolerance(self, path: str, key: str) -> Tolerance:
        """Return how far the numbers of a key, column or array may lie from the recorded ones."""
        rtol, atol = 0.0, 0.0
        for setting in self.settings:
            if _meets_file(path, setting.file) and _meets_key(key, setting.key):
                rtol = rtol if setting.rtol is None else setting.rtol
                atol = atol if setting.atol is None else setting.atol
        return Tolerance(rtol, atol)

    def unmet(self, figures: Collection[tuple[str, str]]) -> list[str]:
        """Return the rules that match no figure: a mistyped name would silently change nothing.

        Args:
            figures: the file and the key, column or array of each.
        """
        places = [("not compared", place) for place in self.ignore_keys]
        places += [("a tolerance", (one.file, one.key)) for one in self.settings]
        return [
            f"{what}: {_named(file, key)}: no recorded figure is called so"
            for what, (file, key) in dict.fromkeys(places)
            if not any(_meets_file(path, file) and _meets_key(name, key) for path, name in figures)
        ]

    def then(self, more: Rules) -> Rules:
        """Return these rules extended by more of them; in a conflict, `more` wins."""
        return Rules(
            self.ignore + more.ignore,
            self.ignore_keys + more.ignore_keys,
            self.settings + more.settings,
            self.paths + more.paths,
        )


def _named(file: str, key: str) -> str:
    return f"{'' if file == '*' else f'{file}::'}{key}"


@lru_cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{translate(pattern.removeprefix('!').rstrip('/'))})" for pattern in patterns))


@lru_cache(maxsize=4096)
def _places(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return (path, *parts, *("/".join(parts[:end]) for end in range(2, len(parts))))


def _meets_file(path: str, pattern: str) -> bool:
    return pattern == "*" or any(fnmatchcase(place, pattern) for place in _places(path))


@lru_cache(maxsize=4096)
def _meets_key(key: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    parts = key.lower().split(".")
    places = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}.union(parts)
    return any(fnmatchcase(place, pattern.lower()) for place in places)
