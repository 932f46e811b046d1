"""Objects read by the user's own git: one `git cat-file --batch` answers thousands of questions.

Git is right about everything that git can do: `git replace`, partial clones, a push's quarantine, extensions
that are not invented yet. It costs a process, and 15 µs an object.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, BinaryIO

from experimentstash.core.errors import StashError
from experimentstash.git.object_reader import Object, fetched_again

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.git.location import GitLocation

_AT_ONCE = 256  # ids; they fit into the pipe, so that neither side waits for the other


class GitObjects:
    """The objects of a repository, as git tells of them. A `Reader`."""

    def __init__(self, place: GitLocation) -> None:
        self._place = place
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: BinaryIO | None = None

    def find(self, ids: Sequence[str], limit: int) -> list[Object | None]:
        """Return the objects of these ids; see `Reader.find`."""
        found: list[Object | None] = []
        while len(found) < len(ids):
            chunk = ids[len(found) : len(found) + _AT_ONCE]
            self._send(chunk)
            for _ in chunk:
                found.append(self._receive(limit))
                if (last := found[-1]) is not None and last.data is None:
                    self.close()  # its bytes are on the way; a new process answers the rest
                    break
        return found

    def _send(self, ids: Sequence[str]) -> None:
        if self._process is None:
            self._errors = _scratch_file()
            self._process = subprocess.Popen(
                ["git", "cat-file", "--batch"],
                cwd=self._place.root,
                env=self._place.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101  (it is a pipe)
        try:
            stdin.write("".join(f"{one}\n" for one in ids).encode())
            stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None

    def _receive(self, limit: int) -> Object | None:
        assert self._process is not None  # noqa: S101  (something was sent)
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101  (it is a pipe)
        words = stdout.readline().decode().split()
        if not words:
            raise self._failure()
        if words[-1] in ("missing", "ambiguous"):
            return None
        size = int(words[2])
        if size > limit:
            return Object(words[0], words[1], size, None)
        data = stdout.read(size + 1)
        if len(data) != size + 1:
            raise self._failure()
        return Object(words[0], words[1], size, data[:-1])

    def _failure(self) -> StashError:
        said = ""
        if self._errors is not None:
            self._errors.seek(0)
            said = self._errors.read().decode("utf-8", "surrogateescape").strip()
        self.close()
        fix = "git fetch" if "promisor" in said else "git fetch --refetch"
        if named := re.search(r"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b", said):
            file = self._place.common_dir / "objects" / named[0][:2] / named[0][2:]
            fix = fetched_again(str(file)) if file.exists() else fix
        return StashError(f"{self._place.root}: git cannot read an object: {said or 'git cat-file ended'}", fix)

    def close(self) -> None:
        """End the process; the next question starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()
        if self._errors is not None:
            self._errors.close()
            self._errors = None


def _scratch_file() -> BinaryIO:
    """Open a file without a name. Unlike a pipe, it needs no reader while the process runs."""
    if hasattr(os, "memfd_create"):  # Linux; it spares the 3 ms that `tempfile` takes to load
        return os.fdopen(os.memfd_create("git-errors"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()
