"""Records the imports of a run: the files of its modules, written when it ends."""

from __future__ import annotations

import atexit
import json
import os
import sys


def note_at_exit(folder: str) -> None:
    """Make this process write the files of its modules into a directory, one file for each process of a run."""
    atexit.register(_note, folder)


def _note(folder: str) -> None:
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    with open(os.path.join(folder, "%d.json" % os.getpid()), "w", encoding="utf-8") as file:
        json.dump(sorted(file for file in files if isinstance(file, str)), file)
