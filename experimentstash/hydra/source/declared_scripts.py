"""The scripts that `pyproject.toml`, `setup.cfg` or `setup.py` of a tool declare: read, never run."""

from __future__ import annotations

import ast
import configparser
import re
from typing import TYPE_CHECKING, Any

from experimentstash.core import toml_text
from experimentstash.core.errors import StashError
from experimentstash.hydra.source.python_source import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TARGET = re.compile(r"\s*([\w.]+)\s*(?::\s*([\w.]+)\s*)?(\[.*\])?\s*")
_TABLES = (
    ("project", "scripts"),
    ("tool", "poetry", "scripts"),
    ("tool", "flit", "scripts"),
    ("tool", "setuptools", "entry-points", "console_scripts"),
)


def console_scripts(root: Path) -> dict[str, str]:
    """Return the module of each console script that the tool at `root` declares, in file order."""
    found: dict[str, str] = {}
    for name, target in _declared(root):
        if match := _TARGET.fullmatch(target):
            found.setdefault(name, match[1])
    return found


def script_files(root: Path) -> list[str]:
    """Return the files that the tool at `root` installs as scripts, by their paths from it, in file order.

    They are `script-files` of setuptools' table in `pyproject.toml`, scripts of Poetry's that are files, and
    `scripts` of `setup.cfg` and `setup.py`.
    """
    found = [*_pyproject_files(root), *_setup_cfg_files(root), *_setup_py_files(root)]
    return list(dict.fromkeys(path for path in found if not path.startswith("/") and ".." not in path.split("/")))


def _declared(root: Path) -> Iterator[tuple[str, str]]:
    for table in _TABLES:
        for name, target in _table(_pyproject(root), *table).items():
            # poetry's long form; a script of the type `file` is none of a module
            module = target.get("reference", target.get("callable")) if isinstance(target, dict) else target
            if isinstance(module, str):
                yield name, module
    yield from _entries(_setup_cfg(root).get("options.entry_points", "console_scripts", fallback="").splitlines())
    yield from _entries(list(_setup_py_entries(_setup_py(root))))


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


def _pyproject(root: Path) -> dict[str, Any]:
    try:
        return toml_text.parse(_text(root, "pyproject.toml").encode(), "pyproject.toml")
    except StashError:
        return {}


def _table(document: dict[str, Any], *parts: str) -> dict[str, Any]:
    """Return a table of a TOML document; an empty one if there is none."""
    for part in parts:
        entry = document.get(part)
        document = entry if isinstance(entry, dict) else {}
    return document


def _pyproject_files(root: Path) -> Iterator[str]:
    document = _pyproject(root)
    files = _table(document, "tool", "setuptools").get("script-files")
    yield from (path for path in (files if isinstance(files, list) else []) if isinstance(path, str))
    for target in _table(document, "tool", "poetry", "scripts").values():
        path = target.get("reference") if isinstance(target, dict) and target.get("type") == "file" else None
        yield from [path] if isinstance(path, str) else []


def _setup_cfg(root: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(_text(root, "setup.cfg"))
    except configparser.Error:
        return configparser.ConfigParser()
    return parser


def _setup_cfg_files(root: Path) -> list[str]:
    return _setup_cfg(root).get("options", "scripts", fallback="").replace(",", " ").split()


def _setup_py(root: Path) -> ast.Module:
    try:
        return ast.parse(_text(root, "setup.py"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _setup_py_entries(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == "console_scripts":
                yield from _words(value)
        if isinstance(node, ast.keyword) and node.arg == "entry_points" and isinstance(node.value, ast.Constant):
            yield from _entry_points(str(node.value.value))


def _entry_points(text: str) -> list[str]:
    """Return the console scripts of entry points in one text, as in `entry_points.txt`."""
    section = re.search(r"\[\s*console_scripts\s*\]([^\[]*)", text)
    return section[1].splitlines() if section else []


def _setup_py_files(root: Path) -> Iterator[str]:
    for node in ast.walk(_setup_py(root)):
        if isinstance(node, ast.keyword) and node.arg == "scripts":
            yield from _words(node.value)


def _words(value: ast.expr) -> list[str]:
    items = [item.value for item in getattr(value, "elts", [value]) if isinstance(item, ast.Constant)]
    return [item for item in items if isinstance(item, str)]


def _entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, equals, target = line.partition("=")
        if equals:
            yield name.strip(), target.strip()
