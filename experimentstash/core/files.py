"""Text files written whole or not at all, without a secret where others get them; no path followed out of the stash."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import MAKE_ROOM, StashError, command, lacks_room, printable

if TYPE_CHECKING:
    from collections.abc import Collection


def write_shared(path: Path, text: str, kept: Collection[str] = (), fix: str = "") -> None:
    """Write a text that others will get: what goes into a commit, an archive or a review.

    Args:
        path: the file; see `write_text`.
        text: its text.
        kept: texts that the user chose to publish, whatever they look like.
        fix: the command that takes a secret out of it.

    Raises:
        StashError: it holds a secret, or cannot be written; nothing is left behind.
    """
    check_shared(str(path), text, kept, fix)
    write_text(path, text)


def check_shared(where: str, text: str, kept: Collection[str] = (), fix: str = "") -> None:
    """Check that no secret stands in a text that others will get.

    Args:
        where: what messages call it.
        text: the text.
        kept: texts that the user chose to publish.
        fix: the command that mends it; by default, how to see what is meant.

    Raises:
        StashError: a secret of the environment stands in it, or what looks like one. It is not in the message.
    """
    # Imported here: it takes 10 ms, and a hook that writes nothing has no need of it.
    from experimentstash.core.secrets import first_secret

    if found := first_secret(text, kept):
        line, what = found
        raise StashError(f"{where}: line {line} holds {what}, and others would get it", fix or "take it out")


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write `text` as UTF-8 so that a reader sees the old file or the new one, never a part.

    Parent folders are made, and the mode of a file that was there is kept, unless `mode` says another. A link
    is replaced, not followed; a link among the folders is the caller's to refuse with `check_inside`.

    Raises:
        StashError: the folder or the disk does not take it; nothing is left behind.
    """
    # named before it is made, so that an interruption at any moment finds it
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = _mode(path) if mode is None else mode
        with temporary.open("xb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        fix = MAKE_ROOM if lacks_room(error) else ""
        raise StashError(f"{path}: cannot be written: {error.strerror or error}", fix) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()  # gone already where all went well


def temporary_beside(target: Path) -> Path:
    """Name a new file in the directory of `target`, and remove those that killed processes left there."""
    for path in target.parent.glob(".estash-*-*"):
        process = path.name.split("-")[1]
        if process.isdigit() and not _is_running(int(process)):
            with contextlib.suppress(OSError):
                path.unlink()
    return target.with_name(f".estash-{os.getpid()}-{os.urandom(4).hex()}")


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # of another user
        return True
    return True


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex.

    Raises:
        OSError: it cannot be read.
    """
    import hashlib  # which a hook that reads no file has no need of

    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def remove_empty(folder: Path, top: Path) -> None:
    """Remove a directory, and those above it up to `top`, as long as they are empty."""
    for place in (folder, *folder.parents):
        if place == top or not place.is_dir() or any(place.iterdir()):
            return
        place.rmdir()


def _mode(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat().st_mode
        if stat.S_ISREG(found):
            return stat.S_IMODE(found)
    mask = os.umask(0)  # the one way to ask for it
    os.umask(mask)
    return 0o666 & ~mask


def check_inside(root: Path, path: Path) -> None:
    """Check that `path` lies below `root` and that no link on the way leads out of it.

    Args:
        root: the stash or the tool; links above it are the user's own.
        path: absolute or relative to `root`; it, or its last parts, need not exist.

    Raises:
        StashError: it lies outside, a link leads outside or round in a circle, or a file stands where a
            folder must be.
    """
    top = root.resolve()
    try:
        parts = Path(os.path.normpath(root / path)).relative_to(root).parts
    except ValueError:
        raise StashError(f"{printable(str(path))}: lies outside of {root}") from None
    place = root
    for part in parts:
        place = place / part
        if place.is_symlink() and not _leads_inside(top, place):
            raise StashError(f"{printable(str(place))}: a link that leads out of {root}", command("rm", str(place)))
        if place != root.joinpath(*parts) and place.exists() and not place.is_dir():
            raise StashError(
                f"{printable(str(place))}: a file where a folder must be", command("mv", str(place), f"{place}.old")
            )


def check_no_link(root: Path, path: Path) -> None:
    """Check that neither `path` nor a directory between `root` and it is a link or a repository of its own.

    Args:
        root: the top of the working tree.
        path: a path below it.

    Raises:
        StashError: one is: what it leads to is not what the stash recorded.
    """
    for place in (path, *path.parents):
        if place == root:
            return
        if place.is_symlink() or (place / ".git").exists():
            kind = "a link" if place.is_symlink() else "a repository of its own"
            shown = place.relative_to(root)
            raise StashError(f"{printable(str(shown))}: {kind}, which no snapshot is read through", "git status")


def _leads_inside(top: Path, link: Path) -> bool:
    try:
        end = link.resolve()
    except (OSError, RuntimeError):  # a circle of links, before Python 3.13
        return False
    return not end.is_symlink() and end.is_relative_to(top)  # what is a link still, is a circle of them
