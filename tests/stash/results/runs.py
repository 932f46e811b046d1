"""Run directories made and read in a line or two."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from conftest import write

from experimentstash.stash.results.collect import collect
from experimentstash.stash.results.compare import check
from experimentstash.stash.results.comparison_report import FileResult, Report
from experimentstash.stash.results.comparison_rules import Rules, Setting
from experimentstash.stash.results.manifest import Content, File, Manifest, Series, render
from experimentstash.stash.results.manifest_parser import parse

# its type stubs are written for a newer Python than the one that mypy checks this code for
numpy: Any = importlib.import_module("numpy")
ANY = Rules()


def run_folder(root: Path, files: dict[str, str]) -> Path:
    """Make a run directory with text files in it."""
    root.mkdir(parents=True, exist_ok=True)
    write(root, files)
    return root


def recorded(folder: Path, rules: Rules = ANY, late: tuple[str, ...] = ()) -> Manifest:
    """Return what a stash would hold of a run: through text and back."""
    return parse(render(collect(folder, rules, late)).encode(), "x.results.json")


def content_of(folder: Path, path: str) -> Content:
    content = file_of(folder, path).content
    assert content is not None
    return content


def file_of(folder: Path, path: str) -> File:
    return next(file for file in recorded(folder).files if file.path == path)


def series_of(folder: Path, path: str) -> dict[str, Series]:
    return {series.name: series for series in content_of(folder, path).series}


def checked(old: Path, new: Path, rules: Rules = ANY, late: tuple[tuple[str, str], ...] = ()) -> dict[str, FileResult]:
    return {file.path: file for file in report(old, new, rules, late).files}


def report(old: Path, new: Path, rules: Rules = ANY, late: tuple[tuple[str, str], ...] = ()) -> Report:
    return check(recorded(old, rules, tuple(was for was, _ in late)), new, rules, late)


def within(rtol: float = 0.0, atol: float = 0.0) -> Rules:
    return Rules(settings=(Setting(rtol=rtol, atol=atol),))


def as_json(value: object) -> str:
    return json.dumps(value)
