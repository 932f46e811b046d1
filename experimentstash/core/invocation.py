"""Shell commands for fixes: this invocation with further options, and the installation of this program."""

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


def installing(*requirements: str) -> str:
    """Return the shell command that installs packages into the environment of this program."""
    import importlib.util  # which only this needs

    if importlib.util.find_spec("pip"):
        return command(sys.executable, "-m", "pip", "install", *requirements)
    return command("uv", "pip", "install", "--python", sys.executable, *requirements)


def updating() -> str:
    """Return the shell command that brings this program up to date, from where it was installed."""
    import importlib.metadata  # 15 ms, and only this needs it
    import json
    from urllib.parse import unquote

    told = importlib.metadata.distribution("experimentstash").read_text("direct_url.json")
    source = json.loads(told)["url"] if told else "experimentstash"
    again = installing("--upgrade", without_secrets(source))
    folder = unquote(source).removeprefix("file://")
    return again if not source.startswith("file://") else f"{command('git', '-C', folder, 'pull')} && {again}"
