"""Atomic writes of text files, checks for secrets in shared files, and checks for paths that leave the stash."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import FREE_SPACE, StashError, command, is_disk_full, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def write_shared(path: Path, text: str, kept: Collection[str] = (), fix: str = "") -> None:
    """Write a file that is shared with others: in a commit, an archive or a review.

    Args:
        path: the file; see `write_text`.
        text: its text.
        kept: texts that the user chose to publish, even if they look like secrets.
        fix: the command that removes the secret.

    Raises:
        StashError: the text contains a secret, or the file cannot be written. Nothing is left behind.
    """
    check_shared(str(path), text, kept, fix)
    write_text(path, text)


def check_shared(where: str, text: str, kept: Collection[str] = (), fix: str = "") -> None:
    """Check that a text for others contains no secret.

    Args:
        where: the name of the text in messages.
        text: the text.
        kept: texts that the user chose to publish.
        fix: the command that removes the secret.

    Raises:
        StashError: the text contains a secret of the environment, or something that looks like a secret. The message
            does not contain it.
    """
    # 10 ms, and a hook that writes nothing does not need it
    from experimentstash.core.secrets import first_secret

    if secret := first_secret(text, kept):
        line, kind = secret
        raise StashError(
            f"{where}: line {line} contains {kind}, which must not be shared", fix or f"remove it from {where}"
        )


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write `text` as UTF-8, atomically: readers see the old file or the new one, never a part.

    Creates missing parent directories. Keeps the mode of an existing file. Replaces a symlink instead of following it;
    the caller refuses symlinks among the parent directories with `check_inside`.

    Args:
        path: the file.
        text: its text.
        mode: the permission bits; by default those of the existing file, or those that the umask allows.

    Raises:
        StashError: the file cannot be written. Nothing is left behind.
    """
    with replacement(path) as temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = _mode(path) if mode is None else mode
        with temporary.open("xb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)


@contextlib.contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """Yield the path of a new file beside `path`, which replaces it at the end, or is removed if anything fails.

    Raises:
        StashError: the new file cannot be written.
    """
    # The name is known before the file exists, so that the cleanup finds the file after an interruption at any time.
    temporary = temporary_beside(path)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        fix = FREE_SPACE if is_disk_full(error) else ""
        raise StashError(f"{path}: cannot be written: {error.strerror or error}", fix) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()  # after a success the file has its final name


def temporary_beside(target: Path) -> Path:
    """Return a new file name in the directory of `target`; remove temporary files of killed processes there."""
    for path in target.parent.glob(".estash-*-*"):
        process = path.name.split("-")[1]
        if process.isdigit() and not _is_running(int(process)):
            with contextlib.suppress(OSError):
                path.unlink()
    return target.with_name(f".estash-{os.getpid()}-{os.urandom(4).hex()}")


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 only checks that the process exists
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # a process of another user
        return True
    return True


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex.

    Raises:
        OSError: the file cannot be read.
    """
    import hashlib  # hooks that read no file do not need it

    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def remove_empty(directory: Path, top: Path) -> None:
    """Remove a directory and its parents below `top`, as long as they are empty."""
    for path in (directory, *directory.parents):
        if path == top or not path.is_dir() or any(path.iterdir()):
            return
        path.rmdir()


def _mode(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            return stat.S_IMODE(mode)
    mask = os.umask(0)  # Python can read the umask only by setting it
    os.umask(mask)
    return 0o666 & ~mask


def check_inside(root: Path, path: Path) -> None:
    """Check that `path` is below `root`, and that no symlink on the path leads out of `root`.

    Args:
        root: the root of the stash or of the tool. Symlinks above it are allowed.
        path: absolute, or relative to `root`. The path, or its last parts, need not exist.

    Raises:
        StashError: the path is outside, a symlink leads outside or is part of a cycle, or a parent is a file.
    """
    top = root.resolve()
    try:
        parts = Path(os.path.normpath(root / path)).relative_to(root).parts
    except ValueError:
        raise StashError(f"{printable(str(path))}: lies outside of {root}") from None
    parent = root
    for part in parts:
        parent = parent / part
        if parent.is_symlink() and not _leads_inside(top, parent):
            raise StashError(
                f"{printable(str(parent))}: a symlink that leads out of {root}", command("rm", str(parent))
            )
        if parent != root.joinpath(*parts) and parent.exists() and not parent.is_dir():
            raise StashError(
                f"{printable(str(parent))}: a file, but a directory is needed",
                command("mv", str(parent), f"{parent}.old"),
            )


def check_no_link(root: Path, path: Path) -> None:
    """Check that neither `path` nor a directory between `root` and `path` is a symlink or a nested repository.

    Args:
        root: the top of the working tree.
        path: a path below it.

    Raises:
        StashError: one of them is: the files behind it are not those that the stash recorded.
    """
    for part in (path, *path.parents):
        if part == root:
            return
        if part.is_symlink() or (part / ".git").exists():
            kind = "a symlink" if part.is_symlink() else "a nested repository"
            shown = part.relative_to(root)
            aside = command("mv", str(part), f"{part}.old")
            fix = f"{aside} && {command('git', '-C', str(root), 'checkout', 'HEAD', '--', str(shown))}"
            raise StashError(f"{printable(str(shown))}: {kind}; snapshots are not read through it", fix)


def _leads_inside(top: Path, link: Path) -> bool:
    try:
        end = link.resolve()
    except (OSError, RuntimeError):  # a cycle of symlinks, before Python 3.13
        return False
    return not end.is_symlink() and end.is_relative_to(top)  # a symlink left after resolving is part of a cycle
