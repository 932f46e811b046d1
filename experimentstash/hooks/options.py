"""The options of the hooks: what `args:` of a framework's configuration adds, and what git's own hooks are given."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

STAGE = "--stage"
"""By which `hooks.native` says the type of the hook; what git gave the hook follows it."""
_HELP = {
    "--strict": "require every snapshot to match the pins of the same commit",
    "--online": "ask the tools' remotes for the recorded commits",
}


class Options(NamedTuple):
    """What a hook was started with.

    Attributes:
        stage: the type of git's own hook, or an empty text where git did not start it.
        words: what git gave its hook.
        strict: `--strict` was given.
        online: `--online` was given.
    """

    stage: str = ""
    words: tuple[str, ...] = ()
    strict: bool = False
    online: bool = False


def read(
    name: str, about: str, argv: Sequence[str] | None, flags: Sequence[str] = (), *, words: str | None = None
) -> Options:
    """Read the arguments of a hook; print the usage and exit with code 2 where one is unknown.

    Args:
        name: the hook, as its console script is called.
        about: what `--help` says of it.
        argv: the arguments; None for those of the process.
        flags: the options that it takes: `--strict`, `--online`.
        words: what `--help` calls further arguments; None where there are none.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == [STAGE] and len(arguments) > 1:
        return Options(arguments[1], tuple(arguments[2:]))
    if not arguments:
        return Options()
    import argparse  # 6 ms, and at most commits there is no argument

    parser = argparse.ArgumentParser(name, description=about, allow_abbrev=False)
    for flag in flags:
        parser.add_argument(flag, action="store_true", help=_HELP[flag])
    if words is not None:
        parser.add_argument("words", nargs="*", metavar=words, help="what git gives its pre-push hook")
    found = parser.parse_args(arguments)
    return Options(
        words=tuple(getattr(found, "words", ())),
        strict=getattr(found, "strict", False),
        online=getattr(found, "online", False),
    )
