"""Parts of a file name that are specific to one run: times, random ids, names of machines and process ids."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain

_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
_YEAR = r"(?:19|20)\d\d"
_NAMED = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATE = rf"(?:{_YEAR}(?P<sep>[-_.]?){_MONTH}(?P=sep){_DAY}|{_DAY}[-_.]{_MONTH}[-_.]{_YEAR})"
# 02:04:10, 02-04-10, 020410, 02h04m10s, with a fraction and an offset
_TIME = rf"{_HOUR}[-_:.h]?{_SIXTY}(?:[-_:.m]?{_SIXTY}s?(?:[.,_-]?\d{{3,9}})?)?(?:Z|[+-]\d\d:?\d\d)?"

LOGGED = re.compile(rf"(?<![0-9A-Za-z]){_NAMED}{_DAY}_{_HOUR}-{_SIXTY}-{_SIXTY}(?![0-9])")
"""How tensorboard names a directory, before the name of the machine: `Nov23_02-04-10_ada-laptop`."""

CLOCKS = re.compile(
    rf"(?<![0-9])(?:{_DATE}(?:[-_ T.@]{{0,2}}{_TIME})?"
    rf"|\d\d{_MONTH}{_DAY}[-_]{_HOUR}{_SIXTY}{_SIXTY}"  # 231123_020410
    rf"|{_HOUR}(?P<by>[-:_.]){_SIXTY}(?P=by){_SIXTY}"  # 02-04-10, a directory of Hydra's
    rf"|(?:1[3-9]|2[0-3])\d{{8}}(?:\d{{3}}|\d{{6}}|\d{{9}}|[.]\d{{1,9}})?"  # seconds since 1970, or parts of them
    r")(?![0-9])"
)
"""Dates and times in file names."""

IDS = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # a UUID
    r"|(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{7,64}"  # a run id, a digest
    r"|(?=[0-9A-Za-z]*[0-9])(?=[0-9A-Za-z]*[a-z])(?=[0-9A-Za-z]*[A-Z])[0-9A-Za-z]{20,24}"  # shortuuid
    r"|tmp[a-z0-9_]{8}"  # tempfile
    r"|(?<=<clock>-)(?=[a-z]*[0-9])[a-z0-9]{8}"  # wandb: run-20261123_020410-3f9zk2qa
    r")(?![0-9A-Za-z])"
)
"""Random ids and digests; a word with a digit (`resnet50`) does not match."""

MACHINES = re.compile(
    r"(?<=<clock>[._-])[A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*)*[._-]\d+(?=[._-]|$)"  # tensorboard: clock, host, process
    r"|(?<![0-9])\d{5,8}(?![0-9])"  # a process, a job of a queue
    r"|(?<=pid)[-_=]?\d+"
    r"|(?<=<logged>_)[^/]+"
)
"""Host names and process ids: the least certain pattern, since five digits may also be a training step."""

_LEVELS = (((LOGGED, "<logged>"), (CLOCKS, "<clock>")), ((IDS, "<id>"),), ((MACHINES, "<machine>"),))
LEVELS = range(1, len(_LEVELS) + 1)


@lru_cache(maxsize=1 << 16)
def plain(path: str, level: int) -> str:
    """Return a path with placeholders for run-specific parts: times (level 1), also ids (2), also machines (3)."""
    for pattern, word in chain.from_iterable(_LEVELS[:level]):
        path = pattern.sub(word, path)
    return path
