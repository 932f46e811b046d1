"""The command that the user typed, to be named in a message with an option more."""

from __future__ import annotations

import sys

from experimentstash.core.errors import command
from experimentstash.core.urls import without_secrets


def rerun(*more: str, without: str = "") -> str:
    """Return the shell command that runs this program again as it was called, with more words behind it.

    Of options that are given twice, the last one counts. A password or a token in a URL is left out.

    Args:
        more: the words.
        without: an option to leave out.
    """
    given = [without_secrets(word) for word in sys.argv[1:] if word != without]
    end = given.index("--") if "--" in given else len(given)
    return command("experimentstash", *given[:end], *more, *given[end:])
