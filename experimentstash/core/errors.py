"""What went wrong, told so that it can be mended: where, what, and the command that mends it."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

FINE, FINDING, USAGE, FAULT, INTERRUPTED = 0, 1, 2, 3, 130
"""The exit codes of spec.md, section *Commands*."""

_MOST_TOLD = 1000  # findings: nobody reads more, and a hostile push has a million
_FULL = re.compile(
    r"No space left on device|Out of diskspace|Disk quota exceeded|os error (?:28|122)\b|Errno (?:28|122)\b"
)
_HIDING = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
# no terminal shows them, so that two names look like one (Unicode, Default_Ignorable_Code_Point)
_UNSEEN = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u2060\u2061\u2062\u2063\u2064"
    "\u206a\u206b\u206c\u206d\u206e\u206f\u3164\uffa0"
)


def printable(text: str, *, keep: str = "") -> str:
    r"""Return `text` with every character that could move the cursor or hide text written as an escape.

    Input from a cloned stash reaches the terminal only through here. Characters in `keep` pass (`"\n"`
    for messages of several lines).
    """

    def safe(char: str) -> str:
        if char in keep:
            return char
        if char in _BIDI or char in _UNSEEN or unicodedata.category(char) in _HIDING or 0xE0000 <= ord(char) <= 0xE0FFF:
            return char.encode("unicode_escape", "backslashreplace").decode("ascii")
        return char

    return text if text.isascii() and text.isprintable() else "".join(map(safe, text))


def short(text: str) -> str:
    """Return `text` in quotes, cut after 80 characters: a hostile one has millions."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def listed(texts: Sequence[str], most: int) -> str:
    """Return texts joined with commas: the first `most` of them, and how many more there are."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return f"{', '.join(texts[:most])}{more}"


def first_lines(lines: Sequence[str], most: int, more: str = "and {:,} more") -> list[str]:
    """Return the first `most` lines, and a line that says how many more there are.

    Args:
        lines: the lines.
        most: how many are kept.
        more: the last line, with a place for the number.
    """
    return [*lines[:most], *([more.format(len(lines) - most)] if len(lines) > most else [])]


def quote(text: str) -> str:
    """Return `text` as one word of a shell command. What no terminal is shown is spelled as bash and zsh read it.

    Any other shell takes that for another word, and for one word all the same.
    """
    import shlex  # which only a mistake needs

    if printable(text) == text:
        return shlex.quote(text)
    data = text.encode("utf-8", "surrogateescape")
    spelled = (chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\x{byte:02x}" for byte in data)
    return f"$'{''.join(spelled)}'"


def command(*words: str) -> str:
    """Return a shell command of these words."""
    return " ".join(map(quote, words))


class Problem(NamedTuple):
    """One finding: a rule of spec.md that does not hold.

    Attributes:
        rule: `flat`, `header`, `pin`, `frozen`, `tag` or `published`.
        where: a path, a path at a commit, or a ref.
        what: what is wrong there.
        fix: the command that mends it.
    """

    where: str
    rule: str
    what: str
    fix: str

    def __str__(self) -> str:
        """Give the finding as two lines: the place and the rule first, the repair below it."""
        return f"{printable(self.where)}: {self.rule}: {printable(self.what)}\n    fix: {printable(self.fix)}"

    def as_json(self) -> dict[str, str]:
        """Return the finding as `--json` prints it."""
        return {"where": self.where, "rule": self.rule, "what": self.what, "fix": self.fix}


class StashError(Exception):
    """An expected failure; its text is the message, exit code 1.

    Args:
        what: where and what, in one sentence.
        fix: the command or step that mends it.
    """

    exit_code = FINDING

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.fix = fix

    def __str__(self) -> str:
        """Give the message, and the repair on a line of its own."""
        what = printable(str(self.args[0]), keep="\n\t")
        return f"{what}\n    fix: {printable(self.fix)}" if self.fix else what


class UsageError(StashError):
    """The command line cannot mean anything; exit code 2."""

    exit_code = USAGE


class TerminatedError(KeyboardInterrupt):
    """Somebody sent SIGTERM or SIGHUP: what is half done is undone on the way out, as after ^C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class ToolExit(Exception):  # noqa: N818  (no error of ours: the tool's own verdict, passed through)
    """A tool ended with an exit code that becomes ours.

    Args:
        exit_code: the tool's own.
        told: what it means for what was asked for, in one sentence; empty where the tool has said it all.
    """

    def __init__(self, exit_code: int, told: str = "") -> None:
        super().__init__(f"the tool ended with exit code {exit_code}")
        self.exit_code = exit_code
        self.told = told


def report(problems: Iterable[Problem]) -> int:
    """Print the findings to stderr, sorted by place, and return the exit code (0 without findings)."""
    found = sorted(set(problems))
    for problem in found[:_MOST_TOLD]:
        print(_masked(str(problem)), file=sys.stderr)
    if len(found) > _MOST_TOLD:
        print(f"and {len(found) - _MOST_TOLD} more", file=sys.stderr)
    return FINDING if found else FINE


def lacks_room(said: str | OSError) -> bool:
    """Tell whether a failure, or what a program said of one, means that a disk is full or a quota is used up."""
    if isinstance(said, OSError):
        return said.errno in (errno.ENOSPC, errno.EDQUOT)
    return _FULL.search(said) is not None


MAKE_ROOM = "make room there, and say it again"
"""What mends a full disk."""


def guard(door: Callable[[], int]) -> int:
    """Run a door (a command or a hook) and turn whatever leaves it into an exit code and a message.

    An expected failure is one message; ^C is 130; a closed pipe is nobody's error; anything else is a
    fault of the program: exit 3 with a log to send.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup's choice stays
            signal.signal(number, _terminate)
    try:
        code = door()
        sys.stdout.flush()
    except ToolExit as ended:
        if ended.told:
            print(f"experimentstash: {_masked(printable(ended.told))}", file=sys.stderr)
        return ended.exit_code
    except StashError as error:
        print(f"experimentstash: {_masked(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        print("experimentstash: interrupted", file=sys.stderr)
        return getattr(interrupt, "exit_code", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        fix = f"\n    fix: {MAKE_ROOM}" if lacks_room(error) else ""
        print(f"experimentstash: {_masked(printable(f'{place}{error.strerror or error}'))}{fix}", file=sys.stderr)
        return FINDING
    except Exception as error:  # noqa: BLE001  (the last guard: a fault becomes exit 3 and a log)
        return _fault(error)
    return code


def _masked(text: str) -> str:
    from experimentstash.core.secrets import masked  # which only a mistake needs

    return masked(text)


def _terminate(number: int, _frame: object) -> None:
    raise TerminatedError(number)


def _fault(error: Exception) -> int:
    import tempfile  # 3 ms with what it loads, and only a fault needs them
    import traceback

    with tempfile.NamedTemporaryFile(
        "w",
        prefix="experimentstash-",
        suffix=".log",
        delete=False,
        encoding="utf-8",
        errors="backslashreplace",
    ) as log:
        log.write(_masked("".join(traceback.format_exception(error))))
    print(
        f"experimentstash: a fault of the program itself: {_masked(printable(f'{type(error).__name__}: {error}'))}\n"
        f"    please report it with {log.name}",
        file=sys.stderr,
    )
    return FAULT
