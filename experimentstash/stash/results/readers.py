"""Which files are read for their values, by their names, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from experimentstash.stash.results.csv_files import read_table
from experimentstash.stash.results.json_files import read_json
from experimentstash.stash.results.manifest import Content
from experimentstash.stash.results.npy import read_array
from experimentstash.stash.results.npz import read_npz
from experimentstash.stash.results.summary import UnreadableError
from experimentstash.stash.results.text_files import read_text

if TYPE_CHECKING:
    from experimentstash.stash.results.manifest import Series
    from experimentstash.stash.results.summary import Keep

TEXT = "text"
KINDS = {
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "csv": "csv",
    "tsv": "csv",
    "npy": "npy",
    "npz": "npz",
    **dict.fromkeys(("txt", "md", "yaml", "yml", "toml", "ini", "cfg", "tex"), TEXT),
}
"""The kind of a file by the ending of its name, in small letters."""


def kind_of(path: str) -> str:
    """Return the kind of a file, or an empty text for one that is compared by its bytes."""
    name = path.rpartition("/")[2].lower()
    return KINDS.get(name.rpartition(".")[2], "") if "." in name else ""


def read_content(path: str, file: BinaryIO, size: int, keep: Keep) -> Content:
    """Read the values of a file.

    Args:
        path: its path; the name decides the format.
        file: the file, at its first byte; it must be seekable.
        size: the bytes of it.
        keep: how many values are kept.

    Raises:
        UnreadableError: it cannot be compared by values; the text says why.
    """
    kind = kind_of(path)
    return Content(kind, _series(kind, path, file, size, keep))


def _series(kind: str, path: str, file: BinaryIO, size: int, keep: Keep) -> tuple[Series, ...]:
    if kind == "npz":
        return read_npz(file, keep)
    if kind == "npy":
        array = read_array(file, size, "value", keep.shared(1))
        if array.others:
            raise UnreadableError(f"no numbers, but {'Python objects' if array.dtype == '|O' else array.dtype}")
        return (array,)
    if kind == "csv":
        return read_table(file, size, keep, tabs=path.lower().endswith(".tsv"))
    if kind == TEXT:
        return read_text(file, size, keep)
    return read_json(file, keep, lines=kind == "jsonl")
