"""Looks through a tool's checkout for Python programs, with an end to it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from experimentstash.hydra.source.hydra_main import inside

_PROJECT = (
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    ".project-root",
    "requirements.txt",
    "environment.yaml",
)
_ASIDE = frozenset({"tests", "test", "docs", "doc", "examples", "example", "notebooks", "scripts", "tools"})
_NEVER = frozenset({"node_modules", "site-packages", "build", "dist", "outputs", "multirun", "__pycache__"})
_AFTER = ("eval", "test", "pred", "infer", "plot", "report", "export", "visual", "analy", "sample", "demo", "bench")
_MOST_FILES = 2000
_MOST_ENTRIES = 50_000  # data sets lie in some tools
_DEEPEST = 6  # directories


def python_files(root: Path) -> list[Path]:
    """Return the files that may be Python programs: those near the root first, tests and examples last."""
    found: list[Path] = []
    looked_at = 0
    for folder, folders, names in os.walk(root):
        place = Path(folder)
        is_deep = len(place.relative_to(root).parts) >= _DEEPEST
        folders[:] = [] if is_deep else sorted(name for name in folders if _is_searched(place / name))
        found += [place / name for name in sorted(names) if _may_be_python(root, place / name)]
        looked_at += len(names) + len(folders)
        if len(found) >= _MOST_FILES or looked_at >= _MOST_ENTRIES:
            break
    return sorted(found[:_MOST_FILES], key=lambda file: _rank(file.relative_to(root)))


def _rank(path: Path) -> tuple[bool, bool, int, bool, str]:
    aside = bool(_ASIDE.intersection(path.parts[:-1])) or path.name.startswith("test_") or path.name == "conftest.py"
    return aside, comes_after(path.stem), len(path.parts), "train" not in path.stem.lower(), path.as_posix()


def comes_after(name: str) -> bool:
    """Tell by its name whether a program works on what another one made: `train` comes before `eval`."""
    return any(part.startswith(_AFTER) for part in re.split(r"[^a-z]+", name.lower())) and "train" not in name.lower()


def _is_searched(folder: Path) -> bool:
    return not (
        folder.name.startswith(".")
        or folder.name in _NEVER
        or folder.is_symlink()
        or (folder / "pyvenv.cfg").exists()
        or (folder / ".git").exists()
    )


def _may_be_python(root: Path, file: Path) -> bool:
    if file.suffix not in {".py", ""} or inside(root, file) is None:
        return False
    if file.suffix:
        return True
    try:
        with file.open("rb") as opened:
            first = opened.readline(200)
    except OSError:
        return False
    return first.startswith(b"#!") and b"python" in first


def project_folder(root: Path, file: Path) -> Path:
    """Return the working directory of a program: the nearest directory above that looks like a project's root."""
    for folder in file.parents:
        if folder == root or any((folder / name).is_file() for name in _PROJECT):
            return folder
    return root
