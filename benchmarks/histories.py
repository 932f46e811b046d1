"""Creates stashes with a history, by `git fast-import`: snapshots with tags and pins, and unrelated files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from places import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from places import Place

TOOL_COMMITS = 2100
_NOT_OURS = b"blob\nmark :1\ndata 12\nnot a config\n"


@dataclass(frozen=True)
class Past:
    """The history of a stash.

    Attributes:
        tags: the number of freeze commits, each with its own tag and its own commit of the tool.
        each: the number of snapshots of each.
        moves: whether a commit after each only moves the pin.
        others: the number of unrelated files.
    """

    tags: int
    each: int = 1
    moves: bool = False
    others: int = 0


def stash_with(place: Place, name: str, past: Past) -> Path:
    """Create the stash `name`, with its tool checked out, and return its root."""
    stash = place.root / name
    stash.mkdir()
    place.git("init", "-q", cwd=stash)
    place.git("fast-import", "--quiet", cwd=stash, stdin=b"".join(_commits(past, tool_commits(place))))
    place.git("reset", "-q", "--hard", cwd=stash)
    place.git("submodule", "--quiet", "update", "--init", cwd=stash)
    return stash


def tool_commits(place: Place) -> list[str]:
    """Return the commits of the tool of all these stashes, oldest first; creates the tool on first use."""
    tool = _tool(place)
    if not tool.exists():
        tool.mkdir()
        place.git("init", "-q", cwd=tool)
        work = (_commit("work", number, {"version": str(number)}) for number in range(TOOL_COMMITS))
        place.git("fast-import", "--quiet", cwd=tool, stdin=b"".join(work))
    return place.git("rev-list", "--reverse", "main", cwd=tool).split("\n")


def snapshot(tag: str, experiment: str, pin: str, number: int = 0) -> tuple[str, str]:
    """Return the path and the text of a snapshot of 45 keys."""
    header = {
        "SNAPSHOT": f"mytool/{experiment}",
        "TAG": tag,
        "TOOL_COMMIT": pin,
        "TIMESTAMP": "2026-01-12T09:30:00+00:00",
    }
    lines = [f"# {key}: {value}\n" for key, value in header.items()]
    for section in range(5):
        lines += [f"section_{section}:\n", *(f"  rate_{key}: {number + section + key / 8}\n" for key in range(9))]
    return f"configs/mytool/snapshots/{tag}/{experiment}.yaml", "".join([*lines[:4], "\n", *lines[4:]])


def staged(place: Place, stash: Path, name: str, files: dict[str, str], pin: str | None = None) -> dict[str, str]:
    """Stage files, and perhaps a pin, in a separate index of the stash, and return the variables that name it.

    Git passes an index to a hook in the same way.
    """
    index = stash / ".git" / f"index-{name}"
    shutil.copy(stash / ".git" / "index", index)
    told = {"GIT_INDEX_FILE": str(index)}
    for path, text in files.items():
        (stash / path).parent.mkdir(parents=True, exist_ok=True)
        (stash / path).write_text(text, encoding="utf-8")
    if files:
        place.git("add", "--", *files, cwd=stash, extra=told)
    if pin:
        place.git("update-index", "--cacheinfo", f"160000,{pin},tools/mytool", cwd=stash, extra=told)
    return told


def _tool(place: Place) -> Path:
    return place.root / "tool"


def _commits(past: Past, pins: Sequence[str]) -> Iterator[bytes]:
    """Return the input of `git fast-import`: a stash, then for each tag a freeze commit, and perhaps a move."""
    left = iter(pins)
    yield _NOT_OURS
    modules = '[submodule "tools/mytool"]\n\tpath = tools/mytool\n\turl = ../tool\n'
    first = {"configs/meta.yaml": REGISTRY, ".gitmodules": modules}
    yield _commit("a stash", 0, first, next(left))
    yield b"".join(b"M 100644 :1 data/%d/%d.txt\n" % (n // 1000, n) for n in range(past.others))
    for number in range(1, past.tags + 1):
        tag, pin = f"figure-{number}", next(left)
        frozen = dict(snapshot(tag, f"experiment-{one}", pin, number) for one in range(past.each))
        yield _commit(f"freeze {tag}", 2 * number, frozen, pin)
        yield f"tag snapshot/{tag}\nfrom refs/heads/main\n{_by('tagger', 2 * number)}data 0\n\n".encode()
        if past.moves:
            yield _commit("the tool moves on", 2 * number + 1, {}, next(left))


def _commit(message: str, number: int, files: dict[str, str], pin: str | None = None) -> bytes:
    told = f"commit refs/heads/main\n{_by('committer', number)}data {len(message)}\n{message}\n"
    for path, text in files.items():
        told += f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n"
    return f"{told}M 160000 {pin} tools/mytool\n".encode() if pin else told.encode()


def _by(role: str, number: int) -> str:
    return f"{role} A Newcomer <newcomer@example.org> {1768210200 + 60 * number} +0000\n"
