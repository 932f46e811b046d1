"""What git's own hooks hand over to: a type of hook, and the doors that it goes through.

The scripts in the top-level folder `hooks/` find a Python and call `main` here, in one process for each hook.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from experimentstash.core.errors import FINE, USAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

DOORS = {
    "pre-commit": ("freeze_snapshots", "check_snapshots"),
    "pre-merge-commit": ("check_snapshots",),
    "post-commit": ("tag_snapshots",),
    "post-merge": ("tag_snapshots",),
    "post-rewrite": ("tag_snapshots",),
    "pre-push": ("guard_push",),
    "pre-receive": ("guard_receive",),
}
"""Each type of git hook, and the modules beside this one that answer it, in order (spec.md, *Hooks*)."""


def main(kind: str, arguments: Sequence[str] = ()) -> int:
    """Answer a git hook and return its exit code; the first door that refuses is the last.

    Args:
        kind: the type of the hook, one of `DOORS`.
        arguments: what git gave the hook.
    """
    for door in DOORS[kind]:
        module = importlib.import_module(f"experimentstash.hooks.{door}")
        code: int = module.main(["--stage", kind, *arguments])
        if code != FINE:
            return code
    return FINE


def run() -> int:
    """Answer the git hook that the command line names: `experimentstash-hook TYPE [ARGUMENT…]`.

    The scripts in `hooks/` come in here where nobody has told them of a Python.
    """
    if len(sys.argv) < 2 or sys.argv[1] not in DOORS:
        print(f"usage: experimentstash-hook {'|'.join(DOORS)} [ARGUMENT…]", file=sys.stderr)
        return USAGE
    return main(sys.argv[1], sys.argv[2:])
