"""The command line of this process, repeated with further options in a fix."""

from __future__ import annotations

import sys

from experimentstash.core.errors import command
from experimentstash.core.urls import without_secrets


def rerun(*more: str, without: str = "") -> str:
    """Return the shell command that repeats this invocation with further arguments.

    If an option occurs twice, the last one applies. Passwords and tokens in URLs are left out.

    Args:
        more: the arguments to append.
        without: an option to leave out.
    """
    arguments = [without_secrets(word) for word in sys.argv[1:] if word != without]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return command("experimentstash", *arguments[:end], *more, *arguments[end:])
