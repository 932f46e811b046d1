"""How far a reproduction has come, kept in its own folder: one that was interrupted is said again, and goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from experimentstash.files import check_inside, write_text
from experimentstash.problems import StashError, printable, quote

if TYPE_CHECKING:
    from pathlib import Path

_MARKER = ".git/experimentstash/reproduction.json"
_LARGEST = 1_000_000  # bytes


@dataclass
class Progress:
    """The state of a reproduction.

    Attributes:
        folder: where it is.
        tag: the tag.
        commit: the commit that the tag named when it began; empty until that is known.
        done: what there is to tell of each run that came to its end, by experiment.
    """

    folder: Path
    tag: str
    commit: str = ""
    done: dict[str, dict[str, Any]] = field(default_factory=dict)

    def keep(self) -> None:
        """Write it down."""
        said = {"tag": self.tag, "commit": self.commit, "done": self.done}
        write_text(self.folder / _MARKER, json.dumps(said, indent=1) + "\n")

    def begin_at(self, commit: str) -> None:
        """Take the commit that the tag names now.

        Raises:
            StashError: it was another when the reproduction began.
        """
        if self.commit not in ("", commit):
            raise StashError(
                f"{self.folder}: snapshot/{self.tag} was {self.commit[:12]} when this reproduction began, and is "
                f"{commit[:12]} now: somebody moved it",
                "choose another --into, and ask who moved the tag",
            )
        self.commit = commit
        self.keep()


def claim(folder: Path, tag: str) -> Progress:
    """Take a folder for the reproduction of a tag, or take it up again.

    Args:
        folder: new, empty, or one that an earlier reproduction of the same tag left.
        tag: the tag.

    Raises:
        StashError: something else is in it, or it cannot be written.
    """
    marker = folder / _MARKER
    if marker.is_file():
        check_inside(folder, marker)
        found = _read(folder, marker)
        if found is None or found.tag != tag:
            what = "no state of a reproduction" if found is None else f"the reproduction of {printable(found.tag)}"
            raise StashError(f"{folder}: it holds {what}", "choose another --into")
        return found
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StashError(f"{folder}: not empty", f"choose another --into, or: rm -r {quote(str(folder))}")
    made = Progress(folder, tag)
    try:
        made.keep()
    except BaseException:
        shutil.rmtree(folder / ".git", ignore_errors=True)
        raise
    return made


def _read(folder: Path, marker: Path) -> Progress | None:
    try:
        with marker.open("rb") as file:
            said = json.loads(file.read(_LARGEST))
        return Progress(folder, str(said["tag"]), str(said["commit"]), dict(said["done"]))
    except (ValueError, KeyError, TypeError):
        return None
