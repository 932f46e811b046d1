"""The command line of the hooks: options from `args:` in a framework's config, and the arguments of native hooks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

STAGE = "--stage"
"""The option by which `hooks.native` passes the type of the hook, followed by git's arguments."""
_HELP = {
    "--strict": "require every snapshot to match the pins of the same commit",
    "--online": "ask the tools' remotes for the recorded commits",
}


class Options(NamedTuple):
    """The parsed command line of a hook.

    Attributes:
        stage: the type of the native hook; empty if git did not start the hook.
        words: the arguments that git passes to the hook.
        strict: whether `--strict` is set.
        online: whether `--online` is set.
    """

    stage: str = ""
    words: tuple[str, ...] = ()
    strict: bool = False
    online: bool = False


def read(
    name: str, about: str, argv: Sequence[str] | None, flags: Sequence[str] = (), *, words: str | None = None
) -> Options:
    """Parse the arguments of a hook; an unknown one prints the usage and exits with code 2.

    Args:
        name: the name of the hook's console script.
        about: the description in `--help`.
        argv: the arguments; None for those of the process.
        flags: the options of the hook: `--strict`, `--online`.
        words: the name of further arguments in `--help`; None if the hook takes none.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == [STAGE] and len(arguments) > 1:
        return Options(arguments[1], tuple(arguments[2:]))
    if not arguments:
        return Options()
    import argparse  # 6 ms, and most hooks run without arguments

    parser = argparse.ArgumentParser(name, description=about, allow_abbrev=False)
    for flag in flags:
        parser.add_argument(flag, action="store_true", help=_HELP[flag])
    if words is not None:
        parser.add_argument("words", nargs="*", metavar=words, help="the arguments of git's pre-push hook")
    parsed = parser.parse_args(arguments)
    return Options(
        words=tuple(getattr(parsed, "words", ())),
        strict=getattr(parsed, "strict", False),
        online=getattr(parsed, "online", False),
    )
