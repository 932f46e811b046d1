"""Findings, expected failures and exit codes. Each message names the place, the problem and the fix."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence, Sized

FINE, FINDING, USAGE, FAULT, INTERRUPTED = 0, 1, 2, 3, 130
"""The exit codes of spec.md, section *Commands*."""

_MAX_REPORTED = 1000  # a hostile push can have a million findings
_DISK_FULL = re.compile(
    r"No space left on device|Out of diskspace|Disk quota exceeded|os error (?:28|122)\b|Errno (?:28|122)\b"
)
_HIDING = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
# Terminals do not display these characters: two different names look equal (Unicode, Default_Ignorable_Code_Point).
_INVISIBLE = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u2060\u2061\u2062\u2063\u2064"
    "\u206a\u206b\u206c\u206d\u206e\u206f\u3164\uffa0"
)


def printable(text: str, *, keep: str = "") -> str:
    r"""Return `text` with an escape for every character that moves the cursor or hides text.

    All text from a cloned stash passes through this function before it reaches the terminal.

    Args:
        text: the text to print.
        keep: characters to leave unchanged (`"\n"` for messages with several lines).
    """

    def safe(char: str) -> str:
        if char in keep:
            return char
        is_hidden = char in _BIDI or char in _INVISIBLE or 0xE0000 <= ord(char) <= 0xE0FFF
        if is_hidden or unicodedata.category(char) in _HIDING:
            return char.encode("unicode_escape", "backslashreplace").decode("ascii")
        return char

    return text if text.isascii() and text.isprintable() else "".join(map(safe, text))


def short(text: str) -> str:
    """Return `text` in quotes, cut to 80 characters: hostile input can have millions."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def listed(texts: Sequence[str], most: int) -> str:
    """Return texts joined with commas: the first `most` of them, and how many more there are."""
    return " ".join([", ".join(texts[:most]), *omitted(texts, most)])


def first_lines(lines: Sequence[str], most: int, more: str = "and {:,} more") -> list[str]:
    """Return the first `most` lines, and a line that says how many more there are.

    Args:
        lines: the lines.
        most: how many are kept.
        more: the last line, with a place for the number.
    """
    return [*lines[:most], *omitted(lines, most, more)]


def omitted(items: Sized, most: int, more: str = "and {:,} more") -> list[str]:
    """Return the line that says how many items after the first `most` are omitted; empty if there are none.

    Args:
        items: all items.
        most: how many are shown.
        more: the line, with a place for the number.
    """
    return [more.format(len(items) - most)] if len(items) > most else []


def quote(text: str) -> str:
    """Return `text` quoted as one word of a shell command.

    Unprintable characters use the `$'…'` syntax of bash and zsh. Other shells read a different text, but still one
    word.
    """
    import shlex  # only messages need it

    if printable(text) == text:
        return shlex.quote(text)
    data = text.encode("utf-8", "surrogateescape")
    escaped = (chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\x{byte:02x}" for byte in data)
    return f"$'{''.join(escaped)}'"


def command(*words: str) -> str:
    """Return a shell command: the words, each quoted."""
    return " ".join(map(quote, words))


class Problem(NamedTuple):
    """A finding: a rule that does not hold (spec.md, *When a snapshot holds*).

    Attributes:
        rule: `flat`, `header`, `pin`, `frozen`, `tag` or `published`.
        where: a path, a path at a commit, or a ref.
        what: what is wrong there.
        fix: the command that fixes it.
    """

    where: str
    rule: str
    what: str
    fix: str

    def __str__(self) -> str:
        """Return two lines: place, rule and problem; then the fix."""
        return f"{printable(self.where)}: {self.rule}: {printable(self.what)}\n    fix: {printable(self.fix)}"

    def as_json(self) -> dict[str, str]:
        """Return the finding as `--json` prints it."""
        return {"where": self.where, "rule": self.rule, "what": self.what, "fix": self.fix}


class StashError(Exception):
    """An expected failure: its text is the message, its exit code is 1.

    Args:
        what: the place and the problem, in one sentence.
        fix: the command or step that fixes it.
    """

    exit_code = FINDING

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.fix = fix

    def __str__(self) -> str:
        """Return the message, followed by the fix on its own line."""
        what = printable(str(self.args[0]), keep="\n\t")
        return f"{what}\n    fix: {printable(self.fix)}" if self.fix else what


class UsageError(StashError):
    """The command line is wrong: its exit code is 2."""

    exit_code = USAGE


class TerminatedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP arrived: unfinished work is rolled back on the way out, as after ^C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class ToolExit(Exception):  # noqa: N818  (not an error of this program: it passes the tool's exit code through)
    """A tool ended with an exit code that this program passes through.

    Args:
        exit_code: the exit code of the tool.
        message: the consequence for the command, in one sentence; empty if the tool's own output is enough.
    """

    def __init__(self, exit_code: int, message: str = "") -> None:
        super().__init__(f"the tool ended with exit code {exit_code}")
        self.exit_code = exit_code
        self.message = message


def report(problems: Iterable[Problem]) -> int:
    """Print the findings to stderr, sorted by place, and return the exit code (0 without findings)."""
    unique = sorted(set(problems))
    for problem in unique[:_MAX_REPORTED]:
        print(_masked(str(problem)), file=sys.stderr)
    for line in omitted(unique, _MAX_REPORTED):
        print(line, file=sys.stderr)
    return FINDING if unique else FINE


def is_disk_full(failure: str | OSError) -> bool:
    """Return whether an error, or the output of a program, reports a full disk or an exceeded quota."""
    if isinstance(failure, OSError):
        return failure.errno in (errno.ENOSPC, errno.EDQUOT)
    return _DISK_FULL.search(failure) is not None


FREE_SPACE = "free some disk space there, then rerun the same command"
"""The fix for a full disk."""


def guard(action: Callable[[], int]) -> int:
    """Run a command or a hook, and turn every exception into a message and an exit code.

    An expected failure prints one message. ^C gives exit code 130. A closed pipe is not an error. Anything else is a
    fault of this program: exit code 3, and a log file to send.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP: keep that
            signal.signal(number, _terminate)
    try:
        code = action()
        sys.stdout.flush()
    except ToolExit as exited:
        if exited.message:
            print(f"experimentstash: {_masked(printable(exited.message))}", file=sys.stderr)
        return exited.exit_code
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
        fix = f"\n    fix: {FREE_SPACE}" if is_disk_full(error) else ""
        print(f"experimentstash: {_masked(printable(f'{place}{error.strerror or error}'))}{fix}", file=sys.stderr)
        return FINDING
    except Exception as error:  # noqa: BLE001  (every other exception is a fault: exit code 3 and a log)
        return _fault(error)
    return code


def _masked(text: str) -> str:
    from experimentstash.core.secrets import masked  # 10 ms, and only messages need it

    return masked(text)


def _terminate(number: int, _frame: object) -> None:
    raise TerminatedError(number)


def _fault(error: Exception) -> int:
    import tempfile  # 3 ms with its imports, and only a fault needs them
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
        f"experimentstash: internal error: {_masked(printable(f'{type(error).__name__}: {error}'))}\n"
        f"    please report it and attach {log.name}",
        file=sys.stderr,
    )
    return FAULT
