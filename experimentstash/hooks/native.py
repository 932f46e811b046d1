"""The entry point of the native git hooks: runs the hook module for a hook type.

The scripts in the top-level directory `hooks/` find a Python and call `main` here, in one process for each hook.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from experimentstash.core.errors import USAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULES = {
    "pre-commit": "pre_commit",
    "pre-merge-commit": "check_snapshots",
    "post-checkout": "compare_pins",
    "post-commit": "tag_snapshots",
    "post-merge": "tag_snapshots",
    "post-rewrite": "tag_snapshots",
    "pre-push": "guard_push",
    "pre-receive": "guard_receive",
}
"""The hook module of this package for each type of git hook (spec.md, *Hooks*)."""


def main(kind: str, arguments: Sequence[str] = ()) -> int:
    """Run a git hook and return its exit code.

    Args:
        kind: the type of the hook, a key of `MODULES`.
        arguments: the arguments that git passes to the hook.
    """
    module = importlib.import_module(f"experimentstash.hooks.{MODULES[kind]}")
    code: int = module.main(["--stage", kind, *arguments])
    return code


def run() -> int:
    """Run the git hook that the command line names: `experimentstash-hook TYPE [ARGUMENT…]`.

    The scripts in `hooks/` call this program if git config has no `experimentstash.python`.
    """
    if len(sys.argv) < 2 or sys.argv[1] not in MODULES:
        print(f"usage: experimentstash-hook {'|'.join(MODULES)} [ARGUMENT…]", file=sys.stderr)
        return USAGE
    return main(sys.argv[1], sys.argv[2:])
