"""The locks in requirements/ are what pyproject.toml asks for, and name no host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCKS = {"build": ["build"], "dev": ["build", "dev"]}
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]


def entries(lock: str) -> list[tuple[Requirement, int]]:
    """Return each requirement of a lock, and how many hashes it has."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    found = re.findall(r"(?m)^([a-z0-9].*?) \\$((?:\n    .*)+)", text)
    return [(Requirement(line), rest.count("--hash=sha256:")) for line, rest in found]


def pinned(lock: str, python: str, system: str) -> dict[str, str]:
    """Return the version of each package that a lock installs with a Python on Linux or macOS."""
    environment: dict[str, Any] = {
        **default_environment(),
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": system,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
        "os_name": "posix",
    }
    used = [entry for entry, _ in entries(lock) if entry.marker is None or entry.marker.evaluate(environment)]
    versions = {entry.name: str(entry.specifier).removeprefix("==") for entry in used}
    assert len(versions) == len(used), "a package is locked twice for one environment"
    return versions


def wanted(lock: str, python: str) -> list[Requirement]:
    """Return what pyproject.toml asks for directly."""
    tomllib = pytest.importorskip("tomllib")  # since Python 3.11
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [entry for group in LOCKS[lock] for entry in project["dependency-groups"][group]]
    found = [entry for entry in groups if isinstance(entry, str)]
    if lock == "dev":
        found += project["project"]["dependencies"]
    needs = [Requirement(entry) for entry in found]
    return [need for need in needs if need.marker is None or need.marker.evaluate({"python_version": python})]


@pytest.mark.parametrize("system", ["linux", "darwin"])
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_fits_pyproject(lock: str, python: str, system: str) -> None:
    versions = pinned(lock, python, system)
    unfit = [str(need) for need in wanted(lock, python) if versions.get(_normal(need.name), "0") not in need.specifier]
    assert unfit == [], "renew the locks: make lock"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_an_exact_version_with_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    found = entries(lock)
    assert len(found) == len([line for line in text.splitlines() if not line.startswith(("#", " "))])
    assert [str(entry) for entry, hashes in found if not hashes] == []
    assert [str(entry) for entry, _ in found if not re.fullmatch(r"==[\w.]+", str(entry.specifier))] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index(lock: str) -> None:
    assert "://" not in (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")


def test_both_locks_hold_the_same_versions() -> None:
    dev = {str(entry) for entry, _ in entries("dev")}
    assert {str(entry) for entry, _ in entries("build")} <= dev
