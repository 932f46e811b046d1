"""The console scripts that `pyproject.toml`, `setup.cfg` or `setup.py` of a tool declare: read, never run."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
from typing import TYPE_CHECKING, Any

from experimentstash.hydra.sources import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TARGET = re.compile(r"\s*([\w.]+)\s*(?::\s*([\w.]+)\s*)?(\[.*\])?\s*")
_LINE = re.compile(
    r"""\s*["']?([\w.-]+)["']?\s*=\s*(?:\{.*?\breference\s*=\s*)?["']([\w.]+(?::[\w.]+)?)["'](?:[\s,}].*)?"""
)
_TABLES = (("project", "scripts"), ("tool", "poetry", "scripts"))


def console_scripts(root: Path) -> dict[str, str]:
    """Return the module of each console script that the tool at `root` declares, in file order."""
    found: dict[str, str] = {}
    for name, target in _declared(root):
        if match := _TARGET.fullmatch(target):
            found.setdefault(name, match[1])
    return found


def _declared(root: Path) -> Iterator[tuple[str, str]]:
    yield from _pyproject(_text(root, "pyproject.toml"))
    yield from _setup_cfg(_text(root, "setup.cfg"))
    yield from _setup_py(_text(root, "setup.py"))


def _text(root: Path, name: str) -> str:
    path = root / name
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            return ""
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, RuntimeError):
        return ""
    return data.decode("utf-8", "replace") if len(data) <= LARGEST else ""


def _pyproject(text: str) -> Iterator[tuple[str, str]]:
    try:
        document = importlib.import_module("tomllib").loads(text)
    except (ModuleNotFoundError, ValueError, RecursionError):  # tomllib came with Python 3.11
        yield from _tables_by_line(text)
        return
    for table in _TABLES:
        entries: Any = document
        for part in table:
            entries = entries.get(part, {}) if isinstance(entries, dict) else {}
        for name, target in entries.items() if isinstance(entries, dict) else ():
            module = target.get("reference") if isinstance(target, dict) else target  # poetry's long form
            if isinstance(module, str):
                yield name, module


def _tables_by_line(text: str) -> Iterator[tuple[str, str]]:
    wanted = {".".join(table) for table in _TABLES}
    table = ""
    for line in text.splitlines():
        if heading := re.fullmatch(r"\s*\[\s*([\w.-]+)\s*\]\s*(#.*)?", line):
            table = heading[1]
        elif table in wanted and (entry := _LINE.fullmatch(line)):
            yield entry[1], entry[2]


def _setup_cfg(text: str) -> Iterator[tuple[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    yield from _entries(parser.get("options.entry_points", "console_scripts", fallback="").splitlines())


def _setup_py(text: str) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == "console_scripts" and isinstance(value, ast.List):
                items = (item.value for item in value.elts if isinstance(item, ast.Constant))
                yield from _entries([item for item in items if isinstance(item, str)])


def _entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, equals, target = line.partition("=")
        if equals:
            yield name.strip(), target.strip()
