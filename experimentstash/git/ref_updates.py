"""The ref updates that git passes to a hook on standard input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, short
from experimentstash.core.names import TAG_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+")  # names that git allows (`git check-ref-format`)
_LONGEST_LINE = 65_536  # bytes of git's line about one ref


@dataclass(frozen=True)
class RefUpdate:
    """A ref of the receiving repository, before and after.

    Attributes:
        ref: its full name there.
        old: the full id of the object that it names, or None if it is new.
        new: the full id of the object that it is to name, or None if it is deleted.
    """

    ref: str
    old: str | None
    new: str | None

    @property
    def tag(self) -> str | None:
        """The snapshot tag that it is, or None."""
        return self.ref.removeprefix(TAG_PREFIX) if self.ref.startswith(TAG_PREFIX) else None


def told_lines(stdin: BinaryIO) -> Iterator[str]:
    """Yield the lines of a hook's standard input; without a push, reads no more than the first.

    Raises:
        StashError: a line is longer than any of git's.
    """
    while line := stdin.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise StashError(f"invalid input on stdin: a line of {_LONGEST_LINE} bytes or more", "git push")
        yield line.removesuffix(b"\n").decode("utf-8", "surrogateescape")


def ref_update(ref: str, old: str, new: str) -> RefUpdate:
    """Parse a ref update from git's text: an id of zeros means no object.

    Raises:
        StashError: it is nothing that git would tell.
    """
    ids = [name if name.strip("0") else None for name in (old, new)]
    if not (_ID.fullmatch(old) and _ID.fullmatch(new) and _REF.fullmatch(ref)):
        what = f"{short(ref)} from {short(old)} to {short(new)}"
        raise StashError(f"invalid input on stdin: not an update of a ref: {what}", "git push")
    return RefUpdate(ref, *ids)
