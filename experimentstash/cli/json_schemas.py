"""The JSON schemas of the registry and of what the commands print as JSON; data files in `schemas/`."""

from __future__ import annotations

from pathlib import Path

DIRECTORY = Path(__file__).with_name("schemas")


def names() -> list[str]:
    """Return the names of the schemas."""
    return sorted(path.stem for path in DIRECTORY.glob("*.json"))


def text(name: str) -> str:
    """Return the text of a schema.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    return (DIRECTORY / f"{name}.json").read_text(encoding="utf-8")
