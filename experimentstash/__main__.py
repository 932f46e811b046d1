"""The program `experimentstash`, also as `python -m experimentstash`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line, or complete one for a shell, and exit."""
    if "_EXPERIMENTSTASH_COMPLETE" in os.environ:
        from experimentstash.cli import completer  # without click, for a user who waits

        sys.exit(completer.main())
    from experimentstash.cli import program

    program.main()


if __name__ == "__main__":
    main()
