"""The header of a snapshot file. The program, its hooks and the process of a tool read it with these functions.

The header is the leading block of lines that begin with `#` in column 1. Each `KEY: value` line is an entry;
other comment lines are kept and ignored. Only LF and CRLF end a line. The body is what follows the header.
"""

from __future__ import annotations

import re
from typing import Iterator, List, Optional, Tuple

_LINE = re.compile(r"#[ \t]*([A-Z][A-Z0-9_]*)[ \t]*:(?:[ \t](.*))?", re.DOTALL)


def header_spans(text: str) -> Iterator[Tuple[int, int]]:
    """Yield the start of each header line and the end of its text, without the line break."""
    start = 0
    while text.startswith("#", start):
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        yield start, stop
        start = stop + 1


def entry(line: str) -> Optional[Tuple[str, str]]:
    """Return the key and the value of a header line, or None if it is another comment."""
    match = _LINE.fullmatch(line[:-1] if line.endswith("\r") else line)
    return (match[1], (match[2] or "").strip(" \t")) if match else None


def entries(text: str) -> List[Tuple[str, str]]:
    """Return the keys and values of a file's header, in file order."""
    found = (entry(text[start:stop]) for start, stop in header_spans(text))
    return [one for one in found if one is not None]


def read_text(path: str) -> str:
    """Return the text of a snapshot file, with its line breaks as they are on disk."""
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()
