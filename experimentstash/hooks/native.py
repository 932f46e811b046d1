"""What git's own hooks hand over to: a type of hook, and the module that answers it.

The scripts in the top-level folder `hooks/` find a Python and call `main` here, in one process for each hook.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from experimentstash.core.errors import USAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

DOORS = {
    "pre-commit": "pre_commit",
    "pre-merge-commit": "check_snapshots",
    "post-commit": "tag_snapshots",
    "post-merge": "tag_snapshots",
    "post-rewrite": "tag_snapshots",
    "pre-push": "guard_push",
    "pre-receive": "guard_receive",
}
"""Each type of git hook, and the module beside this one that answers it (spec.md, *Hooks*)."""


def main(kind: str, arguments: Sequence[str] = ()) -> int:
    """Answer a git hook and return its exit code.

    Args:
        kind: the type of the hook, one of `DOORS`.
        arguments: what git gave the hook.
    """
    module = importlib.import_module(f"experimentstash.hooks.{DOORS[kind]}")
    code: int = module.main(["--stage", kind, *arguments])
    return code


def run() -> int:
    """Answer the git hook that the command line names: `experimentstash-hook TYPE [ARGUMENT…]`.

    The scripts in `hooks/` come in here where nobody has told them of a Python.
    """
    if len(sys.argv) < 2 or sys.argv[1] not in DOORS:
        print(f"usage: experimentstash-hook {'|'.join(DOORS)} [ARGUMENT…]", file=sys.stderr)
        return USAGE
    return main(sys.argv[1], sys.argv[2:])
