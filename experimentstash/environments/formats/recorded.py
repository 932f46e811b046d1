"""The lock that a freeze writes next to its snapshots: a requirements file of all installed packages."""

from __future__ import annotations

import re

from experimentstash.environments.formats.requirements import RequirementsLock
from experimentstash.environments.packages import normal

LEFT_OUT = "# LEFT_OUT: "
"""The start of a line about a package that was left out of the lock."""
_NAME = re.compile(r"requirements-[0-9a-f]{12}\.txt")


class RecordedLock(RequirementsLock):
    """A lock of what was installed."""

    kind = "recorded"
    lists_everything = True
    install_flags = ("--no-deps",)  # exactly what was installed, even with conflicts: nothing is resolved

    @classmethod
    def is_named(cls, file: str) -> bool:
        """Return whether a file of this name is of the format."""
        return _NAME.fullmatch(file) is not None

    def left_out(self) -> dict[str, str]:
        """Return what a freeze left out: by normal name, the package and the reason."""
        lines = self.data().decode("utf-8", "replace").splitlines()
        entries = [line.removeprefix(LEFT_OUT) for line in lines if line.startswith(LEFT_OUT)]
        return {normal(entry.partition("==")[0]): entry for entry in entries}

    def made_for_python(self) -> str:
        """Return an empty string: its comments name the Python that ran."""
        return ""
