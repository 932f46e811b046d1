"""The report as Markdown, to be attached to a review."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from experimentstash.core.errors import first_lines, omitted, printable
from experimentstash.stash.results.comparison_report import FileVerdict, figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from experimentstash.stash.results.comparison_report import FileResult, Report

_MOST = 1000
"""Rows of a table; the JSON report has them all."""
_MEANING = re.compile(r"[!#$&*<>@\[\\\]_`|~:]")


def markdown(report: Report, title: str, level: int = 2) -> str:
    """Return the report: verdict and figures first, then each file that is not identical, then the identical ones.

    Args:
        report: the result of the comparison.
        title: the headline, `mytool/figure1`.
        level: of the headline.
    """
    parts = [f"{'#' * level} {escaped(title)}", f"**{escaped(report.verdict)}**", _counts(report)]
    told = [file for file in report.files if file.verdict != FileVerdict.IDENTICAL]
    same = [file for file in report.files if file.verdict == FileVerdict.IDENTICAL]
    if told:
        head = ("file", "verdict", "largest difference", "relative", "rests on", "what there is to tell")
        parts.append(_table(head, (_row(file) for file in told[:_MOST])) + _more(told))
    if report.tolerances:
        parts.append("Compared with: " + "; ".join(map(escaped, report.tolerances)) + ".")
    if same:
        rows = ((code(file.name), escaped(file.paired)) for file in same[:_MOST])
        table = _table(("file", "paired by"), rows) + _more(same)
        parts.append(f"<details><summary>{len(same):,} identical, bit by bit</summary>\n\n{table}\n\n</details>")
    parts += listed("Not compared:", report.notes)
    return "\n\n".join(part for part in parts if part) + "\n"


def _counts(report: Report) -> str:
    counts = ((verdict.value, f"{number:,}") for verdict, number in report.counts.items())
    return _table(("verdict", "files"), counts) if report.counts else ""


def _row(file: FileResult) -> tuple[str, ...]:
    told = [file.detail, f"paired by {file.paired}" if file.paired else ""]
    told.append(
        f"left out: {', '.join(file.left_out[:10])}{' …' if len(file.left_out) > 10 else ''}" if file.left_out else ""
    )
    gap = (figure(file.gap.absolute), figure(file.gap.relative)) if file.gap else ("", "")
    return (code(file.name), file.verdict.value, *gap, escaped(file.rests), escaped("; ".join(filter(None, told))))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _more(files: list[FileResult]) -> str:
    return "".join(omitted(files, _MOST, "\n\nand {:,} more"))


def listed(head: str, items: Iterable[str]) -> Iterator[str]:
    """Yield a list below its heading, shortened if long; nothing if empty."""
    lines = [f"- {escaped(item)}" for item in items]
    if lines:
        yield "\n".join([head, "", *first_lines(lines, _MOST, "- and {:,} more")])


def escaped(text: str) -> str:
    """Return text that Markdown, HTML and a table's cell show as it is; a host makes no mention or link of it."""
    safe = printable(text)
    shown = _MEANING.sub(lambda match: match[0] if _inside_word(safe, match) else f"&#{ord(match[0])};", safe)
    return shown.replace("www.", "www&#46;")


def _inside_word(text: str, match: re.Match[str]) -> bool:
    """Return whether a character needs no escape at its position, so that the Markdown source stays readable."""
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    return (match[0] == "_" and before.isalnum() and after.isalnum()) or (match[0] == ":" and after == " ")


def code(text: str) -> str:
    """Return text as a code span if Markdown allows it, else `escaped`."""
    safe = printable(text)
    plain = safe == safe.strip() and safe and not re.search(r"[`|\\]", safe)
    return f"`{safe}`" if plain else escaped(text)
