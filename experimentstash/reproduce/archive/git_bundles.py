"""Repositories as members of an archive: git bundles, made so that the same commits give the same bytes.

What git packs depends on how a clone was packed before, on its refs and on the user's settings. So all of it is packed
anew, in an order of our own, from an empty repository that only borrows the objects. (The bytes follow from the
objects, git's version and that of its zlib; what the archive holds follows from the ids alone.)
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from typing import TYPE_CHECKING, BinaryIO

from experimentstash.core.errors import FREE_SPACE, StashError, is_disk_full
from experimentstash.core.process import run_whole, unnamed_file
from experimentstash.git.user_git import clean_environment
from experimentstash.reproduce.archive.packfiles import PackError, look_through
from experimentstash.reproduce.archive.tar import chunks

if TYPE_CHECKING:
    from pathlib import Path

ID_BYTES = {"sha1": 20, "sha256": 32}
_VERBS = frozenset("init rev-list pack-objects index-pack update-ref".split())
_SETTINGS = (
    "pack.compression=6",
    "core.bigFileThreshold=512k",  # what is larger is data: deltas of it cost much and save little
    "pack.packSizeLimit=0",
    "pack.windowMemory=0",
    "pack.deltaCacheSize=256m",
    "pack.usePathWalk=false",
    "pack.useSparse=false",
)
_PACKING = tuple(word for setting in _SETTINGS for word in ("-c", setting))
_PACKED = (
    "--stdout -q --threads=1 --no-reuse-delta --no-reuse-object --window=10 --depth=50 --delta-base-offset".split()
)
# A repository of age may hold what git would not write today, and every git reads; what could deceive a checkout
# (`.git` in a tree, a `.gitmodules` that is none) is not among it.
_STRICTLY = "--strict=" + ",".join(
    f"{rule}=ignore"
    for rule in (
        "badDate badDateOverflow badEmail badName badTimezone missingEmail missingNameBeforeEmail "
        "missingSpaceBeforeDate missingSpaceBeforeEmail multipleAuthors zeroPaddedDate zeroPaddedFilemode "
        "badTagName missingTaggerEntry"
    ).split()
)
TOOL_REF = "refs/heads/pin"
"""The branch of a tool in an archive: its pin."""


def head(object_format: str, ref: str, named: str) -> bytes:
    """Return what a git bundle begins with, before its pack (git's documentation, *gitformat-bundle*).

    Args:
        object_format: `sha1` or `sha256`.
        ref: its ref.
        named: the full id of what that names.
    """
    # a clone checks out what HEAD names
    names = [ref, "HEAD"] if ref == TOOL_REF else [ref]
    first = "# v2 git bundle\n" if object_format == "sha1" else f"# v3 git bundle\n@object-format={object_format}\n"
    return "".join([first, *(f"{named} {name}\n" for name in names), "\n"]).encode("ascii")


def sealed_environment() -> dict[str, str]:
    """Return an environment in which git knows no settings but its own."""
    kept = {key: value for key, value in clean_environment().items() if not key.startswith("GIT_CONFIG")}
    own = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "HOME": os.devnull,
        "XDG_CONFIG_HOME": os.devnull,
    }
    return {**kept, **own, "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}


def pack(git_dir: Path, tip: str, object_format: str, target: Path, title: str) -> int:
    """Write all that a tip leads to, history and files, into a packfile, and return how large it is unpacked.

    Args:
        git_dir: the repository that has it.
        tip: the full id of a commit or a tag.
        object_format: `sha1` or `sha256`.
        target: the file to write; its directory takes what is written on the way.
        title: what messages call the repository.

    Raises:
        StashError: something of it is not there, or it is too large.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        place = target.parent / folder
        empty, listed, ordered = place / "empty.git", place / "listed", place / "ordered"
        _git("init", "-q", "--bare", "--template=", f"--object-format={object_format}", str(empty), cwd=place)
        (empty / "objects/info").mkdir(exist_ok=True)
        (empty / "objects/info/alternates").write_bytes(os.fsencode(git_dir / "objects") + b"\n")
        with listed.open("wb") as out:
            _git("rev-list", "--objects", tip, cwd=empty, title=title, stdout=out)
        ordered.write_bytes(b"".join(sorted(listed.read_bytes().splitlines(keepends=True))))
        with ordered.open("rb") as names, target.open("wb") as out:
            _git(*_PACKING, "pack-objects", *_PACKED, cwd=empty, title=title, stdin=names, stdout=out)
    return unpacked_size(target, object_format, title)


def unpacked_size(target: Path, object_format: str, title: str) -> int:
    """Return how many bytes the objects of a packfile have.

    Raises:
        StashError: more than git should be asked to unpack.
    """
    with target.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        try:
            return look_through(file.fileno(), 0, size, ID_BYTES[object_format]).total
        except PackError as error:
            raise StashError(f"{title}: it cannot be archived: {error}") from None


def unpack(file: BinaryIO, size: int, git_dir: Path, named: str, ref: str, title: str) -> None:
    """Put what a pack holds into a repository, each object checked.

    Args:
        file: the file, at the position of its first byte.
        size: bytes of the pack.
        git_dir: the directory of the repository.
        named: the full id of what the pack is there for.
        ref: the ref that shall name it; empty for none.
        title: what messages call the pack.

    Raises:
        StashError: it is damaged, does not hold all that the id leads to, or holds what no repository should.
    """
    place = git_dir / "objects/pack" / f"pack-{hashlib.sha256(named.encode('ascii')).hexdigest()[:40]}.pack"
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as out:  # git heeds it when its index is there, which is written last
        for part in chunks(file, size):
            out.write(part)
    here = f"--git-dir={git_dir}"
    _git(here, "index-pack", _STRICTLY, "--threads=1", str(place), cwd=git_dir, title=title)
    _git(here, "rev-list", "--quiet", "--objects", named, cwd=git_dir, title=title)
    if ref:
        _git(here, "update-ref", "--", ref, named, cwd=git_dir, title=title)


def _git(*args: str, cwd: Path, title: str = "", stdin: BinaryIO | None = None, stdout: BinaryIO | None = None) -> None:
    """Run git to its end, interrupted when we are.

    Raises:
        StashError: it failed; the message is its own.
    """
    with unnamed_file() as said:
        code = run_whole(
            ["git", *args],
            cwd=cwd,
            env=sealed_environment(),
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout or subprocess.DEVNULL,
            stderr=said,
        )
        if code != 0:
            said.seek(0)
            text = said.read(10_000).decode("utf-8", "replace").strip()
            what = f"{title}: git {next(filter(_VERBS.__contains__, args))} failed: {text or f'exit code {code}'}"
            raise StashError(what, FREE_SPACE if is_disk_full(text) else "")
