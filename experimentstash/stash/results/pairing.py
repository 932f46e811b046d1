"""Pairs recorded and new files whose names differ in times, ids or late values."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.stash.results.run_ids import LEVELS, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

BY_NAME, BY_LATE = "", "a late value in its name"
_BY_LEVEL = ("a clock in its name", "an id in its name", "a machine or a process in its name")


@dataclass(frozen=True, order=True)
class Pair:
    """A recorded file and its partner.

    Attributes:
        old, new: their paths.
        how: the difference of their names; empty if they are equal.
        guessed: how it was chosen among several equal candidates: `by content` or `by order`; else empty.
    """

    old: str
    new: str
    how: str = BY_NAME
    guessed: str = ""


@dataclass(frozen=True)
class Pairing:
    """Every file once: in a pair, or alone.

    Attributes:
        pairs: by the recorded path.
        missing: recorded files without a partner.
        new: new files without one.
    """

    pairs: tuple[Pair, ...]
    missing: tuple[str, ...]
    new: tuple[str, ...]


def pair(
    old: Mapping[str, str],
    new: Mapping[str, str],
    late: Sequence[tuple[str, str]] = (),
    recorded_as: Callable[[str], str] = str,
) -> Pairing:
    """Pair the files of two runs: by name, then by name with late values replaced, then without clocks and ids.

    Where several files share a name but for its clock, those of the same bytes go together first, and the others in
    the order of their names, numbers in them counting as numbers.

    Args:
        old: the digest of each recorded file by its path.
        new: the same of the new run.
        late: the text of a late value in the recorded run, and in the new one.
        recorded_as: how a path of the new run would be recorded: without the name of the machine.
    """
    pairs = [Pair(path, path) for path in old if path in new]
    left_old, left_new = set(old) - set(new), set(new) - set(old)
    for how, old_key, new_key in _steps(late, recorded_as):
        found = list(_matched(_grouped(left_old, old_key), _grouped(left_new, new_key), old, new, how))
        pairs += found
        left_old -= {pair.old for pair in found}
        left_new -= {pair.new for pair in found}
    return Pairing(tuple(sorted(pairs)), tuple(sorted(left_old)), tuple(sorted(left_new)))


def _steps(
    late: Sequence[tuple[str, str]],
    recorded_as: Callable[[str], str],
) -> list[tuple[str, Callable[[str], Hashable], Callable[[str], Hashable]]]:
    old_late = _replacing([old for old, _ in late])
    new_texts = _replacing([new for _, new in late])

    def new_late(path: str) -> str:
        return new_texts(recorded_as(path))

    steps: list[tuple[str, Callable[[str], Hashable], Callable[[str], Hashable]]] = []
    if late or recorded_as is not str:
        steps.append((BY_LATE, old_late, new_late))
    for level, how in zip(LEVELS, _BY_LEVEL, strict=True):
        steps.append((how, _plain(level), _plain(level)))
        if late or recorded_as is not str:
            steps.append((f"{BY_LATE}, and {how}", _after(old_late, level), _after(new_late, level)))
    return steps


def _replacing(texts: Sequence[str]) -> Callable[[str], str]:
    """Return a function that replaces the n-th text with `<late n>`: the longest first, whole words only."""
    numbers = {text: f"<late {number}>" for number, text in reversed(list(enumerate(texts))) if text}
    if not numbers:
        return lambda path: path
    longest = sorted(numbers, key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<![0-9A-Za-z]){re.escape(text)}(?![0-9A-Za-z])" for text in longest))
    return lambda path: pattern.sub(lambda match: numbers[match[0]], path)


def _plain(level: int) -> Callable[[str], str]:
    return lambda path: plain(path, level)


def _after(replace: Callable[[str], str], level: int) -> Callable[[str], str]:
    return lambda path: plain(replace(path), level)


def _grouped(paths: Iterable[str], key: Callable[[str], Hashable]) -> dict[Hashable, list[str]]:
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for path in sorted(paths, key=_natural):
        groups[key(path)].append(path)
    return groups


def _natural(path: str) -> list[tuple[bool, int, str]]:
    parts = re.split(r"([0-9]+)", path)  # every second one is a number
    return [(n % 2 == 1, int(part) if n % 2 else 0, part) for n, part in enumerate(parts)]


def _by_digest(paths: list[str], digests: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in reversed(paths):  # they are taken from the end
        found[digests[path]].append(path)
    return found


def _matched(
    olds: Mapping[Hashable, list[str]],
    news: Mapping[Hashable, list[str]],
    old: Mapping[str, str],
    new: Mapping[str, str],
    how: str,
) -> Iterable[Pair]:
    for key in olds.keys() & news.keys():
        mine, theirs = olds[key], news[key]
        alone = len(mine) == len(theirs) == 1
        by_digest = _by_digest(theirs, new)
        same = {path: partners.pop() for path in mine if (partners := by_digest.get(old[path]))}
        yield from (Pair(path, partner, how, "" if alone else "by content") for path, partner in same.items())
        taken = set(same.values())
        rest = zip(
            (path for path in mine if path not in same), (path for path in theirs if path not in taken), strict=False
        )
        yield from (Pair(path, partner, how, "" if alone else "by order") for path, partner in rest)
