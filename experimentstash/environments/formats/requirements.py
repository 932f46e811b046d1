"""A requirements file as a lock: every line has a hash."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from experimentstash.core.errors import quote
from experimentstash.environments.formats import requirements_file
from experimentstash.environments.formats.base import BuildContext, Lock, Plan, joined_hashes, joined_versions
from experimentstash.environments.installers import Step, filler

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_FOR_RUNNING = frozenset(
    {"dev", "develop", "development", "test", "tests", "testing", "doc", "docs", "lint", "build", "ci"}
)
"""Words in the names of requirements files that are not needed to run the tool."""
_MADE_WITH = re.compile(rb"(?m)^#.*(?:pip-compile with Python |--python-version[ =]|--python[ =])(\d+\.\d+)")


class RequirementsLock(Lock):
    """A requirements file that a tool ships.

    Attributes:
        install_flags: flags for pip and uv when it is installed.
    """

    kind = "requirements"
    install_flags: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def is_named(cls, file: str) -> bool:
        """Return whether a file of this name is of the format."""
        return file.startswith("requirements") and file.endswith(".txt")

    @property
    def rank(self) -> tuple[bool, bool, str]:
        """The key that sorts the files of one directory: the plain name, then one called a lock."""
        return self.path.name != "requirements.txt", "lock" not in self._words(), self.name

    def _words(self) -> set[str]:
        return set(re.split(r"[^a-z0-9]+", self.path.stem.lower()))

    def parsed(self) -> requirements_file.Requirements:
        """Return the file and the files that it includes.

        Raises:
            StashError: one of them is not allowed in a lock.
        """
        return requirements_file.read(self.stash, self.path)

    def refusal(self) -> str:
        """Return why the file is not a lock; empty if it is one."""
        if self._words() & _NOT_FOR_RUNNING:
            return "not for running the tool, by its name"
        parsed = self.parsed()
        if parsed.is_hashed:
            return ""
        return "pinned without hashes: no lock" if parsed.is_pinned else "not every line is pinned: no lock"

    def check(self) -> None:
        """Check that each line is allowed in a lock."""
        self.parsed()

    def needed_files(self) -> list[Path]:
        """Return the files that it includes, and the directories with its packages."""
        parsed = self.parsed()
        return [*parsed.texts, *(Path(place) for place in parsed.places if place.startswith("/"))]

    def versions(self) -> dict[str, frozenset[str]]:
        """Return the versions of each package in the lock, by normal name."""
        return joined_versions((line.name, line.version) for line in self.parsed().entries)

    def hashes(self) -> dict[tuple[str, str], frozenset[str]]:
        """Return the SHA-256 digests, in hex, of each package, by normal name and version."""
        return joined_hashes(((line.name, line.version), line.sha256) for line in self.parsed().entries)

    def index_flags(self) -> list[str]:
        """Return the other sources of packages, besides the package index, as pip flags."""
        return self.parsed().places

    def texts(self) -> Iterator[str]:
        """Yield the lines of the file and of the files that it includes."""
        for data in self.parsed().texts.values():
            yield from data.decode("utf-8", "replace").splitlines()

    def made_for_python(self) -> str:
        """Return the minor version of Python that it was resolved for, from its comments, or an empty string."""
        match = _MADE_WITH.search(self.data()[:10_000])
        return match[1].decode() if match else ""

    def sync_command(self, python: Path) -> str:
        """Return the `pip install` that installs the lock's packages into a tool's environment."""
        return f"{quote(str(python))} -m pip install -r {self.quoted(self.path)}"

    def plan(self, context: BuildContext) -> Plan:
        """Plan an installation with uv, or with the Python's own venv and pip."""
        parsed = self.parsed()
        flags = [*self.install_flags, *(["--require-hashes"] if parsed.is_hashed else [])]
        flags += ["--only-binary=:all:"] if context.wheels_only else []

        def steps(folder: Path) -> list[Step]:
            fill = filler(context.interpreter, context.uv)
            # Search every index for a release, as pip does; each release is pinned.
            each = ["--index-strategy=unsafe-best-match"] if context.uv else []
            install = [*fill.install(folder), *each, *flags, "-r", str(self.path)]
            return [fill.make(folder), Step(install, folder.parent)]

        lines = (line for data in parsed.texts.values() for line in _without_comments(data))
        return Plan((self.kind, *lines), steps, context.projects)


def _without_comments(data: bytes) -> list[bytes]:
    """Return the lines without comments: those of a recorded lock name the tool, and two tools may share the rest."""
    return [line for line in data.splitlines() if not line.startswith(b"#")]
